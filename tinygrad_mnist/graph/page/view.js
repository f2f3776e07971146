"use strict";
// Pan and zoom of an SVG: its view box always has the shape of the canvas around it.

function viewOf(canvas, svg) {
  const LARGEST_FIT = 1.6, READABLE = 0.7, CLOSE = 1, MARGIN = 32, BUTTONS = 48, LEGEND = 30, BESIDE = 105, LEAST = 0.01, MOST = 8, NARROW = 600, FAR = 0.4;
  let extent = { x: 0, y: 0, width: 1, height: 1 }, centre = { x: 0, y: 0 }, scale = 1;
  let own = false; // the reader has chosen a view: it is not taken away

  const isPrinted = matchMedia("print");

  function look() {
    if (isPrinted.matches) return svg.setAttribute("viewBox", [extent.x, extent.y, extent.width, extent.height].join(" "));
    svg.classList.toggle("far", scale < FAR); // too small to read: bars in place of words
    const width = canvas.clientWidth / scale, height = canvas.clientHeight / scale;
    return svg.setAttribute("viewBox", [centre.x - width / 2, centre.y - height / 2, width, height].join(" "));
  }

  // Show a part of the picture as large as it fits beside the buttons, up to a scale.
  function show(part, largest) {
    scale = Math.max(LEAST, Math.min(largest, fitting(part)));
    centre = { x: part.x + part.width / 2 + BUTTONS / 2 / scale, y: part.y + part.height / 2 + LEGEND / 2 / scale };
    look();
  }

  function fitting(part) {
    return Math.min((canvas.clientWidth - MARGIN - BUTTONS) / part.width, (canvas.clientHeight - MARGIN - LEGEND) / part.height);
  }

  const showWhole = () => show(extent, LARGEST_FIT);

  // The whole picture; on a phone its beginning, large enough to read and to touch.
  function showFirst() {
    showWhole();
    if (canvas.clientWidth >= NARROW || scale >= READABLE) return;
    scale = CLOSE;
    centre = { x: extent.start + (canvas.clientWidth / 2 - BESIDE) / scale, y: extent.y - MARGIN / 2 + canvas.clientHeight / 2 / scale };
    look();
  }

  function setExtent(part) {
    extent = part;
  }

  function fit() {
    own = true;
    showWhole();
  }

  function zoom(factor, x = canvas.clientWidth / 2, y = canvas.clientHeight / 2) {
    const before = scale, away = { x: x - canvas.clientWidth / 2, y: y - canvas.clientHeight / 2 };
    own = true;
    scale = Math.max(LEAST, Math.min(MOST, scale * factor));
    centre = { x: centre.x + away.x / before - away.x / scale, y: centre.y + away.y / before - away.y / scale };
    look();
  }

  // Move the picture by pixels of the screen.
  function pan(x, y) {
    own = true;
    centre = { x: centre.x - x / scale, y: centre.y - y / scale };
    look();
  }

  // Keep a point of the picture where another one was.
  function shift(before, after) {
    if (!own) return showFirst();
    centre = { x: centre.x + after.x - before.x, y: centre.y + after.y - before.y };
    return look();
  }

  // Bring boxes into view when they are outside.
  function reveal(part) {
    const width = canvas.clientWidth / scale, height = canvas.clientHeight / scale;
    const inside = part.x >= centre.x - width / 2 && part.x + part.width <= centre.x + width / 2 &&
      part.y >= centre.y - height / 2 && part.y + part.height <= centre.y + height / 2;
    if (inside) return;
    centre = { x: part.x + part.width / 2, y: part.y + part.height / 2 };
    look();
  }

  // Keep what the playback is about in view: a picture too large to be read whole is gone through close by.
  function follow(part) {
    if (own) return part && reveal(part);
    if (!part) return showFirst();
    if (fitting(extent) >= READABLE) return showWhole();
    return show(part, CLOSE);
  }

  // A point of the window in the picture.
  function pointAt(x, y) {
    const frame = canvas.getBoundingClientRect();
    return { x: centre.x + (x - frame.left - frame.width / 2) / scale, y: centre.y + (y - frame.top - frame.height / 2) / scale };
  }

  isPrinted.addEventListener("change", look); // paper shows the whole picture
  let size = "";
  new ResizeObserver(() => {
    const now = `${canvas.clientWidth} ${canvas.clientHeight}`;
    if (size && size !== now) (own ? look() : showFirst());
    size = now;
  }).observe(canvas);
  return { fit, zoom, pan, shift, follow, reveal, pointAt, setExtent, showWhole, scale: () => scale };
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
