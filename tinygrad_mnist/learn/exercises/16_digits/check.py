"""Compare the walk with difference quotients, two steps with what they should do, and ask for 90 %."""

import numpy as np

from tinygrad_mnist.datasets import load_digits
from tinygrad_mnist.learn import QUOTIENT, Finding, agree, fail, is_empty, line_of, require_filled, slopes

GOAL = 0.9


def check(work):
    data = load_digits()
    images, labels = data.train.images.reshape(-1, 64).astype(float), data.train.labels
    walk(work, images[:4], labels[:4])
    two_steps(work, images[:8], labels[:8])
    parameters = work.get("network")(np.random.default_rng(0))
    before = [p.data.copy() for p in parameters]
    line = line_of(work.get("train"))
    work.get("train")(parameters, images, labels)
    if all(np.array_equal(p.data, b) for p, b in zip(parameters, before)):
        fail("`train` changes no parameter yet: call step for one batch after the other", line, open=True)
    if not all(np.isfinite(p.data).all() for p in parameters):
        fail("after `train` there are weights that are not finite: the rate is too high", line)
    scores = work.get("scores_of")(parameters, data.test.images.reshape(-1, 64).astype(float)).data
    right = (scores.argmax(axis=1) == data.test.labels).mean()
    if right < GOAL:
        advice = "more passes over all images, or another lr" if right > 0.2 else "about a tenth is chance"
        fail(f"after `train` the network reads {right:.1%} of {len(scores)} digits that it has not seen, and "
             f"{GOAL:.0%} are asked for: {advice}", line)  # fmt: skip


def loss_of(work, parameters, images, labels):
    return work.get("cross_entropy")(work.get("scores_of")(parameters, images), labels)


def walk(work, images, labels):
    """Check `backward` on a network, and on a Tensor that is used twice."""
    backward, line = work.get("backward"), line_of(work.get("backward"))
    parameters = work.get("network")(np.random.default_rng(0))
    loss = loss_of(work, parameters, images, labels)
    backward(loss)
    if not any(np.any(p.grad) for p in parameters):
        begun = np.any(loss.grad) or is_empty(backward)
        cause = "" if begun else ": the output's own gradient is missing, which begins with 1.0"
        raise Finding(f"`backward` gives the parameters no gradient{cause}", line, open=is_empty(backward))
    bias = parameters[-1]

    def moved(value):
        kept, bias.data = bias.data, value
        try:
            return loss_of(work, parameters, images, labels).data
        finally:
            bias.data = kept

    agree("the gradient of the last bias", bias.grad, slopes(moved, bias.data), {}, {}, QUOTIENT, line)
    Tensor = work.get("Tensor")
    x = Tensor(2.0)
    y = Tensor(4.0, (x, x), (lambda g: 2.0 * g, lambda g: 2.0 * g))
    backward(y)
    agree("x.grad of y = x * x", x.grad, 4.0, {"x": 2.0},
          {"a later share replaces an earlier one: shares are added": 2.0}, QUOTIENT, line)  # fmt: skip


def two_steps(work, images, labels):
    """Check that a step forgets, returns the loss, and goes downhill by lr times the gradient."""
    step, line = work.get("step"), line_of(work.get("step"))
    parameters, lr = work.get("network")(np.random.default_rng(0)), 0.1
    older = np.zeros(10)
    for number in (1, 2):
        before = parameters[-1].data.copy()
        twin = [work.get("Tensor")(p.data.copy()) for p in parameters]
        expected = loss_of(work, twin, images, labels)
        work.get("backward")(expected)
        g = twin[-1].grad
        loss = step(parameters, images, labels, lr)
        require_filled("`step`", loss, line)
        agree("the loss that `step` returns", loss, float(expected.data), {}, {}, "right is", line)
        mistakes = {
            "the gradients of the step before are not forgotten: set them to zero first": -lr * (older + g),
            "the step goes uphill": lr * g,
            "lr is not used": -g,
            "the parameters do not move": np.zeros(10),
        }
        change = parameters[-1].data - before
        agree(
            f"the change of the last bias in step {number}",
            change,
            -lr * g,
            {"lr": lr},
            mistakes,
            "right is",
            line,
        )
        older = older + g
