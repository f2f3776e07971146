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
  const [first, second, made] = asMatrices(a, b, out);
  const before = first.shape.length - 2, after = second.shape.length - 2, own = made.strides;
  const zeros = (/** @type {number} */ count) => new Array(count).fill(0);
  const lengths = [...first.shape.slice(0, before), ...second.shape.slice(0, after)];
  const last = [own[before], own[own.length - 1]];
  multiplyEach(
    view(first, [...lengths, ...first.shape.slice(-2)],
      [...first.strides.slice(0, before), ...zeros(after), ...first.strides.slice(-2)], first.offset),
    view(second, [...lengths, ...second.shape.slice(-2)], [...zeros(before), ...second.strides], second.offset),
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
  multiplyEach(...asMatrices(a, b, out));
}

/**
 * A vector as the one row of the first matrix, or as the one column of the second.
 * @param {NDArray} a
 * @param {NDArray} b
 * @param {NDArray} out
 * @returns {[NDArray, NDArray, NDArray]}
 */
export function asMatrices(a, b, out) {
  const shape = [...out.shape], strides = [...out.strides];
  if (b.shape.length === 1) {
    shape.push(1);
    strides.push(0);
    b = view(b, [b.shape[0], 1], [b.strides[0], 0], b.offset);
  }
  if (a.shape.length === 1) {
    const place = shape.length - b.shape.length + 1;
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
 * The product of two matrices that start at given places.
 * @param {NDArray} a
 * @param {NDArray} b
 * @param {NDArray} out
 * @param {number} i
 * @param {number} j
 * @param {number} k
 */
export function multiplyMatrices(a, b, out, i, j, k) {
  const [height, inner] = a.shape.slice(-2), width = b.shape[b.shape.length - 1];
  const [ip, iq] = a.strides.slice(-2), [jq, jr] = b.strides.slice(-2), [kp, kr] = out.strides.slice(-2);
  if (jr === 1 && width > 3) {
    const sums = new Float64Array(width);
    for (let row = 0; row < height; row++, i += ip, k += kp) {
      addRows(a.data, i, iq, b.data, j, jq, inner, sums);
      for (let column = 0; column < width; column++) out.data[k + column * kr] = sums[column];
    }
    return;
  }
  for (let row = 0; row < height; row++, i += ip, k += kp) {
    scalarProducts(a.data, i, iq, b.data, j, jq, jr, inner, out.data, k, kr, width);
  }
}

/**
 * The sums of contiguous rows, each times a number; four rows at once.
 * @param {Numbers} x
 * @param {number} i
 * @param {number} iq
 * @param {Numbers} y
 * @param {number} j
 * @param {number} jq
 * @param {number} inner
 * @param {Float64Array} sums
 */
export function addRows(x, i, iq, y, j, jq, inner, sums) {
  const width = sums.length;
  sums.fill(0);
  let n = 0;
  for (; n + 4 <= inner; n += 4, i += 4 * iq, j += 4 * jq) {
    const u = x[i], v = x[i + iq], w = x[i + 2 * iq], t = x[i + 3 * iq];
    const second = j + jq, third = j + 2 * jq, fourth = j + 3 * jq;
    for (let r = 0; r < width; r++) {
      sums[r] += u * y[j + r] + v * y[second + r] + w * y[third + r] + t * y[fourth + r];
    }
  }
  for (; n < inner; n++, i += iq, j += jq) {
    const u = x[i];
    for (let r = 0; r < width; r++) sums[r] += u * y[j + r];
  }
}

/**
 * The scalar products of a row with columns; four columns at once.
 * @param {Numbers} x
 * @param {number} i
 * @param {number} iq
 * @param {Numbers} y
 * @param {number} j
 * @param {number} jq
 * @param {number} jr
 * @param {number} inner
 * @param {Numbers} z
 * @param {number} k
 * @param {number} kr
 * @param {number} width
 */
export function scalarProducts(x, i, iq, y, j, jq, jr, inner, z, k, kr, width) {
  let r = 0;
  for (; r + 4 <= width; r += 4, j += 4 * jr, k += 4 * kr) {
    let s = 0, t = 0, u = 0, v = 0;
    for (let n = 0, p = i, q = j; n < inner; n++, p += iq, q += jq) {
      const w = x[p];
      s += w * y[q];
      t += w * y[q + jr];
      u += w * y[q + 2 * jr];
      v += w * y[q + 3 * jr];
    }
    z[k] = s;
    z[k + kr] = t;
    z[k + 2 * kr] = u;
    z[k + 3 * kr] = v;
  }
  for (; r < width; r++, j += jr, k += kr) {
    let s = 0;
    for (let n = 0, p = i, q = j; n < inner; n++, p += iq, q += jq) s += x[p] * y[q];
    z[k] = s;
  }
}
