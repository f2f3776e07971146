"""Compare the rule with difference quotients."""

import numpy as np

from tinygrad_mnist.learn import earlier, slopes


def check(work):
    softmax = earlier("softmax").softmax
    for x, g in [
        (np.array([[1.0, 2.0, 3.0]]), np.array([[1.0, 0.0, 0.0]])),
        (np.array([[0.0, 1.0], [2.0, -1.0]]), np.array([[1.0, 2.0], [-1.0, 3.0]])),
    ]:
        y = softmax(x)
        s = (g * y).sum(axis=1, keepdims=True)
        mistakes = {
            "each score changes its own probability alone here: it changes all of its row": g * y * (1 - y),
            "the own probability is missing: you have the part of the others": -y * s,
            "the sum over the row is missing": g * y,
            "the sum runs over all rows: each row is by itself": y * (g - (g * y).sum()),
            "the sum runs over the columns: it should run over the row": y * (g - (g * y).sum(axis=0)),
            "y is missing in the sum: add up g * y": y * (g - g.sum(axis=1, keepdims=True)),
            "the last factor y is missing": g - s,
            "the sign is turned round": y * (s - g),
        }
        if y.shape[0] == y.shape[1]:
            mistakes["each sum serves a column, not its row: keepdims=True keeps it upright"] = y * (g - s.T)
        work.compare("rule", {"g": g, "y": y}, slopes(softmax, x, g=g), mistakes)
