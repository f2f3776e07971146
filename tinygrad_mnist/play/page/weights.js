"use strict";
// The weights as images that change while the network trains.

const MOST_TILES = 24;

/** The weights of each linear layer: an image for each unit that reads the picture, a field of squares for the rest. */
class WeightImages {
  constructor() {
    this.layers = page.network.blocks.flatMap((block, number) => {
      const name = block.linear === null ? undefined : page.data.layers[block.linear].weight;
      return name ? [new LayerImages(name, number, block.size)] : [];
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
