/** Runs the cells of a lesson in the page, by Pyodide. Nothing is fetched before the reader asks for it. */
"use strict";

const PYODIDE = "https://cdn.jsdelivr.net/pyodide/v314.0.7/full/";
const BUILT_FOR_IT = ["micropip", "numpy", "pillow", "joblib", "threadpoolctl", "safetensors", "click", "rich"];
const PURE = ["filelock", "graphviz"];
/** What some lessons need beside these, by a word of their cells. @type {Record<string, string[]>} */
const FOR_SOME = { hypothesis: ["hypothesis"], "tinygrad_mnist.estimator": ["formulaic", "narwhals"] };

/** Python that runs a cell and returns what it printed, and the value of its last line as HTML or text. */
const RUNNER = `
import contextlib, html, io, traceback
from pyodide.code import eval_code_async
from pyodide_js import loadPackagesFromImports

cells = {"__name__": "__main__"}

async def run_cell(code, number):
    printed, shown = io.StringIO(), ""
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        try:
            await loadPackagesFromImports(code)  # pandas, scikit-learn
            value = await eval_code_async(code, cells, filename=f"<cell {number}>")
            if hasattr(value, "_repr_html_"):
                shown = value._repr_html_()
            elif value is not None:
                print(repr(value))
        except Exception:
            traceback.print_exc(limit=-1)
    return printed.getvalue(), shown

run_cell
`;

/** @returns {Promise<any>} the function run_cell, with the package installed */
async function start() {
  const here = /** @type {HTMLScriptElement} */ (document.querySelector("script[src*='run.js']")).src;
  const folder = new URL("../wheel/", here);
  const name = (await (await fetch(new URL("name.txt", folder))).text()).trim();
  const { loadPyodide } = await import(`${PYODIDE}pyodide.mjs`);
  const pyodide = await loadPyodide({ indexURL: PYODIDE });
  await pyodide.loadPackage(BUILT_FOR_IT);
  const micropip = pyodide.pyimport("micropip");
  const code = [...document.querySelectorAll(".highlight-Python")].map((cell) => cell.textContent).join("\n");
  const words = Object.keys(FOR_SOME).filter((word) => code.includes(word));
  await micropip.install([...PURE, ...words.flatMap((word) => FOR_SOME[word])]);
  await micropip.install.callKwargs(new URL(name, folder).href, { deps: false });
  return pyodide.runPython(RUNNER);
}

/** Let the reader edit and run each cell; a cell needs those above it, so they run first.
 * @param {any} runCell
 * @param {HTMLElement} status */
function equip(runCell, status) {
  const cells = [...document.querySelectorAll(".highlight-Python")];
  let done = 0;
  const run = async (/** @type {number} */ last) => {
    for (let place = Math.min(done, last); place <= last; place += 1) {
      status.textContent = `Cell ${place + 1} of ${cells.length} is running.`;
      await new Promise((resume) => setTimeout(resume, 20)); // the words appear before the page stands still
      const code = /** @type {HTMLElement} */ (cells[place].querySelector("pre")).innerText;
      show(cells[place], (await runCell(code, place + 1)).toJs());
    }
    done = Math.max(done, last + 1);
    status.textContent = `Cell ${last + 1} of ${cells.length} has run.`;
  };
  cells.forEach((cell, place) => {
    const code = /** @type {HTMLElement} */ (cell.querySelector("pre"));
    code.contentEditable = "plaintext-only";
    code.setAttribute("aria-label", `Cell ${place + 1}`);
    code.setAttribute("role", "textbox");
    code.setAttribute("aria-multiline", "true");
    code.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
        event.preventDefault();
        run(place);
      }
    });
    cell.append(button(`Run cell ${place + 1}`, () => run(place)));
  });
}

/** Put what a cell gave in the place of what the page had.
 * @param {Element} cell
 * @param {[string, string]} result */
function show(cell, [printed, shown]) {
  let next = cell.nextElementSibling;
  while (next?.matches(".sphx-glr-script-out, .output_subarea, .ran")) {
    const old = next;
    next = next.nextElementSibling;
    old.remove();
  }
  const output = document.createElement("div");
  output.className = "ran";
  const text = document.createElement("pre");
  text.textContent = printed;
  output.innerHTML = shown;
  if (printed) output.prepend(text);
  cell.after(output);
}

/** @param {string} words @param {() => void} pressed */
function button(words, pressed) {
  const made = document.createElement("button");
  made.type = "button";
  made.className = "run";
  made.textContent = words;
  made.addEventListener("click", pressed);
  return made;
}

/** Offer it below the heading of a lesson. */
function offer() {
  const heading = document.querySelector(".sphx-glr-example-title > h1");
  if (!heading) return;
  const status = document.createElement("span");
  status.setAttribute("role", "status");
  const bar = document.createElement("p");
  bar.className = "run-bar";
  const begin = button("Run the cells here", async () => {
    begin.disabled = true;
    status.textContent = "Python is on its way: about 30 MB.";
    try {
      equip(await start(), status);
      status.textContent = "Ready. Edit a cell, then run it.";
    } catch (error) {
      status.textContent = `This needs a network and a web server. (${error}) Download the notebook instead.`;
      begin.disabled = false;
    }
  });
  const notebook = document.querySelector(".sphx-glr-download-jupyter a");
  bar.append(begin);
  if (notebook instanceof HTMLAnchorElement) {
    const link = document.createElement("a");
    link.href = notebook.href;
    link.download = "";
    link.textContent = "Download the notebook";
    bar.append(link);
  }
  bar.append(status);
  heading.after(bar);
}

offer();
