"use strict";
// Err and blame: the loss, then backward from the answer to the picture, and uphill on the pixels.

const BLAME = {
  id: "blame",
  title: "Why?",
  seconds: 4, // that a moment stands while it plays
  pace: 0.05, // the farthest that a pixel moves in a step
  patience: 20, // steps without a gain that end a walk
  /** Steps of the walk since its best answer, and that answer. */
  stuck: 0,
  best: 0,
  outcome: "",
  /** @type {ReturnType<typeof setInterval> | null} */
  timer: null,
  /** @type {ReturnType<typeof setInterval> | null} */
  walk: null,
  /** @type {Numbers | null} */
  before: null, // the picture before the walk
  classes: make("div", "classes"),
  moment: make("div", "moment"),
  picture: make("section", "walk"),

  make() {
    this.classes.setAttribute("role", "radiogroup");
    this.classes.setAttribute("aria-label", "What it should be");
    page.data.classes.forEach((name, label) => this.classes.append(classChoice(name, label)));
    const buttons = make("div", "buttons",
      pressable("back", "‹ Back", () => this.go(page.moment - 1)), pressable("play-back", "Play", () => this.play(), "primary"), pressable("forward", "Next ›", () => this.go(page.moment + 1)));
    return make("div", "", make("section", "", make("h2", "", "What should it be?"), this.classes), make("section", "", buttons, this.moment), this.picture);
  },

  /** The moments: nothing, the loss, each layer from the last to the first, the input. */
  get last() {
    return page.network.blocks.length + 2;
  },

  /** @param {number} moment */
  go(moment) {
    this.stop();
    this.set(moment);
  },

  /** @param {number} moment */
  set(moment) {
    page.moment = Math.max(0, Math.min(this.last, moment));
    page.changed("moment");
  },

  play() {
    if (this.timer !== null) return this.stop();
    if (page.label === null) return say("First choose what it should be");
    this.set(page.moment >= this.last ? 1 : page.moment + 1);
    this.timer = setInterval(() => {
      this.set(page.moment + 1);
      if (page.moment >= this.last) this.stop();
    }, this.seconds * 1000);
    byId("play-back").textContent = "Pause";
  },

  stop() {
    if (this.timer !== null) clearInterval(this.timer);
    this.timer = null;
    byId("play-back").textContent = "Play";
  },

  /** @param {Set<string>} what */
  refresh(what) {
    for (const choice of this.classes.querySelectorAll("input")) choice.checked = Number(choice.value) === page.label;
    const elements = momentElements(page.moment);
    this.moment.replaceChildren(...elements);
    if (what.has("moment") && page.moment) say(elements.slice(0, 2).map(({ textContent }) => textContent).join(" "));
    for (const [id, isOff] of /** @type {[string, boolean][]} */ ([["back", page.moment === 0], ["forward", page.moment === this.last || page.label === null], ["play-back", page.label === null]])) {
      /** @type {HTMLButtonElement} */ (byId(id)).disabled = isOff;
    }
    this.showPicture();
  },

  /** Which pixels would have to change, and the walk. */
  showPicture() {
    const { label } = page, blamed = page.data.kind === "image" && page.moment === this.last ? page.blamed : null;
    if (!blamed || label === null) return this.picture.replaceChildren();
    const found = canvasOf(page.data.shape[1], page.data.shape[0]), most = reach(blamed.input), name = `“${page.className(label)}”`;
    found.id = "picture-slope";
    found.className = "pixels";
    found.setAttribute("role", "img");
    found.setAttribute("aria-label", `The slope of the loss by each pixel; the largest is ${short(most)}`);
    paintSigned(found, blamed.input, most);
    const key = colourKey("more ink here helps", "more ink here makes it worse");
    const walking = pressable("walk", this.walk === null ? `Make it a ${name}` : "Stop", () => this.toggleWalk(), "primary");
    const undo = pressable("undo", "Back to the picture", () => this.undo());
    undo.disabled = this.before === null;
    return this.picture.replaceChildren(make("h2", "", "Which pixels would have to change?"), make("figure", "weights", found, make("figcaption", "note", key)),
      make("p", "", `Each step moves every pixel a little, so that the loss falls. ${name} gets more likely. Does the picture look more like it to you?`), make("div", "buttons", walking, undo), make("p", "note", this.outcome));
  },

  toggleWalk() {
    if (this.walk !== null) return this.endWalk();
    this.before ??= page.input.slice();
    Object.assign(this, { stuck: 0, best: 0, outcome: "" });
    this.walk = setInterval(() => this.stepUphill(), 80);
    page.changed("moment");
  },

  stepUphill() {
    const { blamed, label } = page;
    if (!blamed || label === null) return this.endWalk();
    const share = page.seen.answer[label], name = `“${page.className(label)}”`;
    this.stuck = share > this.best + 1e-3 ? 0 : this.stuck + 1;
    this.best = Math.max(this.best, share);
    if (share > 0.95) this.outcome = `It reads ${name} now, with ${percent(share)}.`;
    else if (this.stuck > this.patience) this.outcome = `It stays at ${percent(share)}: no small change of the picture makes this network read ${name}. Train it first, under Learn.`;
    if (this.outcome) return this.endWalk();
    const most = reach(blamed.input), moment = page.moment;
    page.take(page.input.map((ink, i) => Math.min(1, Math.max(0, ink - (this.pace * blamed.input[i]) / most))));
    page.moment = moment;
  },

  endWalk() {
    if (this.walk !== null) clearInterval(this.walk);
    this.walk = null;
    page.changed("moment");
    say(this.outcome);
  },

  undo() {
    if (this.before === null) return;
    this.endWalk();
    const moment = page.moment, before = this.before;
    this.outcome = "";
    this.before = null;
    page.take(before);
    page.moment = moment;
  },
};
TABS.push(BLAME);

