"""Programs printed as JavaScript, run by one process of Node, or by a page."""

import base64
import json
import subprocess
from pathlib import Path

import numpy as np

from tinygrad_mnist.program.javascript.text import KINDS

RUNNER = Path(__file__).with_suffix(".mjs")
IN_PAGE = """
async ({ text, states, generators, inputs, numbers }) => {
  const bytesOf = (text) => Uint8Array.from(atob(text), (byte) => byte.charCodeAt(0));
  const typed = (given) => (given?.kind ? new globalThis[given.kind](bytesOf(given.bytes).buffer) : given);
  const described = (thing) => {
    if (Array.isArray(thing)) return thing.map(described);
    const single = typeof thing === "number", doubles = Float64Array.from(single ? [thing] : thing);
    const letters = Array.from(new Uint8Array(doubles.buffer), (byte) => String.fromCharCode(byte));
    return { single, bytes: btoa(letters.join("")) };
  };
  const { build } = await import(`data:text/javascript,${encodeURIComponent(text)}`);
  const arrays = states.map(typed), step = build(...arrays, ...generators), given = inputs.map(typed);
  let result;
  for (const values of numbers) result = step(...given, ...values);
  return { result: described(result), states: arrays.map(described) };
}
"""


class Engine:
    """Runs programs as they come; `answer` takes a job and returns what it gave, as JSON."""

    def run(self, text, states=(), generators=(), arguments=(), numbers=((),)):
        """Call a step once for each list of numbers: the last result, and the states after all."""
        job = {
            "text": text,
            "states": [*map(described, states)],
            "generators": [g if isinstance(g, dict) else as_json(g) for g in generators],
            "inputs": [*map(argument, arguments)],
            "numbers": [*map(list, numbers)],
        }
        answer = self.answer(job)
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return read(answer["result"]), read(answer["states"])


class Page(Engine):
    """A page in a browser, whose own script runs the programs."""

    def __init__(self, browser):
        self.tab = browser.new_page()
        page = {"body": "<!doctype html><title>A page</title>", "content_type": "text/html"}
        self.tab.route("**/*", lambda route: route.fulfill(**page))
        self.tab.goto("https://page.test/")

    def answer(self, job):
        return self.tab.evaluate(IN_PAGE, job)


class Node(Engine):
    """One process of Node, which runs programs as they come."""

    def __init__(self):
        command = ["node", str(RUNNER)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __enter__(self):
        return self

    def __exit__(self, *details):
        self.process.stdin.close()
        self.process.wait(60)
        self.process.stdout.close()

    def answer(self, job):
        self.process.stdin.write(json.dumps(job) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())


def described(array):
    """An array as JSON: its kind in JavaScript, and its bytes in C order."""
    kind = KINDS[array.dtype.name]
    dtype = np.dtype(kind.removesuffix("Array").lower())
    return {"kind": kind, "bytes": base64.b64encode(np.ascontiguousarray(array, dtype).tobytes()).decode()}


def argument(x):
    """An argument as JSON: arrays as such, the rest as it is."""
    if not isinstance(x, np.ndarray):
        return x
    return as_whole(x) if x.dtype == np.int64 else described(x)


def as_whole(array):
    """Whole numbers of 64 bits as such: a program takes them, and computes with doubles."""
    return {
        "kind": "BigInt64Array",
        "bytes": base64.b64encode(np.ascontiguousarray(array).tobytes()).decode(),
    }


def read(thing):
    if isinstance(thing, list):
        return [read(x) for x in thing]
    numbers = np.frombuffer(base64.b64decode(thing["bytes"]))
    return numbers[0] if thing["single"] else numbers


def as_json(generator):
    """The state of a generator, its whole numbers as text."""

    def texts(thing):
        if isinstance(thing, dict):
            return {key: texts(value) for key, value in thing.items()}
        return str(thing) if isinstance(thing, int) else thing

    return texts(generator.bit_generator.state)
