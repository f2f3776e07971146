"use strict";
// The picture of the network: a card for each layer, from the input to the answer, and the edges of a chosen unit.

const GRID = { high: 250, most: 26, least: 3, gap: 1, edges: 24 }; // pixels; the strongest edges are drawn

// What an activation does to a sum, in words.
/** @type {Record<string, string>} */
const MEANINGS = {
  ReLU: ": a sum below 0 becomes 0", Sigmoid: ": a sum becomes a number from 0 to 1", Tanh: ": a sum becomes a number from −1 to 1",
};

/** Units of a layer as squares. */
class Grid {
  /**
   * @param {string} id
   * @param {number} count
   * @param {string} label
   */
  constructor(id, count, label) {
    this.count = count;
    const wide = Math.ceil(Math.sqrt(count / 2));
    this.columns = count <= 12 ? 1 : wide;
    this.rows = Math.ceil(count / this.columns);
    this.cell = Math.max(GRID.least, Math.min(GRID.most, Math.floor(GRID.high / this.rows)));
    this.canvas = canvasOf(this.columns * this.cell * 2, this.rows * this.cell * 2); // for sharp screens
    Object.assign(this.canvas, { id, className: "grid" });
    this.canvas.style.width = `${(this.columns * this.cell) / 16}rem`;
    this.canvas.setAttribute("role", "img");
    this.canvas.setAttribute("aria-label", label);
  }

  /**
   * @param {ArrayLike<number>} values
   * @param {number | null} chosen
   */
  paint(values, chosen) {
    const pen = penOf(this.canvas), colour = signed(reach(values)), size = this.cell * 2, gap = this.cell > 5 ? 2 * GRID.gap : 0;
    pen.clearRect(0, 0, this.canvas.width, this.canvas.height);
    for (let i = 0; i < this.count; i++) {
      const x = (i % this.columns) * size, y = Math.floor(i / this.columns) * size;
      pen.fillStyle = css(colour(values[i]));
      pen.fillRect(x, y, size - gap, size - gap);
    }
    if (chosen === null) return;
    pen.strokeStyle = css(colours().ink);
    pen.lineWidth = 4;
    pen.strokeRect((chosen % this.columns) * size + 1, Math.floor(chosen / this.columns) * size + 1, size - gap - 2, size - gap - 2);
  }

  /**
   * The middle of a unit in the window.
   * @param {number} index
   */
  middle(index) {
    const frame = this.canvas.getBoundingClientRect();
    return {
      x: frame.left + (((index % this.columns) + 0.5) / this.columns) * frame.width,
      y: frame.top + ((Math.floor(index / this.columns) + 0.5) / this.rows) * frame.height,
    };
  }

  /** @param {MouseEvent} event */
  at(event) {
    const index = cellAt(this.canvas, event, this.columns);
    return index >= 0 && index < this.count ? index : null;
  }
}

/** A card of a layer: its values, and the blame of its units. */
class Card {
  /**
   * @param {Block} block
   * @param {number} number
   */
  constructor(block, number) {
    this.block = block;
    this.number = number;
    const count = block.maps ? mapsText(block.maps) : block.size === 1 ? "1 unit" : `${block.size.toLocaleString("en")} units`;
    const isAnswer = block.isLast;
    this.values = block.maps ? new Maps(`values-${number}`, block.maps, `${block.size} feature maps`) : new Grid(`values-${number}`, block.size, `Values of ${block.size} units`);
    this.blames = block.maps ? new Maps(`blames-${number}`, block.maps, `Blame of ${block.size} feature maps`) : new Grid(`blames-${number}`, block.size, `Blame of ${block.size} units`);
    this.scale = make("p", "note");
    this.blameScale = make("p", "note");
    this.rows = isAnswer ? page.data.classes.map((name, i) => new AnswerRow(name, i, number)) : [];
    const parts = isAnswer ? this.rows.map(({ element }) => element) : [this.values.canvas];
    const values = make("div", isAnswer ? "answers" : "cells", ...parts);
    this.field = Object.assign(values, { tabIndex: 0, id: `layer-${number}` });
    values.setAttribute("role", "application");
    values.setAttribute("aria-label", `${titleOf(number)}, ${count}. Arrow keys choose a ${block.maps ? "map" : "unit"}.`);
    this.back = make("div", "back", make("p", "note", `Blame. Blue: a larger ${block.maps ? "value" : "sum"} makes the loss worse.`), this.blames.canvas, this.blameScale);
    const words = isAnswer ? make("p", "note", "how sure it is of each") : make("p", "note", count, make("br", ""), `${block.title}${MEANINGS[block.title] ?? ""}`);
    this.element = make("figure", `card ${isAnswer ? "answer" : "layer"}`, make("h2", "", titleOf(number)), values, ...(isAnswer ? [words] : [this.scale, words, this.back]));
    this.listen();
  }

