"use strict";
// The tab Check: is the gradient of a weight true?  Nudge the weight and compare; plant a mistake and catch it.

const PAUSE = 150, SELDOM = 1000; // milliseconds
const NUDGES = Array.from({ length: 12 }, (_, i) => Number(`1e-${i + 1}`));

class CheckTab {
  constructor() {
    const { data } = page;
    this.h = 1e-5;
    this.timer = 0;
    this.tested = 0;
    /** @type {ReturnType<typeof judged> | null} */
    this.verdict = null;
    /** @type {ReturnType<typeof checkedArray>[]} */
    this.arrays = [];
    this.name = choice({ id: "weight-array", label: "Look at", options: data.parameters.map(({ name, shape }) => [name, `${arrayTitle(name)}, ${shape.join(" × ")}`]), value: data.parameters[0].name, choose: (name) => page.chooseWeight({ name, index: this.largest(name) }) });
    this.to = numberField({ id: "weight-to", label: "of unit", value: 1, most: 1, choose: () => this.pick() });
    this.from = numberField({ id: "weight-from", label: "for input", value: 1, most: 1, choose: () => this.pick() });
    for (const { input } of [this.to, this.from]) input.min = "1";
    this.which = make("p", "which");
    this.image = make("div", "image");
    this.nudge = slider({
      id: "nudge", label: "Nudge h", values: NUDGES, value: this.h, text: (h) => powerText(Math.round(Math.log10(h))), choose: (h) => { this.h = h; page.changed("weight"); },
      note: "How far the weight is moved, up and down. Then it goes back to where it was.",
    });
    this.found = make("div", "found");
    this.words = make("p", "judgement");
    this.words.id = "judgement";
    this.slope = new Chart("chart-weight", "The loss when only this weight moves", 200);
    this.v = new Chart("chart-v", "Error of the nudge over h", 220);
    this.curve = Object.assign(make("details", "", make("summary", "", "Which h is best? The V-curve"), this.v.element), { id: "v-curve" });
    this.curve.addEventListener("toggle", () => page.changed("weight"));
    this.mistake = choice({ id: "mistake", label: "Rule", options: [["", "all rules right"], ...data.mistakes.map(({ id, title }) => /** @type {[string, string]} */ ([id, title]))], value: "", choose: (id) => this.plant(id) });
    this.explained = make("p", "note");
    this.table = make("div", "");
    this.needed = make("p", "notice", "First say what it should be, in the tab Why?: without a right answer there is no loss to look at.");
    this.body = this.parts();
    this.element = make("div", "check", this.needed, this.body);
  }

  parts() {
    const choose = make("div", "buttons", this.name.element, this.to.element, this.from.element, pressable("largest", "The steepest", () => page.chooseWeight({ name: this.weight.name, index: this.largest(this.weight.name) })));
    return make("div", "",
      make("section", "", make("h2", "", "Is the blame true?"),
        make("p", "", "Backprop says how the loss changes as a weight grows: that is the gradient of the weight. You need not believe it: move one weight up a little, then down a little, and look at the loss itself."),
        choose, this.which, this.image, this.nudge.element, this.found, this.words, this.slope.element, this.curve),
      make("section", "", make("h2", "", "Break a rule"),
        make("p", "", "Plant a mistake in the backward pass. The check above catches it, though in Learn the loss may fall all the same: so such mistakes can go unnoticed for years."),
        this.mistake.element, this.explained),
      make("section", "", make("h2", "", "Check every array"),
        make("p", "", "Ten weights of each array, half of them among those that matter here."),
        pressable("check-all", "Check them all", () => this.checkAll()), this.table));
  }

  /**
   * The weight that is looked at: the chosen one, or the steepest of the chosen unit.
   * @returns {Weight}
   */
  get weight() {
    if (page.weight) return page.weight;
    const { unit, network, data } = page, block = network.blocks[Math.max(0, unit?.layer ?? 0)];
    const name = data.layers[block.linear ?? block.windows ?? 0].weight ?? data.parameters[0].name;
    return { name, index: this.largest(name, unit && unit.layer >= 0 ? unit.index : null) };
  }

