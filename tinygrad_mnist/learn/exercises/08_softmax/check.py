"""Compare with the package's softmax: small scores, then large ones, then rows far apart."""

import numpy as np

from tinygrad_mnist import ops
from tinygrad_mnist.learn import FORMULA, fail, line_of

CASES = {
    "small": [[0.0, 1.0, 2.0], [3.0, 1.0, -1.0], [0.5, 0.5, 0.0]],
    "large": [[1000.0, 1001.0], [1003.0, 1000.0]],
    "far": [[1.0, 2.0], [1000.0, 1001.0]],
}


def check(work):
    for kind, rows in CASES.items():
        x = np.array(rows)
        with np.errstate(all="ignore"):
            got = work.call("softmax", x)
            if (
                kind != "small"
                and isinstance(got, np.ndarray)
                and got.shape == x.shape
                and np.isnan(got).any()
            ):
                row = rows[int(np.isnan(got).any(axis=1).argmax())]
                which = "not of all rows" if kind == "far" else "before exp"
                fail(
                    f"for the scores {row} it gives nan: subtract the largest score of each row, {which}",
                    line_of(work.get("softmax")),
                )
            e = np.exp(x)
            mistakes = {
                "all probabilities together add up to 1: each row should": e / e.sum(),
                "the columns add up to 1: the rows should (axis=1)": e / e.sum(axis=0),
                "each score is divided by the row's sum: exp comes first": x / x.sum(axis=1, keepdims=True),
                "exp is not divided by the sum of the row": e,
                "the largest score is subtracted in the numerator alone": np.exp(
                    x - x.max(axis=1, keepdims=True)
                )
                / e.sum(axis=1, keepdims=True),
                "the largest score is subtracted after exp": (e - e.max(axis=1, keepdims=True))
                / (e - e.max(axis=1, keepdims=True)).sum(axis=1, keepdims=True),
                "each sum serves a column, not its row: keepdims=True keeps it upright": wrong_way(e),
            }
        work.compare("softmax", {"x": x}, ops.softmax.forward(x, axis=1), mistakes, FORMULA)


def wrong_way(e):
    """Return what a sum without keepdims gives; it fits square arrays alone."""
    return e / e.sum(axis=1) if e.shape[0] == e.shape[1] else np.zeros(0)
