"use strict";
// See: test images to choose from, and the sum of a chosen unit with its numbers.

const SHOWN_EXAMPLES = 24, SHOWN_TERMS = 8;

/**
 * A table of rows of texts; the first row is the head.
 * @param {string} caption
 * @param {string[]} head
 * @param {(string | Node)[][]} rows
 */
function tableOf(caption, head, rows) {
  const cells = (/** @type {"th" | "td"} */ tag, /** @type {(string | Node)[]} */ row) => make("tr", "", ...row.map((cell) => make(tag, "", cell)));
  const headCells = cells("th", head);
  for (const cell of headCells.children) cell.setAttribute("scope", "col");
  return make("table", "numbers", make("caption", "", caption), make("thead", "", headCells), make("tbody", "", ...rows.map((row) => cells("td", row))));
}

/**
 * What the numbers of a unit's inputs look like: an image for pixels, squares for units.
 * @param {Unit} unit
 * @param {Numbers} numbers
 * @param {string} title
 * @param {string} id
 * @param {((index: number) => void) | null} onPick
 * @param {number | null} framed
 */
function numbersImage(unit, numbers, title, id, onPick = null, framed = null) {
  const isImage = unit.layer === 0 && page.data.kind === "image", maps = page.network.blocks[unit.layer - 1]?.maps;
  if (maps) return mapsImage(numbers, maps, title, id, onPick, framed);
  const columns = isImage ? page.data.shape[1] : Math.ceil(Math.sqrt(numbers.length));
  const canvas = canvasOf(columns, Math.ceil(numbers.length / columns)), most = reach(numbers);
  canvas.id = id;
  canvas.className = onPick ? "pixels touched" : "pixels";
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", title);
  paintSigned(canvas, numbers, most);
  if (onPick) canvas.addEventListener("click", (event) => { const at = cellAt(canvas, event, columns); if (at >= 0 && at < numbers.length) onPick(at); });
  return make("figure", "weights", framed === null ? canvas : outlined(canvas, framed), make("figcaption", "note", title, " ", colourKey(`−${short(most)}`, short(most))));
}

/**
 * An image of numbers with a frame around one of them.
 * @param {HTMLCanvasElement} canvas
 * @param {number} at
 */
function outlined(canvas, at) {
  const frame = make("span", "frame"), { width, height } = canvas;
  Object.assign(frame.style, { left: `${(100 * (at % width)) / width}%`, top: `${(100 * Math.floor(at / width)) / height}%`, width: `${100 / width}%`, height: `${100 / height}%` });
  return make("span", "holder", canvas, frame);
}

/**
 * Name of an input of a unit.
 * @param {Unit} unit
 * @param {number} index
 */
function sourceName({ layer }, index) {
  const maps = page.network.blocks[layer - 1]?.maps;
  if (maps) return mapPlace(maps, index);
  if (layer > 0) return `unit ${index + 1}`;
  return page.data.kind === "image" ? `pixel ${Math.floor(index / page.data.shape[1]) + 1}, ${(index % page.data.shape[1]) + 1}` : `x${index + 1}`;
}

/**
 * The sum of a unit, the largest terms first.
 * @param {Unit} unit
 */
function sumElements(unit) {
  if (page.network.blocks[unit.layer].windows !== null) return windowElements(unit);
  const found = contributions(unit);
  if (!found) return [make("p", "note", "This layer has no weights.")];
  const { inputs, weights, products, bias, weight } = found, terms = strongest(products, Math.min(SHOWN_TERMS, products.length));
  const rest = products.reduce((a, b) => a + b, 0) - terms.reduce((total, i) => total + products[i], 0), others = products.length - terms.length;
  const rows = terms.map((i) => [sourceName(unit, i), short(inputs[i]), short(weights[i]), short(products[i])]);
  if (others) rows.push([`the other ${others.toLocaleString("en")}`, "", "", short(rest)]);
  rows.push(["bias", "", "", short(bias)], ["sum z", "", "", short(rest + bias + terms.reduce((total, i) => total + products[i], 0))]);
  const pick = checking(weight, unit.index * inputs.length);
  return [
    make("div", "pair", numbersImage(unit, weights, "Its weights. Touch one to check it.", "unit-weights", pick), numbersImage(unit, products, "Value × weight", "unit-products")),
    opening("sum", "The sum with its numbers", () => tableOf("The largest terms of the sum", ["from", "value", "× weight", "= part"], rows)),
  ];
}

/**
 * Go to the check of a touched weight of a unit.
 * @param {string} name of the array
 * @param {number} first of the unit's weights
 */
function checking(name, first) {
  return (/** @type {number} */ i) => {
    page.chooseWeight({ name, index: first + i });
    page.show("check");
  };
}

/**
 * A part that opens, and is made when it is open; it stays open for the next unit.
 * @param {string} id
 * @param {string} title
 * @param {() => Node} content
 */
