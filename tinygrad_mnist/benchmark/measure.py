"""Taking turns."""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

Step = Callable[[], Any]


@dataclass(frozen=True)
class Contestant:
    """A training step on the setup's batch.

    Attributes
    ----------
    step
        Forward, backward and update; returns the loss before the update.
    parameters
        Returns W^0, b^0, W^1, b^1, as they are now.
    """

    step: Callable[[], float]
    parameters: Callable[[], Sequence[NDArray[Any]]]


@dataclass(frozen=True)
class Row:
    """The times of some contestants: the seconds of each round, round i of all being neighbours in time."""

    name: str
    rounds: dict[str, list[float]]

    def seconds(self, contestant: str) -> float:
        """The median."""
        return statistics.median(self.rounds[contestant])

    def ratio(self, contestant: str, base: str) -> float | None:
        """How many times as long as `base` it takes, the median of the rounds; None when one is missing."""
        if contestant not in self.rounds or base not in self.rounds:
            return None
        return statistics.median(a / b for a, b in zip(self.rounds[contestant], self.rounds[base]))


def compare(name: str, steps: dict[str, Step], rounds: int, turn: float = 0.02) -> Row:
    """Time steps, in turns of about `turn` seconds, in another order each round."""
    counts = {contestant: _steps_in(step, turn) for contestant, step in steps.items()}
    times: dict[str, list[float]] = {contestant: [] for contestant in steps}
    order, chance = list(steps), random.Random(0)
    for _ in range(rounds):
        chance.shuffle(order)
        for contestant in order:
            times[contestant].append(_turn(steps[contestant], counts[contestant]))
    return Row(name, times)


def _steps_in(step: Step, seconds: float) -> int:
    """How many steps to time in a turn, at least one; the first few compile, capture and fill caches."""
    if not seconds:
        return 1
    for _ in range(5):
        step()
    return max(1, round(seconds / min(_turn(step, 1) for _ in range(5))))


def _turn(step: Step, count: int) -> float:
    """Seconds a step."""
    start = time.perf_counter()
    for _ in range(count):
        step()
    return (time.perf_counter() - start) / count
