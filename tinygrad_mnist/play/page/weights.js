"use strict";
// The weights: which is which in words, and as images that change while the network trains.

const MOST_TILES = 24, WINDOWS_IN_ROW = 8;

/** @param {string} name */
function shapeOf(name) {
  return page.data.parameters.find((parameter) => parameter.name === name)?.shape ?? [1];
}

/**
 * Units of an array.
 * @param {string} name
 */
function rowsOf(name) {
  return shapeOf(name)[0];
}

/**
 * The layer that an array belongs to, and its part there.
 * @param {string} name
 */
function placeOfArray(name) {
  const { layers } = page.data, position = layers.findIndex(({ weight, bias }) => weight === name || bias === name), { kind, title, bias } = layers[position];
  const layer = page.network.blocks.findIndex(({ linear, windows, after }) => [linear, windows, ...after].includes(position));
  return { layer, isBias: bias === name, isWindows: kind === "windows" && bias !== name, normalization: kind === "between" ? title : "" };
}

/** @param {string} name */
function arrayTitle(name) {
  const { layer, isBias, normalization } = placeOfArray(name);
  if (normalization) return `${titleOf(layer)}, ${isBias ? "shifts" : "scales"} of ${normalization}`;
  return `${titleOf(layer)}, ${isBias ? "biases" : "weights"}`;
}

/**
 * @param {number[]} shape of a window: sources, height and width
 * @param {number} index
 */
function windowPlace([sources, height, width], index) {
  const place = rowAndColumn([sources, height, width], index);
  return sources === 1 ? place : `${place} of the part for map ${Math.floor(index / (height * width)) + 1} before it`;
}

/**
 * A weight in words, with its value.
 * @param {Weight} weight
 * @param {number} unit
 * @param {number} input
 */
function weightSentence({ name, index }, unit, input) {
  const { layer, isBias, isWindows, normalization } = placeOfArray(name), inside = (/** @type {Unit} */ each) => nameOf(each).replace(/^[A-Z]/, (letter) => letter.toLowerCase());
  const value = short(page.network.arrays.get(name)?.[index] ?? 0), whole = inside({ layer, index: unit }), maps = page.network.blocks[layer - 1]?.maps;
  if (normalization) return `${normalization} ${isBias ? "adds this number to" : "multiplies by this number"} what comes into ${whole}. It is ${value}.`;
  if (isBias) return `This bias is added to the sum of ${whole}. It is ${value}.`;
  if (isWindows) return `This weight is in the window of ${whole}, in ${windowPlace(shapeOf(name).slice(1), input)}. It is ${value}.`;
  return `This weight says how much ${maps ? `map ${Math.floor(input / (maps[1] * maps[2])) + 1} in ${rowAndColumn(maps, input)}` : inside({ layer: layer - 1, index: input })} counts for ${whole}. It is ${value}.`;
}

/** The weights of each layer: an image for each unit that reads the picture, windows as such, a field of squares for the rest. */
class WeightImages {
  constructor() {
    this.layers = page.network.blocks.flatMap(({ linear, windows, size }, number) => {
      const name = page.data.layers[linear ?? windows ?? 0].weight;
      if (!name) return [];
      return [windows === null ? new LayerImages(name, number, size) : new WindowImages(name, number)];
    });
    this.element = make("div", "weight-images", make("h3", "", "The weights, as they change"), ...this.layers.map(({ element }) => element));
  }

  refresh() {
    for (const layer of this.layers) layer.refresh();
  }
}

class LayerImages {
  /**
   * @param {string} name
   * @param {number} number of the block
   * @param {number} units
   */
  constructor(name, number, units) {
    this.name = name;
    this.wide = /** @type {Numbers} */ (page.network.arrays.get(name)).length / units;
    this.isImages = number === 0 && page.data.kind === "image";
    this.units = this.isImages ? Math.min(units, MOST_TILES) : units;
    const shape = this.isImages ? [page.data.shape[1], page.data.shape[0]] : [this.wide, units];
    this.tiles = Array.from({ length: this.isImages ? this.units : 1 }, () => canvasOf(shape[0], shape[1]));
    this.tiles.forEach((canvas, unit) => {
      const words = this.isImages ? `Weights of unit ${unit + 1}` : `Weights of ${titleOf(number)}, one row per unit`;
      canvas.setAttribute("role", "img");
      canvas.setAttribute("aria-label", words);
      canvas.title = words;
      canvas.addEventListener("click", (event) => page.look({ layer: number, index: this.isImages ? unit : Math.floor(cellAt(canvas, event, this.wide) / this.wide) }));
    });
    this.caption = make("figcaption", "note");
    const what = this.isImages
      ? `${titleOf(number)}: what ${this.units < units ? `the first ${this.units} of ${units}` : `${units}`} units look for in the picture. Touch one to choose it.`
      : `${titleOf(number)}: ${units} rows, one per unit; ${this.wide} columns, one per input.`;
    this.words = make("span", "", what, " ");
    this.element = make("figure", this.isImages ? "tiles" : "matrix", ...this.tiles, this.caption);
  }

  refresh() {
    const values = /** @type {Numbers} */ (page.network.arrays.get(this.name)), most = reach(values), { wide } = this;
    this.tiles.forEach((canvas, unit) => paintSigned(canvas, this.isImages ? values.subarray(unit * wide, (unit + 1) * wide) : values, most));
    this.caption.replaceChildren(this.words, colourKey(`−${short(most)}`, short(most)));
  }
}

/** The windows of a convolution, each with its parts for the maps before it side by side. */
class WindowImages {
  /**
   * @param {string} name
   * @param {number} number of the block
   */
  constructor(name, number) {
    const [count, sources, height, width] = shapeOf(name), words = `${titleOf(number)}: ${count} windows of ${height} × ${width} weights, one per map`;
    this.name = name;
    this.maps = new Maps(`windows-${number}`, [count * sources, height, width], words, sources * (sources === 1 ? Math.min(count, WINDOWS_IN_ROW) : Math.ceil(Math.sqrt(count / sources))));
    const { canvas } = this.maps;
    canvas.removeAttribute("style");
    canvas.addEventListener("click", (event) => {
      const at = this.maps.at(event);
      if (at !== null) page.look({ layer: number, index: Math.floor(at / sources) });
    });
    this.caption = make("figcaption", "note");
    this.words = make("span", "", `${words}${sources === 1 ? "" : `, each with parts for the ${sources} maps before it side by side`}. Touch one to choose its map. `);
    this.element = make("figure", "windows", canvas, this.caption);
  }

  refresh() {
    const values = /** @type {Numbers} */ (page.network.arrays.get(this.name)), most = short(reach(values));
    this.maps.paint(values, null);
    this.caption.replaceChildren(this.words, colourKey(`−${most}`, most));
  }
}
