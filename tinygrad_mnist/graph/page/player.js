"use strict";
// Playing the steps: buttons, keys, speed.

const SECONDS = 1.6;

function go(page, target, follow = true) {
  const { shown, steps, nodes } = page;
  page.current = Math.max(0, Math.min(shown.length - 1, target));
  const step = shown[page.current], event = eventOf(step, steps, nodes);
  page.state = stateAt(steps, step.to);
  paint(page, step);
  byId("step").replaceChildren(...stepElements(step, event, explanations(page, step)));
  byId("step").dataset.phase = step.phase;
  byId("scrubber").value = page.current;
  byId("scrubber").setAttribute("aria-valuetext", step.label);
  byId("label").textContent = step.label;
  say(sentence(step, event));
  for (const id of ["first", "back"]) byId(id).disabled = page.current === 0;
  for (const id of ["forward", "last"]) byId(id).disabled = page.current === shown.length - 1;
  if (follow) page.view.follow(step.unit && around(step.unit));
  refreshFacts(page);
}

function explanations({ shown, current }, step) {
  const hasBackward = shown.some(({ phase }) => phase === "backward");
  if (current === 0) return [helpElement(), ...(hasBackward ? [legendElement()] : [])];
  return step.phase === "backward" && !step.starts ? [legendElement()] : [];
}

// A box with its gradient and what is right above and below.
function around({ x, y, width, height, back }) {
  const right = back ? back.x + back.width : x + width;
  return { x: x - 20, y: y - 60, width: right - x + 40, height: Math.max(height, back?.height ?? 0) + 120 };
}

function setPlaying(page, on) {
  clearInterval(page.timer);
  page.timer = on ? setInterval(() => advance(page), (SECONDS * 1000) / Number(byId("speed").value)) : null;
  byId("play").setAttribute("aria-label", on ? "Pause" : "Play");
  byId("play").classList.toggle("playing", on);
}

function playOrPause(page) {
  const on = page.timer === null;
  setPlaying(page, on);
  if (on) go(page, page.current === page.shown.length - 1 ? 1 : page.current + 1);
}

function advance(page) {
  go(page, page.current + 1);
  if (page.current === page.shown.length - 1) setPlaying(page, false);
}

function stepTo(page, target) {
  setPlaying(page, false);
  go(page, target);
}

const ACTIONS = {
  first: (page) => stepTo(page, 0),
  back: (page) => stepTo(page, page.current - 1),
  play: playOrPause,
  forward: (page) => stepTo(page, page.current + 1),
  last: (page) => stepTo(page, page.shown.length - 1),
  closer: ({ view }) => view.zoom(1.25),
  farther: ({ view }) => view.zoom(0.8),
  fit: ({ view }) => view.fit(),
};
const KEYS = {
  ArrowLeft: "back", ArrowRight: "forward", " ": "play", Home: "first", End: "last",
  "+": "closer", "=": "closer", "-": "farther", 0: "fit",
};

function listenToControls(page) {
  for (const [id, action] of Object.entries(ACTIONS)) byId(id).addEventListener("click", () => action(page));
  byId("scrubber").addEventListener("input", (event) => stepTo(page, Number(event.target.value)));
  byId("speed").addEventListener("change", () => { if (page.timer !== null) setPlaying(page, true); });
  document.addEventListener("keydown", (event) => { if (onKey(page, event)) event.preventDefault(); });
  // The space bar plays wherever the focus is, and presses no button beside that.
  document.addEventListener("keyup", (event) => { if (event.key === " ") event.preventDefault(); });
}

// Do what a key says; the scrubber and the speed know their own arrows.
function onKey(page, { key, target, ctrlKey, metaKey, altKey }) {
  const isOwn = (target.matches("#scrubber") && /^(Arrow|Page|Home|End)/.test(key)) || (target.matches("#speed") && key !== " ");
  if (ctrlKey || metaKey || altKey || isOwn) return false;
  if (key === "Escape") leave(page);
  else if (key === "Enter" && target.closest(".node")) press(page, itemAt(page, target));
  else if (key === "ArrowUp" || key === "ArrowDown") walk(page, key === "ArrowUp" ? -1 : 1);
  else if (KEYS[key]) ACTIONS[KEYS[key]](page);
  else return false;
  return true;
}

function start() {
  const page = startedPage(JSON.parse(byId("data").textContent));
  drawNormLegend(byId("norms"), page.norms);
  listenToControls(page);
  listenToBoxes(page);
  render(page);
  page.view.begin();
  go(page, 0, false);
}
