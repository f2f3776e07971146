"""Checks of the learning rate, by the change of the weights, and of the direction of gradients."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from tinygrad_mnist.checking.findings import TrainingFinding
from tinygrad_mnist.doctor.checks.first_loss import against_ignorance
from tinygrad_mnist.doctor.evidence import Evidence
from tinygrad_mnist.nn.preserved import preserved
from tinygrad_mnist.nn.utils import clip

# The length of a weight matrix's update over that of the matrix, the largest of all matrices, at the first
# step.  Healthy, measured over 30 to 100 seeds: main job 0.009 to 0.013, two-layer 0.08 to 0.20, chapter 1
# 0.05 to 0.12, iris 0.002 to 0.011.  Sick: chapter 1 with summed gradients (18-29 % after 20 epochs) 0.7 to
# 1.1, the main job at a hundred times its rate 0.8 to 1.1; at a rate of 1e-6 3e-8 to 2e-6.
TOO_HIGH, TOO_LOW = 0.6, 1e-5  # TOO_HIGH includes the final effect of momentum: / (1 - momentum)
USUAL, CAREFUL = 1e-2, 3e-2  # recommended ratio if the rate is too low, or too high
STEPS = 5
EXPLODES = 4.0  # times the first loss after some steps; the main job at 100 times its rate 250 and more
# Neither proves anything: a regression whose targets lie at 15 +- 5 begins with a ratio of 1, 512 sigmoids
# go up to 4 to 13 times their first loss.  Both learn faster than at any lower rate.  The rate is therefore
# tried for longer next to the recommended one, and reported only if it is worse by more than chance.
LONGER, WORSE = 100, 1.1
STILL_HIGH = 0.1  # fraction of the untrained loss; below it small updates are normal
UPHILL, SAME_SLOPE = -0.3, 0.2  # fractions of the slope that the gradient predicts
FLAT = 1e-6  # fraction of the loss; a smaller gradient is lost in rounding
# Predicted relative change of the loss, well above rounding.  The step is repeated at half the length: both
# must climb alike.  On iris' plateau a single step of 0.5 % reaches beyond the next hill: false alarms with
# 19 of 60 seeds.
CHANGE, CHANGE_OF_FLOAT32 = 1e-7, 2e-4


@dataclass(frozen=True)
class Trial:
    """Trial steps: the largest update-to-weight ratio of the first, its parameter, and the losses."""

    ratio: float
    parameter: str
    losses: tuple[float, ...]


def learning_rate(evidence: Evidence) -> Iterator[TrainingFinding]:
    """Find a learning rate that is too high or too low."""
    trial = try_steps(evidence) if evidence.optimizer is not None else None
    if trial is None:
        return
    worst = max(value if np.isfinite(value) else np.inf for value in trial.losses)
    first = trial.losses[0]
    lr = _lr(evidence)
    softened = evidence.optimizer.lr / lr if lr else 1.0  # by a warm-up: its first step is shorter
    if trial.ratio * softened > TOO_HIGH * (1 - _momentum(evidence)) or worst > EXPLODES * abs(first):
        yield from _too_high(evidence, trial, worst)
    elif trial.ratio < TOO_LOW and _has_to_learn(evidence):
        yield _too_low(evidence, trial)


def try_steps(evidence: Evidence) -> Trial | None:
    """Try the optimizer's steps on the batches and undo them; None if no matrix has a gradient."""
    optimizer, batches = evidence.optimizer, evidence.batches
    names = {id(p): name for name, p in evidence.parameters.items()}
    ratios: dict[str, float] = {}
    losses = [evidence.value(evidence.inputs, evidence.targets)]
    with preserved(evidence.model, evidence.loss, optimizer):
        before = {name: p.data.copy() for name, p in evidence.parameters.items()}
        for group in optimizer.param_groups:
            group.lr = group.after_warm_up()
        for i in range(STEPS):
            inputs, targets = batches[i % len(batches)]
            _set_gradients(evidence, inputs, targets)
            optimizer.step()
            if i == 0:
                changed = [names[id(p)] for p in optimizer.params if id(p) in names]
                ratios = {name: _ratio(evidence, before, name) for name in changed if before[name].ndim > 1}
            losses.append(evidence.value(evidence.inputs, evidence.targets))
    moving = {name: ratio for name, ratio in ratios.items() if before[name].any()}
    if not moving:
        return None
    largest = max(moving, key=moving.__getitem__)
    return Trial(moving[largest], largest, tuple(losses))


def _loss_at(evidence: Evidence, lr: float) -> float:
    """Return the loss after further optimizer steps at `lr`, which are undone afterwards."""
    optimizer, batches = evidence.optimizer, evidence.batches
    with preserved(evidence.model, evidence.loss, optimizer):
        optimizer.lr = lr
        for i in range(LONGER):
            _set_gradients(evidence, *batches[i % len(batches)])
            optimizer.step()
        return evidence.value(evidence.inputs, evidence.targets)


def _ratio(evidence: Evidence, before: dict[str, np.ndarray], name: str) -> float:
    """Return the length of the update over that of the parameter; 0 for a parameter that starts at 0."""
    old = before[name].astype(np.float64)
    size = float(np.linalg.norm(old))
    return float(np.linalg.norm(evidence.parameters[name].data - old)) / size if size else 0.0


def _set_gradients(evidence: Evidence, inputs: object, targets: object) -> None:
    gradients = evidence.look(inputs, targets).gradients
    for parameter in evidence.optimizer.params:
        parameter.grad = None
    for name, g in gradients.items():
        evidence.parameters[name].grad = None if g is None else np.array(g)
    clip(evidence.optimizer.params, evidence.clip_norm, evidence.clip_value)


