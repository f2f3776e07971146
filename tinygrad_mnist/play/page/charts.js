"use strict";
// Line charts: axes with round numbers, and words at the end of each line.

const CHART = { high: 190, left: 52, right: 14, top: 12, bottom: 38, least: 240 }; // pixels

/** @typedef {{place: (value: number) => number, ticks: {value: number, text: string}[]}} Scale places are shares of the axis */
/** @typedef {{points: [number, number][], name: string, kind: string, label?: "start" | "end" | "none"}} Line */
/** @typedef {{x: number, name: string, kind: string}} Mark a vertical line */

/**
 * A scale with ticks at 1, 2 or 5 times a power of ten.
 * @param {number} lowest
 * @param {number} highest
 * @param {number} most number of ticks
 * @param {((value: number) => string) | null} text
 * @returns {Scale}
 */
function linearScale(lowest, highest, most, text = null) {
  const span = highest - lowest || 1, raw = span / most, power = 10 ** Math.floor(Math.log10(raw));
  const unit = power * (/** @type {number} */ ([1, 2, 5, 10].find((times) => times * power >= raw * (1 - 1e-9))));
  const first = Math.ceil(lowest / unit - 1e-9), count = Math.floor(highest / unit + 1e-9) - first + 1;
  const ticks = Array.from({ length: count }, (_, i) => Number(((first + i) * unit).toPrecision(12)));
  const digits = Math.max(0, Math.ceil(Math.log10(Math.max(Math.abs(lowest), Math.abs(highest)) / unit) - 1e-9)); // that tell ticks apart
  const words = text ?? ((/** @type {number} */ value) => (unit < 1e-4 && value ? value.toExponential(digits) : String(value)).replaceAll("-", "−"));
  return { place: (value) => (value - lowest) / span, ticks: ticks.map((value) => ({ value, text: words(value) })) };
}

/**
 * A scale of powers of ten.
 * @param {number} lowest
 * @param {number} highest
 * @param {number} most number of ticks
 * @returns {Scale}
 */
function logScale(lowest, highest, most) {
  const [low, high] = [Math.floor(Math.log10(lowest) + 1e-9), Math.ceil(Math.log10(highest) - 1e-9)], every = Math.max(1, Math.ceil((high - low) / most));
  const powers = Array.from({ length: Math.floor((high - low) / every) + 1 }, (_, i) => low + i * every);
  return {
    place: (value) => (Math.log10(value) - low) / (high - low || 1),
    ticks: powers.map((power) => ({ value: 10 ** power, text: powerText(power) })),
  };
}

/** @param {number} power */
function powerText(power) {
  return power === 0 ? "1" : `10${[...String(power)].map((digit) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[Number(digit)] ?? "⁻").join("")}`;
}

/** A chart that draws itself anew when its place changes its width. */
class Chart {
  /**
   * @param {string} id
   * @param {string} title
   * @param {number} high
   */
  constructor(id, title, high = CHART.high) {
    this.high = high;
    this.svg = draw("svg", { id, role: "img", height: high, "aria-label": title });
    this.caption = make("figcaption", "note");
    this.element = make("figure", "chart", make("h3", "", title), this.svg, this.caption);
    this.title = title;
    /** @type {Parameters<Chart["show"]>[0] | null} */
    this.shown = null;
    new ResizeObserver(() => { if (this.shown && this.svg.clientWidth !== this.width) this.show(this.shown); }).observe(this.element);
    this.width = 0;
  }

  /** @param {{x: Scale, y: Scale, xName: string, lines: Line[], marks?: Mark[], dots?: {x: number, y: number, name: string}[], summary: string}} given */
  show(given) {
    const unit = parseFloat(getComputedStyle(document.documentElement).fontSize) / 16; // where words are larger, all is
    this.shown = given;
    this.width = this.svg.clientWidth;
    const width = Math.max(CHART.least, this.width / unit), { high } = this;
    this.svg.setAttribute("height", String(high * unit));
    const place = {
      x: (/** @type {number} */ value) => CHART.left + given.x.place(value) * (width - CHART.left - CHART.right),
      y: (/** @type {number} */ value) => high - CHART.bottom - Math.min(1.04, Math.max(-0.04, given.y.place(value))) * (high - CHART.top - CHART.bottom),
    };
    this.svg.setAttribute("viewBox", `0 0 ${width} ${high}`);
    this.svg.setAttribute("aria-label", `${this.title}. ${given.summary}`);
    this.svg.replaceChildren(
      ...axes(given, place, width, high),
      ...(given.marks ?? []).flatMap((mark) => markParts(mark, place, high)),
      ...given.lines.map(({ points, kind }) => draw("path", { class: `line ${kind}`, d: pathOf(points, place) })),
      ...(given.dots ?? []).flatMap((dot) => dotParts(dot, place, width)),
      ...given.lines.flatMap((line) => nameOfLine(line, place, width)),
    );
    if (this.caption.textContent !== given.summary) this.caption.textContent = given.summary;
  }
}

