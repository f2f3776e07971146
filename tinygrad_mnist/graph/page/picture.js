"use strict";
// The picture of a laid-out scene: SVG elements made of text, never of markup.

const FACE = {
  line: 16, padX: 11, padY: 7, title: 13, small: 11.5,
  family: "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif",
  columns: "ui-monospace, 'SF Mono', Menlo, Consolas, 'DejaVu Sans Mono', monospace",
};
const LONGEST_LINE = 34, MOST_LINES = 6, LONGEST_LABEL = 12, BAR = 128, CLOSED = 180;

// ---- Lines of text in boxes, and the sizes they need ---------------------------------------------------------

function linesOf(child, nodes) {
  return typeof child === "number" ? nodeLines(nodes[child]) : groupLines(child, nodes);
}

function nodeLines(node) {
  const value = node.message ? wrapped(node.message, "rule", "") :
    [["title", node.title], ["shape", node.shape], ...(node.value?.few ? [["number", `= ${node.value.few}`]] : [])];
  return { value, back: node.gradient ? gradientLines(node.title, node.gradient, node.rules ?? []) : null };
}

function gradientLines(title, gradient, rules) {
  return [["title", `∂ ${title}`], ...amountLines(gradient), ...rules.filter(({ lines }) => lines).flatMap(ruleLines)];
}

function amountLines({ few, norm, mark }) {
  return [["number", few ? `= ${few}` : norm], ...(mark ? [["mark", mark]] : [])];
}

// A rule with its verdict, and the right one below a wrong one.
function ruleLines({ input, verdict, lines, right }) {
  const wrong = verdict === "wrong";
  const own = formulaLines(`${wrong ? "✗" : "→"} ${input}:`, lines, wrong ? "rule wrong" : "rule");
  return right ? [...own, ...formulaLines(`✓ ${input}:`, right, "rule right")] : own;
}

// A formula behind its lead; one on several lines stands below it in columns.
function formulaLines(lead, lines, kind) {
  if (lines.length === 1) return wrapped(`${lead} ${lines[0]}`, kind);
  return [[kind, lead], ...lines.map((line) => [`${kind} columns`, `  ${line}`.replaceAll(" ", "\u00a0")])];
}

// A closed group: what holds for it from outside, and no rule of an op inside.
function groupLines(group, nodes) {
  const many = (count, word) => `${count.toLocaleString("en")} ${word}${count === 1 ? "" : "s"}`;
  const size = [many(group.ops.length, "op"), ...(group.parameters ? [many(group.parameters, "parameter")] : [])];
  const results = group.results.map((number) => nodes[number]), [only] = results.length === 1 ? results : [];
  const value = [["title", group.title], ["shape", size.join(" · ")], ...few(results, ({ shape }) => ["shape", `→ ${shape}`])];
  if (only?.value?.few) value.push(["number", `= ${only.value.few}`]);
  const sent = results.filter(({ gradient }) => gradient);
  if (!sent.length) return { value, back: null };
  if (only) return { value, back: gradientLines(group.title, only.gradient, []) };
  const rows = few(sent, ({ title, gradient }) => ["rule", `${title}: ${gradient.few ?? gradient.norm}`]);
  return { value, back: [["title", `∂ ${group.title}`], ...rows] };
}

function few(items, line, most = 3) {
  return [...items.slice(0, most).map(line), ...(items.length > most ? [["shape", `and ${items.length - most} more`]] : [])];
}

// A long text in lines, all but the first behind a space.
function wrapped(text, kind, space = "\u2003") {
  const lines = [];
  for (const word of text.split(" ")) {
    const longer = lines.length ? `${lines.at(-1)} ${word}` : word;
    if (lines.length && longer.length <= LONGEST_LINE) lines[lines.length - 1] = longer;
    else lines.push(lines.length ? space + word : word);
  }
  const cut = lines.slice(0, MOST_LINES).map((line) => (line.length > 2 * LONGEST_LINE ? `${line.slice(0, 2 * LONGEST_LINE)}…` : line));
  if (lines.length > MOST_LINES) cut[MOST_LINES - 1] += " …";
  return cut.map((line) => [kind, line]);
}

