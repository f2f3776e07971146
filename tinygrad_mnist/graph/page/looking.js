"use strict";
// Looking at boxes: pointing, focus, and facts that are kept.

const NEAR = 12; // pixels around a box that hit it too

function listenToBoxes(page) {
  const { svg, view, pointer } = page;
  svg.addEventListener("pointerover", (event) => look(page, "hovered", itemAt(page, event.target)));
  svg.addEventListener("pointerleave", () => look(page, "hovered", null));
  svg.addEventListener("focusin", ({ target }) => {
    const item = itemAt(page, target);
    if (item) view.reveal(item);
    look(page, "focused", target.matches(":focus-visible") ? item : null); // not by a click
  });
  svg.addEventListener("focusout", () => look(page, "focused", null));
  svg.addEventListener("click", (event) => { if (!pointer.wasDragged()) press(page, itemNear(page, event)); });
}

function look(page, way, item) {
  page[way] = item;
  refreshFacts(page);
}

function itemAt(page, target) {
  const group = target.closest?.(".node, .grad");
  return group ? itemOf(page, group.id.slice(group.id.indexOf("-") + 1)) : null;
}

// The box at a place, or the one that is nearly there: small boxes can be hit too.
function itemNear(page, event) {
  const exact = itemAt(page, event.target);
  if (exact) return exact;
  const { x, y } = page.view.pointAt(event.clientX, event.clientY), near = NEAR / page.view.scale;
  const away = (unit) => Math.hypot(Math.max(unit.x - x, 0, x - unit.x - unit.width), Math.max(unit.y - y, 0, y - unit.y - unit.height));
  const nearest = best(page.scene.units, (unit) => -away(unit));
  return nearest && away(nearest) <= near ? nearest : null;
}

function refreshFacts(page) {
  const { hovered, focused, pinned, shown, current, parts } = page;
  const item = hovered ?? focused ?? (pinned === null ? null : itemOf(page, pinned)) ?? shown[current].unit;
  const tabbed = focused ?? item ?? page.scene.units[0];
  byId("facts").replaceChildren(...factsElements(item, page.tree, page.state));
  for (const [unit, { value }] of parts.units) {
    value.classList.toggle("chosen", item === unit);
    value.classList.toggle("pinned", pinned === unit.id);
    if (!unit.closed) value.setAttribute("aria-pressed", String(pinned === unit.id));
    value.setAttribute("tabindex", unit === tabbed ? "0" : "-1");
  }
  for (const [frame, title] of parts.frames) title.setAttribute("tabindex", frame === tabbed ? "0" : "-1");
}

// Open or close a group; keep the facts of a node.
function press(page, item) {
  if (item?.group) toggle(page, item.group);
  else pin(page, item);
}

function pin(page, item) {
  const { nodes, pinned } = page, before = pinned === null ? null : itemOf(page, pinned);
  page.pinned = !item || pinned === item.id ? null : item.id;
  if (page.pinned !== null) say(`The facts of ${nodes[item.node].name} are kept`);
  else if (before) say(`The facts of ${nodes[before.node].name} are not kept any more`);
  refreshFacts(page);
}

function leave(page) {
  document.activeElement.blur();
  pin(page, null);
}

// Up and down: from box to box, a title before what is inside.
function walk(page, by) {
  const order = (frame) => [...(frame.parent ? [frame] : []), ...frame.children.flatMap((child) => (child.frame ? order(child) : [child]))];
  const all = order(page.scene.root), from = page.focused ?? page.shown[page.current].unit;
  const next = (from ? all.indexOf(from) : by > 0 ? -1 : all.length) + by;
  byId(`node-${all[Math.max(0, Math.min(all.length - 1, next))]?.id}`)?.focus();
}
