"""Let the step move two arrays, and look at where they are."""

import numpy as np

from tinygrad_mnist.learn import FORMULA, agree, fail, is_empty, line_of


def check(work):
    step = work.get("step")
    line = line_of(step)
    before = [np.array([1.0, 2.0]), np.array([[0.5, -3.0]])]
    gradients = [np.array([1.0, -4.0]), np.array([[2.0, 0.25]])]
    for lr in (0.1, 0.5):
        parameters, given = [p.copy() for p in before], [g.copy() for g in gradients]
        step(list(parameters), given, lr)  # a new array in the list is not the network's
        unmoved = all(np.array_equal(p, b) for p, b in zip(parameters, before))
        if is_empty(step):
            fail("`step` does nothing yet: move each parameter", line, open=True)
        if unmoved:
            fail("the arrays are as they were: `p = p - ...` makes new ones; write p -= ...", line)
        for g, unchanged in zip(given, gradients):
            if not np.array_equal(g, unchanged):
                fail("`step` changes the gradients: only the parameters should move", line)
        for k, (p, b, g) in enumerate(zip(parameters, before, gradients)):
            mistakes = {
                "the step goes uphill: move against the gradient": b + lr * g,
                "lr is not used": b - g,
                "only the first parameter moves": b if k else b * np.nan,
                "only the sign of the gradient is used": b - lr * np.sign(g),
                "the parameter is replaced by the step: subtract it": -lr * g,
            }
            agree(f"parameter {k}", p, b - lr * g, {"p": b, "g": g, "lr": lr}, mistakes, FORMULA, line)
