"use strict";
// Coordinates inside a frame: straight blocks across, ranks down; and the points of edges.

// Entries that are joined by the main path, or by one long edge, are one block: it is straight.
function placeAcross(graph) {
  joinBlocks(graph);
  const blocks = [...new Set(graph.entries.map((entry) => entry.block))];
  neighbours(graph);
  pack(graph, blocks);
  for (let sweep = 0; sweep < 40; sweep++) relax(blocks, sweep % 2 === 0);
  for (const entry of graph.entries) entry.x = entry.block.x + entry.offset;
}

function joinBlocks(graph) {
  for (const entry of graph.entries) Object.assign(entry, { block: { members: [entry], x: 0 }, offset: 0 });
  const byGap = grouped(graph.segments, (segment) => segment.from.rank);
  for (const segments of byGap.values()) {
    const kept = [];
    const candidates = segments.filter((segment) => straightness(segment) > 0).sort((a, b) => straightness(b) - straightness(a));
    for (const segment of candidates) {
      const { from, to } = segment;
      const clashes = kept.some((other) => other.from === from || other.to === to ||
        (other.from.index - from.index) * (other.to.index - to.index) < 0);
      if (clashes) continue;
      kept.push(segment);
      merge(segment);
    }
  }
}

// The longest main path comes first, then the middles of long edges.
function straightness({ main, way, from, to }) {
  return main ? 2 + way : !from.item && !to.item ? 1 : 0;
}

function merge(segment) {
  const { from, to } = segment, block = from.block, moved = to.block;
  const shift = from.offset + offsetsOf(segment) - to.offset;
  for (const entry of moved.members) Object.assign(entry, { block, offset: entry.offset + shift });
  block.members.push(...moved.members);
}

// Distance of the target to the right of the source when the segment is vertical.
function offsetsOf({ from, to, link }) {
  const leaves = from.item ? departure(from.item, link).value : 0;
  const enters = to.item ? entrance(to.item, link).value : 0;
  return leaves - enters;
}

// Pairs of entries side by side keep their distance.
function neighbours(graph) {
  for (const layer of graph.layers) {
    layer.forEach((entry, index) => {
      entry.before = layer[index - 1] ?? null;
      entry.after = layer[index + 1] ?? null;
    });
  }
}

function distance(a, b) {
  const isLine = (entry) => !entry.item || Boolean(entry.item.port);
  return a.right + b.left + (isLine(a) && isLine(b) ? LAYOUT.line : isLine(a) || isLine(b) ? (LAYOUT.gap + LAYOUT.line) / 2 : LAYOUT.gap);
}

// Everything as far to the left as it goes.
function pack(graph, blocks) {
  const missing = new Map(blocks.map((block) => [block, 0])), after = new Map(blocks.map((block) => [block, []]));
  for (const entry of graph.entries) {
    if (!entry.before) continue;
    after.get(entry.before.block).push(entry);
    missing.set(entry.block, missing.get(entry.block) + 1);
  }
  const ready = blocks.filter((block) => !missing.get(block));
  for (let i = 0; i < ready.length; i++) {
    ready[i].x = bounds(ready[i], true).low;
    if (!Number.isFinite(ready[i].x)) ready[i].x = 0;
    for (const { block } of after.get(ready[i])) {
      missing.set(block, missing.get(block) - 1);
      if (!missing.get(block)) ready.push(block);
    }
  }
}

function bounds(block, onlyLow = false) {
  let low = -Infinity, high = Infinity;
  for (const entry of block.members) {
    if (entry.before) low = Math.max(low, entry.before.block.x + entry.before.offset + distance(entry.before, entry) - entry.offset);
    if (entry.after && !onlyLow) high = Math.min(high, entry.after.block.x + entry.after.offset - distance(entry, entry.after) - entry.offset);
  }
  return { low, high };
}

// Move each block to the middle of what it is joined to, as far as its neighbours let it.
function relax(blocks, fromLeft) {
  const order = blocks.toSorted((a, b) => (fromLeft ? a.x - b.x : b.x - a.x));
  for (const block of order) {
    const wishes = [];
    for (const entry of block.members) {
      for (const segment of entry.ins) {
        if (segment.from.block !== block) wishes.push(segment.from.block.x + segment.from.offset + offsetsOf(segment) - entry.offset);
      }
      for (const segment of entry.outs) {
        if (segment.to.block !== block) wishes.push(segment.to.block.x + segment.to.offset - offsetsOf(segment) - entry.offset);
      }
    }
    if (!wishes.length) continue;
    wishes.sort((a, b) => a - b);
    const wish = (wishes[(wishes.length - 1) >> 1] + wishes[wishes.length >> 1]) / 2;
    const { low, high } = bounds(block);
    block.x = Math.min(Math.max(wish, low), Math.max(low, high));
  }
}

