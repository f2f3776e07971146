"use strict";
// The tab Learn: train in the page, watch the loss fall, go back in time.

const SMOOTH = 0.06; // how much the loss of a new step counts in the smoothed line
const SPEEDS = /** @type {[string, string][]} */ ([["5", "slow: 5 steps per second"], ["50", "50 steps per second"], ["500", "500 steps per second"], [String(FULL_SPEED), "as fast as it can"]]);

class LearnTab {
  constructor() {
    learning = new Learning();
    /** @type {Report | null} */
    this.shown = null;
    const { batch } = page.data.training, { count } = page.sets.train, { settings } = learning;
    this.play = pressable("play", "", () => this.toggle(), "primary");
    this.state = make("div", "state");
    this.notice = Object.assign(make("p", "notice"), { hidden: true });
    this.losses = new Chart("chart-loss", "Loss: how wrong it is");
    this.accuracy = new Chart("chart-accuracy", "Right answers on test examples", 160);
    this.lr = slider({
      id: "lr", label: "Learning rate", values: learning.rates, value: settings.lr, text: String, choose: (lr) => learning.set({ lr }),
      note: "A step moves each weight by this number times its gradient.",
    });
    this.momentum = slider({
      id: "momentum", label: "Momentum", values: learning.momenta, value: settings.momentum, text: String, choose: (momentum) => learning.set({ momentum }),
      note: "How much of the last move is kept, as a rolling ball keeps its speed.",
    });
    /** @type {{element: HTMLElement, set: (value: number) => void, input: HTMLInputElement}} */
    this.time = slider({
      id: "time", label: "Back in time", values: [0], value: 0, text: () => this.timeText(), choose: () => learning.go(Number(this.time.input.value)),
      note: "Snapshots of the weights along the training. Move to one and train on from there: what came after it is then forgotten.",
    });
    const speed = choice({ id: "speed", label: "Speed", options: SPEEDS, value: String(learning.rate), choose: (rate) => this.setRate(Number(rate)) });
    this.seed = numberField({ id: "seed", label: "Seed", value: learning.seed, most: 2 ** 31 - 1, choose: () => {} });
    this.origin = make("p", "note");
    this.weights = new WeightImages();
    this.element = make("div", "learn", make("section", "", make("h2", "", "Learn from examples"),
      make("p", "", `The network reads ${batch === 1 ? "a training example" : `${batch} training examples`} and finds the blame of every weight: its gradient. Then it moves each weight a little against it. That is one step. There are ${count.toLocaleString("en")} training examples; one pass through all of them is an epoch.${page.data.buffers.length ? " Batch normalization keeps the mean and the variance that it has." : ""}`),
      make("div", "buttons", this.play, pressable("step-one", "One step", () => this.run(1)), pressable("step-ten", "Ten steps", () => this.run(10)), speed.element),
      make("div", "pair", this.lr.element, this.momentum.element),
      this.notice, this.state, this.losses.element, this.accuracy.element, this.time.element, this.weights.element),
      make("section", "", make("h2", "", "Start anew"),
        make("div", "buttons", pressable("reset", "Fresh random weights", () => this.restart("fresh")), pressable("original", "The weights it came with", () => this.restart("given")), this.seed.element),
        make("p", "note", "The seed fixes the random weights and the order of the examples: the same seed gives the same training, number for number."), this.origin));
  }

  toggle() {
    if (learning.isRunning) learning.pause();
    else learning.run(Infinity, learning.rate);
  }

  /** @param {number} steps */
  run(steps) {
    learning.run(steps);
  }

  /** @param {number} rate */
  setRate(rate) {
    learning.rate = rate;
    if (learning.isRunning) learning.run(Infinity, rate);
  }

  /** @param {"given" | "fresh"} start */
  restart(start) {
    learning.restart(start, Number(this.seed.input.value));
    say(start === "fresh" ? `Fresh weights from seed ${learning.seed}` : "The weights that the page came with");
  }

  timeText() {
    const { report } = learning, at = report?.places[Number(this.time.input.value)];
    return at ? `step ${at.step.toLocaleString("en")}, ${percent(at.accuracy)} right` : "now";
  }

  /** @param {Set<string>} what */
  refresh(what) {
    if (what.has("tab")) learning.open();
    const { report } = learning;
    if (what.has("weights") || what.has("tab")) this.weights.refresh();
    const action = learning.isRunning ? "Pause" : "Train";
    if (!this.play.textContent?.endsWith(action)) this.play.replaceChildren(make("span", "", signOf(learning.isRunning ? "❚❚ " : "▶ "), action));
    this.lr.set(learning.settings.lr);
    this.momentum.set(learning.settings.momentum);
    this.showNotice();
    const origins = { given: "the weights that the page came with", fresh: `fresh weights from seed ${learning.seed}`, file: "the weights of a file" };
    this.origin.textContent = `This training began with ${origins[learning.start]}.`;
    if (!report) return;
    const input = this.time.input;
    input.max = String(report.places.length - 1);
    input.disabled = report.places.length < 2;
    if (document.activeElement !== input || report.running) input.value = String(report.place);
    const words = this.timeText();
    this.time.element.querySelector("output")?.replaceChildren(words);
    input.setAttribute("aria-valuetext", words);
    if (report === this.shown && !what.has("tab")) return;
    this.shown = report;
    this.showState(report);
    this.showCurves(report);
  }

