// Functions of the elements along an axis.
import { rows } from "./arrays.js";
import { without } from "./indexing.js";
/** @typedef {import("./arrays.js").NDArray} NDArray */

/**
 * The places where the lanes along an axis start: the first lane's in each array, then the second lane's.
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
    const lane = Array.from({ length }, (_, n) => a.data[starts[start] + n * p]);
    const order = lane.map((_, n) => n);
    order.sort((n, m) => comparison(lane[n], lane[m]));
    for (let n = 0; n < length; n++) out.data[starts[start + 1] + n * q] = order[n];
  }
}

/**
 * The order of two numbers: below 0, 0 or above 0; NaN comes last.
 * @param {number} x
 * @param {number} y
 */
export function comparison(x, y) {
  if (x !== x || y !== y) return Number(x !== x) - Number(y !== y);
  return x < y ? -1 : Number(x > y);
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
 * Fold the elements u along an axis into a number v, and write it at each.
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
