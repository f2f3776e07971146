"use strict";
// The feature maps of a convolution: small images side by side, each one a unit.

const MAPS = { wide: 160 }; // pixels of the picture

/** Feature maps as images, in rows. */
class Maps {
  /**
   * @param {string} id
   * @param {number[]} shape count, height and width
   * @param {string} label
   */
  constructor(id, [count, height, width], label) {
    this.count = count;
    this.gap = count > 1 ? 1 : 0; // pixels of a map, between it and the next
    this.height = height;
    this.width = width;
    this.columns = Math.ceil(Math.sqrt(count / 1.5));
    this.right = width + this.gap;
    this.down = height + this.gap;
    this.canvas = canvasOf(this.columns * this.right + this.gap, Math.ceil(count / this.columns) * this.down + this.gap);
    Object.assign(this.canvas, { id, className: "grid maps" });
    this.canvas.style.width = `${(Math.max(1, Math.floor(MAPS.wide / this.canvas.width)) * this.canvas.width) / 16}rem`;
    this.canvas.setAttribute("role", "img");
    this.canvas.setAttribute("aria-label", label);
  }

  /**
   * @param {ArrayLike<number>} values
   * @param {number | null} chosen
   */
  paint(values, chosen) {
    const { canvas, columns, right, down, width, height, count, gap } = this, { paper, ink } = colours(), most = reach(values);
    paintPixels(canvas, canvas.width, canvas.height, (i) => {
      const x = i % canvas.width, y = Math.floor(i / canvas.width), column = Math.floor((x - gap) / right), row = Math.floor((y - gap) / down);
      const [left, top] = [x - gap - column * right, y - gap - row * down], map = row * columns + column;
      if (left >= 0 && top >= 0 && left < width && top < height && map < count) return signed(values[(map * height + top) * width + left], most);
      if (chosen === null) return paper;
      const [from, above] = [(chosen % columns) * right, Math.floor(chosen / columns) * down];
      return x >= from && x <= from + right && y >= above && y <= above + down ? ink : paper;
    });
  }

  /**
   * The middle of a value in the window.
   * @param {number} index
   */
  middle(index) {
    const frame = this.canvas.getBoundingClientRect(), { width, height, columns, right, down } = this;
    const map = Math.floor(index / (width * height)), place = index % (width * height);
    const x = this.gap + (map % columns) * right + (place % width) + 0.5, y = this.gap + Math.floor(map / columns) * down + Math.floor(place / width) + 0.5;
    return { x: frame.left + (x / this.canvas.width) * frame.width, y: frame.top + (y / this.canvas.height) * frame.height };
  }

  /**
   * The map under a pointer.
   * @param {MouseEvent} event
   */
  at(event) {
    const place = cellAt(this.canvas, event, this.canvas.width), x = place % this.canvas.width, y = Math.floor(place / this.canvas.width);
    const column = Math.min(this.columns - 1, Math.floor(x / this.right)), index = Math.floor(y / this.down) * this.columns + column;
    return place >= 0 && index < this.count ? index : null;
  }
}

/**
 * The values of one of many maps.
 * @param {Numbers} values
 * @param {number[]} shape
 * @param {number} index
 */
function mapOf(values, [, height, width], index) {
  return values.subarray(index * height * width, (index + 1) * height * width);
}

/** @param {number[]} shape */
function mapsText([count, height, width]) {
  return `${count} ${count === 1 ? "map" : "maps"} of ${height}\u00a0×\u00a0${width}`;
}

/**
 * Name of a value in maps.
 * @param {number[]} shape
 * @param {number} index
 */
function mapPlace([, height, width], index) {
  const place = index % (height * width);
  return `map ${Math.floor(index / (height * width)) + 1}: ${Math.floor(place / width) + 1}, ${(place % width) + 1}`;
}

/**
 * Maps, or windows of weights, with a scale of their colours.
 * @param {Numbers} values
 * @param {number[]} shape
 * @param {string} title
 * @param {string} id
 */
function mapsImage(values, shape, title, id) {
  const maps = new Maps(id, shape, title), most = short(reach(values));
  maps.canvas.className = "pixels";
  maps.canvas.removeAttribute("style");
  maps.paint(values, null);
  return make("figure", "weights", maps.canvas, make("figcaption", "note", title, " ", colourKey(`−${most}`, most)));
}

/**
 * The windows of weights that make a map, its sums, and the map.
 * @param {Unit} unit
 */
function windowElements({ layer, index }) {
  const { data, network, seen } = page, block = network.blocks[layer], { windows, shown, after, title } = block;
  const { weight = "", maps: sums } = data.layers[/** @type {number} */ (windows)], name = data.parameters.find((each) => each.name === weight);
  const weights = network.arrays.get(weight);
  if (!name || !weights || !sums || !block.maps) return [];
  const [, sources, height, width] = name.shape, own = mapOf(weights, [0, sources * height, width], index);
  const places = sources === 1 ? "the picture" : `the ${sources} maps before it`;
  return [
    make("p", "", `A window of ${height} × ${width} weights slides over ${places}. At each place the values under it, each times its weight, are added up to a sum${after.length ? `; the sums go through ${title}` : ""}.`),
    make("div", "pair", mapsImage(own, [sources, height, width], sources === 1 ? "Its window of weights" : `Its window of weights, a part for each of ${sources} maps`, "unit-weights"),
      mapsImage(mapOf(seen.values[/** @type {number} */ (windows)], sums, index), [1, ...sums.slice(1)], `Its sums, ${sums[1]} × ${sums[2]}`, "unit-sums"),
      ...(after.length ? [mapsImage(mapOf(seen.values[shown], block.maps, index), [1, ...block.maps.slice(1)], `Its map, ${block.maps[1]} × ${block.maps[2]}`, "unit-map")] : [])),
  ];
}

/**
 * All maps of a layer as text.
 * @param {number} layer
 * @param {number[]} shape
 */
function mapsTable(layer, shape) {
  const values = page.seen.values[page.network.blocks[layer].shown];
  const rows = Array.from({ length: shape[0] }, (_, i) => {
    const own = mapOf(values, shape, i);
    return [`${i + 1}`, short(own.reduce((sum, value) => sum + value, 0) / own.length), short(Math.max(...own))];
  });
  return tableOf(`All maps of ${titleOf(layer).toLowerCase()}`, ["map", "mean", "largest value"], rows);
}
