// NumPy's generator PCG64, with the same bits.
import { rows } from "./arrays.js";
/** @typedef {import("./arrays.js").NDArray} NDArray */

/**
 * The state of the generator; a half of a 64-bit draw waits in `waiting`.
 * @typedef {{ state: bigint, increment: bigint, waiting: number | null }} Generator
 */

export const PCG64_MULTIPLIER = 0x2360ed051fc65da44385df649fccf645n;

/**
 * A generator in a state as NumPy describes it, the whole numbers as text.
 * @param {any} described
 * @returns {Generator}
 */
export function generator(described) {
  const { state, inc } = described?.state ?? {};
  if (described?.bit_generator !== "PCG64" || state === undefined || inc === undefined) {
    const found = described?.bit_generator ?? described;
    throw new TypeError(`the generator is ${found}: expected rng.bit_generator.state of a PCG64`);
  }
  if (typeof state === "number" || typeof inc === "number") {
    throw new TypeError(`the generator has the state ${state}: expected text, as a number loses bits`);
  }
  const waiting = Number(described.has_uint32) ? Number(described.uinteger) : null;
  return { state: BigInt(state), increment: BigInt(inc), waiting };
}

/**
 * The next whole number of 32 bits.
 * @param {Generator} source
 */
export function nextWhole(source) {
  if (source.waiting !== null) {
    const { waiting } = source;
    source.waiting = null;
    return waiting;
  }
  const state = BigInt.asUintN(128, source.state * PCG64_MULTIPLIER + source.increment);
  const mixed = BigInt.asUintN(64, (state >> 64n) ^ state), turn = state >> 122n;
  const drawn = BigInt.asUintN(64, (mixed >> turn) | (mixed << (64n - turn)));
  source.state = state;
  source.waiting = Number(drawn >> 32n);
  return Number(drawn & 0xffffffffn);
}

/**
 * Random numbers in [0, 1) with 24 bits.
 * @param {Generator} source
 * @param {NDArray} out
 */
export function random(source, out) {
  const { count, steps: [step], starts } = rows([out]);
  for (const start of starts) {
    for (let n = 0, k = start; n < count; n++, k += step) out.data[k] = (nextWhole(source) >>> 8) / 2 ** 24;
  }
}
