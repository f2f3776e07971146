"use strict";
// Labelled fields with their value in words, and files to take away.

/**
 * A slider over a list of values.
 * @template V
 * @param {{id: string, label: string, note: string, values: V[], value: V, text: (value: V) => string, choose: (value: V) => void}} given
 */
function slider({ id, label, note, values, value, text, choose }) {
  const input = Object.assign(make("input", ""), { type: "range", id, min: "0", max: String(values.length - 1), step: "1" });
  const output = make("output", "reading"), words = make("p", "note", note);
  output.htmlFor.add(id);
  words.id = `${id}-note`;
  input.setAttribute("aria-describedby", words.id);
  const shown = () => values[Number(input.value)];
  const tell = () => {
    output.textContent = text(shown());
    input.setAttribute("aria-valuetext", text(shown()));
  };
  const set = (/** @type {V} */ next) => {
    input.value = String(Math.max(0, values.indexOf(next)));
    tell();
  };
  input.addEventListener("input", () => {
    tell();
    choose(shown());
  });
  set(value);
  const head = make("div", "heading", labelOf(id, label), output);
  return { element: make("div", "field", head, input, words), set, input };
}

/**
 * A select with a label.
 * @param {{id: string, label: string, options: [string, string][], value: string, choose: (value: string) => void}} given value and text of each option
 */
function choice({ id, label, options, value, choose }) {
  const select = Object.assign(make("select", ""), { id });
  select.append(...options.map(([name, text]) => Object.assign(make("option", "", text), { value: name })));
  select.value = value;
  select.addEventListener("change", () => choose(select.value));
  return { element: make("div", "field beside", labelOf(id, label), select), select };
}

/**
 * A field for a whole number.
 * @param {{id: string, label: string, value: number, most: number, choose: (value: number) => void}} given
 */
function numberField({ id, label, value, most, choose }) {
  const input = Object.assign(make("input", "number"), { type: "number", id, min: "0", max: String(most), step: "1", inputMode: "numeric" });
  input.value = String(value);
  input.addEventListener("change", () => {
    const given = Math.round(Number(input.value)), lowest = Number(input.min);
    input.value = String(Number.isFinite(given) ? Math.min(Number(input.max), Math.max(lowest, given)) : lowest);
    choose(Number(input.value));
  });
  const words = labelOf(id, label);
  return { element: make("div", "field beside", words, input), input, label: words };
}

/**
 * @param {string} id
 * @param {string} text
 */
function labelOf(id, text) {
  return Object.assign(make("label", "", text), { htmlFor: id });
}

/**
 * The nearest of some values, by their ratio.
 * @param {number[]} values
 * @param {number} wanted
 */
function nearest(values, wanted) {
  const far = (/** @type {number} */ value) => Math.abs(Math.log((value + 1e-9) / (wanted + 1e-9)));
  return values.reduce((best, value) => (far(value) < far(best) ? value : best));
}

/**
 * Names and values, one below the other.
 * @param {[string, string | Node][]} facts
 */
function factList(facts) {
  return make("dl", "facts", ...facts.flatMap(([name, value]) => [make("dt", "", name), make("dd", "", value)]));
}

/**
 * Let the reader keep a file.
 * @param {string} name
 * @param {BlobPart} content
 * @param {string} type
 */
function download(name, content, type) {
  const url = URL.createObjectURL(new Blob([content], { type }));
  Object.assign(document.createElement("a"), { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
  say(`${name} is saved`);
}
