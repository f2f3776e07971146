// The messages between the page and its trainer.  The page ships without this file.

interface Settings { lr: number; momentum: number; mistake: string | null }
interface Stretch extends Settings { from: number } // settings that hold from a step on
interface Snapshot { step: number; accuracy: number; loss: number; arrays: Map<string, Float64Array> }

interface TrainingSet {
  parameters: [string, number][]; // name and size
  programs: Record<string, { states: string[]; numbers: string[] }>;
  batch: number;
  width: number; // numbers of an example
  train: { inputs: Float64Array; labels: number[]; targets: number[][] }; // a target for each class
  test: { inputs: Float64Array; labels: number[] };
}

interface Report {
  turn: number; // of the last message that it answers
  running: boolean;
  speed: number; // steps per second
  arrays: Map<string, Float64Array>;
  at: number; // steps
  loss: number; // of the last batch
  perEpoch: number; // steps
  seed: number;
  plan: Stretch[];
  losses: Float64Array; // step, mean loss, step, mean loss ...
  places: { step: number; accuracy: number }[]; // of the snapshots
  place: number;
}

type Command =
  | { what: "begin"; given: TrainingSet }
  | { what: "load"; weights: Map<string, Float64Array>; seed: number }
  | { what: "set"; settings: Settings }
  | { what: "run"; steps: number; rate: number; plan: Stretch[] }
  | { what: "pause" }
  | { what: "go"; place: number };

interface Port {
  onmessage: ((event: MessageEvent) => void) | null;
  postMessage(message: any, transfer?: Transferable[]): void;
}
