"""A step downhill: stochastic gradient descent.

`parameters` and `gradients` are lists of arrays, in the same order and of the same shapes.

Write `step`: move each parameter against its gradient, by lr times the gradient. Change the arrays
themselves; nothing is returned.
"""

import numpy as np


def step(parameters, gradients, lr):
    # your code
    ...


if __name__ == "__main__":
    weight = np.array([1.0, 2.0])
    step([weight], [np.array([1.0, -1.0])], lr=0.1)
    print(weight, "expected: [0.9 2.1]")
