"""Central differences: a gradient without rules.

f takes an array and returns one number. For each entry x[i] compute

    (f(x with x[i] + h) - f(x with x[i] - h)) / (2 h)

Write `gradient`: an array of the shape of x with these quotients. x itself should stay as it is.
"""

import numpy as np


def gradient(f, x, h):
    return ...


if __name__ == "__main__":
    print(gradient(lambda x: (x**3).sum(), np.array([1.0, 2.0]), 1e-5), "expected: [3. 12.]")
