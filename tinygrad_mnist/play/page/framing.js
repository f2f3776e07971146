"use strict";
// A drawn digit is brought to the place, size and darkness of the data set's digits, as `datasets.Framing` does it.

const FAINTEST = 0.25, OUTSIDE = 0.5, DARK = 0.5, MOST_POWER = 4;

/**
 * The ink of a square pad as an image of the data set; null without ink.
 * @param {Framing} framing
 * @param {Numbers} ink
 * @param {number} side of the pad
 * @param {number[]} shape
 * @returns {Numbers | null}
 */
function framed(framing, ink, side, [height, width]) {
  const rows = profile(ink, side, true), columns = profile(ink, side, false);
  const box = { top: firstEdge(rows), bottom: side - firstEdge(rows.slice().reverse()), left: firstEdge(columns), right: side - firstEdge(columns.slice().reverse()) };
  if (Number.isNaN(box.top)) return null;
  const sides = { height: box.bottom - box.top, width: box.right - box.left, longest: Math.max(box.bottom - box.top, box.right - box.left) };
  const scale = Math.max(sides[framing.side] / framing.size[1], sides.height / (height + OUTSIDE), sides.width / (width + OUTSIDE));
  const points = centres(ink, side, box);
  const top = points[framing.centre[0]][0] - framing.row[1] * scale, left = points[framing.centre[1]][1] - framing.column[1] * scale;
  return asDark(shrunk(ink, side, top, left, scale, height, width), framing.dark);
}

/**
 * The strongest ink of each row, or of each column.
 * @param {Numbers} ink
 * @param {number} side
 * @param {boolean} ofRows
 */
function profile(ink, side, ofRows) {
  const found = Array(side).fill(0);
  for (let i = 0; i < ink.length; i++) {
    const at = ofRows ? Math.floor(i / side) : i % side;
    found[at] = Math.max(found[at], ink[i]);
  }
  return found;
}

/**
 * Where a profile first crosses the faintest ink, to a part of a pixel.
 * @param {number[]} strengths
 */
function firstEdge(strengths) {
  const at = strengths.findIndex((strength) => strength > FAINTEST);
  if (at < 0) return NaN;
  const here = strengths[at], before = at ? strengths[at - 1] : 0;
  return at + 0.5 - (here - FAINTEST) / (here - before);
}

/**
 * Row and column of each kind of centre.
 * @param {Numbers} ink
 * @param {number} side
 * @param {{top: number, bottom: number, left: number, right: number}} box
 */
function centres(ink, side, box) {
  const middle = [(box.top + box.bottom) / 2, (box.left + box.right) / 2];
  const area = mass(ink.map((strength) => Math.min(strength, FAINTEST)), side);
  return { mass: mass(ink, side), box: middle, between: [(area[0] + middle[0]) / 2, (area[1] + middle[1]) / 2] };
}

/**
 * @param {Numbers} ink
 * @param {number} side
 */
function mass(ink, side) {
  let total = 0, row = 0, column = 0;
  ink.forEach((strength, i) => {
    total += strength;
    row += strength * (Math.floor(i / side) + 0.5);
    column += strength * ((i % side) + 0.5);
  });
  return [row / total, column / total];
}

/**
 * The pixels of the pad whose middles lie in each pixel of the image, on average.
 * @param {Numbers} ink
 * @param {number} side
 * @param {number} top
 * @param {number} left
 * @param {number} scale
 * @param {number} height
 * @param {number} width
 */
function shrunk(ink, side, top, left, scale, height, width) {
  const found = new Float64Array(height * width), rows = spans(top, scale, height), columns = spans(left, scale, width);
  rows.forEach(([first, last], i) => columns.forEach(([from, to], j) => {
    let total = 0;
    for (let row = Math.max(0, first); row < Math.min(side, last); row++) {
      for (let column = Math.max(0, from); column < Math.min(side, to); column++) total += ink[row * side + column];
    }
    found[i * width + j] = Math.min(1, Math.max(0, total / ((last - first) * (to - from))));
  }));
  return found;
}

/**
 * First and last place of each pixel; a pixel smaller than one of the pad takes the nearest.
 * @param {number} start
 * @param {number} scale
 * @param {number} count
 */
function spans(start, scale, count) {
  const half = Math.max(scale, 1) / 2;
  return Array.from({ length: count }, (_, i) => {
    const middle = start + (i + 0.5) * scale, first = Math.floor(middle - half + 0.5);
    return [first, Math.max(first + 1, Math.floor(middle + half + 0.5))];
  });
}

/**
 * As many dark pixels as the data set's images have, whatever the pen.
 * @param {Numbers} image
 * @param {number[]} dark
 */
function asDark(image, dark) {
  const low = dark[0], high = dark[2];
  const share = image.filter((strength) => strength > DARK).length / image.length;
  if (share >= low && share <= high) return image;
  const count = Math.max(1, Math.round((share < low ? low : high) * image.length));
  const last = Math.min(Math.max(image.slice().sort().at(-count) ?? 0, 1e-9), 1 - 1e-9);
  const power = Math.min(Math.max(Math.log(DARK) / Math.log(last), 1 / MOST_POWER), MOST_POWER);
  return image.map((strength) => strength ** power);
}
