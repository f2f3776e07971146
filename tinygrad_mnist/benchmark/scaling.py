"""Measure how the cost of a step grows: over width, depth, batch, and the number of ops of a graph."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from tinygrad_mnist import Tensor
from tinygrad_mnist.benchmark.contestants import eager, hand, hand_in_place, native, products, replay
from tinygrad_mnist.benchmark.libraries import pytorch
from tinygrad_mnist.benchmark.machine import machine, use_threads
from tinygrad_mnist.benchmark.measure import Timing, compare, peak_bytes
from tinygrad_mnist.benchmark.perceptrons import Perceptron
from tinygrad_mnist.benchmark.results import BASES, timing_dict
from tinygrad_mnist.denormals import flushed_denormals

CONTESTANTS = (products, hand_in_place, hand, replay, native, eager, pytorch)
_CHAINS = (100, 1_000, 10_000, 100_000, 1_000_000)


@dataclass(frozen=True)
class Point:
    """Measurements of one network: its size along the axis, seconds, and peak bytes by contestant."""

    size: int
    timing: Timing
    memory: dict[str, int]


@dataclass(frozen=True)
class Chain:
    """Seconds per op of a chain of multiplications, forward and backward: eager, and NumPy's calls alone."""

    ops: int
    eager: float
    alone: float


@dataclass(frozen=True)
class ScalingResults:
    """Results of a run.

    Attributes
    ----------
    machine, threads
        Conditions of the run.
    axes
        The points by what grows, in words.
    chains
        Graphs of more and more ops.
    """

    machine: dict[str, Any]
    threads: int
    axes: dict[str, list[Point]]
    chains: list[Chain]

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON data: medians instead of rounds."""
        axes = {
            axis: [{"size": p.size, "memory": p.memory, **timing_dict(p.timing, BASES)} for p in points]
            for axis, points in self.axes.items()
        }
        chains = [asdict(chain) for chain in self.chains]
        return {"machine": self.machine, "threads": self.threads, "axes": axes, "chains": chains}


def networks(most: int = 4096) -> dict[str, list[tuple[int, Perceptron]]]:
    """Return perceptrons by what grows, each with its size, up to `most`; depth up to a 64th of it."""

    def made(width: int, depth: int, batch: int) -> Perceptron:
        sizes = (784, *(width,) * depth, 10)
        return Perceptron("-".join(map(str, sizes)), batch, sizes, "cross-entropy")

    widths, depths, batches = ([2**k for k in ks] for ks in (range(6, 13), range(7), range(0, 13, 2)))
    axes = {
        "width of the hidden layer (784-w-10, batch 64)": [(w, made(w, 1, 64)) for w in widths],
        "hidden layers (784-64-...-64-10, batch 64)": [
            (d, made(64, d, 64)) for d in depths if 64 * d <= most
        ],
        "batch (784-128-10)": [(b, made(128, 1, b)) for b in batches],
    }
    return {axis: [(size, each) for size, each in found if size <= most] for axis, found in axes.items()}


def run_scaling(
    threads: int, rounds: int, *, quick: bool = False, report: Callable[[str], None] = lambda text: None
) -> ScalingResults:
    """Measure everything, with denormal numbers as zeros: at 64 layers the first gradients are denormal.

    Parameters
    ----------
    threads
        Threads of every contestant.
    rounds
        Rounds in which the contestants alternate.
    quick
        Stop at width 128, 2 layers, a batch of 64 and 1,000 ops.
    report
        Called with the name of each measurement.
    """
    axes: dict[str, list[Point]] = {}
    with use_threads(threads), flushed_denormals(), np.errstate(over="ignore", divide="ignore"):
        for axis, found in networks(128 if quick else 4096).items():
            axes[axis] = []
            for size, network in found:
                report(f"{axis}: {size}")
                axes[axis].append(_measured(size, network, rounds))
        report("chains of ops")
        chains = [_chain(ops) for ops in _CHAINS if ops <= 1_000 or not quick]
    return ScalingResults(machine(), threads, axes, chains)


def _measured(size: int, network: Perceptron, rounds: int) -> Point:
    prepared = {each.name: each.prepare(network) for each in CONTESTANTS}
    steps = {name: training.step for name, training in prepared.items() if training is not None}
    timing = compare(network.name, steps, rounds)  # first: the memory of a compilation is not that of a step
    peaks = {each.name: peak_bytes(each, network) for each in CONTESTANTS if each.measures_memory}
    return Point(size, timing, {name: peak for name, peak in peaks.items() if peak is not None})


def _chain(ops: int) -> Chain:
    """The least of three times each, of process time."""
    x, factor = Tensor(np.ones(1, np.float32), requires_grad=True), np.ones(1, np.float32)

    def graph() -> None:
        y: Any = x
        for _ in range(ops):
            y = y * factor
        y.backward()
        x.grad = None

    def alone() -> None:
        y = factor
        for _ in range(2 * ops):
            y = y * factor

    return Chain(ops, *(min(_seconds(each) for _ in range(3)) / ops for each in (graph, alone)))


def _seconds(function: Callable[[], None]) -> float:
    gc.collect()
    start = time.process_time()
    function()
    return time.process_time() - start
