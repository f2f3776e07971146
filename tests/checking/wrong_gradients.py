"""Values and inputs of the wrong rules' examples, and the gradients that they give: wrong_gradients.txt.

``python -m tests.checking.wrong_gradients`` writes it anew, after a change that is meant: read the diff.
"""

from pathlib import Path

import numpy as np

from tinygrad_mnist import Tensor
from tinygrad_mnist.checking.wrong_rules import WRONG_RULES

FILE = Path(__file__).with_suffix(".txt")


def described(wrong_rule):
    """Return a line for the value, then one for each input and one for its gradient: six digits per entry."""
    function, arrays = wrong_rule.example()
    tensors = [Tensor(a.astype(np.float64), requires_grad=True) for a in arrays]
    with wrong_rule:
        value = function(*tensors)
        value.backward()
    rows = [part for tensor in tensors for part in (tensor.data, tensor.grad)]
    return [f"{value.item():.6g}", *(" ".join(f"{entry:.6g}" for entry in np.ravel(row)) for row in rows)]


def kept():
    """Return the lines by the name of the wrong rule."""
    blocks = FILE.read_text(encoding="utf-8").strip().split("\n\n")
    return {block.split("\n")[0]: block.split("\n")[1:] for block in blocks}


if __name__ == "__main__":
    blocks = ["\n".join([name, *described(wrong_rule)]) for name, wrong_rule in WRONG_RULES.items()]
    FILE.write_text("\n\n".join(blocks) + "\n", encoding="utf-8")
