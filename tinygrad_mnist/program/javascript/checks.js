// The checks of values that layers and losses make.
import { inOrder } from "./arrays.js";
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
  const list = inOrder(numbers), first = list.findIndex((number) => !(number >= 0 && number < count));
  return [first, list[first]];
}

/**
 * Refuse numbers outside of [0, 1], but for rounding.
 * @param {NDArray} values
 */
export function requireProbabilities(values) {
  let low = 0, high = 1;
  for (const value of inOrder(values)) [low, high] = [Math.min(low, value), Math.max(high, value)];
  if (!(low < -1e-3 || high > 1 + 1e-3)) return;
  const [from, to] = [low, high].map((number) => Number(number.toPrecision(6)));
  throw new RangeError(`a loss of probabilities was given numbers from ${from} to ${to}: ` +
    "end the network in Softmax or Sigmoid, or use the loss that takes logits");
}
