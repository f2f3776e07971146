"""Measure mean and standard deviation of weights, and a signal through twenty layers."""

import numpy as np

from tinygrad_mnist.learn import fail, line_of, numbers


def check(work):
    line = line_of(work.get("initial"))
    for outputs, inputs in [(60, 240), (400, 50)]:
        drawn = [
            numbers("`initial`", work.call("initial", np.random.default_rng(seed), outputs, inputs), line)
            for seed in (0, 0, 1)
        ]
        w = drawn[0]
        if w.shape != (outputs, inputs):
            where = f"for outputs = {outputs}, inputs = {inputs}"
            fail(f"{where} the shape is {w.shape}: it should be (outputs, inputs)", line)
        if not np.array_equal(w, drawn[1]):
            fail("the same seed gives other weights: draw from rng, not from np.random", line)
        if w.std() < 1e-9:
            told = f"all weights are {w.flat[0]:g}: equal units get equal gradients and stay equal"
            fail(told, line, open=not w.any())
        if np.array_equal(w, drawn[2]):
            fail("another seed gives the same weights: draw from rng", line)
        refuse_size(w, outputs, inputs, work, line)


def refuse_size(w, outputs, inputs, work, line):
    mean, std, right = w.mean(), w.std(), np.sqrt(2 / inputs)
    where = f"for outputs = {outputs}, inputs = {inputs}"
    if abs(mean) > 0.2 * std:
        fail(f"{where} the mean of the weights is {mean:.3g}: it should be 0, so that signs mix", line)
    if abs(std / right - 1) < 0.05:
        return
    known = {
        "the number of inputs does not come in": 1.0,
        "relu's half is missing (that is right for a layer without relu)": np.sqrt(1 / inputs),
        "the number of outputs stands where that of the inputs belongs": np.sqrt(2 / outputs),
        "you gave the variance, 2 / inputs, where the standard deviation belongs: take the root": 2 / inputs,
        "the mean of both numbers is for layers without relu": np.sqrt(2 / (inputs + outputs)),
        "a uniform distribution from -s to s has the standard deviation s / sqrt(3)": right / np.sqrt(3),
    }
    say = next((say for say, value in known.items() if abs(std / value - 1) < 0.05), "")
    start = f"{say}; " if say else ""
    sizes = f"the standard deviation is {std:.3g}, and sqrt(2 / inputs) is {right:.3g}"
    fail(f"{start}{where} {sizes}: {after_layers(work)}", line)


def after_layers(work):
    """Measure a signal of size 1 behind twenty layers."""
    rng, initial = np.random.default_rng(0), work.get("initial")
    x = rng.normal(size=(20, 100))
    with np.errstate(all="ignore"):
        for _ in range(20):
            x = np.maximum(x @ initial(rng, 100, 100).T, 0)
        return f"a signal of size 1 has the size {np.sqrt((x**2).mean()):.1g} after 20 layers"
