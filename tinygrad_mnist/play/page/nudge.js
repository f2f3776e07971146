"use strict";
// The derivative by a weight from the loss alone: nudge the weight, and look at what the loss does.

const BEST_STEPS = [1e-4, 1e-5, 1e-6]; // between too large, where the curve bends, and too small, where digits run out
const AGREES = 1e-5; // relative difference

/**
 * The loss with one weight moved.
 * @param {Weight} weight
 * @param {number} by
 * @param {number} label
 */
function lossNudged({ name, index }, by, label) {
  const values = /** @type {Numbers} */ (page.network.arrays.get(name)), before = values[index];
  values[index] = before + by;
  const loss = page.network.lossAt(page.input, label);
  values[index] = before;
  return loss;
}

/**
 * Both losses, and the slope between them.
 * @param {Weight} weight
 * @param {number} h
 * @param {number} label
 */
function nudged(weight, h, label) {
  const more = lossNudged(weight, h, label), less = lossNudged(weight, -h, label);
  return { more, less, slope: (more - less) / (2 * h) };
}

/**
 * |a − b| as a part of the larger of the two.
 * @param {number} a
 * @param {number} b
 */
function difference(a, b) {
  return a === b ? 0 : Math.abs(a - b) / Math.max(Math.abs(a), Math.abs(b));
}

/**
 * The slope by nudges of a good size that is nearest to a number.
 * @param {Weight} weight
 * @param {number} label
 * @param {number} number
 */
function bestSlope(weight, label, number) {
  const slopes = BEST_STEPS.map((h) => nudged(weight, h, label).slope);
  return slopes.reduce((best, slope) => (Math.abs(slope - number) < Math.abs(best - number) ? slope : best));
}

/**
 * The part of a slope that may come from rounding: the loss is as exact as the largest number behind it.
 * @param {Blamed} blamed
 */
function roundingOf({ loss, values }) {
  return (1e-14 * Math.max(1, loss, reach(values[values.length - 1]))) / BEST_STEPS[0];
}

/**
 * Judge the backprop number of a weight by nudges.
 * @param {number} backprop
 * @param {number} slope with the chosen h
 * @param {number} best with a good h
 * @param {number} h
 * @param {number} rounding
 * @returns {"agrees" | "zero" | "tiny" | "large" | "small" | "wrong"}
 */
function judged(backprop, slope, best, h, rounding) {
  if (Math.max(Math.abs(backprop), Math.abs(best)) <= rounding) return backprop === 0 ? "zero" : "tiny";
  if (isWrong(backprop, best, Math.max(Math.abs(backprop), Math.abs(best)), rounding)) return "wrong";
  if (difference(backprop, slope) <= AGREES) return "agrees";
  return h > BEST_STEPS[1] ? "large" : "small";
}

/**
 * @param {number} backprop
 * @param {number} best
 * @param {number} size of the slopes that they are among
 * @param {number} rounding
 */
function isWrong(backprop, best, size, rounding) {
  const far = Math.abs(backprop - best);
  return far > AGREES * size && far > rounding;
}

/**
 * The error of the nudges over h.
 * @param {Weight} weight
 * @param {number} label
 * @param {number} backprop
 * @returns {[number, number][]}
 */
function errorsOverStep(weight, label, backprop) {
  return Array.from({ length: 45 }, (_, i) => {
    const h = 10 ** (-12 + i / 4);
    return [h, Math.max(1e-16, difference(nudged(weight, h, label).slope, backprop))];
  });
}

/**
 * Some places in an array, half of them where its gradient is not 0.
 * @param {Numbers} slopes
 * @param {number} count
 * @param {() => number} next
 */
function somePlaces(slopes, count, next) {
  const places = Array.from(slopes, (_, i) => i), alive = places.filter((i) => slopes[i] !== 0), found = new Set();
  const most = Math.min(count, slopes.length), half = Math.min(Math.ceil(most / 2), alive.length);
  while (found.size < half) found.add(alive[Math.floor(next() * alive.length)]);
  while (found.size < most) found.add(places[Math.floor(next() * places.length)]);
  return [...found];
}

/**
 * Check some weights of an array: the largest difference, as a part of the largest slope among them.
 * @param {string} name
 * @param {Blamed} blamed
 * @param {number} label
 * @param {() => number} next
 */
function checkedArray(name, blamed, label, next) {
  const slopes = /** @type {Numbers} */ (blamed.slopes.get(name)), rounding = roundingOf(blamed);
  const pairs = somePlaces(slopes, 10, next).map((index) => ({ index, backprop: slopes[index], best: bestSlope({ name, index }, label, slopes[index]) }));
  const size = Math.max(...pairs.flatMap(({ backprop, best }) => [Math.abs(backprop), Math.abs(best)]));
  const far = (/** @type {{backprop: number, best: number}} */ { backprop, best }) => Math.abs(backprop - best);
  const worst = pairs.reduce((a, b) => (far(b) > far(a) ? b : a)), isSilent = size <= rounding;
  return { name, count: pairs.length, worst, error: isSilent ? 0 : far(worst) / size, isSilent, isWrong: isWrong(worst.backprop, worst.best, size, rounding) };
}
