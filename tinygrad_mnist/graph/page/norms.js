"use strict";
// The norms of gradients: places between 0 for the smallest and 1 for the largest, in nine looks.

const LEVELS = 8;

function lookOf({ place, broken }) {
  return broken ? "flow-odd" : `flow-${Math.round(place * LEVELS)}`;
}

// Of several gradients a broken one, or else the greatest.
function greatest(gradients) {
  const found = gradients.filter(Boolean);
  return found.find(({ broken }) => broken) ?? best(found, ({ place }) => place);
}

// A wedge of the looks between the norms at its ends.
function drawNormLegend(place, ticks) {
  if (!ticks.length) return place.remove();
  const steps = Array.from({ length: LEVELS + 1 }, (_, level) =>
    draw("g", { class: `gradedge flow-${level}` }, draw("path", { d: `M${level * 12} 8h12` })));
  const wedge = draw("svg", { viewBox: "0 0 108 16", width: 108, height: 16, "aria-hidden": "true" }, ...steps);
  return place.replaceChildren(make("span", "", `‖g‖ ${ticks[0][1]}`), wedge, make("span", "", ticks.at(-1)[1]));
}
