// The checks of values that layers and losses make.
import { array, copy, sizeOf } from "./arrays.js";
/** @typedef {import("./arrays.js").NDArray} NDArray */

/**
 * Refuse labels outside 0 .. classes - 1.
 * @param {NDArray} labels
 * @param {number} classes
 */
export function requireLabels(labels, classes) {
  const list = array(new Float64Array(sizeOf(labels.shape)), labels.shape);
  copy(labels, list);
  const first = list.data.findIndex((label) => !(label >= 0 && label < classes));
  if (first < 0) return;
  const label = list.data[first];
  const instead = label < 0 ? `; write ignore_index=${label} to leave such examples out of a loss` : "";
  throw new RangeError(`label ${label} of example ${first} is out of range: ` +
    `${classes} classes have the labels 0 to ${classes - 1}${instead}`);
}