function opening(id, title, content) {
  const summary = make("summary", "", title), details = make("details", "", summary), fill = () => { if (details.open && !details.children[1]) details.append(content()); };
  details.id = `open-${id}`;
  details.open = SEE.open.has(id);
  summary.addEventListener("click", () => { // before it opens: the page may draw it anew at any time
    if (details.open) SEE.open.delete(id);
    else SEE.open.add(id);
  });
  details.addEventListener("toggle", fill);
  fill();
  return details;
}

/**
 * All units of a layer as text.
 * @param {Unit} unit
 */
function layerTable({ layer }) {
  const { linear, shown, size, maps } = page.network.blocks[layer], { values } = page.seen, deltas = page.blamed && deltaOf(layer, page.blamed);
  if (maps) return mapsTable(layer, maps);
  const head = ["unit", ...(linear === null ? [] : ["sum z"]), "value", ...(deltas ? ["blame"] : [])];
  const rows = Array.from({ length: size }, (_, i) => [
    layer === page.network.blocks.length - 1 ? `“${page.className(i)}”` : `${i + 1}`, ...(linear === null ? [] : [short(values[linear][i])]), short(values[shown][i]), ...(deltas ? [short(deltas[i])] : []),
  ]);
  return tableOf(`All units of ${titleOf(layer).toLowerCase()}`, head, rows);
}

/**
 * The sum and the value of a unit in one line.
 * @param {Unit} unit
 */
function unitEquation({ layer, index }) {
  const { linear, activation, after, maps, isLast } = page.network.blocks[layer], { values, answer } = page.seen;
  if (maps) return [];
  const parts = [];
  if (linear !== null) parts.push(`sum z = each value × its weight, added up${page.data.layers[linear].bias ? ", + bias (a number of its own)" : ""} = ${short(values[linear][index])}`);
  let given = "z";
  for (const i of linear === null ? [activation ?? 0] : after) {
    given = `${page.data.layers[i].title}(${given})`;
    parts.push(`value = ${given} = ${short(values[i][index])}`);
  }
  if (isLast && page.data.loss === "cross-entropy") parts.push(`softmax turns all sums into shares of 100 %: ${percent(answer[index])}`);
  return parts.map((text) => make("p", "equation", text));
}

const SEE = {
  id: "see",
  title: "See",
  /** @type {Set<string>} */
  open: new Set(), // the parts that are open
  first: 0, // of the test images that are shown
  /** @type {HTMLElement} */
  unit: make("section", "unit"),
  /** @type {HTMLElement} */
  examples: make("div", "examples"),

  make() {
    this.examples.setAttribute("role", "group");
    this.examples.setAttribute("aria-label", "Test images");
    const more = pressable("more", "Others", () => {
      this.first = (this.first + SHOWN_EXAMPLES) % page.sets.test.count;
      this.showExamples();
    });
    const isImage = page.data.kind === "image";
    const gallery = make("section", "", make("h2", "", `${thingOf().many} that it has never seen`), make("p", "note", "A dashed frame: read wrongly, as the small name says."), this.examples, more);
    return make("div", "", this.unit, ...(isImage ? [gallery] : []));
  },

  /** @param {Set<string>} what */
  refresh(what) {
    this.showUnit();
    if (page.data.kind === "image" && (what.has("tab") || (what.has("weights") && !learning.isRunning))) this.showExamples();
    for (const button of this.examples.children) button.setAttribute("aria-pressed", String(button.id === `example-${page.example?.index}`));
  },

  showUnit() {
    const unit = page.current;
    if (!unit || unit.layer < 0) {
      this.unit.replaceChildren(make("h2", "", "Choose a unit"),
        make("p", "", "Each square in the picture is a unit. A unit adds up the values before it, each times a weight. Touch one, and its sum stands here."),
        ...(unit ? [make("p", "equation", unitSentence(unit))] : []));
      return;
    }
    const lead = unit.layer === page.network.blocks.length - 1 ? "The answer" : "";
    this.unit.replaceChildren(make("h2", "", `${lead} ${nameOf(unit)}`.trim()), ...unitEquation(unit), ...sumElements(unit), opening("layer", page.network.blocks[unit.layer].maps ? "All maps of this layer" : "All units of this layer", () => layerTable(unit)));
  },

  showExamples() {
    const { test } = page.sets, indices = Array.from({ length: Math.min(SHOWN_EXAMPLES, test.count) }, (_, i) => (this.first + i) % test.count);
    this.examples.replaceChildren(...indices.map((index) => exampleButton(index)));
  },
};
TABS.push(SEE);

/** @param {number} index */
function exampleButton(index) {
  const { test } = page.sets, read = page.network.answerTo(test, index), label = test.labels[index];
  const canvas = canvasOf(page.data.shape[1], page.data.shape[0]);
  paintInk(canvas, test.at(index));
  const button = pressable(`example-${index}`, "", () => page.choose("test", index), read === label ? "example" : "example wrong");
  button.append(canvas, ...(read === label ? [] : [make("span", "read-as", page.className(read))]));
  const said = `“${page.className(label)}”, ${read === label ? "read correctly" : `read as “${page.className(read)}”`}`;
  button.setAttribute("aria-label", said);
  button.title = said;
  return button;
}
