"""Compare the loss with the package's, and its rule with difference quotients."""

import numpy as np

from tinygrad_mnist.learn import FORMULA, slopes
from tinygrad_mnist.nn.functional import mse_loss


def check(work):
    for p, t in [
        (np.array([[1.0, 2.0], [0.0, -3.0], [4.0, 1.0]]), np.array([[0.0, 1.0], [1.0, 1.0], [1.0, -1.0]])),
        (np.array([1.0, 2.0, 4.0]), np.array([0.5, 2.5, 1.0])),
    ]:
        given, d = {"prediction": p, "target": t}, p - t
        work.compare(
            "loss",
            given,
            float(mse_loss(p, t)),
            {
                "the squares are added: take their mean": (d**2).sum(),
                "it is divided by the number of rows: the mean is over all numbers": (d**2).sum() / len(p),
                "half of it is missing: there is no factor 1/2 in this loss": (d**2).mean() / 2,
                "the square is missing": d.mean(),
                "the square is outside of the mean": d.mean() ** 2,
                "each number has its square: take the mean": d**2,
            },
            FORMULA,
        )
        work.compare(
            "rule",
            given,
            slopes(mse_loss, p, t),
            {
                "it is the gradient of the sum: the mean divides by the number of numbers": 2 * d,
                "the factor 2 of the square is missing": d / p.size,
                "the factor 2 and the division of the mean are missing": d,
                "the sign is turned round: it is prediction - target": -2 * d / p.size,
                "it is divided by the number of rows: the mean is over all numbers": 2 * d / len(p),
                "it is one number: each prediction has its own gradient": (2 * d).mean(),
            },
        )
