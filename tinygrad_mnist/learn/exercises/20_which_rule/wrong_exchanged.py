# bug 1: the rule of softmax for x agrees
import numpy as np

from tinygrad_mnist import ops

rng = np.random.default_rng(0)
targets = rng.random((3, 2))
inputs = [rng.normal(size=shape) for shape in ((3, 4), (5, 4), (5,), (2, 5), (2,))]


def loss(x, w1, b1, w2, b2):
    hidden = ops.sigmoid(ops.linear(x, w1, b1))
    p = ops.softmax(ops.linear(hidden, w2, b2))
    return ops.mean(ops.multiply(ops.log(p), targets))


answers = {1: ("softmax", "x"), 2: ("softmax", "x"), 3: ("linear", "bias")}
