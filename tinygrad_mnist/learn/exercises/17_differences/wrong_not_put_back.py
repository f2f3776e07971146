# an entry is not put back before the next one moves
import numpy as np


def gradient(f, x, h):
    x = x.astype(float)
    result = np.zeros(x.shape)
    for i in np.ndindex(x.shape):
        x[i] += h
        up = f(x)
        x[i] -= 2 * h
        result[i] = (up - f(x)) / (2 * h)
    return result
