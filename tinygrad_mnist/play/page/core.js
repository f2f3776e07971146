"use strict";
// The state of the page: a network, an input, and what is chosen.  Parts of the page follow its changes.

/** @type {Part[]} */
const PARTS = [];
/** @type {Tab[]} */
const TABS = [];

// ---- Numbers -------------------------------------------------------------------------------------------------

/**
 * A number with three digits: 0.0123, 1.2e−5.
 * @param {number} x
 */
function short(x) {
  if (!Number.isFinite(x)) return Number.isNaN(x) ? "not a number" : x > 0 ? "∞" : "−∞";
  const size = Math.abs(x);
  const text = size !== 0 && (size < 1e-3 || size >= 1e5) ? x.toExponential(1) : Number(x.toPrecision(3)).toString();
  return text.replaceAll("-", "−").replace("e+", "e");
}

/** @param {number} share */
function percent(share) {
  return share > 0.0005 && share < 0.9995 ? `${(100 * share).toFixed(1)} %` : `${Math.round(100 * share)} %`;
}

/** @param {ArrayLike<number>} values */
function largestAt(values) {
  let at = 0;
  for (let i = 1; i < values.length; i++) if (values[i] > values[at]) at = i;
  return at;
}

/**
 * The greatest distance from 0; 1 where all are 0, as a scale.
 * @param {ArrayLike<number>} values
 */
function reach(values) {
  let most = 0;
  for (let i = 0; i < values.length; i++) if (Math.abs(values[i]) > most) most = Math.abs(values[i]);
  return most || 1;
}

// ---- Data as the page holds them -----------------------------------------------------------------------------

/** @param {string} text base64 */
function bytesOf(text) {
  const packed = atob(text), bytes = new Uint8Array(packed.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = packed.charCodeAt(i);
  return bytes;
}

/**
 * @param {string} text base64 of numbers
 * @param {"float32" | "float64"} dtype
 */
function floatsOf(text, dtype = "float32") {
  const { buffer } = bytesOf(text);
  return Float64Array.from(dtype === "float64" ? new Float64Array(buffer) : new Float32Array(buffer));
}

/** @param {Uint8Array} bytes */
async function inflated(bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/**
 * Examples of a set, each as the network gets it.
 * @param {PlayData} data
 * @param {Examples} given
 * @returns {Promise<Decoded>}
 */
async function decoded(data, given) {
  const size = data.shape.reduce((a, b) => a * b), { count, labels } = given;
  if (data.kind === "points") {
    const all = floatsOf(given.values);
    return { count, labels, at: (index) => all.slice(index * size, (index + 1) * size) };
  }
  const pixels = await inflated(bytesOf(given.values)), scale = Math.fround(1 / data.pixelMax);
  const ink = Float64Array.from({ length: 256 }, (_, level) => Math.fround(level * scale));
  const at = (/** @type {number} */ index) => {
    const input = new Float64Array(size);
    for (let i = 0; i < size; i++) input[i] = ink[pixels[index * size + i]];
    return input;
  };
  return { count, labels, at };
}

// ---- The network ---------------------------------------------------------------------------------------------

class Network {
  /** @param {PlayData} data */
  constructor(data) {
    this.data = data;
    /** @type {Map<string, Numbers>} */
    this.arrays = new Map(data.parameters.map(({ name, values, dtype }) => [name, floatsOf(values, dtype)]));
    /**
     * The weights that the page came with.
     * @type {Map<string, Numbers>}
     */
    this.first = new Map([...this.arrays].map(([name, values]) => [name, values.slice()]));
    /** @type {Map<string, Step>} */
    this.steps = new Map();
    this.blocks = blocksOf(data.layers);
  }

  /**
   * The step of a program on the live weights.
   * @param {string} name
   */
  program(name) {
    const known = this.steps.get(name);
    if (known) return known;
    const step = PROGRAMS[name](...this.data.programs[name].states.map((state) => this.arrays.get(state)));
    this.steps.set(name, step);
    return step;
  }

  /**
   * @param {Numbers} x
   * @returns {Seen}
   */
  look(x) {
    const [answer, ...values] = this.program("look")(x);
    return { answer, values };
  }

  /**
   * @param {Numbers} x
   * @param {number} label
   * @param {string | null} mistake
   * @returns {Blamed}
   */
  blame(x, label, mistake = null) {
    const count = this.data.layers.length, found = this.program(mistake ? `blame:${mistake}` : "blame")(x, this.targets([label]));
    const slopes = new Map(this.data.parameters.map(({ name }, i) => [name, found[3 + 2 * count + i]]));
    return {
      loss: found[0], answer: found[1], values: found.slice(2, 2 + count),
      gradients: found.slice(2 + count, 2 + 2 * count), input: found[2 + 2 * count], slopes,
    };
  }

  /**
   * @param {Numbers} x
   * @param {number} label
   */
  lossAt(x, label) {
    return this.blame(x, label).loss;
  }

  /**
   * Targets as the loss takes them: labels, or a 1 at the right class.
   * @param {number[]} labels
   */
  targets(labels) {
    if (this.data.loss === "cross-entropy") return labels;
    return labels.flatMap((label) => this.data.classes.map((_, i) => (i === label ? 1 : 0)));
  }

  /** @param {Map<string, ArrayLike<number>>} arrays */
  setArrays(arrays) {
    for (const [name, values] of arrays) this.arrays.get(name)?.set(values);
  }

  /**
   * The values that feed a block: those of the block before it, or the input.
   * @param {number} block
   * @param {Seen} seen
   * @param {Numbers} input
   */
  inputOf(block, seen, input) {
    return block === 0 ? input : seen.values[this.blocks[block - 1].shown];
  }
}

/**
 * @param {Layer[]} layers
 * @returns {Block[]}
 */
function blocksOf(layers) {
  /** @type {Block[]} */
  const blocks = [];
  layers.forEach((layer, i) => {
    const before = blocks.at(-1);
    if (layer.kind === "activation" && before && before.activation === null) {
      Object.assign(before, { activation: i, shown: i });
      before.title = layer.title;
    } else {
      const linear = layer.kind === "linear" ? i : null;
      blocks.push({ title: layer.title, size: layer.size, linear, activation: linear === null ? i : null, shown: i, isLast: false });
    }
  });
  blocks[blocks.length - 1].isLast = true;
  return blocks;
}

// ---- The page ------------------------------------------------------------------------------------------------

class Page {
  /**
   * @param {PlayData} data
   * @param {Decoded} test
   * @param {Decoded} train
   */
  constructor(data, test, train) {
    this.data = data;
    this.network = new Network(data);
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
    this.blamed = null;
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

  /** Run the network forward, and backward too where the right answer is known. */
  compute() {
    this.blamed = this.label === null ? null : this.network.blame(this.input, this.label, this.mistake);
    this.seen = this.blamed ?? this.network.look(this.input);
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

/** The network's answers to the test examples. */
function answersOfTest() {
  const { test } = page.sets;
  return test.labels.map((_, i) => largestAt(page.network.look(test.at(i)).answer));
}

/**
 * Share of the test examples that are read correctly.
 * @param {number[]} answers
 */
function readShare(answers) {
  const { labels } = page.sets.test;
  return answers.filter((answer, i) => answer === labels[i]).length / labels.length;
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
