"use strict";
// The tab Take away: the address of this state, the weights, the step as Python, the curves.

class TakeTab {
  constructor() {
    this.field = Object.assign(make("input", "address"), { id: "address", readOnly: true, type: "text" });
    this.field.addEventListener("focus", () => this.field.select());
    this.copied = make("p", "note");
    this.inside = make("p", "note", "This page stands inside another one and has no address. Save it as a file, and put this after the file's address.");
    this.note = make("p", "note");
    this.file = Object.assign(make("input", ""), { id: "open-weights", type: "file", accept: ".safetensors" });
    this.file.addEventListener("change", () => this.open());
    this.refused = make("p", "note");
    this.python = Object.assign(make("pre", "", page.data.python), { tabIndex: 0 });
    this.curves = pressable("save-curves", "The curves as CSV", () => download("curves.csv", curvesText(), "text/csv"));
    this.element = make("div", "take",
      make("section", "", make("h2", "", "Share this situation"),
        make("p", "", "The address holds what you see: the input, the right answer, the chosen unit, a planted mistake, the training. Whoever opens it with this page sees the same."),
        labelOf("address", "Address"), this.field,
        make("div", "buttons", pressable("copy", "Copy the address", () => this.copy(), "primary")), this.copied, this.inside, this.note),
      make("section", "", make("h2", "", "Keep what it has learned"),
        make("p", "", "The weights as they are now, in a file that Python reads with tinygrad_mnist.load(model, path); and the curves of the training."),
        make("div", "buttons", pressable("save-weights", "The weights as safetensors", () => download("weights.safetensors", weightsFile(), "application/octet-stream")), this.curves),
        make("div", "field", labelOf("open-weights", "Take weights from such a file"), this.file, this.refused)),
      make("section", "", make("h2", "", "The step in Python"),
        make("p", "", "All that the page computes in a training step, forward, backward and update, in plain NumPy."),
        make("div", "buttons", pressable("save-python", "The step as Python", () => download("step.py", page.data.python, "text/x-python"))),
        make("details", "", make("summary", "", "Read it here"), this.python)));
    this.python.setAttribute("aria-label", "The step in Python");
  }

  async copy() {
    page.refresh(); // what is still to be shown would change the address after it is copied
    this.refresh();
    const isCopied = this.inside.hidden && (await copied(this.field.value));
    if (!isCopied) {
      this.field.focus();
      this.field.select();
    }
    const words = isCopied ? "✓ Copied." : "The address is selected above: copy it with your keyboard or the menu.";
    this.copied.textContent = words;
    say(words);
  }

  /** Take the weights of a file that the reader has saved. */
  async open() {
    const file = this.file.files?.[0], found = file && tensorsIn(await file.arrayBuffer(), [...page.data.parameters, ...page.data.buffers]);
    if (!found) return;
    const isRefused = typeof found === "string";
    if (!isRefused) learning.begin("file", learning.seed, found);
    this.refused.textContent = isRefused ? found : "✓ The network has the weights of the file.";
    say(this.refused.textContent);
  }

  refresh() {
    const isInside = location.protocol === "about:", address = isInside ? "" : location.href.replace(/#.*/s, ""), { report } = learning;
    const now = `${address}#${addressOf()}`;
    if (this.field.value !== now) this.copied.textContent = "";
    this.field.value = now;
    this.curves.disabled = !report?.at;
    this.inside.hidden = !isInside;
    this.note.textContent = learning.start === "file" ? "The weights came from a file and are not in the address: share the file too." : !report?.at ? "" : hasReplay(report)
      ? `The ${report.at.toLocaleString("en")} training steps are in the address as a recipe: whoever opens it, trains them again and gets the same weights.`
      : `The weights are not in the address: more than ${MOST_STEPS.toLocaleString("en")} steps would take too long to train again. Save them as a file.`;
  }
}

/**
 * Put a text on the clipboard, if the browser lets the page.
 * @param {string} text
 */
async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}

/** The weights as they are now. */
function weightsFile() {
  const { parameters, buffers } = page.data, { arrays } = page.network;
  return safetensorsOf([...parameters, ...buffers].map(({ name, shape, dtype }) => ({ name, shape, dtype, values: /** @type {Numbers} */ (arrays.get(name)) })));
}

/** One row for each point of the curves. */
function curvesText() {
  const { report } = learning, losses = new Map(report ? pairsOf(report.losses) : []), shares = new Map(report?.places.map(({ step, accuracy }) => [step, accuracy]));
  const steps = sorted([...losses.keys(), ...shares.keys()]);
  return `step,training_loss,test_accuracy\n${steps.map((step) => `${step},${losses.get(step) ?? ""},${shares.get(step) ?? ""}`).join("\n")}\n`;
}

const TAKEN = {
  isOpen: false,
  timer: 0,

  /** Keep the address of the page up to date, though not while everything moves. */
  refresh() {
    if (!this.isOpen) {
      this.isOpen = true;
      queueMicrotask(() => this.open()); // after the page has begun
    }
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.write(), 400);
  },

  open() {
    if (location.hash.length > 1) openAddress(location.hash.slice(1));
    addEventListener("hashchange", () => openAddress(location.hash.slice(1)));
  },

  write() {
    if (learning.isRunning) return;
    try {
      history.replaceState(null, "", `#${addressOf()}`);
    } catch {
      // A page inside of another one has no address.
    }
  },
};

/** @type {TakeTab} */
let takeTab;
TABS.push({
  id: "take", title: "Take away",
  make: () => (takeTab = new TakeTab()).element,
  refresh: () => takeTab.refresh(),
});
PARTS.push(TAKEN);
