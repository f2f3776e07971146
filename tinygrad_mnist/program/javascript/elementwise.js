// Functions of each element.  A program has one of these for each name, with its formula in u, v and w.
import { rows } from "./arrays.js";
/** @typedef {import("./arrays.js").NDArray} NDArray */

/**
 * A function of the elements u of a.
 * @param {NDArray} a
 * @param {NDArray} out
 */
export function unary(a, out) {
  const x = a.data, z = out.data;
  const { count, steps: [p, q], starts } = rows([a, out]);
  for (let start = 0; start < starts.length; start += 2) {
    for (let n = 0, i = starts[start], k = starts[start + 1]; n < count; n++, i += p, k += q) {
      const u = x[i];
      z[k] = u;
    }
  }
}

/**
 * A function of the elements u of a and v of b, which are repeated where they have fewer axes than `out`.
 * @param {NDArray} a
 * @param {NDArray} b
 * @param {NDArray} out
 */
export function binary(a, b, out) {
  const x = a.data, y = b.data, z = out.data;
  const { count, steps: [p, q, r], starts } = rows([a, b, out]);
  for (let start = 0; start < starts.length; start += 3) {
    let i = starts[start], j = starts[start + 1], k = starts[start + 2];
    for (let n = 0; n < count; n++, i += p, j += q, k += r) {
      const u = x[i], v = y[j];
      z[k] = u + v;
    }
  }
}

/**
 * A function of the elements u of a, v of b and w of c, which are repeated where they have fewer axes.
 * @param {NDArray} a
 * @param {NDArray} b
 * @param {NDArray} c
 * @param {NDArray} out
 */
export function ternary(a, b, c, out) {
  const x = a.data, y = b.data, t = c.data, z = out.data;
  const { count, steps: [p, q, r, s], starts } = rows([a, b, c, out]);
  for (let start = 0; start < starts.length; start += 4) {
    let i = starts[start], j = starts[start + 1], l = starts[start + 2], k = starts[start + 3];
    for (let n = 0; n < count; n++, i += p, j += q, l += r, k += s) {
      const u = x[i], v = y[j], w = t[l];
      z[k] = u ? v : w;
    }
  }
}