  /**
   * The place of the largest slope in an array, or in one row of it.
   * @param {string} name
   * @param {number | null} row
   */
  largest(name, row = null) {
    const slopes = page.blamed?.slopes.get(name);
    if (!slopes) return 0;
    const wide = slopes.length / rowsOf(name), all = row === null || row >= rowsOf(name) ? slopes : slopes.subarray(row * wide, (row + 1) * wide);
    return largestAt(all.map(Math.abs)) + (all === slopes ? 0 : (row ?? 0) * wide);
  }

  pick() {
    const { name } = this.weight, wide = (page.network.arrays.get(name)?.length ?? 1) / rowsOf(name);
    page.chooseWeight({ name, index: (Number(this.to.input.value) - 1) * wide + Number(this.from.input.value) - 1 });
  }

  /** @param {string} id */
  plant(id) {
    page.mistake = id || null;
    this.arrays = [];
    page.changed("mistake");
  }

  /** @param {Set<string>} what */
  refresh(what) {
    const { blamed } = page;
    this.needed.hidden = blamed !== null;
    this.body.hidden = blamed === null;
    this.mistake.select.value = page.mistake ?? "";
    this.explained.textContent = page.data.mistakes.find(({ id }) => id === page.mistake)?.text ?? "No mistake is planted.";
    if (["input", "label", "weights"].some((each) => what.has(each))) this.arrays = [];
    this.showArrays();
    if (["weight", "tab", "mistake", "label", "unit"].some((each) => what.has(each))) this.test();
    else if (["input", "weights"].some((each) => what.has(each))) this.testSoon();
  }

