import numpy as np


def errors(f, slope, x, hs):
    return np.array([abs((f(x + h) - f(x - h)) / (2 * h) - slope) for h in hs])


def best(f, slope, x, hs):
    return hs[np.argmin(errors(f, slope, x, hs))]
