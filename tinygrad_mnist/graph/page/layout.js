"use strict";
// A layered layout (Sugiyama, Tagawa and Toda 1981) of nested frames: the inside of a frame first, then the
// frame as one box in the layout around it.  Forward edges go down; each gradient runs up beside its edge.

const LAYOUT = {
  beside: 14, // from an op to its gradient
  column: 146, // the least width of an op: the gradients of a chain stand in one column
  entry: 24, // from the left of a gradient to where the main edge meets it
  leastEntry: 9,
  lane: 12, // from an edge to the gradient along it
  gap: 22, // between boxes of one rank
  line: 10, // between edges of one rank
  rank: 30, // the least height between ranks
  inwards: 30, // from the top of a frame to its first rank, beside its title
  outwards: 14,
  steepest: 0.16, // more height between ranks for edges that go far to the side
  highest: 110,
  padding: 16,
  title: 22,
  port: 15, // between edges that arrive at one box
  backPort: 11, // and between the gradients along them
};

// Lay out a scene: its units and frames get x, y, width and height, its edges get two lists of points.
function layOut(scene) {
  findMainEdges(scene);
  linkFrames(scene);
  arrange(scene.root);
  settle(scene.root, 0, 0);
  for (const edge of scene.edges) trace(edge);
  return scene;
}

// The main path goes through the input with the longest way behind it; parameters are beside it.
function findMainEdges({ units, edges }) {
  const into = new Map(units.map((unit) => [unit, []])), out = new Map(units.map((unit) => [unit, []]));
  for (const edge of edges) {
    into.get(edge.to).push(edge);
    out.get(edge.from).push(edge);
  }
  const order = topological(units, out, into);
  const depth = new Map(), height = new Map();
  for (const unit of order) depth.set(unit, Math.max(0, ...into.get(unit).map((edge) => depth.get(edge.from) + 1)));
  for (const unit of order.toReversed()) height.set(unit, Math.max(0, ...out.get(unit).map((edge) => height.get(edge.to) + 1)));
  for (const edge of edges) edge.way = depth.get(edge.from) + height.get(edge.to); // the longest path through it
  for (const unit of units) {
    const candidates = into.get(unit).filter((edge) => !edge.from.parameter);
    unit.mainInput = best(candidates, (edge) => depth.get(edge.from));
  }
  for (const unit of units) {
    const candidates = out.get(unit).filter((edge) => edge.to.mainInput === edge);
    const main = best(candidates, (edge) => height.get(edge.to));
    for (const edge of out.get(unit)) edge.main = edge === main;
  }
  for (const unit of units) unit.arrivals = into.get(unit).toSorted((a, b) => a.position - b.position);
}

// The first of the greatest.
function best(items, value) {
  return items.reduce((found, item) => (found === null || value(item) > value(found) ? item : found), null);
}

function topological(units, out, into) {
  const missing = new Map(units.map((unit) => [unit, into.get(unit).length]));
  const order = units.filter((unit) => !missing.get(unit));
  for (let i = 0; i < order.length; i++) {
    for (const { to } of out.get(order[i])) {
      missing.set(to, missing.get(to) - 1);
      if (!missing.get(to)) order.push(to);
    }
  }
  return order;
}

// ---- Links: the parts of edges inside one frame ------------------------------------------------------------

function linkFrames(scene) {
  const prepare = (frame) => {
    Object.assign(frame, { links: new Map(), tops: new Map(), bottoms: new Map() });
    frame.children.filter((child) => child.frame).forEach(prepare);
  };
  prepare(scene.root);
  for (const edge of scene.edges) edge.route = routeOf(edge);
}

// The links of an edge, from its source out of frames, and into the frames of its target.
function routeOf(edge) {
  const above = framesAbove(edge.to), route = [];
  let item = edge.from, frame = edge.from.parent;
  while (!above.includes(frame)) {
    route.push(link(frame, item, port(frame, "bottoms", edge.from), edge));
    [item, frame] = [frame, frame.parent];
  }
  const inwards = above.slice(0, above.indexOf(frame)).toReversed();
  for (const inner of inwards) {
    route.push(link(frame, item, inner, edge));
    [item, frame] = [port(inner, "tops", edge.from), inner];
  }
  route.push(link(frame, item, edge.to, edge));
  return route;
}

function framesAbove(unit) {
  const found = [];
  for (let frame = unit.parent; frame; frame = frame.parent) found.push(frame);
  return found;
}

// A place on the border of a frame where a value comes in or goes out.
function port(frame, side, source) {
  if (!frame[side].has(source)) frame[side].set(source, { id: `${side}-${source.id}`, port: side, source, frame });
  return frame[side].get(source);
}

