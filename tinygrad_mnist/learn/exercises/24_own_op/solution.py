import numpy as np

from tinygrad_mnist import ops, primitive


@primitive
def swish(x, beta):
    return x / (1 + np.exp(-beta * x))


def rule_x(g, y, x, beta):
    s = ops.sigmoid(beta * x)
    return g * (s + x * beta * s * (1 - s))


def rule_beta(g, y, x, beta):
    s = ops.sigmoid(beta * x)
    return g * x * x * s * (1 - s)


swish.vjps(rule_x, rule_beta)
