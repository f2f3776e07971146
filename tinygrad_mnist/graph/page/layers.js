"use strict";
// Ranks of a frame's inside, and the order in each rank with few crossings.

// Entries (items, and bends of long edges) in layers, joined by segments from one layer to the next.
function rankedGraph(frame) {
  const items = [...frame.tops.values(), ...frame.children, ...frame.bottoms.values()];
  const links = [...frame.links.values()];
  for (const item of [...frame.tops.values(), ...frame.bottoms.values()]) {
    const own = links.filter((link) => link.from === item || link.to === item);
    item.main = own.some((link) => link.main);
    item.hasBack = own.some((link) => link.back);
  }
  const ranks = ranksOf(items, links);
  const graph = { entries: items.map((item) => entryFor(item, ranks.get(item))), segments: [], links, layers: [], trunks: new Map() };
  for (const link of links) bend(graph, link, link.from.entry, link.to.entry);
  const last = Math.max(0, ...graph.entries.map((entry) => entry.rank));
  graph.layers = Array.from({ length: last + 1 }, () => []);
  return graph;
}

// The longest path to each item; what reads nothing stands right above its first reader.
function ranksOf(items, links) {
  const into = new Map(items.map((item) => [item, []])), out = new Map(items.map((item) => [item, []]));
  for (const link of links) {
    into.get(link.to).push(link);
    out.get(link.from).push(link);
  }
  const ranks = new Map(), order = topological(items, out, into);
  const hasTops = items.some((item) => item.port === "tops");
  for (const item of order) {
    const least = hasTops && item.port !== "tops" ? 1 : 0;
    ranks.set(item, Math.max(least, ...into.get(item).map((link) => ranks.get(link.from) + 1)));
  }
  for (const item of items) {
    const readers = out.get(item).map((link) => ranks.get(link.to));
    if (!into.get(item).length && !item.port && readers.length) ranks.set(item, Math.min(...readers) - 1);
  }
  const last = Math.max(0, ...items.filter((item) => !item.port).map((item) => ranks.get(item)));
  for (const item of items) if (item.port === "bottoms") ranks.set(item, last + 1);
  return ranks;
}

function entryFor(item, rank) {
  const entry = { item, rank, ins: [], outs: [], x: 0, y: 0, block: null };
  item.entry = entry;
  if (item.port) {
    return Object.assign(entry, { left: 4, right: 4 + (item.hasBack ? laneOf(item.main) : 0), height: 0 });
  }
  if (item.frame) return Object.assign(entry, { left: 0, right: item.width, height: item.height });
  const back = item.back ? LAYOUT.beside + item.back.width : 0;
  const height = Math.max(item.height, item.back?.height ?? 0);
  return Object.assign(entry, { left: item.width / 2, right: item.width / 2 + back, height });
}

// Join two entries, with a bend in each layer between them.  Long edges from one source share a trunk.
function bend(graph, link, from, to) {
  link.bends = [];
  let before = from;
  for (let rank = from.rank + 1; rank < to.rank; rank++) {
    const key = `${link.from.id} ${link.source.id} ${rank}`;
    if (!graph.trunks.has(key)) {
      const made = { item: null, rank, main: false, back: false, ins: [], outs: [], left: 4, height: 0, x: 0, y: 0, block: null };
      graph.trunks.set(key, made);
      graph.entries.push(made);
    }
    const trunk = graph.trunks.get(key);
    trunk.main ||= link.main;
    trunk.back ||= link.back;
    trunk.right = 4 + (trunk.back ? laneOf(trunk.main) : 0);
    link.bends.push(trunk);
    before = join(graph, link, before, trunk);
  }
  join(graph, link, before, to);
}

function join(graph, link, from, to) {
  const known = to.item ? null : from.outs.find((segment) => segment.to === to);
  const segment = known ?? { link, from, to, main: false, back: false, way: 0 };
  segment.main ||= link.main;
  segment.back ||= link.back;
  segment.way = Math.max(segment.way, link.way);
  if (known) return to;
  graph.segments.push(segment);
  from.outs.push(segment);
  to.ins.push(segment);
  return to;
}

// ---- The order in layers ---------------------------------------------------------------------------------------