// The sizes of titles and units.
function sizesOf(tree, measure) {
  const box = (lines, least, image = null) => {
    const inner = image ? imageSize(image) : { width: 0, height: 0 };
    const widest = Math.max(least, inner.width, ...lines.map(([kind, text]) => measure(text, kind)));
    const height = lines.length * FACE.line + (image ? inner.height + 5 : 0) + 2 * FACE.padY;
    return { width: Math.ceil(widest) + 2 * FACE.padX, height, lines, image };
  };
  return {
    title: (group) => (group.title ? Math.ceil(measure(`− ${group.title}`, "title")) + 34 : 0),
    unit(child) {
      const { value, back } = linesOf(child, tree.nodes), node = tree.nodes[child];
      const isLeaf = typeof child === "number" && !tree.nodes[child].op;
      const made = box(value, isLeaf ? 30 : LAYOUT.column - 2 * FACE.padX, imageOf(node, false));
      if (!node) made.width = Math.max(CLOSED, made.width + 22); // with the sign that opens it
      return { ...made, back: back ? box(back, isLeaf ? 30 : BAR - 2 * FACE.padX, imageOf(node, true)) : null };
    },
  };
}

// The width of a text; measured once for each text.
function measurer() {
  const pen = document.createElement("canvas").getContext("2d"), known = new Map();
  return (text, kind) => {
    const key = `${kind} ${text}`;
    if (!known.has(key)) {
      const family = /columns/.test(kind) ? FACE.columns : FACE.family, weight = kind === "title" ? 600 : /wrong|mark/.test(kind) ? 700 : 400;
      pen.font = `${weight} ${kind === "title" ? FACE.title : FACE.small}px ${family}`;
      known.set(key, pen.measureText(text).width);
    }
    return known.get(key);
  };
}

// ---- Elements --------------------------------------------------------------------------------------------------

// Frames, edges and boxes, in this order; returns the elements by what they stand for.
function drawScene(scene, tree) {
  const layers = ["frames", "edges", "backs", "boxes", "titles", "remarks"].map((name) => draw("g", { class: name }));
  const [frames, edges, backs, boxes, titles] = layers;
  const parts = { units: new Map(), frames: new Map(), edges: new Map(), titles: [], layers };
  const walk = (frame) => {
    if (frame.parent) {
      frames.append(drawFrame(frame));
      titles.append(drawTitle(frame));
      parts.frames.set(frame, titles.lastChild);
    }
    for (const child of frame.children) if (child.frame) walk(child);
  };
  walk(scene.root);
  for (const unit of scene.units) {
    const made = drawUnit(unit, tree);
    parts.units.set(unit, made);
    if (made.back) boxes.append(made.link, made.back);
    boxes.append(made.value);
  }
  for (const edge of scene.edges) {
    const made = { forward: drawEdge(edge), back: edge.back ? drawBackEdge(edge) : null };
    edges.append(made.forward);
    if (made.back) backs.append(made.back);
    parts.edges.set(edge, made);
  }
  return { element: draw("g", { class: "scene" }, ...layers), ...parts, remarks: layers[5] };
}

function drawFrame(frame) {
  return draw("rect", { id: `frame-${frame.id}`, class: "frame", x: frame.x, y: frame.y, width: frame.width, height: frame.height, rx: 10 });
}

// The title of an open group, which closes it.
function drawTitle(frame) {
  const width = frame.title - 12, x = frame.x + frame.width - width - 6, y = frame.y + 4;
  return draw("g", { id: `node-${frame.id}`, class: "node fold", role: "button", tabindex: "-1", "aria-expanded": "true" },
    draw("rect", { class: "ring", x, y, width, height: 24, rx: 6 }),
    draw("text", { x: x + 9, y: y + 16, class: "title" }, `− ${frame.group.title}`));
}

function drawUnit(unit, tree) {
  const look = unit.closed ? `module${unit.group.wrong ? " wrong" : ""}${unit.group.failed ? " error" : ""}` : tree.nodes[unit.node].role;
  const shape = { x: unit.x, y: unit.y, width: unit.width, height: unit.height, rx: unit.leaf ? 3 : 9 };
  const value = draw("g", { id: `node-${unit.id}`, class: `node ${look}`, role: "button", tabindex: "-1" });
  if (unit.closed) value.append(draw("rect", { class: "stack", ...shape, x: unit.x + 4, y: unit.y + 4 }));
  value.append(draw("rect", { class: "ring", ...shape }));
  if (look === "output") value.append(draw("rect", { class: "inner", ...inset(shape, 3) }));
  value.append(...texts(unit, unit.closed ? 11 : 0), ...(unit.image ? [boxImage(unit)] : []));
  if (unit.closed) {
    value.append(draw("path", { class: "sign", d: `M${unit.x + unit.width - 24} ${unit.y + 15}h11m-5.5 -5.5v11` }));
    value.setAttribute("aria-expanded", "false");
  } else value.setAttribute("aria-pressed", "false");
  if (!unit.back) return { value };
  const { back } = unit, middle = unit.y + unit.height / 2;
  const link = draw("path", { id: `link-${unit.id}`, class: "link", d: `M${unit.x + unit.width} ${middle}H${back.x}` });
  const gradients = (unit.closed ? unit.group.results : [unit.node]).map((node) => tree.nodes[node].gradient);
  const element = draw("g", { id: `grad-${unit.id}`, class: "grad" },
    draw("rect", { class: "ring", x: back.x, y: back.y, width: back.width, height: back.height, rx: 9 }),
    ...(unit.leaf ? [] : [drawBar(back, greatest(gradients))]), ...texts(back, 0, true), ...(back.image ? [boxImage(back)] : []));
  return { value, back: element, link };
}

