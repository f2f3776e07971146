"""Measure everything in one run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tinygrad_mnist.benchmark import contestants
from tinygrad_mnist.benchmark.contestants import CONTESTANTS
from tinygrad_mnist.benchmark.epoch import time_epochs
from tinygrad_mnist.benchmark.libraries import pytorch
from tinygrad_mnist.benchmark.machine import machine, use_threads
from tinygrad_mnist.benchmark.measure import Contestant, Timing, compare, peak_bytes
from tinygrad_mnist.benchmark.perceptrons import PERCEPTRONS
from tinygrad_mnist.benchmark.processes import TrainingProcess, import_seconds, training
from tinygrad_mnist.benchmark.workload import Workload
from tinygrad_mnist.benchmark.workloads import WORKLOADS
from tinygrad_mnist.datasets import ImageDataset

BASES = (pytorch, contestants.products, contestants.hand_in_place, contestants.hand)  # of the ratios


@dataclass(frozen=True)
class BenchmarkResults:
    """Results of a run.

    Attributes
    ----------
    machine, threads
        Conditions of the run.
    steps
        One timing per workload.
    epoch
        Seconds per epoch.
    memory
        Peak bytes of a step by workload and contestant.
    imports
        Seconds per module.
    training
        The command `train` as a process.
    """

    machine: dict[str, Any]
    threads: int
    steps: list[Timing]
    epoch: Timing
    memory: dict[str, dict[str, int]]
    imports: dict[str, float]
    training: TrainingProcess

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON data: medians instead of rounds."""
        return {
            "machine": self.machine,
            "threads": self.threads,
            "steps": [timing_dict(timing, BASES) for timing in self.steps],
            "epoch": timing_dict(self.epoch, (pytorch, contestants.eager)),
            "memory": self.memory,
            "imports": self.imports,
            "training": asdict(self.training),
        }


def timing_dict(timing: Timing, bases: tuple[Contestant, ...]) -> dict[str, Any]:
    """Return the medians of a timing, and its ratios to the bases that were measured."""
    names = [base.name for base in bases if base.name in timing.rounds]
    return {
        "name": timing.name,
        "seconds": {name: timing.seconds(name) for name in timing.rounds},
        "ratio to": {base: {name: timing.ratio(name, base) for name in timing.rounds} for base in names},
    }


def run(
    load: Callable[[], ImageDataset],
    data: Path | None,
    threads: int,
    rounds: int,
    report: Callable[[str], None] = lambda text: None,
) -> BenchmarkResults:
    """Measure everything.

    Parameters
    ----------
    load
        Returns the images of the epoch; called after the processes, so that their memory excludes the images.
    data
        The folder of these images, for the processes.
    threads
        Threads of every contestant.
    rounds
        Rounds of the steps; epochs and processes take a sixth of them.
    report
        Called with the name of each measurement.
    """
    few = max(1, rounds // 6)
    with use_threads(threads):
        report("processes")
        trained, imports = training(few, data, threads), import_seconds(few)
        dataset = load()
        steps = []
        for workload in WORKLOADS:
            report(str(workload))
            steps.append(_time_steps(workload, rounds))
        report(f"an epoch of {dataset.name}")
        epoch = time_epochs(dataset, few)
        report("memory")
        memory = {str(workload): _memory(workload) for workload in PERCEPTRONS}
        return BenchmarkResults(machine(), threads, steps, epoch, memory, imports, trained)


def _time_steps(workload: Workload, rounds: int) -> Timing:
    prepared = {contestant.name: contestant.prepare(workload) for contestant in CONTESTANTS}
    steps = {name: training.step for name, training in prepared.items() if training is not None}
    return compare(str(workload), steps, rounds)


def _memory(workload: Workload) -> dict[str, int]:
    measured = [contestant for contestant in CONTESTANTS if contestant.measures_memory]
    peaks = {contestant.name: peak_bytes(contestant, workload) for contestant in measured}
    return {name: peak for name, peak in peaks.items() if peak is not None}
