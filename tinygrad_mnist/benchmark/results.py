"""All that is measured, in one run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tinygrad_mnist.benchmark.contestants import (
    CONTESTANTS,
    EAGER,
    HAND,
    HAND_IN_PLACE,
    NATIVE,
    PRODUCTS,
    PYTORCH,
    REPLAY,
)
from tinygrad_mnist.benchmark.epoch import epoch_row
from tinygrad_mnist.benchmark.machine import machine, use_threads
from tinygrad_mnist.benchmark.measure import Row, compare
from tinygrad_mnist.benchmark.memory import peak_bytes
from tinygrad_mnist.benchmark.processes import Training, import_seconds, training
from tinygrad_mnist.benchmark.workloads import SETUPS, Setup
from tinygrad_mnist.datasets import ImageDataset

BASES = (PYTORCH, PRODUCTS, HAND_IN_PLACE, HAND)  # what ratios are given to


@dataclass(frozen=True)
class Figures:
    """The figures of a run.

    Attributes
    ----------
    machine, threads
        What they were measured on.
    steps
        A row for each of `SETUPS`.
    epoch
        Seconds an epoch.
    memory
        Peak bytes of a step by setup and contestant.
    imports
        Seconds by module.
    training
        The command `train`, as a process.
    """

    machine: dict[str, Any]
    threads: int
    steps: list[Row]
    epoch: Row
    memory: dict[str, dict[str, int]]
    imports: dict[str, float]
    training: Training

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON data: medians, not the rounds."""
        return {
            "machine": self.machine,
            "threads": self.threads,
            "steps": [_row_dict(row, BASES) for row in self.steps],
            "epoch": _row_dict(self.epoch, (PYTORCH, EAGER)),
            "memory": self.memory,
            "imports": self.imports,
            "training": asdict(self.training),
        }


def _row_dict(row: Row, bases: tuple[str, ...]) -> dict[str, Any]:
    return {
        "name": row.name,
        "seconds": {name: row.seconds(name) for name in row.rounds},
        "ratio to": {
            base: {name: row.ratio(name, base) for name in row.rounds} for base in bases if base in row.rounds
        },
    }


def run(
    load: Callable[[], ImageDataset],
    data: Path | None,
    threads: int,
    rounds: int,
    report: Callable[[str], None] = lambda text: None,
) -> Figures:
    """Measure everything.

    Parameters
    ----------
    load
        Gives the images of the epoch; called after the processes, which are not to count their memory.
    data
        The folder of these images, for the processes.
    threads
        For every contestant.
    rounds
        Of the steps; epochs and processes take a sixth of them.
    report
        Told what is being measured.
    """
    few = max(1, rounds // 6)
    with use_threads(threads):
        report("processes")
        trained, imports = training(few, data, threads), import_seconds(few)
        dataset = load()
        steps = []
        for setup in SETUPS:
            report(str(setup))
            steps.append(_step_row(setup, rounds))
        report(f"an epoch of {dataset.name}")
        epoch = epoch_row(dataset, few)
        report("memory")
        memory = {str(setup): _memory(setup) for setup in SETUPS}
        return Figures(machine(), threads, steps, epoch, memory, imports, trained)


def _step_row(setup: Setup, rounds: int) -> Row:
    steps = {
        name: contestant.step for name, make in CONTESTANTS.items() if (contestant := make(setup)) is not None
    }
    return compare(str(setup), steps, rounds)


def _memory(setup: Setup) -> dict[str, int]:
    peaks = {
        name: peak_bytes(CONTESTANTS[name], setup) for name in (HAND_IN_PLACE, HAND, REPLAY, NATIVE, EAGER)
    }
    return {name: peak for name, peak in peaks.items() if peak is not None}
