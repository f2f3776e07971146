"use strict";
// Points in the plane: the regions of the network's answers, the data, and the chosen point.

const PLANE = { cells: 48, side: 280, dot: 3.2 };

class Plane {
  constructor() {
    this.canvas = canvasOf(PLANE.side * 2, PLANE.side * 2);
    Object.assign(this.canvas, { id: "plane", tabIndex: 0 });
    this.canvas.setAttribute("role", "application");
    this.canvas.setAttribute("aria-label", "The plane. Arrow keys move the point.");
    this.words = make("p", "note");
    const names = page.data.classes.map((name, i) => {
      const dot = make("span", "dot");
      dot.style.background = css(classColour(i));
      return make("span", "class", dot, name);
    });
    this.element = make("figure", "card input", make("h2", "", "Choose a point"), this.canvas, make("figcaption", "note class-key", ...names, "Background: what the network answers there. Dots: the data it learns from."),
      this.words, make("div", "buttons", pressable("next", "Another one", () => another())));
    this.regions = canvasOf(PLANE.cells, PLANE.cells);
    let isDown = false;
    this.canvas.addEventListener("pointerdown", (event) => { isDown = true; this.canvas.setPointerCapture(event.pointerId); this.point(event); });
    this.canvas.addEventListener("pointermove", (event) => { if (isDown) this.point(event); });
    for (const end of ["pointerup", "pointercancel"]) this.canvas.addEventListener(end, () => { isDown = false; });
    this.canvas.addEventListener("keydown", (event) => { if (this.onKey(event.key)) event.preventDefault(); });
  }

  get bounds() {
    const [left, right, bottom, top] = page.data.bounds ?? [-1, 1, -1, 1];
    return { left, right, bottom, top };
  }

  /** @param {PointerEvent} event */
  point(event) {
    const frame = this.canvas.getBoundingClientRect(), { left, right, bottom, top } = this.bounds;
    page.label = null;
    page.take(Float64Array.of(left + ((event.clientX - frame.left) / frame.width) * (right - left), top - ((event.clientY - frame.top) / frame.height) * (top - bottom)));
  }

  /** @param {string} key */
  onKey(key) {
    const { left, right, bottom, top } = this.bounds, by = { x: (right - left) / 50, y: (top - bottom) / 50 };
    /** @type {Record<string, number[]>} */
    const ways = { ArrowLeft: [-by.x, 0], ArrowRight: [by.x, 0], ArrowUp: [0, by.y], ArrowDown: [0, -by.y] };
    if (!(key in ways)) return false;
    page.label = null;
    page.take(page.input.map((x, i) => x + ways[key][i]));
    return true;
  }

  /** @param {Set<string>} what */
  refresh(what) {
    if (what.has("weights") || what.has("tab")) this.paintRegions();
    if (!what.has("weights") && !what.has("input") && !what.has("label")) return;
    const pen = penOf(this.canvas);
    pen.imageSmoothingEnabled = true;
    pen.drawImage(this.regions, 0, 0, this.canvas.width, this.canvas.height);
    const { train } = page.sets;
    for (let i = 0; i < train.count; i++) this.dot(train.at(i), classColour(train.labels[i]), PLANE.dot);
    this.dot(page.input, colours().ink, 2.4 * PLANE.dot, true);
    this.words.textContent = `The point: x1 = ${short(page.input[0])}, x2 = ${short(page.input[1])}`;
  }

  paintRegions() {
    const { left, right, bottom, top } = this.bounds, { cells } = PLANE, { paper } = colours();
    paintPixels(this.regions, cells, cells, (i) => {
      const x = left + (((i % cells) + 0.5) / cells) * (right - left), y = top - ((Math.floor(i / cells) + 0.5) / cells) * (top - bottom);
      const { answer } = page.network.look(Float64Array.of(x, y)), at = largestAt(answer);
      return between(paper, classColour(at), 0.15 + 0.5 * Math.max(0, Math.min(1, answer[at])) ** 2);
    });
  }

  /**
   * @param {Numbers} place
   * @param {Colour} colour
   * @param {number} radius
   * @param {boolean} isRing
   */
  dot(place, colour, radius, isRing = false) {
    const pen = penOf(this.canvas), { left, right, bottom, top } = this.bounds;
    pen.beginPath();
    pen.arc(((place[0] - left) / (right - left)) * this.canvas.width, ((top - place[1]) / (top - bottom)) * this.canvas.height, 2 * radius, 0, 7);
    pen.lineWidth = isRing ? 6 : 2;
    pen.strokeStyle = css(isRing ? colour : colours().paper);
    pen.fillStyle = css(colour);
    if (!isRing) pen.fill();
    pen.stroke();
  }

  /** @param {number} index */
  middle(index) {
    const frame = this.canvas.getBoundingClientRect();
    return { x: frame.right, y: frame.top + ((index + 1) / 3) * frame.height };
  }
}