def _sum_over(evidence: Evidence) -> bool:
    """Return True if the loss is a sum: it doubles if every example is repeated."""
    inputs, targets = evidence.inputs, evidence.targets
    once = evidence.value(inputs, targets)
    twice = evidence.value(np.concatenate([inputs, inputs]), np.concatenate([targets, targets]))
    return bool(np.isclose(twice, 2 * once, rtol=1e-3) and not np.isclose(once, 0))


def _too_high(evidence: Evidence, trial: Trial, worst: float) -> Iterator[TrainingFinding]:
    """Report a high rate, unless it does better than the recommended one."""
    lr, first, n = _lr(evidence), trial.losses[0], _batch_size(evidence)
    summed = _sum_over(evidence) and trial.ratio / n < TOO_HIGH
    better = _round(lr / n if summed else lr * CAREFUL * (1 - _momentum(evidence)) / trial.ratio)
    bold, careful = _loss_at(evidence, lr), _loss_at(evidence, better)
    if bold <= WORSE * careful:
        return
    why = "a step is to correct the weights a little; this one replaces them, and what was learned is lost"
    if summed:
        why = f"the loss adds up {n} examples, so this rate acts like {lr * n:g} on their mean; {why}"
    momentum = _momentum(evidence)
    if momentum:
        why = f"a momentum of {momentum:g} makes steps up to {1 / (1 - momentum):.0f} times as long; {why}"
    yield TrainingFinding(
        "summed-loss" if summed else "learning-rate-too-high",
        f"The learning rate {lr:g} is too high" + (" for a loss summed over the batch." if summed else "."),
        f"the first step changes {trial.parameter} by {trial.ratio:.3g} times its own size, and {STEPS} "
        f"steps take the loss from {first:.3g} to {worst:.3g} at worst; after {LONGER} steps it is "
        f"{bold:.3g}, and {careful:.3g} with a rate of {better:g}",
        why,
        (f"average over the batch, or divide the rate by {n}: " if summed else "") + f"begin near {better:g}",
        trial.parameter,
        numbers={
            "update to weight": trial.ratio,
            "learning rate": lr,
            "loss before": first,
            "worst loss": worst,
            "loss after": bold,
            "recommended rate": better,
            "loss after at that rate": careful,
        },
    )


def _lr(evidence: Evidence) -> float:
    """Return the learning rate, before a warm-up the one that it leads to."""
    return float(evidence.optimizer.param_groups[0].after_warm_up())


def _momentum(evidence: Evidence) -> float:
    return float(getattr(evidence.optimizer, "momentum", 0.0))


def _batch_size(evidence: Evidence) -> int:
    return len(evidence.batches[0][0])


def _too_low(evidence: Evidence, trial: Trial) -> TrainingFinding:
    lr = _lr(evidence)
    if trial.ratio:
        pace = f"at this pace it takes about {1 / trial.ratio:,.0f} steps to change the weights"
        better = f"a rate near {_round(lr * USUAL / trial.ratio):g} would take it"
    else:
        pace = "what a step would add is lost in the rounding of the weights, or it is 0"
        better = "begin near 0.1"
    return TrainingFinding(
        "learning-rate-too-low",
        f"The learning rate {lr:g} is too low.",
        f"the first step changes no weight matrix by more than {trial.ratio:.1e} times its own size "
        f"({trial.parameter}); in {STEPS} steps the loss goes from {trial.losses[0]:.6g} to "
        f"{trial.losses[-1]:.6g}",
        pace,
        f"a step of a hundredth of the weights is usual: {better}",
        trial.parameter,
        numbers={"update to weight": trial.ratio, "learning rate": lr},
    )


def _round(x: float) -> float:
    """Return `x` rounded to one significant digit."""
    return float(f"{x:.0e}")


def _has_to_learn(evidence: Evidence) -> bool:
    """Return True if the loss is still high: near its end training makes small steps."""
    measured = against_ignorance(evidence)
    return measured is None or measured[0] > STILL_HIGH * measured[1]


def wrong_gradient(evidence: Evidence) -> Iterator[TrainingFinding]:
    """Find gradients along which the measured loss climbs instead of falling."""
    value = abs(evidence.recorded.value)
    for name, g in evidence.recorded.gradients.items():
        size = 0.0 if g is None else float(np.linalg.norm(g))
        if g is None or size < FLAT * value:
            continue
        change = (CHANGE if g.dtype == np.float64 else CHANGE_OF_FLOAT32) * value
        slopes = [_slope_along(evidence, name, g, part * change / size) / size for part in (1.0, 0.5)]
        if max(slopes) < UPHILL and abs(slopes[0] - slopes[1]) < SAME_SLOPE:
            yield TrainingFinding(
                "wrong-gradient",
                f"The gradient of {name} points the wrong way: descending along it climbs.",
                f"the loss changes along the gradient by {slopes[1]:+.2f} times what the gradient predicts "
                "(right: +1.00)",
                "a backward rule has a wrong sign or is another function's, or the loss is not what is "
                "differentiated",
                "tinygrad_mnist.checking.diagnose(loss_function(model(inputs), targets)) names the rule",
                name,
                numbers={"slope": slopes[1]},
            )
            return


def _slope_along(evidence: Evidence, name: str, g: np.ndarray, length: float) -> float:
    """Return the central difference of the loss along the gradient's direction."""
    parameter = evidence.parameters[name]
    direction = g / np.linalg.norm(g) * length
    middle, ends = parameter.data.copy(), []
    with preserved(evidence.model, evidence.loss, evidence.optimizer):
        for sign in (1, -1):
            parameter.data = middle + sign * direction
            ends.append(evidence.value(evidence.inputs, evidence.targets))
    return (ends[0] - ends[1]) / (2 * length)
