"use strict";
// The scene to lay out: the boxes that are visible while some groups are open, and the edges between them.

// Items in lists by a key.
function grouped(items, key) {
  const found = new Map();
  for (const item of items) {
    if (!found.has(key(item))) found.set(key(item), []);
    found.get(key(item)).push(item);
  }
  return found;
}

// Tie nodes and groups together: each group knows its children in the order of computation.
function treeOf({ nodes, groups }) {
  const root = { title: "", children: [], group: null, parent: null };
  const all = groups.map((group, number) => ({ ...group, group: number, id: `m${number}`, children: [], nodes: [] }));
  for (const group of all) group.parent = group.parent === null ? root : all[group.parent];
  nodes.forEach((node, number) => {
    const home = node.group === undefined ? root : all[node.group];
    let child = number;
    for (let at = home; at; at = at.parent) {
      if (!at.children.includes(child)) at.children.push(child);
      at.nodes?.push(number);
      child = at;
    }
  });
  for (const group of all) describeGroup(group, nodes);
  return { root, groups: all, nodes };
}

// The border of a group: what it reads from outside, and which of its nodes are read outside or are results.
function describeGroup(group, nodes) {
  const inside = new Set(group.nodes), sources = new Set();
  const isInput = (source) => source !== null && !inside.has(source);
  group.ops = group.nodes.filter((node) => nodes[node].op);
  for (const node of group.ops) for (const source of nodes[node].inputs ?? []) if (isInput(source)) sources.add(source);
  group.sources = [...sources];
  group.results = group.ops.filter((node) => !nodes[node].readers.length || nodes[node].readers.some((reader) => !inside.has(reader)));
  group.parameters = group.nodes.reduce((sum, node) => sum + nodes[node].parameters, 0);
  group.wrong = group.ops.some((node) => nodes[node].verdict === "wrong");
  group.failed = group.ops.some((node) => nodes[node].message);
}

function noteReaders(nodes) {
  for (const node of nodes) node.readers = [];
  nodes.forEach((node, number) => (node.inputs ?? []).forEach((source) => source !== null && nodes[source].readers.push(number)));
}

// The groups to open at the start: level by level, as long as there are few enough boxes.
function openAtFirst({ root, groups }, most) {
  const open = new Set();
  let level = [root];
  const count = () => {
    const visible = (group) => group.children.reduce((sum, child) => sum + (isOpen(child) ? visible(child) : 1), 0);
    const isOpen = (child) => typeof child !== "number" && open.has(child.group);
    return visible(root);
  };
  while (level.length) {
    level = level.flatMap((group) => group.children.filter((child) => typeof child !== "number"));
    for (const group of level) open.add(group.group);
    if (count() > most) {
      for (const group of level) open.delete(group.group);
      break;
    }
  }
  return open;
}

// The visible boxes: nested frames, units in the order of computation, and the unit that shows each node.
function sceneOf(tree, open, sizeOf) {
  const units = [], unitOf = new Map();
  const frame = (group, parent) => {
    const made = { id: group.id ?? "root", group, parent, frame: true, title: sizeOf.title(group), children: [] };
    for (const child of group.children) {
      if (typeof child !== "number" && open.has(child.group)) made.children.push(frame(child, made));
      else made.children.push(unit(child, made));
    }
    return made;
  };
  const unit = (child, parent) => {
    const closed = typeof child !== "number";
    const made = {
      id: closed ? child.id : String(child), parent, closed, node: closed ? null : child, group: closed ? child : null,
      leaf: !closed && !tree.nodes[child].op, parameter: !closed && tree.nodes[child].role === "parameter", ...sizeOf.unit(child),
    };
    units.push(made);
    for (const node of closed ? child.nodes : [child]) unitOf.set(node, made);
    return made;
  };
  const root = frame(tree.root, null);
  return { root, units, unitOf, edges: edgesOf(tree.nodes, unitOf) };
}

// Edges between units; several between the same two, of which one is closed, are drawn as one.
function edgesOf(nodes, unitOf) {
  const edges = new Map();
  nodes.forEach((node, number) => {
    const sent = new Map((node.rules ?? []).map((rule) => [rule.position, rule]));
    (node.inputs ?? []).forEach((source, position) => {
      if (source === null) return;
      const from = unitOf.get(source), to = unitOf.get(number);
      if (from === to) return;
      const rule = sent.get(position), hasBack = Boolean(rule?.sent && nodes[number].gradient && nodes[source].gradient);
      const key = `${from.id} ${to.id} ${to.closed ? "" : position}`;
      const edge = edges.get(key) ?? { id: `${number}-${position}`, from, to, position, back: false, parts: [] };
      edge.back ||= hasBack;
      edge.parts.push({ flow: `${number}-${position}`, source, target: number, sent: hasBack ? rule.sent : null, total: nodes[source].gradient });
      edges.set(key, edge);
    });
  });
  return [...edges.values()];
}