function orderLayers(graph) {
  firstOrder(graph);
  let least = crossings(graph), bestOrder = graph.layers.map((layer) => [...layer]);
  for (let sweep = 0; sweep < 12 && least > 0; sweep++) {
    const down = sweep % 2 === 0;
    const layers = down ? graph.layers : graph.layers.toReversed();
    for (const layer of layers) sortLayer(layer, down);
    for (const layer of layers) exchange(layer);
    const now = crossings(graph);
    if (now < least) [least, bestOrder] = [now, graph.layers.map((layer) => [...layer])];
  }
  graph.layers = bestOrder;
  number(graph.layers);
}

// Depth first from the results, inputs in their order: trees are drawn without a crossing.
function firstOrder(graph) {
  const seen = new Set();
  const sinks = graph.entries.filter((entry) => !entry.outs.length);
  for (const port of graph.entries.filter((entry) => entry.item?.port === "tops")) {
    seen.add(port);
    graph.layers[port.rank].push(port);
  }
  const stack = sinks.toReversed().map((entry) => ({ entry, open: false }));
  while (stack.length) {
    const { entry, open } = stack.pop();
    if (open) graph.layers[entry.rank].push(entry);
    if (open || seen.has(entry)) continue;
    seen.add(entry);
    stack.push({ entry, open: true });
    const inputs = entry.ins.toSorted((a, b) => arrivalAt(a) - arrivalAt(b));
    for (const { from } of inputs.toReversed()) if (!seen.has(from)) stack.push({ entry: from, open: false });
  }
  number(graph.layers);
}

function number(layers) {
  for (const layer of layers) layer.forEach((entry, index) => { entry.index = index; });
}

// Place at which a segment arrives or leaves, as a part of the width of the entry.
const arrivalAt = ({ to, link }) => share(to, to.item ? entrance(to.item, link).value : 0);
const departureAt = ({ from, link }) => share(from, from.item ? departure(from.item, link).value : 0);
const share = (entry, place) => (place + entry.left) / (entry.left + entry.right + 1) - 0.5;

// Sort a layer by the means of the places that it is joined to; the bends of a long edge follow each other.
function sortLayer(layer, down) {
  if (layer.some((entry) => entry.item?.port === "tops")) return; // values come in in the order of inputs
  const wish = new Map(layer.map((entry) => {
    let sum = 0, weights = 0;
    for (const segment of down ? entry.ins : entry.outs) {
      const weight = segment.from.item || segment.to.item ? 1 : 8;
      sum += weight * (down ? segment.from.index + departureAt(segment) : segment.to.index + arrivalAt(segment));
      weights += weight;
    }
    return [entry, weights ? sum / weights : entry.index];
  }));
  layer.sort((a, b) => wish.get(a) - wish.get(b) || a.index - b.index);
  layer.forEach((entry, index) => { entry.index = index; });
}

// Exchange neighbours while that makes fewer crossings.
function exchange(layer) {
  if (layer.some((entry) => entry.item?.port === "tops")) return;
  for (let better = true, round = 0; better && round < layer.length; round++) {
    better = false;
    for (let i = 0; i + 1 < layer.length; i++) {
      const [left, right] = [layer[i], layer[i + 1]];
      if (crossingsOfTwo(left, right) <= crossingsOfTwo(right, left)) continue;
      [layer[i], layer[i + 1]] = [right, left];
      better = true;
    }
  }
  layer.forEach((entry, index) => { entry.index = index; });
}

// Crossings of the segments of two entries side by side.
function crossingsOfTwo(left, right) {
  const above = (entry) => entry.ins.map((segment) => segment.from.index + departureAt(segment));
  const below = (entry) => entry.outs.map((segment) => segment.to.index + arrivalAt(segment));
  const inverted = (one, other) => one.reduce((sum, a) => sum + other.filter((b) => a > b).length, 0);
  return inverted(above(left), above(right)) + inverted(below(left), below(right));
}

function crossings({ layers }) {
  let count = 0;
  for (const layer of layers) {
    const ends = layer.flatMap((entry) => entry.outs)
      .map((segment) => [segment.from.index + departureAt(segment), segment.to.index + arrivalAt(segment)])
      .sort((a, b) => a[0] - b[0] || a[1] - b[1]);
    for (let i = 0; i < ends.length; i++) {
      for (let j = i + 1; j < ends.length; j++) if (ends[i][0] < ends[j][0] && ends[i][1] > ends[j][1]) count++;
    }
  }
  return count;
}
