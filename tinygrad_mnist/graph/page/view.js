"use strict";
// Pan and zoom of an SVG: its view box always has the shape of the canvas around it.

const VIEW = {
  largestFit: 1.6, readable: 0.7, close: 1, far: 0.3, least: 0.01, most: 8, // scales
  margin: 32, buttons: 48, legend: 30, beside: 105, narrow: 600, low: 400, // pixels
  glide: 260, // milliseconds
};

class View {
  constructor(canvas, svg) {
    Object.assign(this, { canvas, svg, scale: 1, centre: { x: 0, y: 0 }, extent: { x: 0, y: 0, width: 1, height: 1, start: 0 } });
    this.own = false; // the reader has chosen a view: it is not taken away
    this.gliding = null;
    this.isPrinted = matchMedia("print");
    this.isCalm = matchMedia("(prefers-reduced-motion: reduce)");
    this.isPrinted.addEventListener("change", () => this.look()); // paper shows the whole picture
    this.size = "";
    new ResizeObserver(() => this.resize()).observe(canvas);
  }

  look() {
    const { scale, centre, canvas, extent } = this, width = canvas.clientWidth / scale, height = canvas.clientHeight / scale;
    const box = this.isPrinted.matches ? [extent.x, extent.y, extent.width, extent.height] :
      [centre.x - width / 2, centre.y - height / 2, width, height];
    this.svg.classList.toggle("far", scale < VIEW.far && !this.isPrinted.matches); // too small to read: bars in place of words
    this.svg.setAttribute("viewBox", box.join(" "));
  }

  settle({ scale, centre }) {
    cancelAnimationFrame(this.gliding);
    Object.assign(this, { scale, centre });
    this.look();
  }

  // Glide to another view; at once for readers who want less motion.
  glide(next) {
    cancelAnimationFrame(this.gliding);
    if (this.isCalm.matches || this.isPrinted.matches) return this.settle(next);
    const { scale, centre } = this, start = performance.now();
    const move = (time) => {
      const part = Math.min(1, Math.max(0, (time - start) / VIEW.glide)), between = (a, b) => a + (b - a) * part * (2 - part);
      this.settle({
        scale: between(scale, next.scale),
        centre: { x: between(centre.x, next.centre.x), y: between(centre.y, next.centre.y) },
      });
      if (part < 1) this.gliding = requestAnimationFrame(move);
    };
    this.gliding = requestAnimationFrame(move);
    return this.gliding;
  }

  // A part of the picture as large as it fits beside the buttons, up to a scale.
  on(part, largest) {
    const wide = (this.canvas.clientWidth - VIEW.margin - VIEW.buttons) / part.width;
    const high = (this.canvas.clientHeight - VIEW.margin - VIEW.legend) / part.height;
    const scale = Math.max(VIEW.least, Math.min(largest, wide, high));
    const beside = { x: VIEW.buttons / 2 / scale, y: VIEW.legend / 2 / scale };
    return { scale, centre: { x: part.x + part.width / 2 + beside.x, y: part.y + part.height / 2 + beside.y } };
  }

  whole() {
    return this.on(this.extent, VIEW.largestFit);
  }

  // The whole picture; on a phone and in a small frame its beginning, large enough to read and to touch.
  beginning() {
    const { canvas, extent } = this, whole = this.whole();
    const isLarge = canvas.clientWidth >= VIEW.narrow && canvas.clientHeight >= VIEW.low;
    if (isLarge || whole.scale >= VIEW.readable) return whole;
    const x = extent.start + canvas.clientWidth / 2 - VIEW.beside, y = extent.y - VIEW.margin / 2 + canvas.clientHeight / 2;
    return { scale: VIEW.close, centre: { x, y } };
  }

  begin() {
    this.size = this.measured(); // 0 0 in a frame that is not in sight yet
    this.settle(this.beginning());
  }

  measured() {
    return `${this.canvas.clientWidth} ${this.canvas.clientHeight}`;
  }

  resize() {
    const now = this.measured();
    if (this.size !== now) this.settle(this.own ? this : this.beginning());
    this.size = now;
  }

  fit() {
    this.own = true;
    this.settle(this.whole());
  }

