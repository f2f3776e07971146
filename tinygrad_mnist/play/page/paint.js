"use strict";
// Numbers as colours: ink, and cells that are orange below zero and blue above.

const DARK_SCHEME = matchMedia("(prefers-color-scheme: dark)");
/** @typedef {[number, number, number]} Colour */
/** @type {{less: Colour, more: Colour, zero: Colour, paper: Colour, ink: Colour}} */
const LIGHT_COLOURS = { less: [213, 94, 0], more: [0, 114, 178], zero: [240, 242, 244], paper: [255, 255, 255], ink: [20, 23, 26] };
/** @type {typeof LIGHT_COLOURS} */
const DARK_COLOURS = { less: [255, 138, 61], more: [86, 180, 240], zero: [42, 48, 54], paper: [12, 14, 16], ink: [240, 243, 246] };
// Classes of points in the plane, after Okabe and Ito.
/** @type {Colour[]} */
const CLASS_COLOURS = [[0, 114, 178], [213, 94, 0], [0, 158, 115], [204, 121, 167], [230, 159, 0], [86, 180, 233], [150, 120, 60], [110, 110, 110]];

/**
 * The colour of a class; after the first eight, hues a golden angle apart.
 * @param {number} label
 * @returns {Colour}
 */
function classColour(label) {
  if (label < CLASS_COLOURS.length) return CLASS_COLOURS[label];
  const channel = (/** @type {number} */ from) => {
    const along = (from + (label * 137.5) / 30) % 12;
    return Math.round(255 * (0.5 - 0.28 * Math.max(-1, Math.min(along - 3, 9 - along, 1))));
  };
  return [channel(0), channel(8), channel(4)];
}

function colours() {
  return DARK_SCHEME.matches ? DARK_COLOURS : LIGHT_COLOURS;
}

/**
 * @param {Colour} from
 * @param {Colour} to
 * @param {number} part
 * @returns {Colour}
 */
function between(from, to, part) {
  return [from[0] + (to[0] - from[0]) * part, from[1] + (to[1] - from[1]) * part, from[2] + (to[2] - from[2]) * part];
}

/**
 * The colours of numbers from −most to most.
 * @param {number} most
 * @returns {(value: number) => Colour}
 */
function signed(most) {
  const { less, more, zero } = colours();
  return (value) => between(zero, value < 0 ? less : more, Math.min(1, Math.abs(value) / most));
}

/** @param {Colour} colour */
function css(colour) {
  return `rgb(${colour.join(" ")})`;
}

/**
 * @param {number} width
 * @param {number} height
 */
function canvasOf(width, height) {
  return Object.assign(document.createElement("canvas"), { width, height });
}

/** @param {HTMLCanvasElement} canvas */
function penOf(canvas) {
  return /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
}

/**
 * @param {HTMLCanvasElement} canvas
 * @param {ArrayLike<number>} values
 */
function paintInk(canvas, values) {
  const { paper, ink } = colours();
  paintPixels(canvas, canvas.width, canvas.height, (i) => between(paper, ink, Math.min(1, Math.max(0, values[i]))));
}

/**
 * @param {HTMLCanvasElement} canvas
 * @param {ArrayLike<number>} values
 * @param {number} most
 */
function paintSigned(canvas, values, most = reach(values)) {
  const colour = signed(most), { paper } = colours();
  paintPixels(canvas, canvas.width, canvas.height, (i) => (i < values.length ? colour(values[i]) : paper));
}

/**
 * Where a pointer is in a canvas of one pixel per value; -1 outside.
 * @param {HTMLCanvasElement} canvas
 * @param {MouseEvent} event
 * @param {number} columns
 */
function cellAt(canvas, event, columns) {
  const frame = canvas.getBoundingClientRect(), rows = canvas.height / (canvas.width / columns);
  const column = Math.floor(((event.clientX - frame.left) / frame.width) * columns), row = Math.floor(((event.clientY - frame.top) / frame.height) * rows);
  return column < 0 || column >= columns || row < 0 || row >= rows ? -1 : row * columns + column;
}

/**
 * The place after an arrow key in rows of cells; null for another key.
 * @param {number} index
 * @param {string} key
 * @param {number} columns
 * @param {number} count
 */
function moved(index, key, columns, count) {
  /** @type {Record<string, number>} */
  const ways = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns };
  if (key === "Home") return 0;
  if (key === "End") return count - 1;
  if (!(key in ways)) return null;
  const next = index + ways[key];
  return next < 0 || next >= count ? index : next;
}

/**
 * A line that explains the colours, with a wedge of them.
 * @param {string} less
 * @param {string} more
 */
function colourKey(less, more) {
  return make("span", "colour-key", make("span", "", less), make("span", "wedge"), make("span", "", more));
}

/**
 * @param {string} id
 * @param {string} text
 * @param {() => void} action
 */
function pressable(id, text, action, kind = "") {
  const button = make("button", kind, text);
  Object.assign(button, { type: "button", id });
  if (kind === "toggle") button.setAttribute("aria-pressed", "false");
  button.addEventListener("click", action);
  return button;
}
