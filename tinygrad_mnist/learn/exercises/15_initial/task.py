"""Initial values.

A layer of relu units begins with random weights. They should neither blow a signal up nor let it die,
however many layers there are.

Write `initial`: an array of the shape (outputs, inputs), drawn from `rng` (a NumPy Generator) with the
mean 0 and a standard deviation such that the signal keeps its size through relu layers.
"""

import numpy as np


def initial(rng, outputs, inputs):
    return np.zeros((outputs, inputs))  # your code


if __name__ == "__main__":
    rng = np.random.default_rng(0)
    x = rng.normal(size=(50, 200))
    for _ in range(20):
        x = np.maximum(x @ initial(rng, 200, 200).T, 0)
    print("size after 20 layers:", np.sqrt((x**2).mean()), "(about 1?)")