  /** While the reader draws or the network trains: test when it pauses, and now and then. */
  testSoon() {
    const wait = Math.min(PAUSE, Math.max(0, this.tested + SELDOM - performance.now()));
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.test(), wait);
  }

  /** Nudge the weight, and show what comes of it. */
  test() {
    const { blamed, label } = page;
    clearTimeout(this.timer);
    this.tested = performance.now();
    this.verdict = null;
    if (!blamed || label === null) return;
    const weight = this.weight, backprop = blamed.slopes.get(weight.name)?.[weight.index] ?? 0;
    this.showChoice(weight, blamed);
    const found = nudged(weight, this.h, label), best = bestSlope(weight, label, backprop);
    this.verdict = judged(backprop, found.slope, best, this.h, roundingOf(blamed));
    this.found.replaceChildren(comparison(found, backprop, this.h));
    this.showWords(backprop, best, found.slope);
    this.showSlope(weight, label, backprop, blamed.loss);
    if (this.curve.open) this.showCurve(weight, label, backprop);
  }

  /**
   * @param {Weight} weight
   * @param {Blamed} blamed
   */
  showChoice({ name, index }, blamed) {
    const slopes = /** @type {Numbers} */ (blamed.slopes.get(name)), wide = slopes.length / rowsOf(name), row = Math.floor(index / wide);
    this.name.select.value = name;
    const set = (/** @type {HTMLInputElement} */ input, /** @type {number} */ value, /** @type {number} */ most) => {
      input.max = String(most);
      if (document.activeElement !== input) input.value = String(value); // else somebody is writing there
    };
    set(this.to.input, row + 1, rowsOf(name));
    set(this.from.input, (index % wide) + 1, wide);
    this.from.element.hidden = wide === 1;
    const { layer, isWindows } = placeOfArray(name), isOfMap = page.network.blocks[layer].maps !== null, own = slopes.slice(row * wide, (row + 1) * wide);
    this.to.label.textContent = isOfMap ? "of map" : "of unit";
    this.from.label.textContent = isWindows ? "weight" : "for input";
    this.which.textContent = weightSentence({ name, index }, row, index % wide);
    this.image.hidden = wide < 4;
    if (this.image.hidden) return;
    const title = `Gradients of the weights of ${isWindows ? "map" : "unit"} ${row + 1}. Touch one to test it.`, pick = (/** @type {number} */ at) => page.chooseWeight({ name, index: row * wide + at });
    this.image.replaceChildren(isWindows ? mapsImage(own, shapeOf(name).slice(1), title, "weight-image", pick, index % wide) : numbersImage({ layer, index: row }, own, title, "weight-image", pick, index % wide));
  }

  /**
   * @param {number} backprop
   * @param {number} best
   * @param {number} slope
   */
  showWords(backprop, best, slope) {
    const digits = Math.min(15, Math.floor(-Math.log10(Math.max(1e-16, difference(backprop, slope))))), share = percentOf(difference(backprop, slope));
    const words = {
      agrees: `✓ They agree to ${digits} digits: this gradient is right.`,
      zero: "✓ Both are 0: for this input, this weight does not matter. What comes into it is 0, or its unit is asleep.",
      large: `? They differ by ${share}, and h is to blame: it is so large that the curve bends between the two places. Take a smaller one.`,
      small: `? They differ by ${share}, and h is to blame: it is so small that the two losses agree in nearly all digits, and rounding decides the rest. Take a larger one.`,
      tiny: "? Too small to tell: both are less than what rounding does to the loss. For this input, this weight hardly matters.",
      wrong: `✗ They differ by ${percentOf(difference(backprop, best))} at every h. ${ratioWords(backprop, best)} The rule is wrong.`,
    }[this.verdict ?? "agrees"];
    const safe = page.mistake && this.verdict !== "wrong" ? " The planted mistake does not reach this weight; check every array below." : "";
    this.words.className = `judgement ${this.verdict}`;
    if (this.words.textContent === words + safe) return;
    this.words.textContent = words + safe;
    say(words);
  }

  /**
   * The loss over one weight, with the slope that backprop claims.
   * @param {Weight} weight
   * @param {number} label
   * @param {number} backprop
   * @param {number} loss
   */
  showSlope(weight, label, backprop, loss) {
    const value = page.network.arrays.get(weight.name)?.[weight.index] ?? 0, far = 1, nudge = Math.max(this.h, 0.001);
    const points = /** @type {[number, number][]} */ (Array.from({ length: 25 }, (_, i) => [value - far + (i * far) / 12, lossNudged(weight, -far + (i * far) / 12, label)]));
    const claimed = (/** @type {number} */ x) => loss + backprop * (x - value), seen = [...points.map(([, y]) => y), claimed(value - far / 2), claimed(value + far / 2)];
    const [low, high] = [Math.min(...seen), Math.max(...seen)], room = Math.max((high - low) * 0.2, 1e-9), [bottom, top] = [low - room, high + room];
    const line = points.map(([x]) => /** @type {[number, number]} */ ([x, claimed(x)])).filter(([, y]) => y >= bottom && y <= top);
    this.slope.show({
      x: linearScale(value - far, value + far, 4), y: linearScale(bottom, top, 4), xName: "value of the weight",
      lines: [{ points, name: "loss", kind: "loss", label: "start" }, { points: line, name: "slope by backprop", kind: page.mistake && this.verdict === "wrong" ? "claim wrong" : "claim" }],
      dots: [-nudge, 0, nudge].map((by) => ({ x: value + by, y: lossNudged(weight, by, label), name: "" })),
      summary: `The weight is ${short(value)}, the loss ${short(loss)}. The straight line has the slope that backprop claims, ${short(backprop)}. ${this.verdict === "wrong" ? "It should touch the curve there, and cuts through it." : "It touches the curve there, as a slope must."}`,
    });
  }

  /**
   * @param {Weight} weight
   * @param {number} label
   * @param {number} backprop
   */
  showCurve(weight, label, backprop) {
    const points = errorsOverStep(weight, label, backprop), errors = points.map(([, error]) => error), best = errors.indexOf(Math.min(...errors));
    const isV = errors[best] < AGREES;
    this.v.show({
      x: logScale(1e-12, 1e-1, 6), y: logScale(Math.min(...errors) / 3, Math.max(...errors, 1e-8) * 30, 5), xName: "h, the nudge",
      marks: [{ x: this.h, name: "your h", kind: "here" }],
      lines: isV
        ? [{ points: points.slice(0, best + 1), name: "h too small:\nthe digits run out", kind: "small", label: "start" }, { points: points.slice(best), name: "h too large:\nthe curve bends", kind: "large" }]
        : [{ points, name: "no h helps:\nthe rule is wrong", kind: "claim wrong" }],
      summary: isV
        ? `The error is least at h = ${short(points[best][0])}: ${short(errors[best])} relative to the gradient. On the right it grows because the curve bends, on the left because the digits run out.`
        : `The error never falls below ${percentOf(errors[best])}.`,
    });
  }

  /** Check one array after the other, and show each at once. */
  async checkAll() {
    const { blamed, label } = page, next = uniforms(1), found = /** @type {ReturnType<typeof checkedArray>[]} */ ([]);
    if (!blamed || label === null) return;
    this.arrays = found;
    for (const { name } of page.data.parameters) {
      found.push(checkedArray(name, blamed, label, next));
      this.showArrays();
      await new Promise((done) => { setTimeout(done); });
      if (this.arrays !== found) return; // the page has changed
    }
    const wrong = this.arrays.filter((array) => array.isWrong).map(({ name }) => arrayTitle(name));
    say(wrong.length ? `Wrong: ${wrong.join(", ")}` : "All arrays are right");
  }

  showArrays() {
    if (!this.arrays.length) return this.table.replaceChildren();
    const rows = this.arrays.map(({ name, count, worst, error, isSilent, isWrong }) => {
      const look = pressable(`look-${name}`, isWrong ? "✗ wrong" : isSilent ? "all 0" : "✓ right", () => page.chooseWeight({ name, index: worst.index }), isWrong ? "small wrong" : "small");
      look.setAttribute("aria-label", `${look.textContent}: look at the worst weight of ${arrayTitle(name)}`);
      return [arrayTitle(name), String(count), isWrong ? percentOf(error) : short(error), look];
    });
    return this.table.replaceChildren(tableOf("The worst of each array; touch a verdict to look at that weight.", ["", "tested", "difference", "verdict"], rows));
  }
}