function link(frame, from, to, edge) {
  const key = [from.id, to.id, edge.from.id, to.frame || to.port ? "" : edge.position].join(" ");
  if (!frame.links.has(key)) {
    frame.links.set(key, { frame, from, to, source: edge.from, edge, main: false, back: false, way: 0 });
  }
  const found = frame.links.get(key);
  found.main ||= edge.main;
  found.back ||= edge.back;
  if (edge.main) found.way = Math.max(found.way, edge.way);
  return found;
}

// ---- One frame ---------------------------------------------------------------------------------------------

function arrange(frame) {
  frame.children.filter((child) => child.frame).forEach(arrange);
  const graph = rankedGraph(frame);
  orderLayers(graph);
  placeAcross(graph);
  placeDown(graph);
  frame.graph = graph;
  measureFrame(frame);
}

// The size of a frame, and where its ports are.  Its title stands at the right, beside the edges that come in.
function measureFrame(frame) {
  const { entries, height } = frame.graph;
  const left = Math.min(...entries.map((entry) => entry.x - entry.left));
  const right = Math.max(...entries.map((entry) => entry.x + entry.right));
  const isRoot = !frame.parent, padding = isRoot ? 0 : LAYOUT.padding;
  const arriving = entries.filter((entry) => entry.item?.port === "tops");
  const busy = Math.max(0, ...arriving.map((entry) => entry.x + entry.right - left));
  const above = isRoot || frame.tops.size ? 0 : LAYOUT.title, below = isRoot || frame.bottoms.size ? 0 : padding;
  frame.inset = { x: padding - left, y: above };
  frame.width = Math.max(right - left, isRoot ? 0 : busy + frame.title) + 2 * padding;
  frame.height = above + height + below;
}

// Give all that is inside its place in the whole picture.
function settle(frame, x, y) {
  Object.assign(frame, { x, y });
  frame.shift = { x: x + frame.inset.x, y: y + frame.inset.y };
  for (const entry of frame.graph.entries) {
    const at = { x: frame.shift.x + entry.x, y: frame.shift.y + entry.y };
    if (entry.item?.frame === true) settle(entry.item, at.x - entry.left, at.y);
    else if (entry.item && !entry.item.port) settleUnit(entry.item, at.x - entry.left, at.y);
  }
}

function settleUnit(unit, x, y) {
  const height = Math.max(unit.height, unit.back?.height ?? 0);
  Object.assign(unit, { x, y: y + (height - unit.height) / 2 });
  if (unit.back) Object.assign(unit.back, { x: x + unit.width + LAYOUT.beside, y: y + (height - unit.back.height) / 2 });
}

// ---- Where edges meet boxes, from the place of the box --------------------------------------------------------

// Places at which an edge leaves an item downwards: its value, and the gradient that arrives there.
function departure(item, link) {
  if (item.port) return { value: 0, back: laneOf(item.main) };
  if (item.frame) return portPlace(item, item.bottoms.get(link.source));
  return { value: 0, back: item.back ? backPlace(item) : 0 };
}

// Place at which an edge enters an item from above.
function entrance(item, link) {
  if (item.port) return { value: 0, back: laneOf(item.main) };
  if (item.frame) return portPlace(item, item.tops.get(link.source));
  const step = arrivalStep(item)(link.edge);
  return { value: step * arrivalWidth(item), back: item.back ? backPlace(item) + step * backWidth(item) : 0 };
}

// Place at which edges meet the gradient of a unit: as far from the middle of an op as the lane of the main path, if it can be.
function backPlace({ width, leaf }) {
  const left = width / 2 + LAYOUT.beside;
  return leaf ? left + LAYOUT.entry : Math.max(left + LAYOUT.leastEntry, laneOf(true));
}

// The number of an edge among those that enter a unit, counted from the main one.
function arrivalStep(unit) {
  const main = unit.arrivals.indexOf(unit.mainInput);
  const zero = main < 0 ? (unit.arrivals.length - 1) / 2 : main;
  return (edge) => unit.arrivals.indexOf(edge) - zero;
}

function arrivalWidth(unit) {
  return Math.min(LAYOUT.port, (unit.width / 2 - 8) / Math.max(1, unit.arrivals.length - 1));
}

// Between gradients that leave one box: so narrow that all of them start inside it.
function backWidth(unit) {
  const left = backPlace(unit) - unit.width / 2 - LAYOUT.beside, right = unit.back.width - left;
  const steps = unit.arrivals.map(arrivalStep(unit)), room = (space, count) => (count > 0 ? (space - 4) / count : LAYOUT.backPort);
  return Math.min(LAYOUT.backPort, room(left, -Math.min(...steps)), room(right, Math.max(...steps)));
}

function portPlace(frame, port) {
  return { value: port.entry.x + frame.inset.x, back: port.entry.x + frame.inset.x + laneOf(port.main) };
}

// The gradient along the main path runs where the gradients of ops are, elsewhere close to its edge.
function laneOf(main) {
  return main ? LAYOUT.column / 2 + LAYOUT.beside + LAYOUT.entry : LAYOUT.lane;
}
