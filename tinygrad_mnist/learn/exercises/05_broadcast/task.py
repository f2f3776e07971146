"""Broadcasting, and its sum.

From here on the values are arrays. NumPy stretches small ones: in x + bias with the shapes (2, 3) and
(3,) each number of the bias is used twice. So its gradient is a sum over its uses.

Write `sum_to`: g has the shape of the result, and `shape` is that of the stretched input. Return the
gradient of that input, an array of the shape `shape`.
"""

import numpy as np


def sum_to(g, shape):
    return ...


if __name__ == "__main__":
    print(sum_to(np.ones((2, 3)), (3,)), "expected: [2. 2. 2.]")