/**
 * @param {string} name
 * @param {number} label
 */
function classChoice(name, label) {
  const input = Object.assign(document.createElement("input"), { type: "radio", name: "label", value: String(label), id: `label-${label}` });
  input.addEventListener("change", () => page.expect(label));
  return make("label", "choice", input, make("span", "", name));
}

// ---- The moments of the blame --------------------------------------------------------------------------------

/** @param {number} moment */
function momentElements(moment) {
  const { label, network } = page, blamed = moment ? page.blamed : null;
  if (label === null) return [make("p", "", "Choose the right answer above. Then see how far off the network is, and what is to blame.")];
  if (!blamed) return [make("h2", "", "Blame runs backward"), make("p", "", "Press Play. The loss says how wrong the answer is. Then each layer, from right to left, learns its share of the blame.")];
  if (moment === 1) return lossElements(blamed, label);
  const number = network.blocks.length + 1 - moment;
  if (number < 0) return inputElements(blamed);
  return number === network.blocks.length - 1 ? answerElements(number, blamed, label) : layerElements(number, blamed);
}

/**
 * @param {Blamed} blamed
 * @param {number} label
 */
function lossElements({ loss, answer }, label) {
  const name = `“${page.className(label)}”`;
  if (page.data.loss === "cross-entropy") {
    return [make("h2", "", `The loss: ${short(loss)}`), make("p", "equation", `loss = −log(probability of ${name}) = −log(${answer[label] > 0 ? short(answer[label]) : `e^−${short(loss)}`}) = ${short(loss)}`),
      make("p", "", `The loss is 0 when ${name} gets 100 %. The smaller its probability, the larger the loss. (log is the natural logarithm.)`)];
  }
  const parts = Array.from(answer, (p, i) => `(${short(p)} − ${i === label ? 1 : 0})²`);
  return [make("h2", "", `The loss: ${short(loss)}`), make("p", "equation", `loss = ½ · (${parts.join(" + ")}) = ${short(loss)}`),
    make("p", "", `The loss is 0 when ${name} gets exactly 1 and all others 0.`)];
}

/**
 * The value that a moment is about: the chosen unit in that layer, or that with the most blame; of maps, a value in one.
 * @param {number} layer
 * @param {Numbers} deltas
 */
function placeIn(layer, deltas) {
  const chosen = page.current?.layer === layer ? page.current.index : null, maps = page.network.blocks[layer]?.maps;
  if (chosen === null) return strongest(deltas, 1)[0];
  return maps ? chosen * maps[1] * maps[2] + strongest(mapOf(deltas, maps, chosen), 1)[0] : chosen;
}

/**
 * The unit, or the map, that a moment is about.
 * @param {number} layer
 * @param {Numbers} deltas
 */
function unitIn(layer, deltas) {
  const maps = page.network.blocks[layer]?.maps, place = placeIn(layer, deltas);
  return maps ? Math.floor(place / (maps[1] * maps[2])) : place;
}

/**
 * @param {number} number
 * @param {Blamed} blamed
 * @param {number} label
 */
function answerElements(number, blamed, label) {
  const deltas = deltaOf(number, blamed), unit = unitIn(number, deltas), name = `“${page.className(unit)}”`, target = unit === label ? 1 : 0;
  const title = make("h2", "", "Blame of the answer");
  const words = make("p", "", "Blame says how the loss changes when a unit's sum grows. ▲ above 0: a larger sum makes the loss worse. ▼ below 0: it makes it better.");
  if (page.data.loss === "cross-entropy") {
    return [title, make("p", "equation", `blame of ${name} = probability − target = ${short(blamed.answer[unit])} − ${target} = ${short(deltas[unit])}`), words, ...graphRule(page.data.formulas.loss)];
  }
  const p = blamed.answer[unit];
  const direct = make("p", "equation", `slope of the loss by its value = ${short(p)} − ${target} = ${short(p - target)}`);
  return [title, direct, ...throughElements(number, unit, blamed), words];
}

