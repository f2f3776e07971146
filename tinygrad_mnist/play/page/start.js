"use strict";
// The beginning: the parts of the page, the tabs, and a first digit that the network reads wrongly.

const isNarrow = matchMedia("(max-width: 60rem)");

/** The sentence above the picture. */
const VERDICT = {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  later: undefined,

  /** The moment of the blame in a line, where the panel is below; and what the lines mean. */
  caption() {
    const isBlame = page.tab === "blame" && page.moment > 0 && page.label !== null, [title, words] = isBlame ? momentElements(page.moment) : [];
    byId("caption").replaceChildren(...(title ? [make("strong", "", title.textContent ?? ""), " ", words?.textContent ?? ""] : []));
    byId("key").replaceChildren("Squares and lines: ", colourKey("below zero", "above zero"), isBlame ?
      ". Dashed lines: the largest shares of the blame that arrives (blame × weight)." : ". Lines: the largest parts (value × weight) of the chosen unit's sum.");
  },

  /** @param {Set<string>} what */
  refresh(what) {
    if (what.has("weights")) {
      clearTimeout(this.later); // told when the weights have come to rest: it takes a while
      this.later = setTimeout(() => { byId("facts").textContent = factsText(); }, byId("facts").textContent ? 700 : 0);
    }
    this.caption();
    if (!["input", "label", "weights", "mistake"].some((each) => what.has(each))) return;
    const { answer, seen, label, data } = page, thing = data.kind === "image" ? "this" : "this point";
    const read = [`The network reads ${thing} as `, make("strong", "", page.className(answer)), ` (${percent(seen.answer[answer])}).`];
    const isWrong = label !== null && label !== answer;
    byId("verdict").className = isWrong ? "wrong" : "";
    byId("why").hidden = isEmpty();
    if (!seen.answer.every(Number.isFinite)) byId("reading").replaceChildren("The network's numbers have grown beyond all bounds. Go back in time, and take a smaller learning rate.");
    else if (isEmpty()) byId("reading").replaceChildren(`The pad is empty. Draw ${thingOf().article}.`);
    else if (label === null) byId("reading").replaceChildren(...read);
    else if (isWrong) byId("reading").replaceChildren(...read, " It should be ", make("strong", "", page.className(label)), ` (${percent(seen.answer[label])}).`);
    else byId("reading").replaceChildren(...read, " That is right.");
  },
};

/** Nothing is drawn. */
function isEmpty() {
  return page.data.kind === "image" && page.input.every((ink) => ink === 0);
}

/** The tabs of the panel: arrows go from one to the next, as the ARIA pattern has it. */
const TAB_LIST = {
  /** @type {HTMLElement[]} */
  panels: [],

  make() {
    TABS.forEach((tab) => {
      const button = pressable(`tab-${tab.id}`, tab.title, () => page.show(tab.id), "tab"), panel = make("div", "tabpanel", tab.make());
      button.setAttribute("role", "tab");
      button.setAttribute("aria-controls", `panel-${tab.id}`);
      Object.assign(panel, { id: `panel-${tab.id}`, tabIndex: 0 });
      panel.setAttribute("role", "tabpanel");
      panel.setAttribute("aria-labelledby", button.id);
      byId("tabs").append(button);
      byId("panel").append(panel);
      this.panels.push(panel);
    });
    byId("tabs").addEventListener("keydown", (event) => this.onKey(event));
  },

  /** @param {KeyboardEvent} event */
  onKey(event) {
    const next = moved(TABS.findIndex(({ id }) => id === page.tab), event.key, TABS.length, TABS.length);
    if (next === null) return;
    event.preventDefault();
    page.show(TABS[next].id);
    byId(`tab-${TABS[next].id}`).focus();
  },

  refresh() {
    TABS.forEach(({ id }, i) => {
      const isShown = id === page.tab, button = byId(`tab-${id}`);
      button.setAttribute("aria-selected", String(isShown));
      button.tabIndex = isShown ? 0 : -1;
      this.panels[i].hidden = !isShown;
    });
  },
};

async function start() {
  const data = /** @type {PlayData} */ (JSON.parse(byId("data").textContent ?? ""));
  const [arrays, test, train] = await Promise.all([arraysOf(data), decoded(data, data.test), decoded(data, data.train)]);
  page = new Page(data, arrays, test, train);
  const source = data.kind === "image" ? new Pad() : new Plane(), picture = new Picture(source);
  TAB_LIST.make();
  PARTS.push(VERDICT, source, picture, TAB_LIST);
  byId("why").addEventListener("click", askWhy);
  page.choose("test", data.start.example);
  page.changed("tab", "weights");
  page.refresh();
}

/** One press: the blame from the answer back to the picture. */
function askWhy() {
  page.show("blame");
  page.moment = 0;
  page.changed("moment");
  page.refresh();
  if (page.label !== null) {
    BLAME.play();
    page.refresh();
    if (isNarrow.matches) byId("caption").scrollIntoView({ block: "start" });
  } else byId("panel-blame").scrollIntoView({ block: "nearest" });
}

const MOST_LISTED = 5; // hidden layers that are told one by one

function factsText() {
  const { data, network } = page, learned = data.parameters.reduce((total, { shape }) => total + shape.reduce((a, b) => a * b), 0);
  const things = data.kind === "image" ? ["pixels", "images"] : ["numbers", "points"];
  const hidden = network.blocks.length - 1, inside = hidden > MOST_LISTED ? [`${hidden} layers`] : network.blocks.slice(0, -1).map(({ size, maps }) => `${size} ${maps ? "maps" : "units"}`);
  const sizes = [`${page.input.length} ${things[0]}`, ...inside, `${data.classes.length} answers`];
  const { share: right, of } = testedNow(), guesses = isGuessing(right) ? "so far it guesses" : `it reads ${percent(right).replace(" ", "\u00a0")} of ${of} ${things[1]} correctly`;
  return `${sizes.join(" → ")} · ${learned.toLocaleString("en")} weights: ${guesses} · everything is computed in this page; nothing is sent`;
}
