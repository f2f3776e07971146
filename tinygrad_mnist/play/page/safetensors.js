"use strict";
// Named arrays as one file of the format safetensors: the length of the header, the header in JSON, the values.

const CODES = { float32: "F32", float64: "F64", int64: "I64" }, WIDTHS = { float32: 4, float64: 8, int64: 8 };

/**
 * @param {{name: string, shape: number[], dtype: Dtype, values: ArrayLike<number>}[]} tensors
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
      if (dtype === "int64") view.setBigInt64(at, BigInt(values[i]), true);
      else if (dtype === "float64") view.setFloat64(at, values[i], true);
      else view.setFloat32(at, values[i], true);
    }
  }
  return file;
}

/**
 * The arrays of a file, for those of a network; or a sentence about what is wrong with it.
 * @param {ArrayBuffer} file
 * @param {{name: string, shape: number[], dtype: Dtype}[]} parameters
 * @returns {Map<string, Float64Array> | string}
 */
function tensorsIn(file, parameters) {
  try {
    return arraysIn(new DataView(file), parameters);
  } catch { // a place outside of the file, a header that is not JSON
    return "The file is not a safetensors file.";
  }
}

/**
 * @param {DataView} view
 * @param {{name: string, shape: number[], dtype: Dtype}[]} parameters
 */
function arraysIn(view, parameters) {
  const begin = 8 + Number(view.getBigUint64(0, true));
  /** @type {Record<string, {dtype: string, shape: number[], data_offsets: number[]}>} */
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(view.buffer, 8, begin - 8)));
  /** @type {Map<string, Float64Array>} */
  const found = new Map();
  for (const { name, shape, dtype } of parameters) {
    const tensor = Object.hasOwn(header, name) ? header[name] : null, isWhole = dtype === "int64";
    if (!tensor || !(isWhole ? ["I64"] : ["F32", "F64"]).includes(tensor.dtype) || String(tensor.shape) !== String(shape)) {
      return `The file is of another network: expected ${name} with ${shape.join(" × ") || 1} numbers, ${isWhole ? "int64" : "float32 or float64"}.`;
    }
    const at = begin + tensor.data_offsets[0], length = shape.reduce((a, b) => a * b, 1);
    const read = (/** @type {number} */ i) => (isWhole ? Number(view.getBigInt64(at + 8 * i, true)) : tensor.dtype === "F64" ? view.getFloat64(at + 8 * i, true) : view.getFloat32(at + 4 * i, true));
    found.set(name, Float64Array.from({ length }, (_, i) => read(i)));
  }
  return found;
}
