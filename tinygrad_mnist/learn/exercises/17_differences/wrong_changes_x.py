# `gradient` changes its input 2
import numpy as np


def gradient(f, x, h):
    result = np.zeros(x.shape)
    for i in np.ndindex(x.shape):
        x[i] += h
        up = f(x)
        x[i] -= 2 * h
        result[i] = (up - f(x)) / (2 * h)
    return result
