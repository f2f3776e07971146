// A network of one weight, whose step adds 1 to it and whose loss is the weight before it; and its training.
const seen = [];
const PROGRAMS = {
  look: () => () => [[1, 0]],
  step: (w, v) => (x, targets, lr, momentum) => {
    seen.push([...x], [...targets], lr, momentum);
    v[0] += 2;
    w[0] += 1;
    return w[0] - 1;
  },
};
const trainer = new Trainer({
  parameters: [["w", 1]],
  programs: { look: { states: ["w"], numbers: [] }, step: { states: ["w", "v_w"], numbers: ["lr", "momentum"] } },
  batch: 4,
  width: 2,
  train: {
    inputs: Float64Array.from({ length: 20 }, (_, i) => i),
    labels: [0, 1, 0, 1, 0, 1, 0, 1, 0, 1],
    targets: [[1, 0], [0, 1]],
  },
  test: { inputs: new Float64Array(6), labels: [0, 1, 0] },
});
trainer.settings = { lr: 0.5, momentum: 0.25, mistake: null };
trainer.load(new Map([["w", new Float64Array([0])]]), 7);

const train = (steps) => {
  for (let i = 0; i < steps; i++) trainer.step();
};
const state = () => ({
  at: trainer.at, w: trainer.arrays.get("w")[0], v: trainer.arrays.get("v_w")[0], plan: trainer.plan,
  places: trainer.snapshots.map(({ step }) => step), losses: [...trainer.report().losses],
});
