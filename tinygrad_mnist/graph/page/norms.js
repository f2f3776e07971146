"use strict";
// The norms of gradients along edges: their scale and its legend.

// Nine levels on a log scale of at least four decades, the greatest norm at the top.
function normScale(norms) {
  const found = norms.filter((norm) => norm > 0).map(Math.log10);
  const high = found.length ? found.reduce((a, b) => Math.max(a, b)) : 0;
  const low = found.length ? Math.min(found.reduce((a, b) => Math.min(a, b)), high - 4) : -4;
  const part = (norm) => (norm > 0 ? Math.min(1, Math.max(0, (Math.log10(norm) - low) / (high - low))) : 0);
  return { low, high, known: found.length > 0, part, level: (norm) => Math.round(part(norm) * 8) };
}

// A wedge of the nine levels with the norms at its ends.
function drawNormLegend(place, { low, high, known }) {
  if (!known) return place.remove();
  const steps = Array.from({ length: 9 }, (_, level) => draw("g", { class: `gradedge flow-${level}` }, draw("path", { d: `M${level * 12} 8h12` })));
  const number = (exponent) => (exponent < -3 || exponent >= 5 ? (10 ** exponent).toExponential(0).replace("+", "") : Number((10 ** exponent).toPrecision(1)).toString());
  return place.replaceChildren(make("span", "", "‖∂‖ "), make("span", "", number(low)),
    draw("svg", { viewBox: "0 0 108 16", width: 108, height: 16, "aria-hidden": "true" }, ...steps), make("span", "", number(high)));
}