/**
 * @param {number} number
 * @param {Blamed} blamed
 */
function layerElements(number, blamed) {
  const { maps, shown } = page.network.blocks[number], unit = unitIn(number, deltaOf(number, blamed));
  if (maps) return mapBlameElements(number, blamed);
  return [
    make("h2", "", `Blame of layer ${number + 1}`), make("p", "", `Unit ${unit + 1} feeds the next layer. Its blame is the sum of weight × blame over that layer's units.`),
    ...sharesElements(number, unit, blamed, blamed.gradients[shown][unit]), ...throughElements(number, unit, blamed),
    make("p", "note", "Touch a unit of this layer to see its numbers. Shown first is the one with the most blame."),
  ];
}

/**
 * The sum of weight × blame over the next layer.
 * @param {number} number
 * @param {number} unit
 * @param {Blamed} blamed
 * @param {number} total
 */
function sharesElements(number, unit, blamed, total) {
  const next = page.network.blocks[number + 1], products = shares(number, unit, blamed), weights = weightsFrom(number);
  if (!products || !weights) return [];
  const deltas = deltaOf(number + 1, blamed), terms = strongest(products, Math.min(SHOWN_TERMS, products.length));
  const name = (/** @type {number} */ i) => (next.isLast ? `“${page.className(i)}”` : `unit ${i + 1}`);
  const rows = terms.map((i) => [name(i), short(weights(i, unit)), short(deltas[i]), short(products[i])]);
  const rest = products.length - terms.length;
  if (rest) rows.push([`the other ${rest.toLocaleString("en")}`, "", "", short(total - terms.reduce((sum, i) => sum + products[i], 0))]);
  rows.push(["together g", "", "", short(total)]);
  return [tableOf("Blame that arrives at this value", ["from", "weight", "× blame", "= share"], rows), ...graphRule(page.data.formulas.linear)];
}

/**
 * The way of the blame from a unit's value to its sum.
 * @param {number} number
 * @param {number} unit
 * @param {Blamed} blamed
 */
function throughElements(number, unit, blamed) {
  const { linear, after } = page.network.blocks[number];
  if (linear === null) return [];
  return [...after].reverse().flatMap((position, i, all) => {
    const before = all[i + 1] ?? linear;
    return page.data.layers[position].kind === "activation" ? activationElements(position, before, unit, blamed) : scaleElements(position, before, unit, blamed);
  });
}

/**
 * The blame before and behind a batch normalization.
 * @param {number} position
 * @param {number} before
 * @param {number} unit
 * @param {Blamed} blamed
 */
function scaleElements(position, before, unit, { gradients }) {
  const arrived = gradients[position][unit], passed = gradients[before][unit];
  return [make("p", "", `${page.data.layers[position].title} multiplies a sum by a number that is the same for every picture, and so the blame by the same number:`),
    make("p", "equation filled", `${short(arrived)} × ${arrived ? short(passed / arrived) : "its number"} = ${short(passed)}`)];
}

/**
 * The rule of an activation with a unit's numbers in it.
 * @param {number} activation
 * @param {number} before the position of what it is applied to
 * @param {number} unit
 * @param {Blamed} blamed
 */
function activationElements(activation, before, unit, blamed) {
  const { title, formula = "" } = page.data.layers[activation];
  if (!formula) return [];
  const numbers = { g: blamed.gradients[activation][unit], y: blamed.values[activation][unit], x: blamed.values[before][unit] };
  const filled = formula.replace(/\b[gxy]\b/g, (name) => short(numbers[/** @type {"g" | "x" | "y"} */ (name)]));
  return [make("p", "", `${title} multiplies the blame by its own slope. The graph's rule, with this unit's numbers in it (g arrives, ${page.data.layers[before].kind === "linear" ? "x is its sum" : "x goes in"}, y its value):`),
    make("p", "equation rule", formula), make("p", "equation filled", `= ${filled} = ${short(blamed.gradients[before][unit])}`)];
}

/** @param {string | undefined} formula */
function graphRule(formula) {
  return formula ? [make("details", "note", make("summary", "", "The graph's rule in Python"), make("code", "", formula))] : [];
}

/** @param {Blamed} blamed */
function inputElements(blamed) {
  const most = strongest(blamed.input, 1)[0], where = page.data.kind === "image" ? `the pixel ${placeText(most)}` : `input ${most + 1}`;
  return [make("h2", "", "The blame reaches the input"), make("p", "", `The blame has reached the input and ends here. It is largest at ${where}: ${short(blamed.input[most])}.`)];
}