  /** Say what stands in the way of learning: a planted mistake, or numbers that are too large. */
  showNotice() {
    const { report } = learning, mistake = page.data.mistakes.find(({ id }) => id === page.mistake);
    const best = report ? beforeForgetting(report) : undefined, isLost = report && report.at > 0 && !Number.isFinite(report.loss);
    const words = isLost
      ? "The weights have grown beyond any number: each step was so large that the next one had to be larger. Go back in time, or start anew, with a smaller learning rate."
      : best ? `It has forgotten: at step ${best.step.toLocaleString("en")} it read ${percent(best.accuracy)} correctly. Its steps were so large that they overshot: the loss rose instead of falling. Go back in time, and take a smaller learning rate.`
      : mistake ? `A mistake is planted: ${mistake.title}. See whether the loss falls all the same.` : "";
    this.notice.hidden = !words;
    if (this.notice.textContent !== words) this.notice.textContent = words;
  }

  /** @param {Report} report */
  showState({ at, perEpoch, loss, places, place, running, speed }) {
    const { accuracy } = places[place], latest = running ? `${percent(accuracy)} (at step ${places[place].step.toLocaleString("en")})` : percent(accuracy);
    this.state.replaceChildren(factList([
      ["Steps", `${at.toLocaleString("en")}, epoch ${(at / perEpoch).toFixed(1)}`],
      ["Loss of the last step", at ? short(loss) : "no step yet"],
      ["Right answers", latest],
      ["Speed", running ? `${Math.round(speed).toLocaleString("en")} steps per second` : "at rest"],
    ]));
  }

  /** @param {Report} report */
  showCurves({ losses, places, place, at, running }) {
    const points = pairsOf(losses), last = Math.max(10, points[points.length - 1]?.[0] ?? 0, places[places.length - 1].step), smooth = smoothed(points);
    const steps = linearScale(0, last, this.losses.width > 480 ? 8 : 4, (value) => value.toLocaleString("en"));
    const marks = !running && place < places.length - 1 ? [{ x: at, name: "you are here", kind: "here" }] : [];
    this.losses.show({
      x: steps, y: linearScale(0, 1.05 * highestShown(points, smooth), 4), xName: "training steps", marks,
      lines: [{ points, name: "", kind: "raw", label: "none" }, { points: smooth, name: `smoothed loss ${smooth.length ? short(smooth[smooth.length - 1][1]) : ""}`, kind: "loss" }],
      summary: points.length ? `After ${at.toLocaleString("en")} steps the smoothed training loss is ${short(smooth[smooth.length - 1][1])}. It began at ${short(points[0][1])}. The pale line is the loss of single batches.` : "No step yet: press Train.",
    });
    const { read } = page.data, { count } = page.sets.test, all = count < read.count ? ` Of all ${read.count.toLocaleString("en")} it read ${percent(read.share)} with the weights that it came with.` : "";
    const shares = /** @type {[number, number][]} */ (places.map(({ step, accuracy }) => [step, 100 * accuracy])), now = places[place];
    this.accuracy.show({
      x: steps, y: linearScale(0, 100, 4, (value) => `${value} %`), xName: "training steps", marks,
      lines: [{ points: shares, name: `test accuracy ${percent(places[places.length - 1].accuracy)}`, kind: "accuracy" }],
      dots: shares.length === 1 ? [{ x: shares[0][0], y: shares[0][1], name: "" }] : [],
      summary: `At step ${now.step.toLocaleString("en")} it reads ${percent(now.accuracy)} of ${count.toLocaleString("en")} test examples correctly. It never trains on these.${all}`,
    });
  }
}

/**
 * @param {Float64Array} flat
 * @returns {[number, number][]}
 */
function pairsOf(flat) {
  return Array.from({ length: flat.length / 2 }, (_, i) => [flat[2 * i], flat[2 * i + 1]]);
}

/**
 * A sign that is not read out.
 * @param {string} text
 */
function signOf(text) {
  const sign = make("span", "", text);
  sign.setAttribute("aria-hidden", "true");
  return sign;
}

/**
 * The top of the axis: what lies far above the loss of guessing is cut off, unless the loss has gone there.
 * @param {[number, number][]} points
 * @param {[number, number][]} smooth
 */
function highestShown(points, smooth) {
  const guess = Math.log(page.data.classes.length), last = smooth[smooth.length - 1]?.[1] ?? 0;
  if (!points.length) return guess;
  const cap = Math.max(3 * guess, Number.isFinite(last) ? 1.5 * last : 0), most = Math.max(1e-6, ...points.map(([, loss]) => loss || 0));
  return Math.min(most, cap);
}

/**
 * The running mean, in which older values fade.
 * @param {[number, number][]} points
 * @returns {[number, number][]}
 */
function smoothed(points) {
  let mean = 0, before = 0;
  return points.map(([x, y], i) => {
    mean += (y - mean) * Math.max(1 - (1 - SMOOTH) ** (x - before), 1 / (i + 1));
    before = x;
    return [x, mean];
  });
}

/** @type {LearnTab} */
let learnTab;
TABS.push({
  id: "learn", title: "Learn",
  make: () => (learnTab = new LearnTab()).element,
  refresh: (what) => learnTab.refresh(what),
});
PARTS.push({ refresh: (what) => { if (what.has("mistake")) learning?.set({ mistake: page.mistake }); } });
