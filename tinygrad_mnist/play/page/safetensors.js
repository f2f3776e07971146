"use strict";
// Named arrays as one file of the format safetensors: the length of the header, the header in JSON, the values.

const CODES = { float32: "F32", float64: "F64" }, WIDTHS = { float32: 4, float64: 8 };

/**
 * @param {{name: string, shape: number[], dtype: "float32" | "float64", values: ArrayLike<number>}[]} tensors
 * @returns {Uint8Array}
 */
function safetensorsOf(tensors) {
  /** @type {Record<string, {dtype: string, shape: number[], data_offsets: number[]}>} */
  const header = {};
  let end = 0;
  for (const { name, shape, dtype, values } of tensors) {
    header[name] = { dtype: CODES[dtype], shape, data_offsets: [end, (end += values.length * WIDTHS[dtype])] };
  }
  const text = new TextEncoder().encode(JSON.stringify(header)), length = Math.ceil(text.length / 8) * 8; // values begin at a multiple of 8
  const file = new Uint8Array(8 + length + end), view = new DataView(file.buffer);
  view.setBigUint64(0, BigInt(length), true);
  file.set(text, 8);
  file.fill(0x20, 8 + text.length, 8 + length);
  let at = 8 + length;
  for (const { dtype, values } of tensors) {
    for (let i = 0; i < values.length; i++, at += WIDTHS[dtype]) {
      if (dtype === "float64") view.setFloat64(at, values[i], true);
      else view.setFloat32(at, values[i], true);
    }
  }
  return file;
}
