"""Find the wrong rule.

Inside `with planted(1):` one rule of this package is wrong, inside `with planted(2):` another one, and so
on. Nothing announces it: the loss is right, and the network would learn, somehow.

For each of the three bugs name the op and the input whose rule is wrong, as in ("log", "x"). linear has
the inputs "x", "weight" and "bias", multiply has "a" and "b", all others have "x".
"""

import numpy as np

from tinygrad_mnist import ops
from tinygrad_mnist.checking import check_gradients
from tinygrad_mnist.learn import planted

rng = np.random.default_rng(0)
targets = rng.random((3, 2))
inputs = [rng.normal(size=shape) for shape in ((3, 4), (5, 4), (5,), (2, 5), (2,))]


def loss(x, w1, b1, w2, b2):
    hidden = ops.sigmoid(ops.linear(x, w1, b1))
    p = ops.softmax(ops.linear(hidden, w2, b2))
    return ops.mean(ops.multiply(ops.log(p), targets))


answers = {1: ..., 2: ..., 3: ...}


if __name__ == "__main__":
    for number in answers:
        with planted(number):
            wrong = [row.name for row in check_gradients(loss, *inputs).rows if row.verdict == "wrong"]
            print(f"bug {number}: wrong gradients of {', '.join(wrong)}")