  listen() {
    const choose = (/** @type {number | null} */ index) => { if (index !== null) page.look({ layer: this.number, index }); };
    const point = (/** @type {PointerEvent} */ event, /** @type {number | null} */ index) => {
      if (event.pointerType === "mouse") page.point(index === null ? null : { layer: this.number, index });
    };
    for (const grid of [this.values, this.blames]) {
      grid.canvas.addEventListener("click", (event) => choose(grid.at(event)));
      grid.canvas.addEventListener("pointermove", (event) => point(event, grid.at(event)));
      grid.canvas.addEventListener("pointerleave", (event) => point(event, null));
    }
    this.rows.forEach((row, i) => {
      row.element.addEventListener("click", () => choose(i));
      row.element.addEventListener("pointerenter", (event) => point(event, i));
      row.element.addEventListener("pointerleave", (event) => point(event, null));
    });
    this.field.addEventListener("keydown", (event) => {
      const index = page.unit?.layer === this.number ? page.unit.index : 0;
      const next = moved(index, event.key, this.block.isLast ? 1 : this.values.columns, this.block.size);
      if (next === null) return;
      event.preventDefault();
      choose(page.unit?.layer === this.number ? next : 0);
      say(unitSentence({ layer: this.number, index: next }));
    });
  }

  refresh() {
    const { seen, current: unit, moment, network } = page, own = network.blocks.length - this.number + 1;
    const values = seen.values[this.block.shown], blamed = moment >= own ? page.blamed : null, reached = blamed !== null;
    const isNow = reached && moment === own;
    const chosen = unit?.layer === this.number ? unit.index : isNow ? unitIn(this.number, deltaOf(this.number, blamed)) : null;
    this.element.classList.toggle("blamed", reached);
    this.element.classList.toggle("now", isNow);
    if (this.block.isLast) {
      this.rows.forEach((row) => row.refresh(chosen === row.index, reached));
      return;
    }
    this.values.paint(values, chosen);
    const most = short(reach(values));
    this.scale.replaceChildren(colourKey(`−${most}`, most));
    if (reached) {
      const deltas = deltaOf(this.number, blamed);
      this.blames.paint(deltas, chosen);
      const far = short(reach(deltas));
      this.blameScale.replaceChildren(colourKey(`−${far}`, far));
    }
  }

  /** @param {number} index */
  middle(index) {
    if (!this.block.isLast) return this.values.middle(index);
    const frame = this.rows[index].element.getBoundingClientRect();
    return { x: frame.left, y: frame.top + frame.height / 2 };
  }
}

/** A class with its probability, and its blame. */
class AnswerRow {
  /**
   * @param {string} name
   * @param {number} index
   * @param {number} layer
   */
  constructor(name, index, layer) {
    this.index = index;
    this.fill = make("span", "fill");
    this.bar = make("span", "bar", this.fill);
    this.share = make("span", "share");
    this.blame = make("span", "delta");
    this.element = make("div", "row", make("span", "name", name), this.bar, this.share, this.blame);
    this.element.id = `answer-${layer}-${index}`;
  }

