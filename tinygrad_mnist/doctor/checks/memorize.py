"""Check that the network can memorize twenty examples: any other mistake shows here."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from tinygrad_mnist import optim
from tinygrad_mnist.checking.findings import TrainingFinding
from tinygrad_mnist.doctor.evidence import Evidence
from tinygrad_mnist.nn.preserved import preserved

EXAMPLES, STEPS = 20, 300
RATES = (0.01, 0.1)  # rates of Adam, tried in turn: weights of 0.01 and of 1 need different steps
# The best loss over the first one.  Measured: all six healthy experiments fall below 0.5 within 300 steps; a
# network that gets only the empty first rows of the images stays at 0.94.
LEARNED, HARDLY = 0.5, 0.8
LOW = 0.1  # a first loss this low leaves little to learn


def cannot_overfit(evidence: Evidence) -> Iterator[TrainingFinding]:
    """Find a loss on twenty examples that does not fall; always with Adam."""
    chosen = np.unique(np.linspace(0, evidence.count - 1, EXAMPLES).astype(int))
    inputs, targets = evidence.inputs[chosen], evidence.targets[chosen]
    first = evidence.value(inputs, targets)
    if len(chosen) < 4 or not evidence.parameters or not first > LOW:
        return
    best, taken = first, 0
    for rate in RATES:
        lowest, steps = _train(evidence, inputs, targets, rate, LEARNED * first)
        best, taken = min(best, lowest), taken + steps
        if best < HARDLY * first:
            return
    output = np.asarray(evidence.recorded.output.data, np.float64)
    yield TrainingFinding(
        "cannot-overfit",
        f"The network cannot learn {len(chosen)} examples by heart.",
        f"in {taken} steps of Adam on {len(chosen)} examples the loss goes from {first:.4g} to {best:.4g} at "
        "best; "
        f"outputs differ between examples by std {output.std(axis=0).mean():.2g}",
        "a network with this many parameters learns so few examples easily, whatever they are: the "
        "differences between them do not reach the loss",
        "follow one example through the network: is the input the right part of the data, is something "
        "multiplied by 0, cut off, or detached on the way? (graph.draw shows the way with its numbers)",
        numbers={"loss before": first, "loss after": best, "examples": len(chosen), "steps": taken},
    )


def _train(evidence: Evidence, inputs: Any, targets: Any, rate: float, goal: float) -> tuple[float, int]:
    """Run Adam down to the goal; return the lowest loss and number of steps."""
    with preserved(evidence.model, evidence.loss, evidence.optimizer):
        for parameter in evidence.parameters.values():
            parameter.data = parameter.data.copy()  # the given array may be locked
        optimizer = optim.Adam(evidence.parameters.values(), lr=rate, betas=(0.9, 0.99), eps=1e-12)
        lowest, steps = np.inf, 0
        while steps < STEPS:
            steps += 1
            seen = evidence.look(inputs, targets)
            lowest = min(lowest, seen.value)
            if lowest < goal or not np.isfinite(seen.value):
                break
            for name, parameter in evidence.parameters.items():
                parameter.grad = seen.gradients.get(name)
            optimizer.step()
    return float(lowest), steps
