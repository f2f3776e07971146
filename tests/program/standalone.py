"""Run the code that a program prints, in a process that has NumPy and cannot import this package."""

import pickle
import subprocess
import sys

RUNNER = """
import pickle, sys
sys.modules["tinygrad_mnist"] = None  # importing it is an error
import numpy as np
jobs = pickle.load(sys.stdin.buffer)
answers = []
with np.errstate(all="ignore"):
    for text, kind, arguments, states, numbers in jobs:
        namespace = {}
        exec(text, namespace)
        if kind == "source":
            result = namespace["build"](*states)(*arguments, *numbers)
        else:
            result = namespace["step"](*arguments, *states, *numbers)
        answers.append((result, states))
sys.stdout.buffer.write(pickle.dumps(answers))
"""


def run_alone(jobs):
    """jobs: (text, "source" or "derivation", arguments, states, numbers) -> (result, states) of each."""
    done = subprocess.run(
        [sys.executable, "-c", RUNNER], input=pickle.dumps(jobs), capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr.decode()
    return pickle.loads(done.stdout)
