"""Compare three rules with difference quotients, away from relu's kink."""

import numpy as np

from tinygrad_mnist.learn import slopes


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def relu(x):
    return np.maximum(x, 0)


def check(work):
    x, g = np.array([-1.5, 0.5, 2.0]), np.array([1.0, -3.0, 2.0])
    for name, function in (("sigmoid", sigmoid), ("tanh", np.tanh), ("relu", relu)):
        y = function(x)
        given = {"g": g, "y": y, "x": x}
        work.compare(f"{name}_rule", given, slopes(function, x, g=g), mistakes(name, function, g, y, x))


def mistakes(name, function, g, y, x):
    own = {
        "sigmoid": {
            "sigmoid is taken twice: y is sigmoid(x) already": g * function(y) * (1 - function(y)),
            "x stands where y belongs: the derivative is y (1 - y)": g * x * (1 - x),
            "the factor 1 - y is missing": g * y,
            "the factor y is missing": g * (1 - y),
        },
        "tanh": {
            "the square is missing: the derivative is 1 - y squared": g * (1 - y),
            "x stands where y belongs: the derivative is 1 - y squared": g * (1 - x * x),
            "it is the rule of sigmoid": g * y * (1 - y),
            "tanh is taken twice: y is tanh(x) already": g * (1 - np.tanh(y) ** 2),
        },
        "relu": {
            "the sign of g decides: it is the sign of x that does": relu(g),
            "everything passes: where x < 0 the result does not change": g,
            "the branches are exchanged": g * (x < 0),
            "g is multiplied with y: the derivative is 1 where x > 0": g * y,
        },
    }[name]
    bare = {"sigmoid": y * (1 - y), "tanh": 1 - y * y, "relu": 1.0 * (x > 0)}[name]
    return {f"in {name}_rule {say}": value for say, value in {**own, "g is not used": bare}.items()}
