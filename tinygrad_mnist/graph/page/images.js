"use strict";
// Small images: drawn pixel by pixel, so that the page loads nothing.

const IMAGE = { most: 150, least: 84, pixel: 3, strip: 6, wide: 118 }; // a side in a box; a pixel of the array; rows of units

// An image is {title, width, height, grey}: grey is base64 of a byte for each pixel, row by row, 0 black and
// 255 white.  With signed: true, 128 is zero, less is orange and more is blue.
function imageCanvas({ title, width, height, grey, signed }) {
  const bytes = atob(grey), byteAt = (pixel) => bytes.charCodeAt(pixel);
  const colour = signed ? (pixel) => tint((byteAt(pixel) - 128) / 127) : (pixel) => Array(3).fill(byteAt(pixel));
  const canvas = paintPixels(make("canvas", ""), width, height, colour);
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", title);
  return canvas;
}

// The size of an image in a box: a digit or a mosaic large enough to see, a strip of units high enough.
function imageSize({ width, height }) {
  if (height <= IMAGE.strip || width > 4 * height) return { width: IMAGE.wide, height: Math.max(8, Math.min(48, 6 * height)) };
  const side = Math.max(width, height), scale = Math.min(IMAGE.most / side, Math.max(IMAGE.pixel, IMAGE.least / side));
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

// ---- Images in place of shapes in an equation: names = shapes → shape -------------------------------------------

// The image of each part of an equation that is an image, by the index of the part.
function picturesIn({ parts = [], operands = [], lead, sum }, node, nodes) {
  const joints = parts.flatMap(([, role], i) => (role === "joint" ? [i] : [])), pictures = new Map();
  const named = (name) => nodes.find((other) => other.name === name);
  if (node === undefined && !joints.length) return picturesOfUpdate(parts, named);
  if (joints.length < 2 || node === undefined) return pictures;
  const between = (from, to) => parts.flatMap(([, role], i) => (i > from && i < to && role ? [i] : []));
  const symbols = between(-1, joints[0]).map((i) => parts[i][0]);
  between(joints[0], joints[1]).forEach((at, i) => {
    const source = operands.find(([symbol]) => symbol === symbols[i])?.[2] ?? symbols[i];
    const image = source === "incoming gradient" ? imageOf(nodes[node], true) : imageOf(named(source), false);
    if (image) pictures.set(at, image);
  });
  const target = lead ? named(lead.slice("to ".length, -1)) : nodes[node];
  const image = sum ? null : imageOf(target, Boolean(lead));
  if (image) pictures.set(parts.length - 1, image);
  return pictures;
}

// A weight and its gradient, named as "w" and "∂w".
function picturesOfUpdate(parts, named) {
  const image = ([text, role]) => (role === "incoming" ? imageOf(named(text.slice(1)), true) : role && imageOf(named(text), false));
  return new Map(parts.map((part, i) => [i, image(part)]).filter(([, found]) => found));
}

function imageOf(node, isGradient) {
  return node?.images?.find(({ gradient }) => Boolean(gradient) === isGradient) ?? null;
}

// An image of the size of a line of text or a few, that still says its shape.
function inlineImage(image, shape) {
  const canvas = imageCanvas(image), { width, height } = imageSize(image);
  canvas.title = shape;
  canvas.setAttribute("aria-label", `${image.title}, ${shape}`);
  canvas.style.width = `${Math.round(width * 0.6)}px`;
  canvas.style.height = `${Math.max(8, Math.round(height * 0.6))}px`;
  return canvas;
}
