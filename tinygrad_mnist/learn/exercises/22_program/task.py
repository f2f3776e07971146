"""A program, read line by line.

`compile` records a training step as a list of NumPy lines, and prints it as on paper. This is such a
program of a network with one hidden layer of tanh and the mean squared error; its backward half is
missing.

Write the seven lines. Names as in the program: dW1 is the gradient of W1. The backward half walks the
forward half from below: which line does each of your lines answer to?
"""

import numpy as np


def step(x, t1, W1, b1, W2, b2):
    # forward
    z1 = x @ W1.T + b1  # (5, 4)
    a1 = np.tanh(z1)  # (5, 4)
    z2 = a1 @ W2.T + b2  # (5, 2)
    t2 = z2 - t1  # (5, 2)
    loss = (t2 * t2).mean()

    # backward
    dz2 = ...  # (5, 2)
    da1 = ...  # (5, 4)
    dW2 = ...  # (2, 4)
    db2 = ...  # (2,)
    dz1 = ...  # (5, 4)
    dW1 = ...  # (4, 3)
    db1 = ...  # (4,)
    return {"loss": loss, "dz2": dz2, "da1": da1, "dW2": dW2, "db2": db2, "dz1": dz1, "dW1": dW1, "db1": db1}


if __name__ == "__main__":  # python 22_program.py
    rng = np.random.default_rng(0)
    shapes = {"x": (5, 3), "t1": (5, 2), "W1": (4, 3), "b1": (4,), "W2": (2, 4), "b2": (2,)}
    for name, value in step(**{name: rng.normal(size=shape) for name, shape in shapes.items()}).items():
        print(name, "not yet written" if value is ... else np.shape(value))
