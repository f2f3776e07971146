"use strict";
// Training on examples, with snapshots to go back to.  These functions run in a worker, whose script is their text,
// and in the page itself where no worker can be made: they use nothing else of the page but PROGRAMS.

/**
 * Numbers from 0 up to 1 that follow from a seed: the generator Mulberry32 of T. Ettinger.
 * @param {number} seed
 */
function uniforms(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/**
 * The order of the examples in an epoch: a shuffle by Fisher and Yates, from the last place to the first.
 * It follows from seed and epoch alone, so training can go on from any step.
 * @param {number} count
 * @param {number} seed
 * @param {number} epoch the first is 0
 */
function orderOf(count, seed, epoch) {
  const next = uniforms(seed + Math.imul(epoch, 0x9e3779b9)), order = Array.from({ length: count }, (_, i) => i);
  for (let i = count - 1; i > 0; i--) {
    const j = Math.floor(next() * (i + 1));
    [order[i], order[j]] = [order[j], order[i]];
  }
  return order;
}

/** The loss along the training, as means over stretches of equal length; the stretches double before there are too many. */
class LossCurve {
  constructor(most = 1000) {
    this.most = most;
    this.every = 1;
    /** @type {number[]} */
    this.sums = [];
    /** @type {number[]} */
    this.counts = [];
  }

  /**
   * @param {number} step the first is 1
   * @param {number} loss
   */
  add(step, loss) {
    const at = Math.floor((step - 1) / this.every);
    this.sums[at] = (this.sums[at] ?? 0) + loss;
    this.counts[at] = (this.counts[at] ?? 0) + 1;
    if (this.sums.length > this.most) this.double();
  }

  double() {
    const pairs = (/** @type {number[]} */ all) => Array.from({ length: Math.ceil(all.length / 2) }, (_, i) => all[2 * i] + (all[2 * i + 1] ?? 0));
    this.every *= 2;
    this.sums = pairs(this.sums);
    this.counts = pairs(this.counts);
  }

  /**
   * Forget what came after a step, and the stretch that it ends in.
   * @param {number} step
   */
  cut(step) {
    this.sums.length = this.counts.length = Math.min(Math.floor(step / this.every), this.sums.length);
  }

  /**
   * The last step of each stretch and its mean loss, one after the other.
   * @param {number} step the last of all
   */
  points(step) {
    return Float64Array.from(this.sums.flatMap((sum, i) => [Math.min((i + 1) * this.every, step), sum / this.counts[i]]));
  }
}

/** A network in training. */
class Trainer {
  /** @param {TrainingSet} given */
  constructor(given) {
    this.given = given;
    /** @type {Map<string, Float64Array>} */
    this.arrays = new Map(given.parameters.map(([name, size]) => [name, new Float64Array(size)]));
    for (const [name, size] of given.parameters) this.arrays.set(`v_${name}`, new Float64Array(size));
    /** @type {Map<string, Step>} */
    this.steps = new Map();
    this.perEpoch = Math.floor(given.train.labels.length / given.batch);
    this.x = new Float64Array(given.batch * given.width);
    /** @type {Settings} */
    this.settings = { lr: 0, momentum: 0, mistake: null };
    this.seed = 0;
    this.at = 0; // steps taken
    this.loss = NaN;
    this.curve = new LossCurve();
    /** @type {Stretch[]} */
    this.plan = []; // the settings so far
    /** @type {Snapshot[]} */
    this.snapshots = [];
    this.every = 1; // steps from one snapshot to the next
    this.place = 0; // the snapshot that training goes on from
    /** @type {{epoch: number, places: number[]}} */
    this.order = { epoch: -1, places: [] };
  }

  /**
   * Begin anew from given weights.
   * @param {Map<string, Float64Array>} weights
   * @param {number} seed
   */
  load(weights, seed) {
    for (const [name] of this.given.parameters) {
      this.arrays.get(name)?.set(/** @type {Float64Array} */ (weights.get(name)));
      this.arrays.get(`v_${name}`)?.fill(0);
    }
    this.seed = seed;
    this.at = 0;
    this.loss = NaN;
    this.curve = new LossCurve();
    this.plan = [];
    this.snapshots = [];
    this.place = 0;
    this.every = Math.ceil(Math.max(this.perEpoch / 8, this.given.test.labels.length / this.given.batch)); // to test takes less time than to train
    this.order = { epoch: -1, places: [] };
    this.keep();
  }

  /** @param {string} name */
  program(name) {
    const known = this.steps.get(name);
    if (known) return known;
    const step = PROGRAMS[name](...this.given.programs[name].states.map((state) => this.arrays.get(state)));
    this.steps.set(name, step);
    return step;
  }

  /** One step on the next batch. */
  step() {
    if (this.place < this.snapshots.length - 1) this.cut();
    const { settings, given } = this, { mistake } = settings, name = mistake ? `step:${mistake}` : "step", last = this.plan[this.plan.length - 1];
    if (!last || last.lr !== settings.lr || last.momentum !== settings.momentum || last.mistake !== mistake) this.plan.push({ ...settings, from: this.at });
    const targets = this.fillBatch(), numbers = given.programs[name].numbers.map((number) => settings[/** @type {"lr" | "momentum"} */ (number)]);
    this.loss = Number(this.program(name)(this.x, targets, ...numbers));
    this.at++;
    this.curve.add(this.at, this.loss);
    if (this.at % this.every === 0) this.keep();
  }

  /** Put the next examples into the batch; an incomplete batch at the end of an epoch is left out. */
  fillBatch() {
    const { batch, width, train } = this.given, epoch = Math.floor(this.at / this.perEpoch), first = (this.at % this.perEpoch) * batch;
    if (this.order.epoch !== epoch) this.order = { epoch, places: orderOf(train.labels.length, this.seed, epoch) };
    const chosen = this.order.places.slice(first, first + batch);
    chosen.forEach((example, i) => this.x.set(train.inputs.subarray(example * width, (example + 1) * width), i * width));
    return chosen.flatMap((example) => train.targets[train.labels[example]]);
  }

  /** Share of the test examples that the network reads correctly. */
  accuracy() {
    const { width, test } = this.given, look = this.program("look");
    let right = 0;
    test.labels.forEach((label, i) => {
      const answer = look(test.inputs.subarray(i * width, (i + 1) * width))[0];
      if (answer.indexOf(Math.max(...answer)) === label) right++;
    });
    return right / test.labels.length;
  }

  /** Take a snapshot; beyond what is allowed, every second one goes. */
  keep() {
    if (this.snapshots[this.place]?.step === this.at) return;
    const arrays = new Map([...this.arrays].map(([name, values]) => [name, values.slice()]));
    this.snapshots.push({ step: this.at, accuracy: this.accuracy(), loss: this.loss, arrays });
    const bytes = [...arrays.values()].reduce((sum, values) => sum + values.byteLength, 0);
    const most = Math.max(12, Math.min(60, Math.floor(96e6 / bytes)));
    while (this.snapshots.length > most) {
      this.every *= 2;
      this.snapshots = this.snapshots.filter(({ step }) => step % this.every === 0 || step === this.at);
    }
    this.place = this.snapshots.length - 1;
  }

  /**
   * Go to a snapshot; what came after it stays until training goes on from there.
   * @param {number} place
   */
  go(place) {
    this.keep();
    this.place = Math.max(0, Math.min(this.snapshots.length - 1, place));
    const { step, loss, arrays } = this.snapshots[this.place];
    this.at = step;
    this.loss = loss;
    for (const [name, values] of arrays) this.arrays.get(name)?.set(values);
  }

  cut() {
    this.snapshots.length = this.place + 1;
    this.curve.cut(this.at);
    this.plan = this.plan.filter(({ from }) => from < this.at);
  }

  /**
   * All that the page shows, in copies.
   * @returns {Omit<Report, "turn" | "running" | "speed">}
   */
  report() {
    const { at, loss, perEpoch, place, seed, plan, snapshots } = this;
    return {
      arrays: new Map(this.given.parameters.map(([name]) => [name, /** @type {Float64Array} */ (this.arrays.get(name)).slice()])),
      at, loss, perEpoch, place, seed, plan: [...plan], losses: this.curve.points(at),
      places: snapshots.map(({ step, accuracy }) => ({ step, accuracy })),
    };
  }
}

/**
 * Train as messages say, in slices of some milliseconds, and report some 15 times per second.
 * @param {Port} port
 * @param {number} slice
 */
function serve(port, slice) {
  /** @type {Trainer} */
  let trainer;
  /** @type {Settings} */
  let wanted;
  /** @type {Stretch[]} the settings of a training that is done again, which knows no others */
  let plan = [];
  let turn = 0, left = 0, rate = 0, began = 0, taken = 0, told = 0, toldAt = 0, timer = 0;

  const report = () => {
    const now = performance.now(), speed = taken > told ? (1000 * (taken - told)) / (now - toldAt) : 0, news = trainer.report();
    [told, toldAt] = [taken, now];
    port.postMessage({ ...news, turn, running: left > 0, speed }, [...news.arrays.values()].map(({ buffer }) => buffer));
  };
  const stop = () => {
    clearTimeout(timer);
    left = 0;
  };
  const work = () => {
    const end = performance.now() + slice;
    let now = performance.now();
    while (left > 0 && now < end && taken <= ((now - began) * rate) / 1000) {
      const { at } = trainer;
      trainer.settings = plan.filter(({ from }) => from <= at).pop() ?? wanted;
      trainer.step();
      taken++;
      left = Number.isFinite(trainer.loss) ? left - 1 : 0;
      now = performance.now();
    }
    if (left > 0) timer = setTimeout(work, rate > 1000 ? 0 : 1000 / Math.max(60, 2 * rate));
    else trainer.keep();
    if (left <= 0 || (taken > told && now - toldAt > 65)) report();
  };

  port.onmessage = ({ data }) => {
    turn = data.turn;
    if (data.what === "set") wanted = data.settings;
    if (data.what === "set") return;
    const rest = Number.isFinite(left) ? left : 0; // of steps that were asked for before
    stop();
    if (data.what === "begin") trainer = new Trainer(data.given);
    if (data.what === "begin") return;
    if (data.what === "load") trainer.load(data.weights, data.seed);
    if (data.what === "go") trainer.go(data.place);
    if (data.what === "pause") trainer.keep();
    if (data.what === "run") {
      [left, rate, plan, taken, told, began, toldAt] = [rest + data.steps, data.rate, data.plan, 0, 0, performance.now(), performance.now()];
      work();
    } else report();
  };
}

/** The whole script of the worker, after the programs. */
function workerText() {
  return `"use strict";\n${[uniforms, orderOf, LossCurve, Trainer, serve].join("\n")}\nserve(self, 40);\n`;
}
