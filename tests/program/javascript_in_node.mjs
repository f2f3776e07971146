// Runs programs that come as lines of JSON, and answers each with a line: what its steps return and change.
import { createInterface } from "node:readline";

const typed = (given) => {
  if (!given?.kind) return given; // wrong on purpose
  const { kind, bytes } = given;
  const buffer = Buffer.from(bytes, "base64");
  return new globalThis[kind](buffer.buffer.slice(buffer.byteOffset, buffer.byteOffset + buffer.length));
};
const described = (thing) => {
  if (Array.isArray(thing)) return thing.map(described);
  const doubles = Float64Array.from(typeof thing === "number" ? [thing] : thing);
  return { single: typeof thing === "number", bytes: Buffer.from(doubles.buffer).toString("base64") };
};

for await (const line of createInterface({ input: process.stdin })) {
  const { text, states, generators, inputs, numbers } = JSON.parse(line), answer = {};
  try {
    const { build } = await import(`data:text/javascript;base64,${Buffer.from(text).toString("base64")}`);
    const arrays = states.map(typed), step = build(...arrays, ...generators), given = inputs.map(typed);
    for (const values of numbers) answer.result = step(...given, ...values);
    Object.assign(answer, { result: described(answer.result), states: arrays.map(described) });
  } catch (error) {
    answer.error = `${error.name}: ${error.message}`;
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
