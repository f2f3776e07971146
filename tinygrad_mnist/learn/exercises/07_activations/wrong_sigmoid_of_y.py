# in sigmoid_rule sigmoid is taken twice
import numpy as np


def sigmoid_rule(g, y, x):
    s = 1 / (1 + np.exp(-y))
    return g * s * (1 - s)


def tanh_rule(g, y, x):
    return g * (1 - y * y)


def relu_rule(g, y, x):
    return g * (x > 0)