/** @typedef {{x: (value: number) => number, y: (value: number) => number}} Place */

/**
 * @param {{x: Scale, y: Scale, xName: string}} given
 * @param {Place} place
 * @param {number} width
 * @param {number} high
 */
function axes({ x, y, xName }, place, width, high) {
  const bottom = high - CHART.bottom, right = width - CHART.right;
  return [
    ...y.ticks.flatMap(({ value, text }) => [
      draw("path", { class: "grid", d: `M${CHART.left} ${place.y(value)}H${right}` }),
      draw("text", { class: "tick", x: CHART.left - 6, y: place.y(value) + 4, "text-anchor": "end" }, text),
    ]),
    ...x.ticks.flatMap(({ value, text }) => [
      draw("path", { class: "axis", d: `M${place.x(value)} ${bottom}v4` }),
      draw("text", { class: "tick", x: place.x(value), y: bottom + 17, "text-anchor": place.x(value) > right - 12 ? "end" : "middle" }, text),
    ]),
    draw("path", { class: "axis", d: `M${CHART.left} ${bottom}H${right}` }),
    draw("text", { class: "tick", x: (CHART.left + right) / 2, y: high - 4, "text-anchor": "middle" }, xName),
  ];
}

/**
 * A line through points; one that is no number interrupts it.
 * @param {[number, number][]} points
 * @param {Place} place
 */
function pathOf(points, place) {
  let pen = "M", path = "";
  for (const [x, y] of points) {
    if (Number.isFinite(y)) path += `${pen}${place.x(x).toFixed(1)} ${place.y(y).toFixed(1)}`;
    pen = Number.isFinite(y) ? "L" : "M";
  }
  return path;
}

/**
 * The name of a line, above its end or its beginning.
 * @param {Line} line
 * @param {Place} place
 * @param {number} width
 */
function nameOfLine({ points, name, kind, label = "end" }, place, width) {
  const drawn = points.filter(([, y]) => Number.isFinite(y)), at = drawn[label === "start" ? 0 : drawn.length - 1];
  if (!at || label === "none") return [];
  const words = name.split("\n"), isLate = place.x(at[0]) > width / 2, x = place.x(at[0]) + (isLate ? -4 : 6);
  const long = 7 * Math.max(...words.map(({ length }) => length)), isUnder = (/** @type {number} */ left) => (isLate ? left >= x - long : left <= x + long);
  const heights = drawn.filter((point) => isUnder(place.x(point[0]))).map((point) => place.y(point[1])), top = Math.min(...heights);
  const isHigh = top < CHART.top + 14 * words.length, isSteep = Math.max(...heights) - top > 14 * (words.length + 2);
  // Above the line where there is room, else below it; beside it where it climbs to the top.
  const aside = isHigh && isSteep ? 14 * words.length + 6 : 0, first = aside ? CHART.top + 10 : isHigh ? Math.max(...heights) + 18 : top - 9 - 14 * (words.length - 1);
  const left = isLate ? x - aside : x + aside;
  return words.map((word, i) => draw("text", { class: `name ${kind}`, x: left, y: first + 14 * i, "text-anchor": isLate ? "end" : "start" }, word));
}

/**
 * @param {Mark} mark
 * @param {Place} place
 * @param {number} high
 */
function markParts({ x, name, kind }, place, high) {
  const isLate = place.x(x) > CHART.least * 0.7;
  return [
    draw("path", { class: `mark ${kind}`, d: `M${place.x(x)} ${CHART.top}V${high - CHART.bottom}` }),
    draw("text", { class: "tick", x: place.x(x) + (isLate ? -4 : 4), y: high - CHART.bottom - 5, "text-anchor": isLate ? "end" : "start" }, name),
  ];
}

/**
 * @param {{x: number, y: number, name: string}} dot
 * @param {Place} place
 * @param {number} width
 */
function dotParts({ x, y, name }, place, width) {
  if (!Number.isFinite(place.x(x)) || !Number.isFinite(place.y(y))) return [];
  const isLate = place.x(x) > width / 2;
  return [
    draw("circle", { class: "point", cx: place.x(x), cy: place.y(y), r: 4 }),
    draw("text", { class: "tick", x: place.x(x) + (isLate ? 8 : -8), y: place.y(y) + 16, "text-anchor": isLate ? "start" : "end" }, name),
  ];
}
