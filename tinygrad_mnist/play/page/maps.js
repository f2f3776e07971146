"use strict";
// The feature maps of a convolution: small images side by side, each one a unit.

const MAPS = { wide: 160 }; // pixels of the picture

/** Feature maps as images, in rows. */
class Maps {
  /**
   * @param {string} id
   * @param {number[]} shape count, height and width
   * @param {string} label
   * @param {number} columns
   */
  constructor(id, [count, height, width], label, columns = Math.ceil(Math.sqrt(count / 1.5))) {
    this.count = count;
    this.gap = count > 1 ? 1 : 0; // pixels of a map, between it and the next
    this.height = height;
    this.width = width;
    this.columns = columns;
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
    const { canvas, columns, right, down } = this, { paper, ink } = colours(), colour = signed(reach(values));
    paintPixels(canvas, canvas.width, canvas.height, (i) => {
      const at = this.valueAt(i);
      if (at !== null) return colour(values[at]);
      if (chosen === null) return paper;
      const x = i % canvas.width, y = Math.floor(i / canvas.width), [from, above] = [(chosen % columns) * right, Math.floor(chosen / columns) * down];
      return x >= from && x <= from + right && y >= above && y <= above + down ? ink : paper;
    });
  }

  /**
   * The value in a pixel of the canvas; null between two maps.
   * @param {number} pixel
   */
  valueAt(pixel) {
    const { canvas, columns, right, down, width, height, count, gap } = this, x = pixel % canvas.width, y = Math.floor(pixel / canvas.width);
    const column = Math.floor((x - gap) / right), row = Math.floor((y - gap) / down), map = row * columns + column;
    const [left, top] = [x - gap - column * right, y - gap - row * down];
    return left >= 0 && top >= 0 && left < width && top < height && column < columns && map < count ? (map * height + top) * width + left : null;
  }

  /**
   * The middle of a value in the window.
   * @param {number} index
   */
  middle(index) {
    const frame = this.canvas.getBoundingClientRect(), pixel = this.pixelOf(index), wide = this.canvas.width;
    return { x: frame.left + (((pixel % wide) + 0.5) / wide) * frame.width, y: frame.top + ((Math.floor(pixel / wide) + 0.5) / this.canvas.height) * frame.height };
  }

  /**
   * The pixel of the canvas that shows a value.
   * @param {number} index
   */
  pixelOf(index) {
    const { width, height, columns, right, down, gap } = this, map = Math.floor(index / (width * height)), place = index % (width * height);
    const x = gap + (map % columns) * right + (place % width), y = gap + Math.floor(map / columns) * down + Math.floor(place / width);
    return y * this.canvas.width + x;
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
  return `${count} ${count === 1 ? "map" : "maps"} of ${height}\u202f×\u202f${width}`;
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
 * The place of a value in a map, or in a part of a window.
 * @param {number[]} shape
 * @param {number} index
 */
function rowAndColumn([, height, width], index) {
  return `row ${Math.floor((index % (height * width)) / width) + 1}, column ${(index % width) + 1}`;
}

/**
 * Maps, or windows of weights, with a scale of their colours.
 * @param {Numbers} values
 * @param {number[]} shape
 * @param {string} title
 * @param {string} id
 * @param {((index: number) => void) | null} onPick
 * @param {number | null} framed
 */
function mapsImage(values, shape, title, id, onPick = null, framed = null) {
  const maps = new Maps(id, shape, title), most = short(reach(values)), { canvas } = maps;
  canvas.className = onPick ? "pixels touched" : "pixels";
  canvas.removeAttribute("style");
  maps.paint(values, null);
  if (onPick) canvas.addEventListener("click", (event) => { const at = maps.valueAt(cellAt(canvas, event, canvas.width)); if (at !== null) onPick(at); });
  return make("figure", "weights", framed === null ? canvas : outlined(canvas, maps.pixelOf(framed)), make("figcaption", "note", title, " ", colourKey(`−${most}`, most)));
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
  const [, sources, height, width] = name.shape, size = sources * height * width, own = weights.subarray(index * size, (index + 1) * size);
  const places = sources === 1 ? "the picture" : `the ${sources} maps before it`;
  return [
    make("p", "", `A window of ${height} × ${width} weights slides over ${places}. At each place the values under it, each times its weight, are added up to a sum${after.length ? `; the sums go through ${title}` : ""}.`),
    make("div", "pair", mapsImage(own, [sources, height, width], `Its window of weights${sources === 1 ? "" : `, a part for each of ${sources} maps`}. Touch one to check it.`, "unit-weights", checking(weight, index * size)),
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
  const values = page.seen.values[page.network.blocks[layer].shown], deltas = page.blamed && deltaOf(layer, page.blamed);
  const rows = Array.from({ length: shape[0] }, (_, i) => {
    const own = mapOf(values, shape, i), blames = deltas && mapOf(deltas, shape, i);
    return [`${i + 1}`, short(own.reduce((sum, value) => sum + value, 0) / own.length), short(Math.max(...own)), ...(blames ? [short(blames[strongest(blames, 1)[0]])] : [])];
  });
  return tableOf(`All maps of ${titleOf(layer).toLowerCase()}`, ["map", "mean", "largest value", ...(deltas ? ["most blame"] : [])], rows);
}

/**
 * The blame of the maps of a layer, and where it goes from there.
 * @param {number} number
 * @param {Blamed} blamed
 */
function mapBlameElements(number, blamed) {
  const { data, network, seen } = page, { maps, windows, shown, title } = network.blocks[number], deltas = deltaOf(number, blamed);
  if (!maps || windows === null) return [];
  const place = placeIn(number, deltas), map = unitIn(number, deltas), { weight = "", maps: sums } = data.layers[windows], name = data.parameters.find((each) => each.name === weight);
  const slopes = blamed.slopes.get(weight), next = network.blocks[number + 1];
  if (!name || !slopes || !sums) return [];
  const [, sources, height, width] = name.shape, size = sources * height * width;
  return [
    make("h2", "", `Blame of layer ${number + 1}`),
    make("p", "", next.windows === null ? "Each value of the maps feeds every unit of the next layer. Its blame is the sum of weight × blame over that layer's units." : "Each value of the maps lies under several windows of the next layer. Its blame is the sum of weight × blame over all windows and places that it lies under."),
    make("p", "equation", `map ${map + 1}, ${rowAndColumn(maps, place)}: ${short(deltas[place])}`),
    make("div", "pair", mapsImage(mapOf(seen.values[shown], maps, map), [1, ...maps.slice(1)], `Map ${map + 1}`, "blame-map"), mapsImage(mapOf(deltas, maps, map), [1, ...maps.slice(1)], "Its blame", "blame-of-map")),
    ...sharesElements(number, place, blamed, deltas[place]),
    make("p", "", `The blame goes back through ${title} to the sums, and from there to the weights. The gradient of a weight is the sum of blame × value under it, over all ${sums[1]} × ${sums[2]} places of the window.`),
    make("div", "pair", mapsImage(mapOf(blamed.gradients[windows], sums, map), [1, ...sums.slice(1)], "Blame of its sums", "blame-of-sums"),
      mapsImage(slopes.subarray(map * size, (map + 1) * size), [sources, height, width], "Gradient of its window of weights. Touch one to check it.", "blame-of-weights", checking(weight, map * size))),
    make("p", "note", "Touch a map of this layer to see its blame. Shown first is the one with the most."),
  ];
}
