// The data of the page, and what its scripts share.  The page ships without this file.

interface Layer {
  title: string;
  kind: "linear" | "windows" | "activation" | "between"; // a convolution has windows; pooling stands between
  size: number; // of units, or of feature maps
  maps?: number[] | null; // count, height and width
  weight?: string;
  bias?: string;
  formula?: string; // the rule of the graph, in g, x and y
  forward?: string;
}

interface Examples { count: number; labels: number[]; values: string }

type Dtype = "float32" | "float64" | "int64";
interface Parameter { name: string; shape: number[]; dtype: Dtype; values: string; fresh: number | null } // fresh: null for random numbers

interface Mistake { id: string; title: string; text: string; programs: string[] }

interface Framing {
  side: "height" | "width" | "longest";
  centre: ["mass" | "box" | "between", "mass" | "box" | "between"];
  size: number[]; row: number[]; column: number[]; dark: number[];
}

interface PlayData {
  title: string;
  kind: "image" | "points";
  shape: number[];
  bounds: number[] | null;
  classes: string[];
  layers: Layer[];
  parameters: Parameter[];
  buffers: Parameter[];
  train: Examples;
  test: Examples;
  pixelMax: number;
  framing: Framing | null;
  loss: "cross-entropy" | "quadratic";
  training: { lr: number; momentum: number; batch: number };
  programs: Record<string, { states: string[]; numbers: string[]; title: string }>;
  mistakes: Mistake[];
  start: { example: number };
  read: { share: number; count: number; answers: number[] }; // all test examples with these weights; answers to those of the page
  formulas: Record<string, string>;
  python: string;
}

type Numbers = Float64Array;
type Step = (...given: any[]) => any;
type Program = (...states: any[]) => Step;
declare const PROGRAMS: Record<string, Program>;

// A layer as a reader sees it: sums and their activation are one.
interface Block {
  title: string;
  size: number;
  linear: number | null; // positions in `layers`
  windows: number | null;
  activation: number | null;
  after: number[]; // the layers that its sums go through
  maps: number[] | null; // count, height and width of the values that are shown
  shown: number; // the position whose values are in the picture
  isLast: boolean;
}

interface Unit { layer: number; index: number } // layer: position of a block; -1 is the input
interface Weight { name: string; index: number }
interface Seen { answer: Numbers; values: Numbers[] }
interface Blamed extends Seen { loss: number; gradients: Numbers[]; input: Numbers; slopes: Map<string, Numbers> }
interface Decoded { count: number; labels: number[]; at(index: number): Numbers }

type Change = "input" | "label" | "unit" | "weights" | "mistake" | "tab" | "weight" | "moment";

interface Part { refresh(what: Set<string>): void }
interface Tab { id: string; title: string; make(): HTMLElement; refresh(what: Set<string>): void }

// Not yet among the types of TypeScript 4.8.
declare class DecompressionStream implements GenericTransformStream {
  constructor(format: string);
  readonly readable: ReadableStream;
  readonly writable: WritableStream;
}
