"use strict";

// Pan and zoom of an SVG: its view box always has the shape of the canvas around it.
function viewOf(canvas, svg) {
  const LARGEST_FIT = 2, READABLE = 0.7, CLOSE = 1, MARGIN = 32, BUTTONS = 48, SHORTEST_DRAG = 4, LEAST = 0.01, MOST = 8;
  const box = svg.viewBox.baseVal;
  const extent = { x: box.x, y: box.y, width: box.width, height: box.height };
  let centre = { x: 0, y: 0 }, scale = 1, drag = null, dragged = false;
  let own = false; // whether the reader has chosen a view: it is not taken away

  function look() {
    const width = canvas.clientWidth / scale, height = canvas.clientHeight / scale;
    svg.setAttribute("viewBox", [centre.x - width / 2, centre.y - height / 2, width, height].join(" "));
  }

  // Show a part of the picture as large as it fits beside the buttons, up to a scale.
  function show(part, largest) {
    const wide = (canvas.clientWidth - MARGIN - BUTTONS) / part.width;
    scale = Math.max(LEAST, Math.min(largest, wide, (canvas.clientHeight - MARGIN) / part.height));
    centre = { x: part.x + part.width / 2 + BUTTONS / 2 / scale, y: part.y + part.height / 2 };
    look();
  }

  function showWhole() {
    show(extent, LARGEST_FIT);
  }

  function fit() {
    own = true;
    showWhole();
  }

  function zoom(factor, x = canvas.clientWidth / 2, y = canvas.clientHeight / 2) {
    const before = scale, away = { x: x - canvas.clientWidth / 2, y: y - canvas.clientHeight / 2 };
    own = true;
    scale = Math.max(LEAST, Math.min(MOST, scale * factor));
    centre.x += away.x / before - away.x / scale;
    centre.y += away.y / before - away.y / scale;
    look();
  }

  // Bring an element into view when it is outside.
  function reveal(element) {
    const place = element.getBoundingClientRect(), frame = canvas.getBoundingClientRect();
    const inside = place.left >= frame.left && place.right <= frame.right && place.top >= frame.top &&
      place.bottom <= frame.bottom;
    if (inside) return;
    centre.x += ((place.left + place.right) / 2 - (frame.left + frame.right) / 2) / scale;
    centre.y += ((place.top + place.bottom) / 2 - (frame.top + frame.bottom) / 2) / scale;
    look();
  }

  // Keep what the playback is about in view: a picture too large to be read whole is gone through close by.
  function follow(elements) {
    if (own) return elements.toReversed().forEach(reveal);
    showWhole();
    if (elements.length && scale < READABLE) show(around(elements), CLOSE);
  }

  function around(elements) {
    const frame = canvas.getBoundingClientRect(), places = elements.map((element) => element.getBoundingClientRect());
    const edge = (choose, side) => choose(...places.map((place) => place[side]));
    const left = edge(Math.min, "left"), top = edge(Math.min, "top");
    return {
      x: centre.x + (left - frame.left - canvas.clientWidth / 2) / scale,
      y: centre.y + (top - frame.top - canvas.clientHeight / 2) / scale,
      width: (edge(Math.max, "right") - left) / scale, height: (edge(Math.max, "bottom") - top) / scale,
    };
  }

  svg.addEventListener("wheel", (event) => {
    event.preventDefault();
    const frame = canvas.getBoundingClientRect();
    zoom(Math.exp(-event.deltaY / 500), event.clientX - frame.left, event.clientY - frame.top);
  }, { passive: false });
  svg.addEventListener("pointerdown", (event) => {
    dragged = false;
    if (event.button === 0) drag = { x: event.clientX, y: event.clientY, from: { ...centre }, id: event.pointerId };
  });
  svg.addEventListener("pointermove", (event) => {
    if (!drag) return;
    const x = event.clientX - drag.x, y = event.clientY - drag.y;
    if (!dragged && Math.hypot(x, y) < SHORTEST_DRAG) return;
    if (!dragged) svg.setPointerCapture(drag.id);
    dragged = own = true;
    centre = { x: drag.from.x - x / scale, y: drag.from.y - y / scale };
    look();
  });
  for (const end of ["pointerup", "pointercancel"]) svg.addEventListener(end, () => { drag = null; });
  svg.removeAttribute("width");
  svg.removeAttribute("height");
  new ResizeObserver(() => (own ? look() : showWhole())).observe(canvas);
  return { fit, zoom, follow, reveal, wasDragged: () => dragged };
}
