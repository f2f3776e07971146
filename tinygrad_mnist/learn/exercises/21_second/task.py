"""Second derivatives: a gradient of a gradient.

f takes a Tensor and returns a Tensor with one number. `autograd.grad(y, x)` returns a tuple with the
gradient of y with respect to x; with create_graph=True it is recorded, so that it can be differentiated.

1. `second(f, x)`: the second derivative of f at the number x.
2. `hvp(f, x, v)`: the matrix of all second derivatives (the Hessian) of f at the array x, multiplied by
   the vector v, without building the matrix. It is the gradient of the sum of gradient(x) * v.
"""

import numpy as np

from tinygrad_mnist import Tensor, autograd


def second(f, x):
    x = Tensor(x, requires_grad=True)
    return ...


def hvp(f, x, v):
    x = Tensor(x, requires_grad=True)
    return ...


if __name__ == "__main__":
    print(second(lambda x: x**3, 2.0), "expected: 12")
    print(hvp(lambda x: x[0] * x[1], np.array([2.0, 3.0]), np.array([1.0, 0.0])), "expected: [0. 1.]")