  /**
   * @param {boolean} isChosen
   * @param {boolean} isBlamed
   */
  refresh(isChosen, isBlamed) {
    const share = page.seen.answer[this.index], { label, network } = page, blamed = isBlamed ? page.blamed : null;
    this.fill.style.width = `${100 * Math.min(1, Math.max(0, share))}%`;
    this.share.textContent = percent(share);
    this.element.classList.toggle("chosen", isChosen);
    this.element.classList.toggle("right", this.index === label);
    this.element.classList.toggle("read", this.index === page.answer);
    const delta = blamed ? deltaOf(network.blocks.length - 1, blamed)[this.index] : 0;
    this.blame.textContent = isBlamed ? `${short(delta)}` : "";
    this.blame.className = `delta ${delta < 0 ? "less" : "more"}`;
  }
}

/**
 * The gradients of a block's sums, or of the values of its maps.
 * @param {number} number
 * @param {Blamed} blamed
 */
function deltaOf(number, blamed) {
  const { linear, shown } = page.network.blocks[number];
  return blamed.gradients[linear ?? shown];
}

/** @param {number} number */
function titleOf(number) {
  if (number < 0) return "Input";
  return number === page.network.blocks.length - 1 ? "Answer" : `Layer ${number + 1}`;
}

/** @param {Unit} unit */
function nameOf({ layer, index }) {
  if (layer < 0) return page.data.kind === "image" ? `The pixel ${placeText(index)}` : `Input ${index + 1}`;
  if (layer === page.network.blocks.length - 1) return `“${page.className(index)}”`;
  return `${page.network.blocks[layer].maps ? "Map" : "Unit"} ${index + 1} of layer ${layer + 1}`;
}

/** @param {Unit} unit */
function unitSentence({ layer, index }) {
  const block = page.network.blocks[layer], values = block ? page.seen.values[block.shown] : page.input;
  if (block?.maps) return `${nameOf({ layer, index })}: at most ${short(Math.max(...mapOf(values, block.maps, index)))}`;
  return `${nameOf({ layer, index })}: ${short(values[index])}`;
}

/**
 * Input times weight, of all inputs of a unit; null where the unit has no weights.
 * @param {Unit} unit
 */
function contributions({ layer, index }) {
  const { network } = page, block = network.blocks[layer];
  if (!block || block.linear === null) return null;
  const { weight, bias } = page.data.layers[block.linear], inputs = network.inputOf(layer, page.seen, page.input);
  const weights = weight ? network.arrays.get(weight)?.subarray(index * inputs.length, (index + 1) * inputs.length) : undefined;
  if (!weight || !weights) return null;
  return { inputs, weights, weight, products: inputs.map((x, i) => x * weights[i]), bias: (bias && network.arrays.get(bias)?.[index]) || 0 };
}

/**
 * The weight between a unit of the next block and a value of this one; null without such weights.
 * @param {number} layer
 */
function weightsFrom(layer) {
  const { linear, size } = page.network.blocks[layer + 1], weights = linear === null ? undefined : page.network.arrays.get(page.data.layers[linear].weight ?? "");
  return weights ? (/** @type {number} */ to, /** @type {number} */ from) => weights[(to * weights.length) / size + from] : null;
}

/**
 * What each unit of the next block sends back to a unit, or to an input: weight times blame; null without weights.
 * @param {number} layer
 * @param {number} index
 * @param {Blamed} blamed
 */
function shares(layer, index, blamed) {
  const weights = weightsFrom(layer);
  return weights ? deltaOf(layer + 1, blamed).map((delta, i) => delta * weights(i, index)) : null;
}

/**
 * The positions of the largest values, by size, the largest first.
 * @param {ArrayLike<number>} values
 * @param {number} count
 */
