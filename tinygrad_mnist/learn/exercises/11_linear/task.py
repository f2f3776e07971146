"""A Linear layer.

x has the shape (n, inputs), weight (outputs, inputs), bias (outputs,). The layer computes
x @ weight.T + bias, of the shape (n, outputs); g has that shape too.

1. `forward` returns the result.
2. `backward` returns three gradients: of x, of weight, of bias, each of the shape of its array.
"""

import numpy as np


def forward(x, weight, bias):
    return ...


def backward(g, x, weight, bias):
    return ..., ..., ...


if __name__ == "__main__":
    x, weight, bias = np.ones((4, 3)), np.ones((2, 3)), np.zeros(2)
    for gradient in backward(np.ones((4, 2)), x, weight, bias):
        print(np.shape(gradient))
