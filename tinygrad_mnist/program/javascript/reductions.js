// Reductions along axes.  A program has a copy for each name, with its formula; sums are doubles.
import { rows, view } from "./arrays.js";
/** @typedef {import("./arrays.js").NDArray} NDArray */

/**
 * Fold the elements u along axes into one number v, from `initial` on.
 * @param {NDArray} a
 * @param {number[]} axes
 * @param {NDArray} out
 */
export function reduction(a, axes, out, initial = 0) {
  const x = a.data, z = out.data, { kept, gone } = split(a, axes);
  const { count, steps: [step], starts } = rows([gone]), loops = rows([kept, out]), [p, q] = loops.steps;
  for (let start = 0; start < loops.starts.length; start += 2) {
    let i = loops.starts[start], k = loops.starts[start + 1];
    for (let n = 0; n < loops.count; n++, i += p, k += q) {
      let v = initial;
      for (const first of starts) {
        for (let m = 0, j = i + first; m < count; m++, j += step) {
          const u = x[j];
          v = u + v;
        }
      }
      z[k] = v;
    }
  }
}

/**
 * The first element of each sum, and the elements of the first sum (counted from its first element).
 * @param {NDArray} a
 * @param {number[]} axes
 */
export function split(a, axes) {
  const kept = a.shape.map((_, axis) => axis).filter((axis) => !axes.includes(axis));
  const part = (/** @type {number[]} */ some, /** @type {number} */ offset) =>
    view(a, some.map((axis) => a.shape[axis]), some.map((axis) => a.strides[axis]), offset);
  return { kept: part(kept, a.offset), gone: part(axes, 0) };
}
