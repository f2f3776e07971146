// Elements chosen by numbers.
import { array, inOrder, rows, sizeOf, view } from "./arrays.js";
/** @typedef {import("./arrays.js").NDArray} NDArray */

/**
 * np.take: the parts of an array at places along an axis; of the flat array if the axis is null.
 * @param {NDArray} a
 * @param {NDArray} indices
 * @param {number | null} axis
 * @param {NDArray} out
 * @param {"raise" | "clip" | "wrap"} mode
 */
export function take(a, indices, axis, out, mode) {
  if (axis === null) [a, axis] = [array(inOrder(a), [sizeOf(a.shape)]), 0];
  const places = indices.shape.length, x = a.data, z = out.data;
  const loops = rows([without(a, axis, 1), without(out, axis, places)]), [p, q] = loops.steps;
  const chosen = view(out, out.shape.slice(axis, axis + places), out.strides.slice(axis, axis + places));
  const list = rows([indices, chosen]), [r, s] = list.steps;
  for (let row = 0; row < list.starts.length; row += 2) {
    for (let n = 0; n < list.count; n++) {
      const index = within(indices.data[list.starts[row] + n * r], a.shape[axis], mode);
      const from = index * a.strides[axis], to = list.starts[row + 1] + n * s;
      for (let start = 0; start < loops.starts.length; start += 2) {
        let i = from + loops.starts[start], k = to + loops.starts[start + 1];
        for (let m = 0; m < loops.count; m++, i += p, k += q) z[k] = x[i];
      }
    }
  }
}

/**
 * The array without some axes: the part at their places 0.
 * @param {NDArray} a
 * @param {number} axis
 * @param {number} count
 */
export function without(a, axis, count) {
  const shape = [...a.shape], strides = [...a.strides];
  shape.splice(axis, count);
  strides.splice(axis, count);
  return view(a, shape, strides, a.offset);
}

/**
 * A place along an axis: a negative one is counted from the end.
 * @param {number} index
 * @param {number} length
 * @param {"raise" | "clip" | "wrap"} mode
 */
export function within(index, length, mode) {
  if (mode === "clip") return Math.max(0, Math.min(index, length - 1));
  if (mode === "wrap") return ((index % length) + length) % length;
  if (!(index >= -length && index < length)) {
    throw new RangeError(`index ${index} is out of bounds for an axis of length ${length}`);
  }
  return index < 0 ? index + length : index;
}

/**
 * The elements at places in the memory of an array.
 * @param {NDArray} a
 * @param {NDArray} places
 * @param {NDArray} out
 */
export function pick(a, places, out) {
  const x = a.data, y = places.data, z = out.data;
  const { count, steps: [p, q], starts } = rows([places, out]);
  for (let start = 0; start < starts.length; start += 2) {
    for (let n = 0, i = starts[start], k = starts[start + 1]; n < count; n++, i += p, k += q) z[k] = x[y[i]];
  }
}

/**
 * Write elements at places in the memory of an array.
 * @param {NDArray} out
 * @param {NDArray} places
 * @param {NDArray} a
 */
export function put(out, places, a) {
  const x = a.data, y = places.data, z = out.data;
  const { count, steps: [p, q], starts } = rows([a, places]);
  for (let start = 0; start < starts.length; start += 2) {
    for (let n = 0, i = starts[start], k = starts[start + 1]; n < count; n++, i += p, k += q) z[y[k]] = x[i];
  }
}

/**
 * Add elements at places in the memory of an array, at one place as often as it occurs.
 * @param {NDArray} out
 * @param {NDArray} places
 * @param {NDArray} a
 */
export function putAdded(out, places, a) {
  const x = a.data, y = places.data, z = out.data;
  const { count, steps: [p, q], starts } = rows([a, places]);
  for (let start = 0; start < starts.length; start += 2) {
    for (let n = 0, i = starts[start], k = starts[start + 1]; n < count; n++, i += p, k += q) z[y[k]] += x[i];
  }
}
