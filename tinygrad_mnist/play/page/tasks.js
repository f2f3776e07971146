"use strict";
// Guided tasks: each is done when the state of the page shows it.

const READ_AS = "8"; // the class of a task, where something is misread as that

/** What the tasks remember of the way here. */
const MEMORY = {
  /** @type {number | null} */
  before: null, // the answer to the input before it was drawn on
  best: 0, // accuracy
  forgot: false,
};

/** @typedef {{title: string, text: string, hint: string, isDone: () => boolean}} Task */

/**
 * A class that something is misread as: the usual one, or else the most frequent.
 * @param {number[]} answers to the test examples
 */
function falseAnswer(answers) {
  const counts = page.data.classes.map(() => 0), usual = page.data.classes.indexOf(READ_AS), { test } = page.sets;
  answers.forEach((answer, i) => { if (answer !== test.labels[i]) counts[answer]++; });
  return counts[usual] ? usual : largestAt(counts);
}

/** @returns {Task[]} */
function tasksOf() {
  const { data } = page, isImage = data.kind === "image", thing = thingOf().one;
  const isNovice = isGuessing(data.read.share);
  const wanted = falseAnswer(data.read.answers), name = `“${data.classes[wanted]}”`;
  const isWrong = () => page.label !== null && page.answer !== page.label;
  const isBlamed = () => page.tab === "blame" && page.moment >= page.network.blocks.length + 2;
  const pixel = () => {
    const { unit } = page, blamed = unit?.layer === -1 ? page.blamed : null;
    return unit !== null && blamed !== null && strongest(blamed.input, 3).includes(unit.index);
  };
  const accuracy = () => learning.report?.places[learning.report.place]?.accuracy ?? 0;
  const teach = { title: "Teach it from nothing", text: `Start with fresh random weights, and train until it reads ${percent(GOOD)} of the test examples correctly.`, hint: "In Learn: “Fresh random weights”, then “Train”. Too slow? Raise the speed, or the learning rate.", isDone: () => learning.start === "fresh" && accuracy() >= GOOD };
  return [
    { title: "Ask it why", text: `The network reads a ${thing} wrongly. Ask it why, and follow the blame back to the ${isImage ? "picture" : "input"}.`, hint: "The button “Why?” is above the network. It plays to the end by itself.", isDone: () => isWrong() && isBlamed() },
    ...(isNovice ? [teach] : []), // what has learned nothing can be led to nothing
    { title: `Find a false ${name}`, text: `Find a ${thing} that it reads as ${name} although it is not one. Then press Why?`, hint: isImage ? "“Another one” brings the next that it reads wrongly; in the tab See these have a frame. Or draw one that lies between two digits." : "Touch the plane near the border between two colours.", isDone: () => page.answer === wanted && isWrong() && isBlamed() },
    isImage
      ? { title: "Change its mind", text: `Draw on ${thingOf().article} until the network reads another answer, with more than 50 %.`, hint: "Close a gap, or rub out a line. A 3 is half an 8; a 7 with a bar comes near a 9.", isDone: () => page.example === null && MEMORY.before !== null && MEMORY.before !== page.answer && page.seen.answer[page.answer] > 0.5 }
      : { title: "Find the border", text: "Find a point where the network is unsure: its best answer has less than 60 %.", hint: "The colours are pale there.", isDone: () => page.seen.answer[page.answer] < 0.6 },
    { title: isImage ? "Which pixel matters most?" : "Which number matters more?", text: `Find the ${isImage ? "pixel" : "input"} that changes the loss most, and choose it.`, hint: isImage ? "Go to the end of the blame: the picture there shows it in the strongest colour. Touch that place in “What the network gets”; the three strongest count." : "Go to the end of the blame, and choose that input.", isDone: pixel },
    ...(isNovice ? [] : [teach]),
    { title: "Make it forget", text: "Train with a learning rate so large that the network forgets what it knew.", hint: "Move the learning rate far to the right, and train. Watch the curve of right answers.", isDone: () => MEMORY.forgot },
    { title: "Save it", text: "Go back in time, to a snapshot before it forgot.", hint: "The slider “Back in time” in Learn, far to the left.", isDone: () => MEMORY.forgot && !learning.isRunning && accuracy() > 0.9 * MEMORY.best },
    { title: "Catch the mistake", text: "Plant a mistake in a rule, and find a weight where the check catches it.", hint: "In Check: choose a rule, then “Check them all”; touch a verdict “wrong”.", isDone: () => page.mistake !== null && page.tab === "check" && checkTab.verdict === "wrong" },
  ];
}