// A bar behind the words of a gradient, as long as its norm is great: a chain shows at a glance where it vanishes.
function drawBar({ x, y, height }, gradient) {
  const width = gradient.broken ? BAR : Math.max(2, gradient.place * BAR);
  return draw("rect", { class: `bar ${lookOf(gradient)}`, x, y, width, height, rx: Math.min(9, width / 2) });
}

function inset({ x, y, width, height, rx }, by) {
  return { x: x + by, y: y + by, width: width - 2 * by, height: height - 2 * by, rx: Math.max(1, rx - by) };
}

// The lines of a box: centred in a value, from the left in a gradient.  A space keeps their words apart when read.
function texts(box, shift, fromLeft = false) {
  const x = fromLeft ? box.x + FACE.padX : box.x + box.width / 2 - shift;
  return box.lines.flatMap(([kind, text], i) => [
    draw("text", { class: kind, x, y: box.y + FACE.padY + i * FACE.line + 12, "text-anchor": fromLeft ? "start" : "middle" }, text), " "]);
}

function drawEdge(edge) {
  const [x, y] = edge.points.at(-1);
  return draw("g", { id: `edge-${edge.id}`, class: "edge" },
    draw("path", { d: smooth(edge.points) }), draw("polygon", { points: arrow(x, y, 4, 8) }));
}

// The gradient along an edge: its width and colour tell its norm.
function drawBackEdge(edge) {
  const [x, y] = edge.backPoints[0], flow = greatest(edge.parts.map(({ sent }) => sent)), wide = 3 + flow.place * 4.4, label = flowLabel(edge);
  const path = smooth([[x, y + 2 * wide - 1], ...edge.backPoints.slice(1)]);
  const element = draw("g", { id: `gradedge-${edge.id}`, class: `gradedge ${lookOf(flow)}` },
    draw("path", { d: path }), draw("polygon", { points: arrow(x, y, wide, -2 * wide) }));
  if (label) element.append(draw("text", { class: "number", ...labelPlace(edge) }, label));
  element.append(draw("title", {}, flowTitle(edge)));
  return element;
}

// Words for the pointer at a gradient on its way.
function flowTitle({ from, to, parts }) {
  const sent = parts.filter((part) => part.sent).map(({ sent: { few, norm, mark } }) => [few ?? norm, mark].filter(Boolean).join(", "));
  return `${to.lines[0][1]} sends ${sent.join(" and ")} to ${from.lines[0][1]}`;
}

// A small gradient in numbers, at a fan-out as a summand; of others a word that is not in the box of their sum.
function flowLabel({ parts, isFanOut }) {
  const [{ sent, total }] = parts;
  if (parts.length > 1 || !sent) return "";
  if (!sent.few || sent.few.length > LONGEST_LABEL) return sent.mark && sent.mark !== total.mark ? sent.mark : "";
  return isFanOut && !sent.few.startsWith("-") ? `+ ${sent.few}` : sent.few;
}

// Beside the bend that is this edge's alone: the last one, on the side that the curve leaves free.
function labelPlace({ backPoints }) {
  const bend = backPoints.findLastIndex(([x], i) => i && x !== backPoints[i - 1][0]);
  const [from, to] = bend > 0 ? [backPoints[bend - 1], backPoints[bend]] : [backPoints[0], backPoints[1]];
  const x = (from[0] + to[0]) / 2 + 9, y = (from[1] + to[1]) / 2;
  return { x, y: y + (to[0] > from[0] ? -3 : to[0] < from[0] ? 14 : 4) };
}

function arrow(x, y, wide, long) {
  return `${x},${y} ${x - wide},${y - long} ${x + wide},${y - long}`;
}

// Straight down where x stays, else a curve that starts and ends vertically.
function smooth(points) {
  return points.map(([x, y], i) => {
    if (!i) return `M${round(x)} ${round(y)}`;
    const [beforeX, beforeY] = points[i - 1], middle = round((y + beforeY) / 2);
    return x === beforeX ? `V${round(y)}` : `C${round(beforeX)} ${middle} ${round(x)} ${middle} ${round(x)} ${round(y)}`;
  }).join("");
}

const round = (value) => Math.round(value * 10) / 10;
