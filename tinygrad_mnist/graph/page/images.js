"use strict";
// Small images: drawn pixel by pixel, so that the page loads nothing.

const IMAGE = { most: 150, digit: 3, strip: 16, wide: 118 }; // pixels of a side; of a pixel of one digit; the least side of a mosaic
const NEGATIVE = [213, 94, 0], POSITIVE = [0, 114, 178];

// An image is {title, width, height, grey}: grey is base64 of a byte for each pixel, row by row, 0 black and
// 255 white.  With signed: true, 128 is zero, less is orange and more is blue.
function imageCanvas({ title, width, height, grey, signed }) {
  const canvas = make("canvas", ""), pen = Object.assign(canvas, { width, height }).getContext("2d");
  const pixels = pen.createImageData(width, height);
  for (let i = 0, bytes = atob(grey); i < bytes.length; i++) {
    pixels.data.set([...(signed ? tint(bytes.charCodeAt(i)) : Array(3).fill(bytes.charCodeAt(i))), 255], 4 * i);
  }
  pen.putImageData(pixels, 0, 0);
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", title);
  return canvas;
}

function tint(byte) {
  const far = Math.min(1, Math.abs(byte - 128) / 127), end = byte < 128 ? NEGATIVE : POSITIVE;
  return end.map((channel) => Math.round(255 + (channel - 255) * far));
}

// The size of an image in a box: one digit at three pixels each, a mosaic as large as fits, a strip of units high enough.
function imageSize({ width, height }) {
  if (height < IMAGE.strip) return { width: IMAGE.wide, height: Math.max(8, Math.min(48, 6 * height)) };
  const scale = Math.min(IMAGE.digit, IMAGE.most / Math.max(width, height));
  return { width: Math.round(width * scale), height: Math.round(height * scale) };
}

// An image below the lines of a box.
function boxImage({ x, y, width, height, image }) {
  const size = imageSize(image), canvas = imageCanvas(image);
  const place = { x: x + (width - size.width) / 2, y: y + height - size.height - FACE.padY, width: size.width, height: size.height };
  return draw("foreignObject", { class: "pixels", ...place }, canvas);
}

function imageFigure(image) {
  return make("figure", "image", imageCanvas(image), make("figcaption", "", image.title));
}
