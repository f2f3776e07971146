"use strict";
// The training as the page knows it: what it asks of the trainer, and what the trainer last told.

const RATES = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100];
const MOMENTA = [0, 0.5, 0.8, 0.9, 0.95, 0.99];
const SLICE = 10; // milliseconds of training at a time, where it has to be done in the page
const FULL_SPEED = 1e9;

class Learning {
  constructor() {
    const { lr, momentum } = page.data.training;
    this.rates = sorted([...RATES, lr]);
    this.momenta = sorted([...MOMENTA, momentum]);
    /** @type {Settings} */
    this.settings = { lr, momentum, mistake: null };
    this.seed = 1;
    /** @type {"given" | "fresh" | "file"} */
    this.start = "given";
    this.rate = 50; // steps per second
    this.turn = 0;
    /** @type {Report | null} */
    this.report = null;
    /** @type {Port | null} */
    this.port = null;
    /** @type {Command[]} what to say again if the worker turns out to be forbidden */
    this.sent = [];
  }

  /** Begin with the weights that the page shows. */
  open() {
    if (this.port) return;
    this.use(this.worker() ?? this.slices());
    this.send({ what: "set", settings: { ...this.settings, mistake: page.mistake } });
    this.send({ what: "load", weights: page.network.arrays, seed: this.seed });
  }

  worker() {
    const url = URL.createObjectURL(new Blob([byId("programs").textContent ?? "", "\n", workerText()], { type: "text/javascript" }));
    try {
      const worker = new Worker(url);
      worker.onerror = () => { if (!this.report) this.replace(); };
      worker.onmessage = (event) => this.hear(event.data);
      return worker;
    } catch {
      return null;
    }
  }

  /**
   * A trainer that works in the page, some milliseconds at a time.
   * @returns {Port}
   */
  slices() {
    const { port1, port2 } = new MessageChannel();
    serve(port1, SLICE);
    port2.onmessage = (event) => this.hear(event.data);
    return port2;
  }

  replace() {
    const again = this.sent;
    this.sent = [];
    this.use(this.slices());
    for (const command of again) this.send(command);
  }

  /**
   * Train there: the examples move, without a copy.
   * @param {Port} port
   */
  use(port) {
    const given = trainingSet();
    this.port = port;
    port.postMessage({ what: "begin", given, turn: this.turn }, [given.train.inputs.buffer, given.test.inputs.buffer]);
  }

  /** @param {Command} command */
  send(command) {
    if (command.what !== "set") this.turn++;
    if (!this.report) this.sent.push(command);
    this.port?.postMessage({ ...command, turn: this.turn });
  }

  /** @param {Report} report */
  hear(report) {
    if (report.turn !== this.turn) return;
    const wasRunning = this.report?.running;
    this.report = report;
    this.sent = [];
    page.network.setArrays(report.arrays);
    page.changed("weights");
    if (wasRunning && !report.running) say(this.sentence());
  }

  get isRunning() {
    return this.report?.running ?? false;
  }

  /**
   * @param {number} steps
   * @param {number} rate per second
   * @param {Stretch[]} plan settings to come
   */
  run(steps, rate = FULL_SPEED, plan = []) {
    this.open();
    this.send({ what: "run", steps, rate, plan });
  }

  pause() {
    this.send({ what: "pause" });
  }

  /** @param {number} place of a snapshot */
  go(place) {
    this.send({ what: "go", place });
  }

  /** @param {Partial<Settings>} settings */
  set(settings) {
    Object.assign(this.settings, settings);
    if (this.port) this.send({ what: "set", settings: { ...this.settings } });
  }

  /**
   * Begin anew, with fresh weights or those that the page came with.
   * @param {"given" | "fresh"} start
   * @param {number} seed
   */
  restart(start, seed) {
    this.begin(start, seed, start === "given" ? page.network.first : freshWeights([...page.data.parameters, ...page.data.buffers], seed));
  }

  /**
   * Begin anew with some weights.
   * @param {"given" | "fresh" | "file"} start
   * @param {number} seed
   * @param {Map<string, Float64Array>} weights
   */
  begin(start, seed, weights) {
    Object.assign(this, { start, seed });
    page.network.setArrays(weights);
    page.changed("weights");
    if (this.port) this.send({ what: "load", weights: page.network.arrays, seed });
    else this.open();
  }

  /**
   * Train again as an address says.
   * @param {"given" | "fresh"} start
   * @param {number} seed
   * @param {Stretch[]} plan
   * @param {number} steps
   */
  replay(start, seed, plan, steps) {
    this.restart(start, seed);
    if (steps) this.run(steps, FULL_SPEED, plan);
  }

  /** The state of the training in words. */
  sentence() {
    if (!this.report) return "";
    const { at, places, place, loss } = this.report;
    const size = Number.isFinite(loss) ? `loss ${short(loss)}, ` : at ? "the loss is not a number any more, " : "";
    return `Step ${at.toLocaleString("en")}: ${size}${percent(places[place].accuracy)} of the test examples read correctly`;
  }
}

/**
 * The snapshot before the network forgot what it knew; undefined while it knows it.
 * @param {Report} report
 */
function beforeForgetting({ places, place }) {
  const best = places.slice(0, place + 1).reduce((a, b) => (b.accuracy > a.accuracy ? b : a));
  return best.accuracy >= 0.4 && places[place].accuracy < 0.6 * best.accuracy ? best : undefined;
}

/** @param {number[]} values */
function sorted(values) {
  return [...new Set(values)].sort((a, b) => a - b);
}

/**
 * Small random weights: even over ±√(3 / inputs), so that a sum is about as large as its inputs; biases of 0, scales of 1.
 * @param {Parameter[]} parameters
 * @param {number} seed
 * @returns {Map<string, Float64Array>}
 */
function freshWeights(parameters, seed) {
  const next = uniforms(seed);
  return new Map(parameters.map(({ name, shape, fresh }) => {
    const size = shape.reduce((a, b) => a * b, 1), bound = Math.sqrt((3 * shape[0]) / size);
    return [name, Float64Array.from({ length: size }, () => fresh ?? bound * (2 * next() - 1))];
  }));
}

/**
 * All that the trainer needs.
 * @returns {TrainingSet}
 */
function trainingSet() {
  const { data, sets, network } = page, width = page.input.length;
  const inputs = (/** @type {Decoded} */ { count, at }) => {
    const all = new Float64Array(count * width);
    for (let i = 0; i < count; i++) all.set(at(i), i * width);
    return all;
  };
  return {
    parameters: [...network.arrays].map(([name, values]) => /** @type {[string, number]} */ ([name, values.length])),
    programs: data.programs, batch: data.training.batch, width,
    train: { inputs: inputs(sets.train), labels: sets.train.labels, targets: data.classes.map((_, label) => network.targets([label])) },
    test: { inputs: inputs(sets.test), labels: sets.test.labels },
  };
}

/**
 * The training of this page; it is made with the tab Learn.
 * @type {Learning}
 */
let learning;
