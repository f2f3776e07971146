// Functions of the elements along an axis.
import { rows } from "./arrays.js";
import { without } from "./indexing.js";
/** @typedef {import("./arrays.js").NDArray} NDArray */

/**
 * The places where the lanes along an axis start: those of the first array, the second ..., then the next lane.
 * The last array has the shape of all; others are repeated along axes of length 1.
 * @param {NDArray[]} arrays
 * @param {number} axis
 */
export function lanes(arrays, axis) {
  const { count, steps, starts } = rows(arrays.map((a) => without(a, axis, 1))), found = [];
  for (let start = 0; start < starts.length; start += steps.length) {
    for (let n = 0; n < count; n++) {
      for (let k = 0; k < steps.length; k++) found.push(starts[start + k] + n * steps[k]);
    }
  }
  return found;
}

/**
 * The elements in order, those that are not a number last.
 * @param {NDArray} a
 * @param {number} axis
 * @param {NDArray} out
 */
export function sort(a, axis, out) {
  const length = a.shape[axis], p = a.strides[axis], q = out.strides[axis], starts = lanes([a, out], axis);
  const lane = new Float64Array(length);
  for (let start = 0; start < starts.length; start += 2) {
    for (let n = 0; n < length; n++) lane[n] = a.data[starts[start] + n * p];
    lane.sort();
    for (let n = 0; n < length; n++) out.data[starts[start + 1] + n * q] = lane[n];
  }
}

/**
 * The places of the elements in order; of equal elements the first comes first.
 * @param {NDArray} a
 * @param {number} axis
 * @param {NDArray} out
 */
export function argsort(a, axis, out) {
  const length = a.shape[axis], p = a.strides[axis], q = out.strides[axis], starts = lanes([a, out], axis);
  for (let start = 0; start < starts.length; start += 2) {
    const at = (/** @type {number} */ n) => a.data[starts[start] + n * p];
    const order = Array.from({ length }, (_, n) => n);
    order.sort((n, m) => Number(at(n) > at(m)) - Number(at(n) < at(m)) || Number(isNaN(at(n))) - Number(isNaN(at(m))));
    for (let n = 0; n < length; n++) out.data[starts[start + 1] + n * q] = order[n];
  }
}

/**
 * np.take_along_axis: of each lane the elements at the places in a lane of `indices`.
 * @param {NDArray} a
 * @param {NDArray} indices
 * @param {number} axis
 * @param {NDArray} out
 */
export function takeAlong(a, indices, axis, out) {
  const length = a.shape[axis], count = indices.shape[axis], starts = lanes([a, indices, out], axis);
  const p = a.strides[axis], q = indices.strides[axis], r = out.strides[axis];
  for (let start = 0; start < starts.length; start += 3) {
    for (let n = 0; n < count; n++) {
      const index = indices.data[starts[start + 1] + n * q];
      out.data[starts[start + 2] + n * r] = a.data[starts[start] + (index < 0 ? index + length : index) * p];
    }
  }
}

/**
 * @param {NDArray} a
 * @param {number} axis
 * @param {NDArray} out
 */
export function accumulation(a, axis, out) {
  const length = a.shape[axis], p = a.strides[axis], q = out.strides[axis], starts = lanes([a, out], axis);
  for (let start = 0; start < starts.length; start += 2) {
    let i = starts[start], k = starts[start + 1], v = a.data[i];
    if (length) out.data[k] = v;
    for (let n = 1; n < length; n++) {
      i += p;
      k += q;
      const u = a.data[i];
      v = u + v;
      out.data[k] = v;
    }
  }
}