const GOOD = 0.8;

/** Note what the tasks must know of the past. */
function remember() {
  const { report } = learning, place = report?.places[report.place];
  if (page.input.every((ink) => ink === 0)) MEMORY.before = null; // an empty pad
  else if (page.example) MEMORY.before = page.answer;
  else if (MEMORY.before === null && page.seen.answer[page.answer] > 0.5) MEMORY.before = page.answer;
  if (!report || !place) return;
  if (report.places.length === 1) Object.assign(MEMORY, { best: place.accuracy, forgot: false });
  MEMORY.best = Math.max(MEMORY.best, place.accuracy);
  if (beforeForgetting(report)) MEMORY.forgot = true;
}

class Tasks {
  constructor() {
    this.tasks = tasksOf();
    this.done = this.tasks.map(() => false);
    this.at = 0;
    this.steps = make("ol", "steps");
    this.steps.append(...this.tasks.map(({ title }, i) => {
      const button = pressable(`task-${i + 1}`, String(i + 1), () => this.go(i), "step");
      button.setAttribute("aria-label", `Task ${i + 1}: ${title}`);
      button.title = title;
      return make("li", "", button);
    }));
    this.title = make("h3", "");
    this.text = make("p", "");
    this.hint = make("p", "hint");
    this.hint.id = "task-hint";
    this.news = make("p", "news");
    this.news.setAttribute("role", "status");
    this.ask = pressable("hint", "A hint", () => this.showHint());
    this.ask.setAttribute("aria-controls", "task-hint");
    this.next = pressable("next-task", "Next", () => this.go((this.at + 1) % this.tasks.length));
    this.now = make("div", "now", this.title, this.text, this.hint, this.news, make("div", "buttons", this.ask, this.next));
    byId("tasks").append(make("h2", "", "Try this"), this.steps, this.now);
    this.show();
  }

  /** @param {number} at */
  go(at) {
    this.at = at;
    this.hint.textContent = "";
    this.show();
    say(`Task ${at + 1}: ${this.tasks[at].title}. ${this.tasks[at].text}`);
  }

  showHint() {
    this.hint.textContent = this.tasks[this.at].hint;
    this.ask.setAttribute("aria-expanded", "true");
    say(this.tasks[this.at].hint);
  }

  show() {
    const { title, text } = this.tasks[this.at], isDone = this.done[this.at];
    this.title.textContent = `${this.at + 1}. ${title}`;
    this.text.textContent = text;
    this.ask.setAttribute("aria-expanded", String(this.hint.textContent !== ""));
    this.now.classList.toggle("done", isDone);
    this.news.textContent = isDone ? `✓ Task ${this.at + 1} is done.` : "";
    this.next.className = isDone ? "primary" : "";
    [...this.steps.children].forEach((item, i) => {
      const button = /** @type {HTMLElement} */ (item.firstElementChild);
      button.textContent = this.done[i] ? "✓" : String(i + 1);
      button.classList.toggle("done", this.done[i]);
      button.setAttribute("aria-label", `Task ${i + 1}: ${this.tasks[i].title}${this.done[i] ? ", done" : ""}`);
      if (i === this.at) button.setAttribute("aria-current", "step");
      else button.removeAttribute("aria-current");
    });
  }

  refresh() {
    remember();
    const { at } = this;
    if (this.done[at] || !this.tasks[at].isDone()) return;
    this.done[at] = true;
    this.show();
  }
}

/** @type {Tasks | null} */
let tasks = null;
PARTS.push({ refresh: () => (tasks ??= new Tasks()).refresh() });
