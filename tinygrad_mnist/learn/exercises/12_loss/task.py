"""A loss: the mean squared error.

prediction and target have one shape. The loss is the mean of the squared differences, over all numbers.

Write `loss`, and `rule`: its gradient with respect to the prediction.
"""

import numpy as np


def loss(prediction, target):
    return ...


def rule(prediction, target):
    return ...


if __name__ == "__main__":
    print(loss(np.array([[1.0, 2.0]]), np.array([[0.0, 0.0]])), "expected: 2.5")
