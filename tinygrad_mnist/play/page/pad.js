"use strict";
// The input: a pad to draw on, and the image that the network gets; or a point of the plane.

const PAD = { side: 112, pen: 0.055, rubber: 0.09, ink: 0.25 }; // pixels; radii as shares of the side; a press of + or −

class Pad {
  constructor() {
    const { shape } = page.data;
    this.cell = Math.max(1, Math.round(PAD.side / Math.max(...shape)));
    this.side = this.cell * Math.max(...shape);
    this.ink = new Float64Array(this.side ** 2);
    this.isFree = false; // drawn from nothing: centred and scaled
    this.rubs = false;
    /** @type {{x: number, y: number} | null} */
    this.last = null;
    /** @type {Numbers | null} */
    this.made = null; // the input that came from here
    this.canvas = canvasOf(this.side, this.side);
    this.small = canvasOf(shape[1], shape[0]);
    this.pixel = make("p", "note");
    this.element = this.card();
    this.listen();
  }

  card() {
    Object.assign(this.canvas, { id: "pad", tabIndex: 0 });
    this.canvas.setAttribute("role", "application");
    this.canvas.setAttribute("aria-label", "Drawing pad. Arrow keys move from pixel to pixel, plus and minus change its ink.");
    this.small.id = "given";
    this.small.setAttribute("role", "img");
    this.small.setAttribute("aria-label", "The image that the network gets");
    const shape = page.data.shape.join(" × ");
    const buttons = make("div", "buttons",
      pressable("clear", "Clear", () => this.clear()), pressable("rub", "Rub out", () => this.toggle(), "toggle"), pressable("next", "Another one", () => another()));
    const given = make("figure", "given", this.small, make("figcaption", "note", `What the network gets: ${shape} numbers from 0 (paper) to 1 (ink).`));
    return make("figure", "card input", make("h2", "", "Draw here"), this.canvas, buttons, given, this.pixel);
  }