// ---- Down ----------------------------------------------------------------------------------------------------

function placeDown(graph) {
  let y = 0;
  graph.tops = [];
  graph.bottoms = [];
  graph.layers.forEach((layer, rank) => {
    const height = Math.max(0, ...layer.map((entry) => entry.height));
    for (const entry of layer) {
      const spare = height - entry.height;
      entry.y = y + (entry.item?.leaf ? spare : entry.item ? spare / 2 : 0);
    }
    graph.tops.push(y);
    graph.bottoms.push(y + height);
    y += height + (rank < graph.layers.length - 1 ? gapBelow(layer, graph.layers[rank + 1]) : 0);
  });
  graph.height = y;
}

// Edges that go far to the side get more height.
function gapBelow(layer, next) {
  const widest = Math.max(0, ...layer.flatMap((entry) => entry.outs).map(sideways));
  const isBorder = (entries, side) => entries.some((entry) => entry.item?.port === side);
  const least = isBorder(layer, "tops") ? LAYOUT.inwards : isBorder(next, "bottoms") ? LAYOUT.outwards : LAYOUT.rank;
  return Math.round(Math.min(LAYOUT.highest, least + LAYOUT.steepest * widest));
}

// Distance that an edge, or the gradient along it, goes to the side.
function sideways(segment) {
  const { from, to, link } = segment, ends = (entry, place) => (entry.item ? place(entry.item, link).back : laneOf(entry.main));
  const value = to.x - from.x - offsetsOf(segment);
  const back = segment.back ? to.x + ends(to, entrance) - from.x - ends(from, departure) : 0;
  return Math.max(Math.abs(value), Math.abs(back));
}

// ---- Points of edges -------------------------------------------------------------------------------------------

// Two lists of points from the source to the target: of the value, and of the gradient beside it.
function trace(edge) {
  edge.points = [];
  edge.backPoints = [];
  for (const link of edge.route) traceLink(link, edge);
  edge.points = withoutRepeats(edge.points);
  edge.backPoints = edge.back ? withoutRepeats(edge.backPoints) : null;
}

function traceLink(link, edge) {
  const { shift, graph } = link.frame;
  const from = placeOf(link.from, departure(link.from, link), true), to = placeOf(link.to, entrance(link.to, link), false);
  const add = (x, back, y, backY = y) => {
    edge.points.push([x, y]);
    edge.backPoints.push([back, backY]);
  };
  const start = link.from.entry, end = link.to.entry;
  add(from.value, from.back, from.y, from.backY);
  add(from.value, from.back, shift.y + graph.bottoms[start.rank]);
  for (const bend of link.bends) {
    const x = shift.x + bend.x, back = x + laneOf(bend.main);
    add(x, back, shift.y + graph.tops[bend.rank]);
    add(x, back, shift.y + graph.bottoms[bend.rank]);
  }
  add(to.value, to.back, shift.y + graph.tops[end.rank]);
  add(to.value, to.back, to.y, to.backY);

  function placeOf(item, offset, leaves) {
    if (item.port) {
      const x = shift.x + item.entry.x;
      const y = item.port === "tops" ? link.frame.y : link.frame.y + link.frame.height;
      return { value: x + offset.value, back: x + laneOf(item.main), y, backY: y };
    }
    if (item.frame) {
      const y = item.y + (leaves ? item.height : 0);
      return { value: item.x + offset.value, back: item.x + offset.back, y, backY: y };
    }
    const middle = item.x + item.width / 2, back = item.back ?? item;
    return {
      value: middle + offset.value, back: middle + offset.back,
      y: item.y + (leaves ? item.height : 0), backY: back.y + (leaves ? back.height : 0),
    };
  }
}

function withoutRepeats(points) {
  return points.filter(([x, y], i) => !i || x !== points[i - 1][0] || y !== points[i - 1][1]);
}
