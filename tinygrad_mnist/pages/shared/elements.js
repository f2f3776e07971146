"use strict";
// Elements, made of text and never of markup, and the colours of numbers.

const SVG = "http://www.w3.org/2000/svg";
const NEGATIVE = [213, 94, 0], POSITIVE = [0, 114, 178];

/**
 * The element of the page with an id.
 * @template {HTMLElement} E
 * @param {string} id
 * @returns {E}
 */
const byId = (id) => /** @type {E} */ (document.getElementById(id));

/**
 * A new element.
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {string} className "" for none
 * @param {...(Node | string)} children
 * @returns {HTMLElementTagNameMap[T]}
 */
function make(tag, className, ...children) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  element.append(...children);
  return element;
}

/**
 * A new element of an SVG; an attribute that is null is left out.
 * @template {keyof SVGElementTagNameMap} T
 * @param {T} tag
 * @param {Record<string, string | number | null>} attributes
 * @param {...(Node | string)} children
 * @returns {SVGElementTagNameMap[T]}
 */
function draw(tag, attributes, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [key, value] of Object.entries(attributes)) if (value !== null) element.setAttribute(key, String(value));
  element.append(...children);
  return element;
}

/**
 * Tell a screen reader.
 * @param {string} words
 */
function say(words) {
  byId("status").textContent = words;
}

/**
 * White for 0, blue towards 1, orange towards -1.
 * @param {number} part
 * @returns {number[]} red, green and blue, 0 to 255
 */
function tint(part) {
  const far = Math.min(1, Math.abs(part)), end = part < 0 ? NEGATIVE : POSITIVE;
  return end.map((channel) => Math.round(255 + (channel - 255) * far));
}

/**
 * Paint each pixel of a canvas, row by row.
 * @param {HTMLCanvasElement} canvas
 * @param {number} width in pixels of the image
 * @param {number} height
 * @param {(pixel: number) => number[]} colour red, green and blue, 0 to 255
 * @returns {HTMLCanvasElement} the canvas
 */
function paintPixels(canvas, width, height, colour) {
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  const pen = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  const image = pen.createImageData(width, height), { data } = image;
  for (let pixel = 0, at = 0; pixel < width * height; pixel++) {
    const [red, green, blue] = colour(pixel);
    data[at++] = red;
    data[at++] = green;
    data[at++] = blue;
    data[at++] = 255;
  }
  pen.putImageData(image, 0, 0);
  return canvas;
}