/**
 * Two losses with the digits in which they differ, and the two slopes.
 * @param {{more: number, less: number, slope: number}} found
 * @param {number} backprop
 * @param {number} h
 */
function comparison({ more, less, slope }, backprop, h) {
  const [up, down] = [more.toPrecision(15), less.toPrecision(15)], at = [...up].findIndex((digit, i) => digit !== down[i]);
  const split = (/** @type {string} */ text) => make("span", "digits", text.slice(0, at < 0 ? text.length : at), make("b", "", at < 0 ? "" : text.slice(at)));
  const step = powerText(Math.round(Math.log10(h)));
  return factList([
    [`loss at w + ${step}`, split(up)], [`loss at w − ${step}`, split(down)],
    ["nudged: difference / 2h", make("span", "digits", digitsOf(slope))], ["backprop", make("span", "digits", digitsOf(backprop))],
    ["relative difference", make("span", "digits", short(difference(slope, backprop)))],
  ]);
}

/** @param {number} value */
function digitsOf(value) {
  return value.toPrecision(10).replaceAll("-", "−").replace("e+", "e");
}

/** @param {number} share */
function percentOf(share) {
  return share >= 1e-3 ? `${Number((100 * share).toPrecision(2))} %` : `${short(share)} of its size`;
}

/**
 * @param {number} backprop
 * @param {number} best
 */
function ratioWords(backprop, best) {
  if (backprop === 0) return "Backprop says 0, the loss says otherwise.";
  if (Math.abs(best) < 1e-9 * Math.abs(backprop)) return "Backprop says that this weight matters, yet the loss does not move.";
  if (backprop * best < 0) return "Backprop even has the wrong sign.";
  const ratio = Math.abs(backprop / best);
  return `Backprop says ${short(ratio)} times the true slope.`;
}

/** @type {CheckTab} */
let checkTab;
TABS.push({
  id: "check", title: "Check",
  make: () => (checkTab = new CheckTab()).element,
  refresh: (what) => checkTab.refresh(what),
});
PARTS.push({ refresh: (what) => { if (what.has("unit") && !what.has("weight")) page.weight = null; } });
