// Matrix products.  Sums are doubles, whatever the elements are.
import { rows, view } from "./arrays.js";
/** @typedef {import("./arrays.js").NDArray} NDArray */
/** @typedef {import("./arrays.js").Numbers} Numbers */

/**
 * np.dot: of stacks of matrices, each of the first with each of the second.
 * @param {NDArray} a
 * @param {NDArray} b
 * @param {NDArray} out
 */
export function dot(a, b, out) {
  const [first, second, made] = asMatrices(a, b, out, 0);
  const before = first.shape.length - 2, after = second.shape.length - 2, own = made.strides;
  const zeros = (/** @type {number} */ count) => new Array(count).fill(0);
  const lengths = [...first.shape.slice(0, before), ...second.shape.slice(0, after)];
  const last = [own[before], own[own.length - 1]];
  multiplyEach(
    view(first, [...lengths, ...first.shape.slice(-2)],
      [...first.strides.slice(0, before), ...zeros(after), ...first.strides.slice(-2)], first.offset),
    view(second, [...lengths, ...second.shape.slice(-2)],
      [...zeros(before), ...second.strides], second.offset),
    view(made, [...lengths, first.shape[before], second.shape[after + 1]],
      [...own.slice(0, before), ...own.slice(before + 1, before + 1 + after), ...last], made.offset),
  );
}

/**
 * np.matmul: of stacks of matrices, each of the first with the one at the same place in the second.
 * @param {NDArray} a
 * @param {NDArray} b
 * @param {NDArray} out
 */
export function matmul(a, b, out) {
  multiplyEach(...asMatrices(a, b, out, -1));
}

/**
 * A vector as the one row of the first matrix, or as the one column of the second.
 * @param {NDArray} a
 * @param {NDArray} b
 * @param {NDArray} out
 * @param {number} place of the row among the axes of the product
 * @returns {[NDArray, NDArray, NDArray]}
 */
export function asMatrices(a, b, out, place) {
  const shape = [...out.shape], strides = [...out.strides];
  if (b.shape.length === 1) {
    shape.push(1);
    strides.push(0);
    b = view(b, [b.shape[0], 1], [b.strides[0], 0], b.offset);
  }
  if (a.shape.length === 1) {
    shape.splice(place, 0, 1);
    strides.splice(place, 0, 0);
    a = view(a, [1, a.shape[0]], [0, a.strides[0]], a.offset);
  }
  return [a, b, view(out, shape, strides, out.offset)];
}

/**
 * The products of all pairs of matrices in two stacks.
 * @param {NDArray} a
 * @param {NDArray} b
 * @param {NDArray} out
 */
export function multiplyEach(a, b, out) {
  if (out.shape.length === 2) return multiplyMatrices(a, b, out, a.offset, b.offset, out.offset);
  const stacks = [a, b, out].map((x) => view(x, x.shape.slice(0, -2), x.strides.slice(0, -2), x.offset));
  const { count, steps: [p, q, r], starts } = rows(stacks);
  for (let start = 0; start < starts.length; start += 3) {
    let i = starts[start], j = starts[start + 1], k = starts[start + 2];
    for (let n = 0; n < count; n++, i += p, j += q, k += r) multiplyMatrices(a, b, out, i, j, k);
  }
}

/**
 * The product of two matrices that start at given places, by two rows at once.
 * @param {NDArray} a
 * @param {NDArray} b
 * @param {NDArray} out
 * @param {number} i
 * @param {number} j
 * @param {number} k
 */
export function multiplyMatrices(a, b, out, i, j, k) {
  const [height, inner] = a.shape.slice(-2), [down, along] = a.strides.slice(-2);
  const [next, right] = out.strides.slice(-2);
  for (let row = 0; row < height; row += 2, i += 2 * down, k += 2 * next) {
    const [below, under] = row + 1 < height ? [down, next] : [0, 0]; // a last row alone is taken twice
    multiplyRows(a.data, i, below, along, inner, b, j, out.data, k, under, right);
  }
}

/**
 * The scalar products of two rows with all columns, four columns at once.
 * @param {Numbers} x
 * @param {number} i
 * @param {number} below
 * @param {number} along
 * @param {number} inner
 * @param {NDArray} b
 * @param {number} j
 * @param {Numbers} z
 * @param {number} k
 * @param {number} under
 * @param {number} right
 */
export function multiplyRows(x, i, below, along, inner, b, j, z, k, under, right) {
  const y = b.data, width = b.shape[b.shape.length - 1], [down, next] = b.strides.slice(-2);
  let column = 0;
  for (; column + 4 <= width; column += 4, j += 4 * next, k += 4 * right) {
    let s0 = 0, s1 = 0, s2 = 0, s3 = 0, t0 = 0, t1 = 0, t2 = 0, t3 = 0;
    for (let n = 0, p = i, q = j; n < inner; n++, p += along, q += down) {
      const u = x[p], v = x[p + below];
      const y0 = y[q], y1 = y[q + next], y2 = y[q + 2 * next], y3 = y[q + 3 * next];
      s0 += u * y0;
      s1 += u * y1;
      s2 += u * y2;
      s3 += u * y3;
      t0 += v * y0;
      t1 += v * y1;
      t2 += v * y2;
      t3 += v * y3;
    }
    z[k] = s0;
    z[k + right] = s1;
    z[k + 2 * right] = s2;
    z[k + 3 * right] = s3;
    z[k + under] = t0;
    z[k + under + right] = t1;
    z[k + under + 2 * right] = t2;
    z[k + under + 3 * right] = t3;
  }
  for (; column < width; column++, j += next, k += right) {
    let s = 0, t = 0;
    for (let n = 0, p = i, q = j; n < inner; n++, p += along, q += down) {
      s += x[p] * y[q];
      t += x[p + below] * y[q];
    }
    z[k] = s;
    z[k + under] = t;
  }
}
