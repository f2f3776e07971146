// The checks of values that layers and losses make.
import { array, copy, sizeOf } from "./arrays.js";
/** @typedef {import("./arrays.js").NDArray} NDArray */

/**
 * Refuse labels outside 0 .. classes - 1.
 * @param {NDArray} labels
 * @param {number} classes
 */
export function requireLabels(labels, classes) {
  const [first, label] = firstOutside(labels, classes);
  if (first < 0) return;
  const instead = label < 0 ? `; write ignore_index=${label} to leave such examples out of a loss` : "";
  throw new RangeError(`label ${label} of example ${first} is out of range: ` +
    `${classes} classes have the labels 0 to ${classes - 1}${instead}`);
}

/**
 * Refuse numbers of rows outside 0 .. count - 1.
 * @param {NDArray} numbers
 * @param {number} count
 */
export function requireRows(numbers, count) {
  const [first, number] = firstOutside(numbers, count);
  if (first < 0) return;
  throw new RangeError(`number ${number} at position ${first} is out of range: ` +
    `the table has the rows 0 to ${count - 1}`);
}

/**
 * The position of the first number outside 0 .. count - 1, or -1, and the number.
 * @param {NDArray} numbers
 * @param {number} count
 */
export function firstOutside(numbers, count) {
  const list = array(new Float64Array(sizeOf(numbers.shape)), numbers.shape);
  copy(numbers, list);
  const first = list.data.findIndex((number) => !(number >= 0 && number < count));
  return [first, list.data[first]];
}

/**
 * Refuse numbers outside of [0, 1], but for rounding.
 * @param {NDArray} values
 */
export function requireProbabilities(values) {
  const list = array(new Float64Array(sizeOf(values.shape)), values.shape);
  copy(values, list);
  const low = list.data.reduce((x, y) => Math.min(x, y), 0), high = list.data.reduce((x, y) => Math.max(x, y), 1);
  if (!(low < -1e-3 || high > 1 + 1e-3)) return;
  throw new RangeError(`a loss of probabilities was given numbers from ${Number(low.toPrecision(6))} to ` +
    `${Number(high.toPrecision(6))}: end the network in Softmax or Sigmoid, or use the loss that takes logits`);
}
