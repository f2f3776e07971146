"use strict";
// The picture as it is shown: which groups are open, and what a step changes in it.

const MOST_VISIBLE = 70;

// All that the page knows: the data, and what is open, drawn, played and looked at.
function startedPage(data) {
  noteReaders(data.nodes);
  const tree = treeOf(data), canvas = byId("canvas"), svg = canvas.querySelector("svg"), view = new View(canvas, svg);
  return {
    ...data, tree, svg, view, open: openAtFirst(tree, MOST_VISIBLE), sizeOf: sizesOf(tree, measurer()),
    pointer: listenToPointers(canvas, svg, view), scene: null, parts: null,
    shown: [], current: 0, state: null, timer: null, hovered: null, focused: null, pinned: null,
  };
}

function render(page) {
  const { nodes, tree } = page;
  page.hovered = page.focused = null;
  page.scene = layOut(sceneOf(tree, page.open, page.sizeOf));
  for (const edge of page.scene.edges) edge.isFanOut = nodes[edge.parts[0].source].readers.length > 1;
  page.parts?.element.remove();
  page.parts = drawScene(page.scene, tree);
  page.svg.append(page.parts.element);
  const { width, height } = page.scene.root, first = page.scene.units[0];
  const start = first ? first.x + first.width / 2 : 0;
  page.view.extent = { x: 0, y: 0, width: Math.max(1, width), height: Math.max(1, height), start };
  page.shown = visibleSteps(page.steps, page.scene.unitOf);
  byId("scrubber").max = page.shown.length - 1;
  for (const unit of page.scene.units) flag(page, unit);
  describeBoxes(page);
}

// Each box is named by its words; the description says what it is.
function describeBoxes({ parts, nodes }) {
  for (const [{ node }, { value }] of parts.units) {
    const { kind, verdict } = nodes[node] ?? {};
    if (kind) value.setAttribute("aria-description", [kind, verdict].filter(Boolean).join(", "));
  }
}

function flag(page, unit) {
  const { wrong, failed } = unit.closed ? unit.group :
    { wrong: page.nodes[unit.node].verdict === "wrong", failed: page.nodes[unit.node].message };
  const place = { x: unit.x, y: unit.y, "text-anchor": "start" };
  if (wrong || failed) remark(page, unit, "flag", wrong ? "✗ wrong" : "✗ failed", place);
}

// A word above a box, such as "1 of 2", beside the edges that come in.
function remark({ parts }, unit, className, words, { x, y, ...anchor }) {
  const id = `${className}-of-${unit.id}`;
  byId(id)?.remove();
  if (words) parts.remarks.append(draw("text", { id, class: className, x, y: y - 5, ...anchor }, words));
}

// ---- Opening and closing -----------------------------------------------------------------------------------

function toggle(page, group) {
  const { open } = page, before = itemOf(page, group.id), at = page.shown[page.current].to;
  if (open.has(group.group)) close(open, group);
  else open.add(group.group);
  render(page);
  page.view.shift(before, itemOf(page, group.id));
  go(page, page.shown.findIndex((step) => step.to >= at), false);
  byId(`node-${group.id}`).focus();
}

function close(open, group) {
  open.delete(group.group);
  for (const child of group.children) if (typeof child !== "number") close(open, child);
}

// Units and frames by their ids: a number for a node, m and a number for a group.
function itemOf({ scene, parts }, id) {
  return scene.units.find((unit) => unit.id === id) ?? [...parts.frames.keys()].find((frame) => frame.id === id) ?? null;
}

// ---- A step in the picture -------------------------------------------------------------------------------------

function paint(page, step) {
  const { parts, state, steps } = page;
  const flowing = new Set(steps.slice(step.from, step.to + 1).flatMap(({ flows }) => flows ?? []));
  const show = (element, arrived, now) => {
    element.classList.toggle("later", !arrived);
    element.classList.toggle("now", now);
  };
  for (const [unit, { value, back, link }] of parts.units) {
    show(value, isComputed(unit, state), step.unit === unit || (step.phase === "update" && unit.parameter));
    if (!back) continue;
    const sum = gradientOf(unit, state);
    show(back, sum, step.unit === unit && step.phase === "backward");
    show(link, sum, false);
    paintSum(page, unit, back, sum);
  }
  for (const [edge, { forward, back }] of parts.edges) {
    const has = (flows) => edge.parts.some(({ flow }) => flows.has(flow));
    show(forward, isComputed(edge.to, state), step.unit === edge.to && step.phase === "forward");
    if (back) show(back, has(state.flows), has(flowing));
  }
}

function isComputed({ closed, group, node }, { computed }) {
  return closed ? group.ops.every((op) => computed.has(op)) : computed.has(node);
}

// The gradient that has arrived at a unit; of several the first.
function gradientOf({ closed, group, node }, { gradients }) {
  return gradients.get(closed ? group.results.find((result) => gradients.has(result)) : node);
}

// A sum that is not complete is written over the final one.
function paintSum(page, unit, element, sum) {
  const partial = Boolean(sum) && !sum.done, number = element.querySelector("text.number");
  if (number) {
    number.dataset.final ??= number.textContent;
    number.textContent = partial ? `= ${sum.text}` : number.dataset.final;
  }
  element.classList.toggle("partial", partial);
  const { x, y, width } = unit.back;
  remark(page, unit, "count", partial ? `${sum.note} so far` : "", { x: x + width, y, "text-anchor": "end" });
}
