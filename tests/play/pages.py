"""Reading a page in the tests: its data, and its programs run in Node or as NumPy code."""

import base64
import json
import re
import subprocess
import zlib
from pathlib import Path

import numpy as np

IN_NODE = Path(__file__).with_name("in_node.js")


def data_in(html):
    """Return the data of a page."""
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', html, re.DOTALL)
    return json.loads(found[1])


def numbers(text, dtype="<f4"):
    """Return the numbers of a text: compressed, the lowest byte of each number first, then the next."""
    planes = np.frombuffer(zlib.decompress(base64.b64decode(text), -zlib.MAX_WBITS), np.uint8)
    return np.frombuffer(planes.reshape(np.dtype(dtype).itemsize, -1).T.tobytes(), dtype)


def pixels(examples, shape):
    """Return the images of a set of examples."""
    return numbers(examples["values"], np.uint8).reshape(examples["count"], *shape)


def run_in_node(html, calls):
    """Run programs of a page; return their answers, and the arrays by name afterwards."""
    question = json.dumps({"html": html, "calls": calls})
    done = subprocess.run(
        ["node", IN_NODE], input=question, capture_output=True, text=True, timeout=60, check=True
    )
    answer = json.loads(done.stdout)
    return answer["answers"], dict(answer["arrays"])


def bound(program):
    """Return a program's NumPy step, on copies of the arrays that it was captured with, and these copies."""
    namespace = {}
    exec(program.source, namespace)
    arrays = [state.get().copy() for state in program.states]
    step = namespace["build"](*arrays)

    def quiet(*given):
        with np.errstate(over="ignore"):
            return step(*given)

    return quiet, arrays