  zoom(factor, x = this.canvas.clientWidth / 2, y = this.canvas.clientHeight / 2) {
    const { canvas, centre } = this, scale = Math.max(VIEW.least, Math.min(VIEW.most, this.scale * factor));
    const moved = 1 / this.scale - 1 / scale;
    this.own = true;
    this.settle({ scale, centre: { x: centre.x + (x - canvas.clientWidth / 2) * moved, y: centre.y + (y - canvas.clientHeight / 2) * moved } });
  }

  // Move the picture by pixels of the screen.
  pan(x, y) {
    const { scale, centre } = this;
    this.own = true;
    this.settle({ scale, centre: { x: centre.x - x / scale, y: centre.y - y / scale } });
  }

  // Keep a point of the picture where another one was.
  shift(before, after) {
    const { scale, centre } = this, moved = { x: centre.x + after.x - before.x, y: centre.y + after.y - before.y };
    this.settle(this.own ? { scale, centre: moved } : this.beginning());
  }

  // Bring boxes into view when they are outside.
  reveal(part) {
    const { scale, centre, canvas } = this, width = canvas.clientWidth / scale, height = canvas.clientHeight / scale;
    const inside = part.x >= centre.x - width / 2 && part.x + part.width <= centre.x + width / 2 &&
      part.y >= centre.y - height / 2 && part.y + part.height <= centre.y + height / 2;
    if (!inside) this.glide({ scale, centre: { x: part.x + part.width / 2, y: part.y + part.height / 2 } });
  }

  // Keep what the playback is about in view: a picture too large to be read whole is gone through close by.
  follow(part) {
    if (this.own) return part && this.reveal(part);
    if (!part) return this.glide(this.beginning());
    return this.glide(this.whole().scale >= VIEW.readable ? this.whole() : this.on(part, VIEW.close));
  }

  // A point of the window in the picture.
  pointAt(x, y) {
    const { left, top, width, height } = this.canvas.getBoundingClientRect();
    return { x: this.centre.x + (x - left - width / 2) / this.scale, y: this.centre.y + (y - top - height / 2) / this.scale };
  }
}

// Drag moves, two fingers and ctrl with the wheel zoom; the wheel alone scrolls what is around the picture.
function listenToPointers(canvas, svg, view) {
  const SHORTEST_DRAG = 4, pointers = new Map();
  let dragged = false, start = null;
  const isAlone = () => window.parent === window && document.documentElement.scrollHeight <= window.innerHeight;

  svg.addEventListener("wheel", (event) => {
    const frame = canvas.getBoundingClientRect();
    if (event.ctrlKey || event.metaKey) view.zoom(Math.exp(-event.deltaY / 300), event.clientX - frame.left, event.clientY - frame.top);
    else if (isAlone()) view.pan(-event.deltaX, -event.deltaY);
    else return;
    event.preventDefault();
  }, { passive: false });
  svg.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    if (!pointers.size) [dragged, start] = [false, { x: event.clientX, y: event.clientY }];
    pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
  });
  svg.addEventListener("pointermove", (event) => {
    const before = pointers.get(event.pointerId);
    if (!before) return;
    if (!dragged && Math.hypot(event.clientX - start.x, event.clientY - start.y) < SHORTEST_DRAG) return;
    if (!dragged) svg.setPointerCapture(event.pointerId);
    dragged = true;
    const others = [...pointers].filter(([id]) => id !== event.pointerId).map(([, place]) => place);
    if (others.length) pinch(others[0], before, event);
    else view.pan(event.clientX - before.x, event.clientY - before.y);
    pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
  });
  for (const end of ["pointerup", "pointercancel"]) svg.addEventListener(end, (event) => pointers.delete(event.pointerId));

  function pinch(other, before, event) {
    const frame = canvas.getBoundingClientRect(), far = Math.hypot(before.x - other.x, before.y - other.y);
    const now = Math.hypot(event.clientX - other.x, event.clientY - other.y);
    view.zoom(now / Math.max(1, far), (other.x + event.clientX) / 2 - frame.left, (other.y + event.clientY) / 2 - frame.top);
  }

  return { wasDragged: () => dragged };
}