  listen() {
    const { canvas } = this;
    canvas.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      canvas.setPointerCapture(event.pointerId);
      event.preventDefault();
      canvas.focus();
      this.last = this.placeOf(event);
      this.stroke(this.last);
    });
    canvas.addEventListener("pointermove", (event) => {
      if (!this.last) return;
      for (const each of event.getCoalescedEvents?.() ?? [event]) this.stroke(this.placeOf(each));
    });
    for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, () => { this.last = null; });
    canvas.addEventListener("keydown", (event) => { if (this.onKey(event.key)) event.preventDefault(); });
    this.small.addEventListener("click", (event) => page.look({ layer: -1, index: cellAt(this.small, event, page.data.shape[1]) }));
  }

  /** @param {PointerEvent} event */
  placeOf(event) {
    const frame = this.canvas.getBoundingClientRect();
    return { x: ((event.clientX - frame.left) / frame.width) * this.side, y: ((event.clientY - frame.top) / frame.height) * this.side };
  }

  /**
   * Draw, or rub out, from the last place to the next.
   * @param {{x: number, y: number}} to
   */
  stroke(to) {
    const from = this.last ?? to, radius = (this.rubs ? PAD.rubber : PAD.pen) * this.side, { side } = this;
    const low = (/** @type {number} */ a, /** @type {number} */ b) => Math.max(0, Math.floor(Math.min(a, b) - radius - 1));
    const high = (/** @type {number} */ a, /** @type {number} */ b) => Math.min(side - 1, Math.ceil(Math.max(a, b) + radius + 1));
    for (let row = low(from.y, to.y); row <= high(from.y, to.y); row++) {
      for (let column = low(from.x, to.x); column <= high(from.x, to.x); column++) {
        const strength = Math.min(1, Math.max(0, radius + 0.5 - distance(column + 0.5, row + 0.5, from, to)));
        const at = row * side + column;
        this.ink[at] = this.rubs ? Math.min(this.ink[at], 1 - strength) : Math.max(this.ink[at], strength);
      }
    }
    this.last = to;
    this.give();
  }

  /** Give the network what is on the pad. */
  give() {
    const { shape, framing } = page.data, [height, width] = shape;
    const free = this.isFree && framing ? framed(framing, this.ink, this.side, shape) : null;
    this.made = free ?? shrunk(this.ink, this.side, 0, 0, this.cell, height, width);
    page.take(this.made);
  }

  clear() {
    this.ink.fill(0);
    this.isFree = true;
    page.expect(null);
    this.give();
    say("The pad is empty");
  }

  toggle() {
    this.rubs = !this.rubs;
    byId("rub").setAttribute("aria-pressed", String(this.rubs));
  }

  /** @param {string} key */
  onKey(key) {
    const [height, width] = page.data.shape, index = page.unit?.layer === -1 ? page.unit.index : Math.floor(height / 2) * width + Math.floor(width / 2);
    const next = moved(index, key, width, height * width);
    if (next !== null) page.look({ layer: -1, index: next });
    else if (key === "+" || key === "-") this.change(index, key === "+" ? PAD.ink : -PAD.ink);
    else return false;
    return true;
  }

  /**
   * Change the ink of one pixel.
   * @param {number} index
   * @param {number} by
   */
  change(index, by) {
    const input = page.input.slice();
    input[index] = Math.min(1, Math.max(0, input[index] + by));
    page.unit = { layer: -1, index };
    page.take(input);
    say(`Pixel ${placeText(index)}: ink ${short(input[index])}`);
  }

  /** @param {Set<string>} what */
  refresh(what) {
    if (what.has("input") && page.input !== this.made) this.load();
    if (what.has("input")) {
      paintInk(this.small, page.input);
    }
    if (!what.has("input") && !what.has("unit")) return;
    paintInk(this.canvas, this.ink);
    if (page.current?.layer === -1) this.frame(page.current.index);
    this.pixel.textContent = pixelText();
  }

  /**
   * Frame a pixel of the image.
   * @param {number} index
   */
  frame(index) {
    const pen = penOf(this.canvas), [, width] = page.data.shape, { cell } = this;
    pen.strokeStyle = css(colours().more);
    pen.lineWidth = 1;
    pen.strokeRect((index % width) * cell + 0.5, Math.floor(index / width) * cell + 0.5, cell - 1, cell - 1);
  }

  /** Show an input that comes from elsewhere. */
  load() {
    const [, width] = page.data.shape, { side, cell } = this;
    for (let i = 0; i < this.ink.length; i++) {
      const row = Math.floor(i / side / cell), column = Math.floor((i % side) / cell);
      this.ink[i] = column < width && row * width < page.input.length ? page.input[row * width + column] : 0;
    }
    this.isFree = false;
  }
}

/**
 * @param {number} x
 * @param {number} y
 * @param {{x: number, y: number}} from
 * @param {{x: number, y: number}} to
 */
function distance(x, y, from, to) {
  const along = { x: to.x - from.x, y: to.y - from.y }, length = along.x ** 2 + along.y ** 2;
  const part = length ? Math.min(1, Math.max(0, ((x - from.x) * along.x + (y - from.y) * along.y) / length)) : 0;
  return Math.hypot(x - from.x - part * along.x, y - from.y - part * along.y);
}

/** @param {number} index */
function placeText(index) {
  const width = page.data.shape[1];
  return `in row ${Math.floor(index / width) + 1}, column ${(index % width) + 1}`;
}

function pixelText() {
  const unit = page.current;
  return unit?.layer === -1 ? `The pixel ${placeText(unit.index)} has ink ${short(page.input[unit.index])}.` : "";
}

/** Another example of the test set that the network reads wrongly; any other where it reads all right. */
function another() {
  const { test } = page.sets, from = page.example?.set === "test" ? page.example.index : page.data.start.example;
  const order = Array.from({ length: test.count }, (_, i) => (from + 1 + i) % test.count);
  const wrong = order.find((i) => page.network.answerTo(test, i) !== test.labels[i]);
  page.choose("test", wrong ?? order[0]);
}
