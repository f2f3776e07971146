"use strict";
// The page as a whole: which groups are open, which step is shown, which node is looked at.
(() => {
  const MOST_VISIBLE = 70, SECONDS = 1.6, NEAR = 12;
  const byId = (id) => document.getElementById(id);
  const data = JSON.parse(byId("data").textContent), { nodes, steps } = data;
  noteReaders(nodes);
  const tree = treeOf(data), open = openAtFirst(tree, MOST_VISIBLE), measure = measurer();
  const canvas = byId("canvas"), svg = canvas.querySelector("svg"), view = viewOf(canvas, svg);
  const pointer = listenToPointers(canvas, svg, view);
  const scale = normScale(nodes.flatMap((node) => (node.rules ?? []).map((rule) => rule.sent?.norm)));
  let scene = null, parts = null, shown = [], current = 0, state = null;

  // ---- The picture -------------------------------------------------------------------------------------------
  function render() {
    scene = layOut(sceneOf(tree, open, sizesOf(tree, measure)));
    for (const edge of scene.edges) edge.isFanOut = nodes[edge.parts[0].source].readers.length > 1;
    parts?.element.remove();
    parts = drawScene(scene, tree, scale);
    svg.append(parts.element);
    const { width, height } = scene.root, first = scene.units[0];
    view.setExtent({ x: 0, y: 0, width: Math.max(1, width), height: Math.max(1, height), start: first ? first.x + first.width / 2 : 0 });
    shown = visibleSteps(steps, scene.unitOf);
    byId("scrubber").max = shown.length - 1;
    nameBoxes();
    for (const unit of scene.units) flag(unit);
  }

  function nameBoxes() {
    for (const [unit, { value }] of parts.units) {
      const node = nodes[unit.node], words = unit.lines.map(([, text]) => text);
      const more = unit.closed ? ["module, closed"] : [node.kind, node.verdict];
      value.setAttribute("aria-label", [...words, ...more].filter(Boolean).join(" "));
    }
    for (const [frame, title] of parts.frames) title.setAttribute("aria-label", `− ${frame.group.title}, open module`);
  }

  function flag(unit) {
    const wrong = unit.closed ? unit.group.wrong : nodes[unit.node].verdict === "wrong";
    const failed = unit.closed ? unit.group.failed : nodes[unit.node].message;
    if (wrong) remark(unit, unit, "flag", "✗ wrong");
    if (failed) remark(unit, unit, "flag", "✗ failed");
  }

  // A word above a box, such as "1 of 2".
  function remark(unit, box, className, words) {
    const id = `${className}-of-${unit.id}`;
    byId(id)?.remove();
    if (words) parts.remarks.append(draw("text", { id, class: className, x: box.x + box.width / 2, y: box.y - 5, "text-anchor": "middle" }, words));
  }

  function toggle(group) {
    const before = placeOf(group);
    if (open.has(group.group)) close(group);
    else open.add(group.group);
    const raw = shown[current].to;
    render();
    view.shift(before, placeOf(group));
    go(Math.max(0, shown.findIndex((step) => step.to >= raw)), false);
    byId(`node-${group.id}`)?.focus();
  }

  function close(group) {
    open.delete(group.group);
    for (const child of group.children) if (typeof child !== "number") close(child);
  }

  function placeOf(group) {
    const { x, y } = itemOf(group.id);
    return { x, y };
  }

  // ---- A step in the picture -----------------------------------------------------------------------------------
  function paint(step) {
    const flowing = new Set(steps.slice(step.from, step.to + 1).flatMap(({ flows }) => flows ?? []));
    const started = { now: (element, on) => element.classList.toggle("now", on), later: (element, on) => element.classList.toggle("later", on) };
    for (const [unit, { value, back, link }] of parts.units) {
      const sum = gradientOf(unit);
      started.later(value, !isComputed(unit));
      started.now(value, step.unit === unit);
      if (!back) continue;
      for (const element of [back, link]) started.later(element, !sum);
      started.now(back, step.unit === unit && step.phase === "backward");
      paintSum(unit, back, sum);
    }
    for (const [edge, { forward, back }] of parts.edges) {
      started.later(forward, !isComputed(edge.to));
      started.now(forward, step.unit === edge.to && step.phase === "forward");
      if (!back) continue;
      started.later(back, !edge.parts.some(({ flow }) => state.flows.has(flow)));
      started.now(back, edge.parts.some(({ flow }) => flowing.has(flow)));
    }
  }

  function isComputed(unit) {
    return unit.closed ? unit.group.ops.every((node) => state.computed.has(node)) : state.computed.has(unit.node);
  }

  function gradientOf(unit) {
    return state.gradients.get(unit.closed ? unit.group.results[0] : unit.node);
  }

  // A sum that is not complete is written over the final one.
  function paintSum(unit, element, sum) {
    const partial = Boolean(sum) && !sum.done, number = element.querySelector("text.number");
    if (number) {
      number.dataset.final ??= number.textContent;
      number.textContent = partial ? `= ${sum.text}` : number.dataset.final;
    }
    element.classList.toggle("partial", partial);
    remark(unit, unit.back, "count", partial ? `${sum.note} so far` : "");
  }

  // ---- Playback --------------------------------------------------------------------------------------------------
  let timer = null;

  function go(target, follow = true) {
    current = Math.max(0, Math.min(shown.length - 1, target));
    const step = shown[current], event = eventOf(step, steps, nodes);
    state = stateAt(steps, step.to);
    paint(step);
    const more = current === 0 ? [helpElement(), ...(shown.at(-1).phase === "backward" ? [legendElement()] : [])] :
      step.phase === "backward" && !step.starts ? [legendElement()] : [];
    byId("step").replaceChildren(...stepElements(step, event, more));
    byId("step").dataset.phase = step.phase;
    byId("scrubber").value = current;
    byId("scrubber").setAttribute("aria-valuetext", step.label);
    byId("label").textContent = step.label;
    say(sentence(step, event));
    for (const id of ["first", "back"]) byId(id).disabled = current === 0;
    for (const id of ["forward", "last"]) byId(id).disabled = current === shown.length - 1;
    if (follow) view.follow(step.unit && around(step.unit));
    refreshFacts();
  }

  function say(words) {
    byId("status").textContent = words;
  }

  function around(unit) {
    const right = unit.back ? unit.back.x + unit.back.width : unit.x + unit.width;
    return { x: unit.x - 20, y: unit.y - 60, width: right - unit.x + 40, height: Math.max(unit.height, unit.back?.height ?? 0) + 120 };
  }

  function setPlaying(on) {
    clearInterval(timer);
    timer = on ? setInterval(advance, (SECONDS * 1000) / Number(byId("speed").value)) : null;
    byId("play").setAttribute("aria-label", on ? "Pause" : "Play");
    byId("play").classList.toggle("playing", on);
  }

  function play() {
    const on = timer === null;
    setPlaying(on);
    if (on) go(current === shown.length - 1 ? 1 : current + 1);
  }

  function advance() {
    go(current + 1);
    if (current === shown.length - 1) setPlaying(false);
  }

  function stepTo(target) {
    setPlaying(false);
    go(target);
  }

  const actions = {
    first: () => stepTo(0), back: () => stepTo(current - 1), play,
    forward: () => stepTo(current + 1), last: () => stepTo(shown.length - 1),
    closer: () => view.zoom(1.25), farther: () => view.zoom(0.8), fit: () => view.fit(),
  };
  const keys = {
    ArrowLeft: "back", ArrowRight: "forward", " ": "play", Home: "first", End: "last",
    "+": "closer", "=": "closer", "-": "farther", 0: "fit",
  };
  for (const [id, action] of Object.entries(actions)) byId(id).addEventListener("click", action);
  byId("scrubber").addEventListener("input", (event) => stepTo(Number(event.target.value)));
  byId("speed").addEventListener("change", () => { if (timer !== null) setPlaying(true); });

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const isOwn = event.target.matches("#scrubber, #speed") && event.key !== " "; // they know their arrows
    if (isOwn) return;
    if (event.key === "Escape") leave();
    else if (event.key === "Enter" && event.target.closest(".node")) press(itemAt(event.target));
    else if (event.key === "ArrowUp" || event.key === "ArrowDown") walk(event.key === "ArrowUp" ? -1 : 1);
    else if (keys[event.key]) actions[keys[event.key]]();
    else return;
    event.preventDefault();
  });
  document.addEventListener("keyup", (event) => { if (event.key === " ") event.preventDefault(); }); // no second press

  // ---- Looking at nodes --------------------------------------------------------------------------------------------
  let hovered = null, focused = null, pinned = null;

  // Units and frames by their ids: a number for a node, m and a number for a group.
  function itemOf(id) {
    return scene.units.find((unit) => unit.id === id) ?? [...parts.frames.keys()].find((frame) => frame.id === id) ?? null;
  }

  function itemAt(target) {
    const group = target.closest?.(".node, .grad");
    return group ? itemOf(group.id.slice(group.id.indexOf("-") + 1)) : null;
  }

  // The box at a place, or the one that is nearly there: small boxes can be hit too.
  function itemNear(event) {
    const exact = itemAt(event.target);
    if (exact) return exact;
    const { x, y } = view.pointAt(event.clientX, event.clientY), near = NEAR / view.scale();
    const away = (unit) => Math.hypot(Math.max(unit.x - x, 0, x - unit.x - unit.width), Math.max(unit.y - y, 0, y - unit.y - unit.height));
    const nearest = best(scene.units, (unit) => -away(unit));
    return nearest && away(nearest) <= near ? nearest : null;
  }

  function refreshFacts() {
    const item = hovered ?? focused ?? (pinned === null ? null : itemOf(pinned)) ?? shown[current].unit;
    byId("facts").replaceChildren(...factsElements(item, tree, state));
    const tabbed = focused ?? item ?? scene.units[0];
    for (const [unit, { value }] of parts.units) {
      value.classList.toggle("chosen", item === unit);
      value.classList.toggle("pinned", pinned === unit.id);
      if (!unit.closed) value.setAttribute("aria-pressed", String(pinned === unit.id));
      value.setAttribute("tabindex", unit === tabbed ? "0" : "-1");
    }
    for (const [frame, title] of parts.frames) title.setAttribute("tabindex", frame === tabbed ? "0" : "-1");
  }

  // Open or close a group; keep the facts of a node.
  function press(item) {
    if (item?.group) return toggle(item.group);
    return pin(item);
  }

  function pin(item) {
    const before = pinned === null ? null : itemOf(pinned);
    pinned = !item || pinned === item.id ? null : item.id;
    if (pinned !== null) say(`The facts of ${nodes[item.node].name} are kept`);
    else if (before) say(`The facts of ${nodes[before.node].name} are not kept any more`);
    refreshFacts();
  }

  function leave() {
    document.activeElement.blur();
    pin(null);
  }

  // Up and down: from box to box, a title before what is inside.
  function walk(by) {
    const order = (frame) => [...(frame.parent ? [frame] : []), ...frame.children.flatMap((child) => (child.frame ? order(child) : [child]))];
    const all = order(scene.root), from = focused ?? shown[current].unit, at = from ? all.indexOf(from) : by > 0 ? -1 : all.length;
    byId(`node-${all[Math.max(0, Math.min(all.length - 1, at + by))]?.id}`)?.focus();
  }

  svg.addEventListener("pointerover", (event) => { hovered = itemAt(event.target); refreshFacts(); });
  svg.addEventListener("pointerleave", () => { hovered = null; refreshFacts(); });
  svg.addEventListener("focusin", (event) => {
    const item = itemAt(event.target);
    focused = event.target.matches(":focus-visible") ? item : null; // not by a click
    if (item) view.reveal(item);
    refreshFacts();
  });
  svg.addEventListener("focusout", () => { focused = null; refreshFacts(); });
  svg.addEventListener("click", (event) => { if (!pointer.wasDragged()) press(itemNear(event)); });

  drawNormLegend(byId("norms"), scale);
  render();
  go(0);
})();