function strongest(values, count) {
  return Array.from(values, (_, i) => i).sort((a, b) => Math.abs(values[b]) - Math.abs(values[a])).slice(0, count);
}

class Picture {
  /** @param {{element: HTMLElement, middle?: (index: number) => {x: number, y: number}}} source */
  constructor(source) {
    this.source = source;
    this.place = byId("network");
    this.cards = page.network.blocks.map((block, number) => new Card(block, number));
    this.place.classList.toggle("deep", page.network.blocks.length > 2);
    this.place.append(source.element, ...this.cards.map(({ element }) => element));
    new ResizeObserver(() => this.drawEdges()).observe(this.place);
    DARK_SCHEME.addEventListener("change", () => page.changed("input", "weights"));
  }

  /** @param {Set<string>} what */
  refresh(what) {
    if (![..."input label unit weights moment mistake tab".split(" ")].some((each) => what.has(each))) return;
    for (const card of this.cards) card.refresh();
    this.source.element.classList.toggle("now", page.label !== null && page.moment === page.network.blocks.length + 2);
    this.drawEdges();
  }

  drawEdges() {
    const flow = this.flow(), frame = this.place.getBoundingClientRect(), { less, more } = colours();
    byId("edges").replaceChildren();
    if (!flow) return;
    const { parts, from, to, isBlame } = flow, most = reach(parts);
    for (const i of strongest(parts, GRID.edges)) {
      const start = from(i), part = Math.abs(parts[i]) / most;
      if (part < 0.02) continue;
      const [x1, y1, x2, y2] = [start.x - frame.left, start.y - frame.top, to.x - frame.left, to.y - frame.top], bend = (x2 - x1) / 2;
      byId("edges").append(draw("path", {
        d: `M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`, fill: "none", "stroke-dasharray": isBlame ? "7 5" : null,
        stroke: css(parts[i] < 0 ? less : more), "stroke-width": 0.6 + 4 * part, "stroke-opacity": 0.35 + 0.6 * part,
      }));
    }
  }

  /** What flows along the edges: the blame that arrives at a unit while it runs backward, else the parts of the chosen unit's sum. */
  flow() {
    const { moment, current: unit, network } = page, number = network.blocks.length + 1 - moment;
    const blamed = page.tab === "blame" && moment > 1 && number < network.blocks.length - 1 ? page.blamed : null;
    if (blamed) {
      if (!this.isBeside(number)) return null;
      const to = placeIn(number, number < 0 ? blamed.input : deltaOf(number, blamed)), parts = shares(number, to, blamed);
      return parts && { parts, from: (/** @type {number} */ i) => this.middle(number + 1, i), to: this.middle(number, to), isBlame: true };
    }
    const found = unit && unit.layer >= 0 ? contributions(unit) : null;
    if (!unit || !found || !this.isBeside(unit.layer - 1)) return null;
    return { parts: found.products, from: (/** @type {number} */ i) => this.middle(unit.layer - 1, i), to: this.middle(unit.layer, unit.index), isBlame: false };
  }

  /**
   * True where the next layer stands in the same row: lines to another row would cross words.
   * @param {number} layer
   */
  isBeside(layer) {
    const [here, next] = [this.cards[layer]?.element ?? this.source.element, this.cards[layer + 1].element].map((each) => each.getBoundingClientRect());
    return next.left >= here.right;
  }

  /**
   * The middle of a unit in the window.
   * @param {number} layer
   * @param {number} index
   */
  middle(layer, index) {
    return layer < 0 ? this.inputMiddle(index) : this.cards[layer].middle(index);
  }

  /** @param {number} index */
  inputMiddle(index) {
    if (this.source.middle) return this.source.middle(index);
    const frame = byId("pad").getBoundingClientRect(), [height, width] = page.data.shape;
    const scale = frame.width / Math.max(height, width);
    return { x: frame.left + ((index % width) + 0.5) * scale, y: frame.top + (Math.floor(index / width) + 0.5) * scale };
  }
}
