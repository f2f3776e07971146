// Reads {html, calls} and writes what the programs of the page return: each call is [program, inputs, numbers].
const { html, calls } = JSON.parse(require("fs").readFileSync(0, "utf8"));
const between = (start, end) => html.slice(html.indexOf(start) + start.length, html.indexOf(end, html.indexOf(start)));
const data = JSON.parse(between('<script type="application/json" id="data">', "</script>"));
const PROGRAMS = require("vm").runInThisContext(`${between('<script id="programs">', "</script>")}; PROGRAMS`);

const doubles = ({ dtype, values }) => {
  const planes = require("zlib").inflateRawSync(Buffer.from(values, "base64"));
  const kind = { float32: Float32Array, float64: Float64Array, int64: BigInt64Array }[dtype], count = planes.length / kind.BYTES_PER_ELEMENT;
  const bytes = Uint8Array.from(planes, (_, i) => planes[(i % kind.BYTES_PER_ELEMENT) * count + Math.floor(i / kind.BYTES_PER_ELEMENT)]);
  return Float64Array.from(new kind(bytes.buffer), Number);
};
const arrays = new Map([...data.parameters, ...data.buffers].map((array) => [array.name, doubles(array)]));
for (const [name, { length }] of [...arrays]) arrays.set(`v_${name}`, new Float64Array(length));
const steps = new Map();
const stepOf = (name) => {
  if (!steps.has(name)) steps.set(name, PROGRAMS[name](...data.programs[name].states.map((state) => arrays.get(state))));
  return steps.get(name);
};
const plain = (thing) => (typeof thing === "number" ? thing : Array.isArray(thing) ? thing.map(plain) : [...thing]);

const answers = calls.map(([name, inputs, numbers]) => plain(stepOf(name)(...inputs, ...numbers)));
process.stdout.write(JSON.stringify({ answers, arrays: [...arrays].map(([name, values]) => [name, [...values]]) }));
