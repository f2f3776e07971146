"use strict";
// The network that the page came with: its numbers, its examples, and its programs on the live weights.

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

/** @param {Uint8Array} bytes */
async function inflated(bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/**
 * @param {string} text base64 of compressed numbers: the lowest byte of each, then the next
 * @param {Dtype} dtype
 */
async function numbersOf(text, dtype = "float32") {
  const kind = { float32: Float32Array, float64: Float64Array, int64: BigInt64Array }[dtype], wide = kind.BYTES_PER_ELEMENT;
  const planes = await inflated(bytesOf(text)), bytes = new Uint8Array(planes.length), count = bytes.length / wide;
  for (let i = 0; i < bytes.length; i++) bytes[(i % count) * wide + Math.floor(i / count)] = planes[i];
  return Float64Array.from(/** @type {Iterable<any>} */ (new kind(bytes.buffer)), Number);
}

/**
 * Weights and buffers by name.
 * @param {PlayData} data
 */
async function arraysOf({ parameters, buffers }) {
  const pairs = [...parameters, ...buffers].map(async ({ name, values, dtype }) => /** @type {[string, Numbers]} */ ([name, await numbersOf(values, dtype)]));
  return new Map(await Promise.all(pairs));
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
    const all = await numbersOf(given.values);
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
  /**
   * @param {PlayData} data
   * @param {Map<string, Numbers>} arrays
   */
  constructor(data, arrays) {
    this.data = data;
    this.arrays = arrays;
    /** Answers to test examples, as far as they are known. */
    this.answers = [...data.read.answers];
    /**
     * The weights that the page came with.
     * @type {Map<string, Numbers>}
     */
    this.first = new Map([...arrays].map(([name, values]) => [name, values.slice()]));
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
    return Number(this.program("loss")(x, this.targets([label])));
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
    this.answers = [];
  }

  /**
   * The class that the network answers to a test example.
   * @param {Decoded} test
   * @param {number} index
   */
  answerTo(test, index) {
    return (this.answers[index] ??= largestAt(this.look(test.at(index)).answer));
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
 * Each layer that has sums, with what follows it up to the next one: the last of these is shown.
 * @param {Layer[]} layers
 * @returns {Block[]}
 */
function blocksOf(layers) {
  /** @type {Block[]} */
  const blocks = [];
  layers.forEach((layer, i) => {
    const before = blocks.at(-1);
    const isNext = layer.kind === "between" || (layer.kind === "activation" && before?.activation === null);
    if (before && isNext) {
      if (layer.kind === "activation") before.activation = i;
      Object.assign(before, { shown: i, after: [...before.after, i], maps: layer.maps ?? before.maps });
      before.title = before.after.map((position) => layers[position].title).filter(Boolean).join(", ");
    } else if (!isNext) {
      const [linear, windows] = ["linear", "windows"].map((kind) => (layer.kind === kind ? i : null));
      const activation = layer.kind === "activation" ? i : null;
      blocks.push({ title: layer.title, size: layer.size, linear, windows, activation, after: [], maps: layer.maps ?? null, shown: i, isLast: false });
    }
  });
  blocks[blocks.length - 1].isLast = true;
  return blocks;
}
