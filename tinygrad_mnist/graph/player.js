"use strict";
(() => {
  const byId = (id) => document.getElementById(id);
  const { nodes, steps } = JSON.parse(byId("data").textContent);
  const canvas = byId("canvas"), svg = canvas.querySelector("svg"), view = viewOf(canvas, svg);
  const SVG = "http://www.w3.org/2000/svg";
  const SECONDS = 1.6, LONG_EQUATION = 34;
  const groups = [...svg.querySelectorAll("g[id]")].map((element) => {
    const [kind, node, input] = element.id.split("-");
    return { element, kind, node: Number(node), input };
  }).filter((group) => Number.isInteger(group.node));
  const groupOf = (kind, node) => byId(`${kind}-${node}`);

  // Small helpers: elements are made of text, never of markup.
  function make(tag, className, ...children) {
    const element = document.createElement(tag);
    if (className) element.className = className;
    element.append(...children);
    return element;
  }

  // ---- What has happened up to a step -------------------------------------------------------------
  let current = 0, state = null;

  function stateAt(last) {
    const past = { computed: new Set(), gradients: new Map(), flows: new Set() };
    const until = last === 0 ? steps.length - 1 : last; // the overview shows everything
    for (let i = 0; i <= until; i++) {
      steps[i].computed.forEach((node) => past.computed.add(node));
      steps[i].flows.forEach((edge) => past.flows.add(edge));
      Object.entries(steps[i].gradients).forEach(([node, sum]) => past.gradients.set(Number(node), sum));
    }
    return past;
  }

  // ---- The picture -----------------------------------------------------------------------------------
  function paint(step) {
    const flowing = new Set(step.flows);
    for (const { element, kind, node, input } of groups) {
      const flow = `${node}-${input}`;
      const arrived = {
        node: state.computed.has(node), edge: state.computed.has(node), link: state.gradients.has(node),
        grad: state.gradients.has(node), gradedge: state.flows.has(flow),
      }[kind];
      const now = {
        node: step.node === node, grad: step.node === node && step.phase === "backward",
        edge: step.node === node && step.phase === "forward", gradedge: flowing.has(flow),
      }[kind];
      element.classList.toggle("later", !arrived);
      element.classList.toggle("now", Boolean(now));
    }
    for (const { element, node } of groups.filter((group) => group.kind === "grad")) {
      paintSum(element, step.gradients[node] || state.gradients.get(node));
    }
  }

  // A sum that is not complete is written over the final one.
  function paintSum(element, sum) {
    const partial = Boolean(sum) && !sum.done;
    const number = element.querySelector("text.number");
    if (number) {
      number.dataset.final ??= number.textContent;
      number.textContent = partial ? `= ${sum.text}` : number.dataset.final;
    }
    element.classList.toggle("partial", partial);
    remark(element, "count", partial ? `${sum.note} so far` : "");
  }

  // A word above a node, such as "1 of 2".
  function remark(element, className, words) {
    const id = `${className}-of-${element.id}`;
    let text = byId(id);
    if (!words) return text?.remove();
    if (!text) {
      const box = element.getBBox();
      text = document.createElementNS(SVG, "text");
      text.id = id;
      text.setAttribute("class", className);
      text.setAttribute("x", box.x + box.width / 2);
      text.setAttribute("y", box.y - 4);
      element.parentNode.append(text); // above all edges
    }
    text.textContent = words;
  }

  // ---- The panel -----------------------------------------------------------------------------------
  function showStep(step) {
    const lines = step.lines.map(lineElement);
    const more = current === 0 ? help() : step.flows.length ? [legend()] : [];
    byId("step").replaceChildren(
      make("p", "phase", step.label), make("h2", "", step.title), ...lines, ...more);
    byId("step").dataset.phase = step.phase;
  }

  function lineElement(line) {
    const long = line.parts.map(([text]) => text).join("").length > LONG_EQUATION ? " long" : "";
    const equation = make("p", `equation${long}`, ...line.parts.map(([text, role]) => make("span", role, text)));
    const element = make("div", "line", ...(line.lead ? [make("h3", "", line.lead)] : []));
    if (line.parts.length) element.append(equation);
    if (line.note) element.append(make("p", "note", line.note));
    if (line.operands.length) element.append(operandTable(line.operands));
    if (line.sum) element.append(make("p", "sum", line.sum));
    if (line.verdict) element.append(verdictElement(line.verdict));
    return element;
  }

  function operandTable(operands) {
    const rows = operands.map(([symbol, role, source, text]) =>
      make("tr", "", make("th", role, symbol), make("td", "", source), make("td", "", text)));
    return make("table", "", ...rows);
  }

  function verdictElement(verdict, subject = "this rule") {
    const words =
      { wrong: `✗ ${subject} is wrong`, untested: `? ${subject} could not be tested` }[verdict] ?? `✓ ${subject} was checked`;
    return make("p", `verdict ${verdict}`, words);
  }

  function help() {
    const key = (text) => make("kbd", "", text);
    const words = make("p", "", "Press ", key("space"), " to play, or step with ", key("←"), " ", key("→"),
      ". Point at a node for its facts; click to keep them. Drag and scroll to move and zoom.");
    return steps.at(-1).phase === "backward" ? [words, legend()] : [words];
  }

  function legend() {
    return make("p", "legend", "A rule sends back ", make("span", "incoming", "incoming"), " × ",
      make("span", "local", "local"), " = ", make("span", "result", "contribution"),
      "; contributions to the same node add up.");
  }

  function showFacts(node) {
    const place = byId("facts");
    if (node === null) return place.replaceChildren();
    const { name, kind, facts, value, rules, message, verdict } = nodes[node];
    const list = make("dl", "");
    const add = (label, text) => text && list.append(make("dt", "", label), make("dd", "", text));
    add("value", value && (state.computed.has(node) ? value : "not computed yet"));
    add("gradient", gradientText(node));
    facts.forEach(([label, text]) => add(label, text));
    rules.forEach(([source, formula, said]) =>
      add(`rule to ${source}`, said === "wrong" ? `${formula}  ✗ wrong` : formula));
    place.replaceChildren(make("p", "phase", kind), make("h2", "", name));
    if (message) place.append(make("p", "verdict wrong", `✗ ${message}`));
    if (verdict) place.append(verdictElement(verdict, verdict === "wrong" ? "one of its rules" : "each rule"));
    place.append(list);
  }

  function gradientText(node) {
    if (!nodes[node].gradient) return "";
    const sum = state.gradients.get(node);
    if (!sum) return "not arrived yet";
    if (!sum.done) return `${sum.text} so far, ${sum.note} contributions`;
    return sum.note ? `${nodes[node].gradient}, sum of ${sum.note}` : nodes[node].gradient;
  }

  // ---- Playback --------------------------------------------------------------------------------------
  let timer = null;

  function go(target) {
    current = Math.max(0, Math.min(steps.length - 1, target));
    const step = steps[current];
    state = stateAt(current);
    paint(step);
    showStep(step);
    byId("scrubber").value = current;
    byId("scrubber").setAttribute("aria-valuetext", step.label);
    byId("label").textContent = step.label;
    byId("status").textContent = step.status;
    for (const id of ["first", "back"]) byId(id).disabled = current === 0;
    for (const id of ["forward", "last"]) byId(id).disabled = current === steps.length - 1;
    view.follow(placesOf(step));
    refreshFacts();
  }

  function setPlaying(on) {
    clearInterval(timer);
    timer = on ? setInterval(advance, SECONDS * 1000) : null;
    byId("play").setAttribute("aria-label", on ? "Pause" : "Play");
    byId("play").classList.toggle("playing", on);
    if (on) go(current === steps.length - 1 ? 1 : current + 1);
  }

  function advance() {
    go(current + 1);
    if (current === steps.length - 1) setPlaying(false);
  }

  function stepTo(target) {
    setPlaying(false);
    go(target);
  }

  const actions = {
    first: () => stepTo(0), back: () => stepTo(current - 1), play: () => setPlaying(timer === null),
    forward: () => stepTo(current + 1), last: () => stepTo(steps.length - 1),
    closer: () => view.zoom(1.25), farther: () => view.zoom(0.8), fit: () => view.fit(),
  };
  const keys = {
    ArrowLeft: "back", ArrowRight: "forward", " ": "play", Home: "first", End: "last",
    "+": "closer", "=": "closer", "-": "farther", 0: "fit",
  };
  Object.entries(actions).forEach(([id, action]) => byId(id).addEventListener("click", action));
  byId("scrubber").max = steps.length - 1;
  byId("scrubber").addEventListener("input", (event) => stepTo(Number(event.target.value)));

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === " " && event.target.closest("button")) return; // the button's own
    if (event.key === "Escape") leave();
    else if (event.key === "Enter" && event.target.closest(".node")) pin(nodeAt(event.target));
    else if (event.key === "ArrowUp" || event.key === "ArrowDown") walk(event.key === "ArrowUp" ? -1 : 1);
    else if (keys[event.key]) actions[keys[event.key]]();
    else return;
    event.preventDefault();
  });

  // ---- Pointing at nodes -------------------------------------------------------------------------------
  let hovered = null, focused = null, pinned = null;

  function nodeAt(target) {
    const group = target.closest?.(".node, .grad");
    return group ? Number(group.id.split("-")[1]) : null;
  }

  function refreshFacts() {
    const shown = hovered ?? focused ?? pinned ?? steps[current].node;
    showFacts(shown);
    for (const { element, kind, node } of groups) {
      if (kind === "node") {
        element.classList.toggle("chosen", shown === node);
        element.classList.toggle("pinned", pinned === node);
        element.setAttribute("tabindex", node === (shown ?? 0) ? "0" : "-1");
      }
    }
  }

  function pin(node) {
    pinned = pinned === node ? null : node;
    refreshFacts();
  }

  function leave() {
    document.activeElement.blur();
    pin(null);
  }

  function placesOf(step) {
    if (step.node === null) return [];
    return [groupOf("node", step.node), ...svg.querySelectorAll(".grad.now, .gradedge.now")].filter(Boolean);
  }

  function walk(by) {
    const next = (focused ?? steps[current].node ?? (by > 0 ? -1 : nodes.length)) + by;
    groupOf("node", Math.max(0, Math.min(nodes.length - 1, next)))?.focus();
  }

  svg.addEventListener("pointerover", (event) => { hovered = nodeAt(event.target); refreshFacts(); });
  svg.addEventListener("pointerleave", () => { hovered = null; refreshFacts(); });
  svg.addEventListener("focusin", (event) => {
    focused = event.target.matches(":focus-visible") ? nodeAt(event.target) : null; // not by a click
    view.reveal(event.target);
    refreshFacts();
  });
  svg.addEventListener("focusout", () => { focused = null; refreshFacts(); });
  svg.addEventListener("click", (event) => { if (!view.wasDragged()) pin(nodeAt(event.target)); });

  nodes.forEach(({ verdict, message }, node) => {
    const element = groupOf("node", node);
    if (element && verdict === "wrong") remark(element, "flag", "✗ wrong");
    if (element && message) remark(element, "flag", "✗ failed");
  });
  go(0);
})();
