"use strict";
// Named arrays as one file of the format safetensors: the length of the header, the header in JSON, the values.

/**
 * @param {{name: string, shape: number[], values: ArrayLike<number>}[]} tensors
 * @param {boolean} isDouble as float64, else as float32
 * @returns {Uint8Array}
 */
function safetensorsOf(tensors, isDouble) {
  const bytes = isDouble ? 8 : 4;
  /** @type {Record<string, {dtype: string, shape: number[], data_offsets: number[]}>} */
  const header = {};
  let end = 0;
  for (const { name, shape, values } of tensors) {
    header[name] = { dtype: isDouble ? "F64" : "F32", shape, data_offsets: [end, (end += values.length * bytes)] };
  }
  const text = new TextEncoder().encode(JSON.stringify(header)), length = Math.ceil(text.length / 8) * 8; // values begin at a multiple of 8
  const file = new Uint8Array(8 + length + end), view = new DataView(file.buffer);
  view.setBigUint64(0, BigInt(length), true);
  file.set(text, 8);
  file.fill(0x20, 8 + text.length, 8 + length);
  let at = 8 + length;
  for (const { values } of tensors) {
    for (let i = 0; i < values.length; i++, at += bytes) {
      if (isDouble) view.setFloat64(at, values[i], true);
      else view.setFloat32(at, values[i], true);
    }
  }
  return file;
}
