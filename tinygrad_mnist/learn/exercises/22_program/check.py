"""Capture the step, run its printed text, and compare line by line."""

import numpy as np

from tinygrad_mnist import nn, optim
from tinygrad_mnist.learn import Finding, agree, fail, line_of
from tinygrad_mnist.program import compile

LINES = ("dz2", "da1", "dW2", "db2", "dz1", "dW1", "db1")


def printed(x, t):
    """Return the printed program of a step, and its parameters as float64."""
    model = nn.Sequential(nn.Linear(3, 4, rng=0), nn.Tanh(), nn.Linear(4, 2, rng=1))
    loss, optimizer = nn.MSELoss(), optim.SGD(model.parameters(), lr=0.1)
    parameters = [p.data.astype(np.float64) for p in model.parameters()]

    @compile
    def step(x, t):
        optimizer.zero_grad()
        value = loss(model(x), t)
        value.backward()
        optimizer.step()
        return value

    step(x.astype(np.float32), t.astype(np.float32))
    return str(step.program.derivation), parameters


def check(work):
    rng = np.random.default_rng(0)
    x, t = rng.normal(size=(5, 3)), rng.normal(size=(5, 2))
    text, parameters = printed(x, t)
    names = {}
    exec(text.replace("return loss", "return locals()"), names)
    right = names["step"](x, t, *(p.copy() for p in parameters))
    line = line_of(work.get("step"))
    found = work.get("step")(x, t, *(p.copy() for p in parameters))
    if not isinstance(found, dict) or not set(LINES) <= set(found):
        fail("`step` should return the dictionary at its end: loss, " + ", ".join(LINES), line)
    for name in LINES:
        if found[name] is ...:
            raise Finding(f"{name} is still `...`: write its line", line, open=True)
        agree(
            name,
            found[name],
            right[name],
            {},
            mistakes(name, right, x, t, *parameters),
            "the program has",
            line,
        )


def mistakes(name, p, x, t, W1, b1, W2, b2):
    n = p["t2"].size
    number = name[-1]
    g, before = p["dz" + number], (x if number == "1" else p["a1"])
    return {
        "dz2": {
            "the factor 2 of the square is missing in dz2": p["t2"] / n,
            "the mean is missing in dz2: divide by t2.size": 2 * p["t2"],
            "dz2 is divided by the rows: the mean is over all numbers": 2 * p["t2"] / len(t),
        },
        "da1": {
            "the ones stand in da1 where dz2 belongs: the chain rule multiplies": np.ones_like(p["dz2"]) @ W2
        },
        "dz1": {
            "the square is missing in dz1: 1 - a1 squared": p["da1"] * (1 - p["a1"]),
            "z1 stands in dz1 where a1 belongs": p["da1"] * (1 - p["z1"] ** 2),
            "tanh is taken of a1 in dz1: a1 is tanh(z1) already": p["da1"] * (1 - np.tanh(p["a1"]) ** 2),
            "da1 is missing in dz1: the chain rule multiplies": 1 - p["a1"] ** 2,
            "dz1 is da1 itself: tanh has a rule": p["da1"],
        },
        "dW" + number: {
            f"{name} is transposed: it has the shape of W{number}": before.T @ g,
            f"{name} is averaged: the shares of the rows are added": g.T @ before / len(x),
        },
        "db" + number: {
            f"{name} is dz{number} itself: the bias serves all rows, so the sum over them": g,
            f"{name} is averaged: the shares of the rows are added": g.mean(axis=0),
            f"{name} is summed over the outputs: sum over the rows (axis=0)": g.sum(axis=1),
        },
    }[name]
