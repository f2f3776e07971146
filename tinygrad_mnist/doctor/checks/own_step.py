"""Checks of the user's training step: its effect on parameters and gradients in one or two calls."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygrad_mnist.checking.findings import TrainingFinding
from tinygrad_mnist.doctor.evidence import Evidence
from tinygrad_mnist.nn.preserved import preserved

CLIMBS = -0.5  # the cosine between a change and minus the gradient; 1 for plain descent


@dataclass(frozen=True)
class Call:
    """Effect of a call of the step: the change of each parameter, and its ``.grad`` afterwards."""

    changes: dict[str, Any]
    gradients: dict[str, Any]


def watch_step(evidence: Evidence) -> Iterator[TrainingFinding]:
    """Find gradients that add up, parameters that climb, and parameters that stay."""
    if evidence.step is None:
        return
    first = _call(evidence, {})
    yield from _adds_up(evidence, first)
    yield from _climbs(evidence, first)
    yield from _stays(evidence, first)


def _call(evidence: Evidence, left_over: dict[str, Any]) -> Call:
    """Call the step on the first batch, with gradients left from the previous call; restore everything."""
    inputs, targets = evidence.batches[0]
    named, optimizer = evidence.parameters, evidence.optimizer
    with preserved(evidence.model, evidence.loss, optimizer):
        for module, training in evidence.modes:
            module.training = training
        for name, parameter in named.items():
            parameter.grad = None if left_over.get(name) is None else left_over[name].copy()
        for group in getattr(optimizer, "param_groups", ()):
            for state in group.states:
                state.forget()  # old velocities may point elsewhere
        before = {name: p.data.copy() for name, p in named.items()}
        evidence.step(inputs, targets)
        changes = {name: p.data.astype(np.float64) - before[name] for name, p in named.items()}
        gradients = {name: None if p.grad is None else np.array(p.grad) for name, p in named.items()}
    return Call(changes, gradients)


def _adds_up(evidence: Evidence, first: Call) -> Iterator[TrainingFinding]:
    """Find a step whose second call differs only by the gradients that the first one left."""
    left = {name: g for name, g in first.gradients.items() if g is not None and np.any(g)}
    if not left:
        return  # the step clears them at its end
    second = _call(evidence, left)
    sizes = {name: float(np.linalg.norm(g)) for name, g in left.items()}
    name = max(sizes, key=sizes.__getitem__)
    times = float(np.linalg.norm(second.gradients[name])) / sizes[name]
    if abs(times - 1) > 0.5:
        yield TrainingFinding(
            "missing-zero-grad",
            "Gradients add up from step to step: zero_grad() is missing.",
            "the same step on the same batch, once with empty gradients and once with those it had left: "
            "the "
            f"second time {name}.grad is {times:.2f} times as large",
            "backward() adds to .grad, so a step follows the sum of all gradients so far, old ones included; "
            "it acts like a momentum of 1 that never forgets",
            "call optimizer.zero_grad() before backward(), in every step",
            numbers={"times": times},
        )


def _climbs(evidence: Evidence, call: Call) -> Iterator[TrainingFinding]:
    inputs, targets = evidence.batches[0]
    own = evidence.look(inputs, targets).gradients
    cosines = {name: _descent(call.changes[name], g) for name, g in own.items() if g is not None}
    climbing = [name for name, cosine in cosines.items() if cosine < CLIMBS]
    if climbing:
        others = [f"{cosine:+.2f}" for name, cosine in cosines.items() if name not in climbing]
        yield TrainingFinding(
            "ascending-parameter",
            f"{', '.join(climbing)}: the step moves along the gradient instead of against it.",
            "the cosine between the change and minus the gradient is "
            + ", ".join(f"{cosines[name]:+.3f} for {name}" for name in climbing)
            + (f" (right: +1; for the others {', '.join(others)})" if others else " (right: +1)"),
            "the gradient points to where the loss grows; a sign is wrong in the update, or stands twice: "
            "once "
            "in the change and once where it is applied",
            "subtract lr * gradient, from every parameter alike",
            ", ".join(climbing),
            numbers={f"cosine of {name}": cosines[name] for name in climbing},
        )


def _descent(change: Any, g: Any) -> float:
    """Return the cosine between a change and minus the gradient; 1 if one of them is 0."""
    sizes = float(np.linalg.norm(change)) * float(np.linalg.norm(g))
    return -float(np.sum(change * g)) / sizes if sizes else 1.0


def _stays(evidence: Evidence, call: Call) -> Iterator[TrainingFinding]:
    own = evidence.recorded.gradients
    still = [n for n, change in call.changes.items() if not change.any() and np.any(own.get(n, 0))]
    if still:
        moved = len(call.changes) - len(still)
        yield TrainingFinding(
            "never-updated",
            f"The step does not change {', '.join(still)}.",
            f"after a step {moved} of {len(call.changes)} parameters have changed, and these have a gradient "
            "too",
            "the update leaves them out, works on a copy, or follows a gradient of another model",
            "pass model.parameters() to the optimizer, and call its step()",
            ", ".join(still),
            numbers={"unchanged": len(still), "changed": moved},
        )
