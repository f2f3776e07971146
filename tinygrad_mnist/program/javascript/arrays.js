// Arrays: numbers in one-dimensional memory, seen with axes.

/**
 * Memory of numbers.  Whole numbers of 64 bits are doubles, exact below 2**53; truth values are bytes.
 * @typedef {Float64Array | Float32Array | Int8Array | Int16Array | Int32Array | Uint8Array | Uint16Array
 *   | Uint32Array} Numbers
 *
 * The element [i, j] is data[offset + i * strides[0] + j * strides[1]].
 * @typedef {{ data: Numbers, shape: number[], strides: number[], offset: number }} NDArray
 *
 * Loops over the elements of several arrays at once: rows of `count` elements, `steps` apart in each array.
 * The places where the rows start follow each other: the first row's in each array, then the second row's.
 * @typedef {{ count: number, steps: number[], starts: number[] }} Rows
 */

/**
 * The number of elements of a shape.
 * @param {number[]} shape
 */
export function sizeOf(shape) {
  return shape.reduce((size, length) => size * length, 1);
}

/**
 * The strides of a shape in C order: the last axis is the fastest.
 * @param {number[]} shape
 */
export function orderOf(shape) {
  const strides = shape.map(() => 1);
  for (let axis = shape.length - 2; axis >= 0; axis--) strides[axis] = strides[axis + 1] * shape[axis + 1];
  return strides;
}

/**
 * An array at the beginning of some memory.
 * @param {Numbers} data
 * @param {number[]} shape
 * @returns {NDArray}
 */
export function array(data, shape, strides = orderOf(shape)) {
  return { data, shape, strides, offset: 0 };
}

/**
 * The same memory with other axes.
 * @param {NDArray} a
 * @param {number[]} shape
 * @param {number[]} strides
 * @returns {NDArray}
 */
export function view(a, shape, strides, offset = 0) {
  return { data: a.data, shape, strides, offset };
}

/**
 * A number as an array without axes.
 * @param {number} number
 */
export function scalar(number) {
  return array(Float64Array.of(number), []);
}

/**
 * An array from outside, in C order, which is changed in place.
 * @param {any} data
 * @param {number[]} shape
 * @param {any} kind
 * @param {string} name
 */
export function state(data, shape, kind, name) {
  if (!(data instanceof kind) || data.length !== sizeOf(shape)) {
    const found = data?.length === undefined ? data : `${data.constructor.name}(${data.length})`;
    throw new TypeError(`${name} is ${found}: expected ${kind.name}(${sizeOf(shape)})`);
  }
  return array(/** @type {any} */ (data), shape);
}

/**
 * Copy what is given at a call, in C order, into an array.
 * @param {NDArray} a
 * @param {any} given
 * @param {string} name
 */
export function fill(a, given, name) {
  const { data } = a, expected = sizeOf(a.shape);
  if (given?.length !== expected) {
    const shape = `(${a.shape.join(", ")})`;
    throw new TypeError(`${name} is of length ${given?.length}: expected ${expected}, ${shape} in C order`);
  }
  if (typeof given[0] === "bigint" || !ArrayBuffer.isView(given)) {
    given = Array.from(given, (number, i) => {
      if (["number", "bigint", "boolean"].includes(typeof number)) return Number(number);
      throw new TypeError(`${name}[${i}] is ${number}: expected a number`);
    });
  }
  data.set(given);
}

/**
 * Copy whole numbers that are given at a call, in C order, into an array.
 * @param {NDArray} a
 * @param {any} given
 * @param {string} name
 * @param {number} low
 * @param {number} high
 */
export function fillWhole(a, given, name, low, high) {
  fill(a, given, name);
  for (let i = 0; i < given.length; i++) {
    const number = Number(given[i]);
    if (!(Number.isInteger(number) && number >= low && number <= high)) {
      throw new RangeError(`${name}[${i}] is ${given[i]}: expected a whole number from ${low} to ${high}`);
    }
  }
}

/**
 * A copy for the caller, in C order; a number if there are no axes.
 * @param {NDArray} a
 */
export function result(a) {
  return a.shape.length ? inOrder(a) : a.data[a.offset];
}

/**
 * A copy of the elements in C order.
 * @param {NDArray} a
 * @returns {Numbers}
 */
export function inOrder(a) {
  const kind = /** @type {any} */ (a.data.constructor), out = array(new kind(sizeOf(a.shape)), a.shape);
  copy(a, out);
  return out.data;
}

/**
 * Copy the elements of an array, repeated where it has fewer axes or an axis of length 1.
 * @param {NDArray} a
 * @param {NDArray} out
 */
export function copy(a, out) {
  const x = a.data, z = out.data;
  const { count, steps: [p, q], starts } = rows([a, out]);
  for (let start = 0; start < starts.length; start += 2) {
    for (let n = 0, i = starts[start], k = starts[start + 1]; n < count; n++, i += p, k += q) z[k] = x[i];
  }
}

/**
 * The loops over arrays, the last of which has the shape of all.  Axes that follow each other are one.
 * @param {NDArray[]} arrays
 * @returns {Rows}
 */
export function rows(arrays) {
  const { shape, strides } = arrays[arrays.length - 1];
  const axes = /** @type {number[]} */ ([]);
  for (let axis = 0; axis < shape.length; axis++) if (shape[axis] !== 1) axes.push(axis);
  if (axes.length > 1) axes.sort((a, b) => Math.abs(strides[b]) - Math.abs(strides[a]) || a - b);
  let count = 1, steps = arrays.map(() => 0), starts = arrays.map((a) => a.offset);
  const outer = [];
  for (let i = axes.length - 1; i >= 0; i--) {
    const length = shape[axes[i]], own = arrays.map((a) => strideOf(a, axes[i] - shape.length));
    if (i === axes.length - 1) [count, steps] = [length, own];
    else if (!outer.length && own.every((stride, k) => stride === steps[k] * count)) count *= length;
    else outer.push({ length, own });
  }
  for (const { length, own } of outer.reverse()) {
    const before = starts;
    starts = [];
    for (let row = 0; row < before.length; row += own.length) {
      for (let i = 0; i < length; i++) {
        for (let k = 0; k < own.length; k++) starts.push(before[row + k] + i * own[k]);
      }
    }
  }
  return { count, steps, starts };
}

/**
 * The stride along an axis, counted from the last; 0 where the elements are repeated.
 * @param {NDArray} a
 * @param {number} axis
 */
export function strideOf(a, axis) {
  const own = a.shape.length + axis;
  return own < 0 || a.shape[own] === 1 ? 0 : a.strides[own];
}
