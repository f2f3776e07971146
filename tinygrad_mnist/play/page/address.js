"use strict";
// The state of the page in its address, so that it can be handed out: #tab=learn&test=12&label=3 ...

const LEVELS = 255; // of ink, in the address
const MOST_STEPS = 20_000, MOST_STRETCHES = 20; // that are trained again when an address is opened

/**
 * Bytes as text for an address; zeros as their number.
 * @param {Uint8Array} bytes
 */
function packed(bytes) {
  /** @type {number[]} */
  const short = [];
  for (let i = 0; i < bytes.length; i++) {
    let zeros = 0;
    while (bytes[i + zeros] === 0 && zeros < 255 && i + zeros < bytes.length) zeros++;
    if (zeros) short.push(0, zeros);
    else short.push(bytes[i]);
    if (zeros) i += zeros - 1;
  }
  return btoa(String.fromCharCode(...short)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/**
 * @param {string} text
 * @param {number} size
 * @returns {Uint8Array | null} null unless it holds that many bytes
 */
function unpacked(text, size) {
  if (!/^[\w-]*$/.test(text) || text.length % 4 === 1) return null;
  const short = Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (letter) => letter.charCodeAt(0));
  /** @type {number[]} */
  const bytes = [];
  for (let i = 0; i < short.length && bytes.length <= size; i++) {
    if (short[i]) bytes.push(short[i]);
    else bytes.push(...Array(short[++i] ?? 0).fill(0));
  }
  return bytes.length === size ? Uint8Array.from(bytes) : null;
}

/** The state as the part of an address after #. */
function addressOf() {
  const { example, label, unit, weight, mistake, tab, input } = page, parts = new URLSearchParams({ tab });
  if (example) parts.set(example.set, String(example.index));
  else if (page.data.kind === "points") parts.set("point", Array.from(input).join("_"));
  else parts.set("drawn", packed(Uint8Array.from(input, (ink) => Math.round(ink * LEVELS))));
  if (label !== null) parts.set("label", String(label));
  if (unit) parts.set("unit", `${unit.layer}_${unit.index}`);
  if (weight) parts.set("weight", `${page.data.parameters.findIndex(({ name }) => name === weight.name)}_${weight.index}`);
  if (mistake) parts.set("mistake", mistake);
  for (const [name, value] of trainingParts()) parts.set(name, value);
  return parts.toString();
}

/**
 * The training in the address.
 * @returns {[string, string][]}
 */
function trainingParts() {
  const { settings, start, seed, report } = learning, { lr, momentum } = page.data.training;
  /** @type {[string, string][]} */
  const parts = [];
  if (settings.lr !== lr) parts.push(["lr", String(settings.lr)]);
  if (settings.momentum !== momentum) parts.push(["momentum", String(settings.momentum)]);
  if (start === "file") return parts;
  if (start === "fresh" || report?.at) parts.push(["start", start], ["seed", String(seed)]);
  if (report?.at && hasReplay(report)) {
    const plan = report.plan.filter(({ from }) => from < report.at);
    parts.push(["steps", String(report.at)], ["plan", plan.map(({ from, lr: rate, momentum: kept, mistake }) => [from, rate, kept, mistake ?? ""].join("_")).join("~")]);
  }
  return parts;
}

/** @param {Report} report */
function hasReplay({ at, plan }) {
  return learning.start !== "file" && at <= MOST_STEPS && plan.length <= MOST_STRETCHES;
}

/**
 * A whole number below a limit, or null.
 * @param {string | null | undefined} text
 * @param {number} limit
 */
function wholeBelow(text, limit) {
  return text && /^\d+$/.test(text) && Number(text) < limit ? Number(text) : null;
}

/**
 * Bring the page to the state of an address; what it cannot be is left as it is.
 * @param {string} text after #
 */
function openAddress(text) {
  const parts = new URLSearchParams(text), { data, network } = page;
  openInput(parts);
  const label = wholeBelow(parts.get("label"), data.classes.length);
  if (label !== null) page.expect(label);
  const [layer, index] = (parts.get("unit") ?? "").split("_"), number = layer === "-1" ? -1 : wholeBelow(layer, network.blocks.length);
  const at = number === null ? null : wholeBelow(index, number < 0 ? page.input.length : network.blocks[number].size);
  if (number !== null && at !== null) page.look({ layer: number, index: at });
  const mistake = data.mistakes.find(({ id }) => id === parts.get("mistake"));
  page.mistake = mistake?.id ?? null;
  page.changed("mistake");
  const [array, place] = (parts.get("weight") ?? "").split("_"), parameter = data.parameters[wholeBelow(array, data.parameters.length) ?? -1];
  const entry = parameter ? wholeBelow(place, network.arrays.get(parameter.name)?.length ?? 0) : null;
  page.chooseWeight(parameter && entry !== null ? { name: parameter.name, index: entry } : null);
  openTraining(parts);
  const tab = TABS.find(({ id }) => id === parts.get("tab"));
  if (tab) page.show(tab.id);
}

/** @param {URLSearchParams} parts */
function openInput(parts) {
  for (const set of /** @type {const} */ (["test", "train"])) {
    const index = wholeBelow(parts.get(set), page.sets[set].count);
    if (index !== null) page.choose(set, index);
  }
  const point = (parts.get("point") ?? "").split("_").map(Number), bytes = unpacked(parts.get("drawn") ?? "", page.input.length);
  if (page.data.kind === "points" && point.length === page.input.length && point.every(Number.isFinite)) page.take(Float64Array.from(point));
  else if (page.data.kind === "image" && bytes) page.take(Float64Array.from(bytes, (level) => level / LEVELS));
  if (parts.has("drawn") || parts.has("point")) page.expect(null);
}

/** @param {URLSearchParams} parts */
function openTraining(parts) {
  const seed = wholeBelow(parts.get("seed"), 2 ** 31), start = parts.get("start") === "fresh" ? "fresh" : "given", steps = wholeBelow(parts.get("steps"), MOST_STEPS + 1) ?? 0;
  const plan = (parts.get("plan") ?? "").split("~").map(stretchOf).filter((stretch) => stretch !== null);
  if (parts.has("start") && seed !== null) learning.replay(start, seed, /** @type {Stretch[]} */ (plan), steps);
  else if (learning.start !== "given" || learning.report?.at) learning.restart("given", learning.seed);
  const given = (/** @type {"lr" | "momentum"} */ name, /** @type {number[]} */ values) => {
    const usual = page.data.training[name], wanted = Number(parts.get(name) ?? usual);
    return nearest(values, wanted >= 0 ? wanted : usual);
  };
  learning.set({ lr: given("lr", learning.rates), momentum: given("momentum", learning.momenta) });
}

/**
 * @param {string} text
 * @returns {Stretch | null}
 */
function stretchOf(text) {
  const [from, lr, momentum, mistake] = text.split("_"), at = wholeBelow(from, MOST_STEPS), known = page.data.mistakes.some(({ id }) => id === mistake);
  if (at === null || !(Number(lr) >= 0) || !(Number(momentum) >= 0) || (mistake && !known)) return null;
  return { from: at, lr: Number(lr), momentum: Number(momentum), mistake: mistake || null };
}
