"""Compare the layer with the package's, and its three gradients with difference quotients."""

import numpy as np

from tinygrad_mnist.learn import FORMULA, agree, fail, line_of, slopes


def linear(x, weight, bias):
    return x @ weight.T + bias


def check(work):
    rng = np.random.default_rng(1)
    for n, inputs, outputs in [(2, 2, 2), (4, 3, 2), (1, 2, 3)]:
        x, weight, bias, g = (
            rng.integers(-3, 4, shape).astype(float)
            for shape in ((n, inputs), (outputs, inputs), (outputs,), (n, outputs))
        )
        given = {"x": x, "weight": weight, "bias": bias}
        fits = n == inputs == outputs
        forward = {"the bias is missing": x @ weight.T}
        forward |= {"weight is not transposed": x @ weight + bias} if fits else {}
        work.compare("forward", given, linear(x, weight, bias), forward, FORMULA)
        found = work.call("backward", g, x, weight, bias)
        line = line_of(work.get("backward"))
        if not isinstance(found, tuple | list) or len(found) != 3:
            fail("`backward` should return three gradients: return dx, dweight, dbias", line)
        for position, (name, got) in enumerate(zip(given, found)):
            right = slopes(linear, x, weight, bias, position=position, g=g)
            words = f"the gradient of {name}"
            agree(words, got, right, {"g": g, **given}, mistakes(g, x, weight, fits)[name], line=line)


def mistakes(g, x, weight, fits):
    return {
        "x": {"weight is transposed: forward did that, and backward turns it back": g @ weight.T}
        if fits
        else {},
        "weight": {
            "dweight is transposed: it has the shape of weight, (outputs, inputs)": x.T @ g,
            "dweight is averaged over the rows: the shares are added": g.T @ x / len(x),
        },
        "bias": {
            "dbias is g itself: the bias serves all rows, so its gradient is a sum over them": g,
            "dbias is summed over the outputs: sum over the rows (axis=0)": g.sum(axis=1),
            "dbias is averaged over the rows: the shares are added": g.mean(axis=0),
            "dbias is the sum of everything: each output has a bias": g.sum(),
        },
    }
