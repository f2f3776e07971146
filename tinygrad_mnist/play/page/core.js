"use strict";
// The state of the page: a network, an input, and what is chosen.  Parts of the page follow its changes.

/** @type {Part[]} */
const PARTS = [];
/** @type {Tab[]} */
const TABS = [];

class Page {
  /**
   * @param {PlayData} data
   * @param {Map<string, Numbers>} arrays
   * @param {Decoded} test
   * @param {Decoded} train
   */
  constructor(data, arrays, test, train) {
    this.data = data;
    this.network = new Network(data, arrays);
    this.sets = { test, train };
    /** @type {{set: "test" | "train", index: number} | null} */
    this.example = null;
    this.input = new Float64Array(data.shape.reduce((a, b) => a * b));
    /** @type {number | null} */
    this.label = null;
    /** The unit that was chosen; until the reader chooses one, that of the answer.
     * @type {Unit | null} */
    this.unit = null;
    this.follows = true;
    /** The unit under the pointer.
     * @type {Unit | null} */
    this.pointed = null;
    /** @type {Weight | null} */
    this.weight = null;
    /** @type {string | null} */
    this.mistake = null;
    /** How far the blame has come: the number of moments that are shown, 0 for none. */
    this.moment = 0;
    this.tab = "see";
    this.seen = this.network.look(this.input);
    /** @type {Blamed | null} */
    this.traced = null;
    /** @type {Set<string>} */
    this.news = new Set();
    this.frame = 0;
  }

  /**
   * Note a change; everything that follows from it is shown in the next frame.
   * @param {...Change} what
   */
  changed(...what) {
    for (const each of what) this.news.add(each);
    if (!this.frame) this.frame = requestAnimationFrame(() => this.refresh());
  }

  refresh() {
    const news = this.news;
    this.news = new Set();
    this.frame = 0;
    if (["input", "weights", "label", "mistake"].some((each) => news.has(each))) this.compute();
    if (this.follows) this.unit = { layer: this.network.blocks.length - 1, index: this.answer };
    for (const part of PARTS) part.refresh(news);
    TABS.find(({ id }) => id === this.tab)?.refresh(news);
  }

  compute() {
    this.traced = null;
    this.seen = this.network.look(this.input);
  }

  /** The blame, where the right answer is known: the network runs backward when something asks for it. */
  get blamed() {
    if (this.label === null) return null;
    return (this.traced ??= this.network.blame(this.input, this.label, this.mistake));
  }

  /**
   * Take an example of the data set as the input.
   * @param {"test" | "train"} set
   * @param {number} index
   */
  choose(set, index) {
    this.example = { set, index };
    this.input = this.sets[set].at(index);
    this.label = this.sets[set].labels[index];
    this.moment = 0;
    this.changed("input", "label", "moment");
  }

  /**
   * Take what the reader drew or pointed at.
   * @param {Numbers} input
   */
  take(input) {
    this.example = null;
    this.input = input;
    this.moment = 0;
    this.changed("input", "moment");
  }

  /** @param {number | null} label */
  expect(label) {
    this.label = label;
    this.moment = 0;
    this.changed("label", "moment");
  }

  /** @param {Unit | null} unit */
  look(unit) {
    this.unit = unit;
    this.follows = false;
    this.changed("unit");
  }

  /**
   * Point at a unit, or at none, for as long as the pointer is there.
   * @param {Unit | null} unit
   */
  point(unit) {
    if (unit?.layer === this.pointed?.layer && unit?.index === this.pointed?.index) return;
    this.pointed = unit;
    this.changed("unit");
  }

  /** The unit that the page tells about. */
  get current() {
    return this.pointed ?? this.unit;
  }

  /** @param {Weight | null} weight */
  chooseWeight(weight) {
    this.weight = weight;
    this.changed("weight");
  }

  /** @param {string} id */
  show(id) {
    if (id === this.tab) return;
    this.tab = id;
    this.changed("tab");
  }

  /**
   * Return the name of a class.
   * @param {number} label
   */
  className(label) {
    return this.data.classes[label];
  }

  /** The class that the network answers. */
  get answer() {
    return largestAt(this.seen.answer);
  }
}

/** Words for an example: digits are those of a data set of digits. */
function thingOf() {
  if (page.data.kind === "points") return { one: "point", article: "a point", many: "Points" };
  const isDigits = page.data.classes.every((name) => /^[0-9]$/.test(name));
  return isDigits ? { one: "digit", article: "a digit", many: "Digits" } : { one: "image", article: "one", many: "Images" };
}

/** Share of the test examples that are read correctly, and of how many: all, or after a training those in the page. */
function testedNow() {
  const { report, start } = learning, { read } = page.data, many = (/** @type {number} */ count) => count.toLocaleString("en");
  if (!report || (start === "given" && !report.at)) return { share: read.share, of: `${many(read.count)} test` };
  return { share: report.places[report.place].accuracy, of: `the ${many(page.sets.test.count)} shown test` };
}

/**
 * Return true for a share that is hardly better than chance.
 * @param {number} share
 */
function isGuessing(share) {
  return share < 1.5 / page.data.classes.length + 0.05;
}

/**
 * The page that is shown.
 * @type {Page}
 */
let page;
