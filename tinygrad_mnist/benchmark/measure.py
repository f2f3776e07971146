"""Measure contestants: seconds of a step, in alternating rounds, and its peak memory."""

from __future__ import annotations

import gc
import random
import statistics
import time
import tracemalloc
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from tinygrad_mnist.benchmark.perceptrons import Perceptron
from tinygrad_mnist.benchmark.workload import Workload
from tinygrad_mnist.typing import Array

Step = Callable[[], Any]


@dataclass(frozen=True)
class TrainingStep:
    """A training step on the batch of a workload.

    Attributes
    ----------
    step
        Runs forward, backward and update; returns the loss before the update.
    parameters
        Returns the current parameters in the model's order; W^0, b^0, W^1, b^1 of a perceptron.

    Examples
    --------
    >>> from tinygrad_mnist.benchmark import CONTESTANTS, WORKLOADS
    >>> iris = WORKLOADS[2]
    >>> training = CONTESTANTS[2].prepare(iris)
    >>> losses = [training.step() for _ in range(2)]
    >>> losses[1] < losses[0], [array.shape for array in training.parameters()]
    (True, [(5, 4), (5,), (3, 5), (3,)])
    """

    step: Callable[[], float]
    parameters: Callable[[], Sequence[Array]]


@dataclass(frozen=True)
class Contestant:
    """A way to run a training step, under its name in the tables.

    Attributes
    ----------
    prepare
        Returns the step on a workload; None if a library is not installed, or if it has no such step.
    measures_memory
        True if the peak memory is measured too.

    Examples
    --------
    >>> from tinygrad_mnist.benchmark import CONTESTANTS, WORKLOADS
    >>> ours = Contestant("nothing", lambda workload: TrainingStep(lambda: 0.0, list))
    >>> steps = {each.name: each.prepare(WORKLOADS[2]).step for each in (ours, CONTESTANTS[2])}
    >>> list(compare("iris", steps, rounds=1, turn=0).rounds)
    ['nothing', 'by hand']
    """

    name: str
    prepare: Callable[[Workload], TrainingStep | None]
    measures_memory: bool = False


def contestant(
    name: str, *, measures_memory: bool = False
) -> Callable[[Callable[[Workload], TrainingStep | None]], Contestant]:
    """Turn the function below into the contestant of this name."""
    return lambda prepare: Contestant(name, prepare, measures_memory)


def of_perceptrons(
    prepare: Callable[[Perceptron], TrainingStep | None],
) -> Callable[[Workload], TrainingStep | None]:
    """Give the function below None as its step on other workloads."""
    return lambda workload: prepare(workload) if isinstance(workload, Perceptron) else None


@dataclass(frozen=True)
class Timing:
    """Seconds of each round by contestant; rounds with the same number are neighbours in time.

    Examples
    --------
    >>> timing = Timing("a noisy second round", {"ours": [1.0, 20.0, 3.0], "theirs": [1.0, 10.0, 1.0]})
    >>> timing.seconds("ours"), timing.seconds("theirs"), timing.ratio("ours", "theirs")
    (3.0, 1.0, 2.0)
    """

    name: str
    rounds: dict[str, list[float]]

    def seconds(self, contestant: str) -> float:
        """Median seconds of a step."""
        return statistics.median(self.rounds[contestant])

    def ratio(self, contestant: str, base: str) -> float | None:
        """Median over the rounds of the time as a multiple of `base`; None if one of them is missing."""
        if contestant not in self.rounds or base not in self.rounds:
            return None
        return statistics.median(a / b for a, b in zip(self.rounds[contestant], self.rounds[base]))


def compare(name: str, steps: dict[str, Step], rounds: int, turn: float = 0.02) -> Timing:
    """Time steps in turns of about `turn` seconds, in a new order in each round.

    Parameters
    ----------
    name : str
        Title of the measurement.
    steps : dict of str to callable
        Functions without arguments, by contestant.
    rounds : int
        Turns of each contestant, at least 1.
    turn : float, default 0.02
        Seconds; 0 for one step per turn, without the ten steps that compile, capture and fill caches.

    Returns
    -------
    Timing
        Seconds per step.

    Examples
    --------
    >>> import math
    >>> numbers = [0.1] * 10
    >>> timing = compare("ten numbers", {"sum": lambda: sum(numbers), "exact": lambda: math.fsum(numbers)}, 3)
    >>> {name: len(seconds) for name, seconds in timing.rounds.items()}
    {'sum': 3, 'exact': 3}
    """
    counts = {contestant: _steps_in(step, turn) for contestant, step in steps.items()}
    times: dict[str, list[float]] = {contestant: [] for contestant in steps}
    order, chance = list(steps), random.Random(0)
    for _ in range(rounds):
        chance.shuffle(order)
        for contestant in order:
            times[contestant].append(_turn(steps[contestant], counts[contestant]))
    return Timing(name, times)


def _steps_in(step: Step, seconds: float) -> int:
    """Number of steps in a turn, at least one; the first few compile, capture and fill caches."""
    if not seconds:
        return 1
    for _ in range(5):
        step()
    return max(1, round(seconds / min(_turn(step, 1) for _ in range(5))))


def _turn(step: Step, count: int) -> float:
    """Seconds per step."""
    start = time.perf_counter()
    for _ in range(count):
        step()
    return (time.perf_counter() - start) / count


def peak_bytes(contestant: Contestant, workload: Workload) -> int | None:
    """Measure the peak bytes of a step, without parameters and data, with all that is kept between steps.

    Memory allocated outside of Python and NumPy is not counted.
    """
    tracemalloc.start()
    try:
        prepared = contestant.prepare(workload)
        if prepared is None:
            return None
        for _ in range(5):  # a capture needs a few steps
            prepared.step()
        gc.collect()  # what the capture left behind is not kept
        tracemalloc.reset_peak()
        prepared.step()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    return peak - sum(array.nbytes for array in (*prepared.parameters(), *workload.data()))
