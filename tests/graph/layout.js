// Reads {scripts, data, open} and writes where the layout of a page puts boxes, frames and points of edges.
const input = JSON.parse(require("fs").readFileSync(0, "utf8"));
globalThis.data = input.data;
globalThis.opened = input.open;
require("vm").runInThisContext(`${input.scripts}
  noteReaders(data.nodes);
  globalThis.tree = treeOf(data);
  globalThis.open = opened ? new Set(opened) : openAtFirst(tree, 70);
  globalThis.scene = layOut(sceneOf(tree, open, sizesOf(tree, (text) => 6.5 * text.length)));
`);
const box = ({ x, y, width, height }) => [x, y, width, height];
const frames = [];
let crossed = 0;
const walk = (frame) => {
  crossed += crossings(frame.graph);
  frames.push({ id: frame.id, box: box(frame), inside: frame.children.map((child) => child.id) });
  frame.children.filter((child) => child.frame).forEach(walk);
};
walk(scene.root);
process.stdout.write(JSON.stringify({
  units: scene.units.map((unit) => ({ id: unit.id, node: unit.node, box: box(unit), back: unit.back && box(unit.back) })),
  frames,
  crossings: crossed,
  edges: scene.edges.map((edge) => ({
    from: edge.from.id, to: edge.to.id, position: edge.position, main: edge.main, points: edge.points, back: edge.backPoints,
  })),
}));
