"""Momentum.

A heavy ball keeps rolling. Each parameter gets a velocity, an array of its shape, zero at the beginning.
At each step the velocity becomes momentum * velocity + gradient, and the parameter moves by lr times
the velocity, downhill.

Write `step`: change parameters and velocities in place.
"""

import numpy as np


def step(parameters, gradients, velocities, lr, momentum):
    # your code
    ...


if __name__ == "__main__":
    weight, velocity = np.array([1.0]), np.zeros(1)
    for _ in range(3):
        step([weight], [np.array([1.0])], [velocity], lr=0.1, momentum=0.9)
        print(weight)  # 0.9, 0.71, 0.439
