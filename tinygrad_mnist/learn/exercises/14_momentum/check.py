"""Run three steps, the last with another lr, and compare with the forms that people write."""

import numpy as np

from tinygrad_mnist.learn import FORMULA, agree, fail, is_empty, line_of

RATES, MOMENTUM, START = (0.1, 0.1, 0.02), 0.5, np.array([1.0, -2.0])
GRADIENTS = [np.array([1.0, 2.0]), np.array([-3.0, 1.0]), np.array([0.5, -1.0])]


def check(work):
    step = work.get("step")
    line = line_of(step)
    p, v = START.copy(), np.zeros(2)
    for number, (lr, g) in enumerate(zip(RATES, GRADIENTS), 1):
        step([p], [g.copy()], [v], lr, MOMENTUM)
        if np.array_equal(p, START) and not v.any():
            if is_empty(step):
                fail("`step` does nothing yet", line, open=True)
            fail("parameters and velocities are as they were: change the arrays, as in v *= momentum", line)
        right, kept = run(number, pytorch)
        if not v.any():
            fail("the velocities are as they were: write into them, as in v *= momentum", line)
        mistakes = {say: run(number, rule)[0] for say, rule in FORMS.items()}
        given = {"lr": lr, "momentum": MOMENTUM}
        agree(f"the parameter after step {number}", p, right, given, mistakes, FORMULA, line)
        inside = {"lr is inside the velocity": -lr * kept}
        agree(f"the velocity after step {number}", v, kept, given, inside, FORMULA, line)


def run(steps, rule):
    """Return parameter and velocity after some steps of a rule."""
    p, v = START.copy(), np.zeros(2)
    for lr, g in zip(RATES[:steps], GRADIENTS):
        p, v = rule(p, g, v, lr)
    return p, v


def pytorch(p, g, v, lr):
    v = MOMENTUM * v + g
    return p - lr * v, v


def lr_inside(p, g, v, lr):
    v = MOMENTUM * v - lr * g
    return p + v, v


FORMS = {
    "the velocity is not used: the parameter moves by the gradient alone": lambda p, g, v, lr: (
        p - lr * g,
        v,
    ),
    "the new gradient is multiplied with 1 - momentum: add it whole": lambda p, g, v, lr: (
        p - lr * (MOMENTUM * v + (1 - MOMENTUM) * g),
        MOMENTUM * v + (1 - MOMENTUM) * g,
    ),
    "the parameter moves before the velocity does": lambda p, g, v, lr: (p - lr * v, MOMENTUM * v + g),
    "lr is inside the velocity: multiply when the parameter moves": lr_inside,
    "the velocity does not fade: multiply it with momentum": lambda p, g, v, lr: (p - lr * (v + g), v + g),
    "momentum multiplies the gradient: it belongs to the velocity": lambda p, g, v, lr: (
        p - lr * (v + MOMENTUM * g),
        v + MOMENTUM * g,
    ),
    "the step goes uphill": lambda p, g, v, lr: (p + lr * (MOMENTUM * v + g), MOMENTUM * v + g),
    "it looks ahead (Nesterov): move by the velocity": lambda p, g, v, lr: (
        p - lr * (g + MOMENTUM * (MOMENTUM * v + g)),
        MOMENTUM * v + g,
    ),
}
