"""The value of each planted mistake's example, and what it gives for the gradient: wrong_gradients.txt.

``python -m tests.checking.wrong_gradients`` writes it anew, after a change that is meant: read the diff.
"""

from pathlib import Path

import numpy as np

from tinygrad_mnist import Tensor
from tinygrad_mnist.checking.wrong_rules import WRONG_RULES

FILE = Path(__file__).with_suffix(".txt")


def described(mistake):
    """A line for the value, and one for each input's gradient: six digits of each entry."""
    function, arrays = mistake.example()
    tensors = [Tensor(a.astype(np.float64), requires_grad=True) for a in arrays]
    with mistake:
        value = function(*tensors)
        value.backward()
    return [f"{value.item():.6g}"] + [" ".join(f"{entry:.6g}" for entry in np.ravel(t.grad)) for t in tensors]


def kept():
    """The lines by the mistake's name."""
    blocks = FILE.read_text(encoding="utf-8").strip().split("\n\n")
    return {block.split("\n")[0]: block.split("\n")[1:] for block in blocks}


if __name__ == "__main__":
    blocks = ["\n".join([name, *described(mistake)]) for name, mistake in WRONG_RULES.items()]
    FILE.write_text("\n\n".join(blocks) + "\n", encoding="utf-8")
