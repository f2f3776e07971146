"use strict";
// Small images as shapes: one path for each of sixteen greys (or sixteen tints), so that nothing is loaded.

const TINTS = 16;

// An image is {title, width, height, grey}: grey is base64 of one byte for each pixel, row by row, 0 black and
// 255 white.  With signed: true, 128 is zero, less is orange and more is blue.
function imagePaths({ width, height, grey, signed }) {
  const bytes = Uint8Array.from(atob(grey), (character) => character.charCodeAt(0));
  const runs = Array.from({ length: TINTS }, () => "");
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; ) {
      const tint = bytes[y * width + x] >> 4, from = x;
      while (x < width && bytes[y * width + x] >> 4 === tint) x++;
      runs[tint] += `M${from} ${y}h${x - from}v1h${from - x}z`;
    }
  }
  return runs.map((d, tint) => (d ? draw("path", { d, fill: tintOf(tint, signed) }) : null)).filter(Boolean);
}

function tintOf(tint, signed) {
  if (!signed) return `rgb(${Array(3).fill(Math.round((tint * 255) / (TINTS - 1))).join(" ")})`;
  const far = Math.min(1, Math.abs(tint - 7.5) / 7.5), end = tint < 7.5 ? [213, 94, 0] : [0, 114, 178];
  return `rgb(${end.map((channel) => Math.round(255 + (channel - 255) * far)).join(" ")})`;
}

function imageFigure(image) {
  const picture = draw("svg", { viewBox: `0 0 ${image.width} ${image.height}`, role: "img", "aria-label": image.title, "shape-rendering": "crispEdges" }, ...imagePaths(image));
  return make("figure", "image", picture, make("figcaption", "", image.title));
}
