"""Seconds per step on 1, 2, 4 and 8 processes: ``python -m tests.training.scaling --rounds 5``.

Three perceptrons on batches of two sizes in 8 micro-batches, and whole batches in one process beside them.
The work of one among P processes is measured by its CPU time, without partners: its share of the
micro-batches and the update.  The exchange is measured between two processes for vectors of several lengths,
and its seconds fitted by latency + bytes / bandwidth.  The numbers of processes take turns; the least seconds
of all rounds count.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import shutil
import subprocess
import sys
import time
from collections import defaultdict
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from tinygrad_mnist import nn, optim
from tinygrad_mnist.training.distributed import MICRO_BATCHES, Processes, started_processes
from tinygrad_mnist.training.micro_batches import MicroBatchStep
from tinygrad_mnist.training.run_state import Parts
from tinygrad_mnist.training.step import Step

NETWORKS = {  # by name and rows of a batch; the steps of a round
    ("784-128-10", 128): 200,
    ("784-800-400-10", 128): 40,
    ("784-2500-2000-10", 128): 10,
    ("784-128-10", 1024): 40,
    ("784-800-400-10", 1024): 10,
    ("784-2500-2000-10", 1024): 4,
}
ETHERNETS = (50e-6, 1 / 1.25e9), (100e-6, 1 / 125e6)  # seconds of latency, and per byte: 10 and 1 Gbit/s
LENGTHS = (1_000, 10_000, 100_000, 1_000_000, 7_000_000)
MPIEXEC = shutil.which(
    "mpiexec", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
)


def measured() -> None:
    """Print the least seconds of each measurement in this process, one of those that were started."""
    found: dict[str, float] = {}
    with started_processes() as processes:
        for (network, rows), steps in NETWORKS.items():
            rng = np.random.default_rng(0)
            inputs, labels = rng.random((rows, 784), np.float32), rng.integers(0, 10, rows)
            model = nn.perceptron([*map(int, network.split("-"))], nn.ReLU, rng=0, dtype=np.float32)
            parts = Parts(model, nn.CrossEntropyLoss(), optim.SGD(model.parameters(), 0.01, 0.9))
            step: Step = MicroBatchStep(parts, "numpy", MICRO_BATCHES, processes)
            found[f"{network} {rows} shared"] = least(step, inputs, labels, steps, time.perf_counter)
            if processes.size == 1:
                step = Step(parts, "numpy")
                found[f"{network} {rows} whole"] = least(step, inputs, labels, steps, time.process_time)
                for size in (1, 2, 4, 8):
                    step = MicroBatchStep(parts, "numpy", MICRO_BATCHES, Absent(size))
                    name = f"{network} {rows} share of {size}"
                    found[name] = least(step, inputs, labels, steps, time.process_time)
        if processes.size == 2:
            found |= {str(length): exchange_seconds(processes, length) for length in LENGTHS}
        if processes.rank == 0:
            print(json.dumps(found))


class Absent(Processes):
    """Process 0 of several, without the others: it does its share of the work, and exchanges nothing."""

    def __init__(self, size: int) -> None:
        self.size = size


def exchange_seconds(processes: Processes, length: int) -> float:
    """Return the least seconds in which two processes exchange vectors of float32."""
    sent, received = np.ones((2, length), np.float32)
    steps = min(200, 20_000_000 // length)
    return least(processes.exchange, sent, received, steps, time.perf_counter, 1 - processes.rank)


def least(call: Any, first: Any, second: Any, steps: int, clock: Any, *rest: Any) -> float:
    """Return the least seconds of a call: on a busy machine the others measure the neighbours."""
    seconds = []
    for _ in range(steps + 3):
        start = clock()
        call(first, second, *rest)
        seconds.append(clock() - start)
    return float(min(seconds[3:]))


def main() -> None:
    """Print the table and the fitted constants."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    found: dict[tuple[str, int], float] = defaultdict(lambda: math.inf)
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
    for _ in range(parser.parse_args().rounds):
        for size in (1, 2, 4, 8):
            command = [str(MPIEXEC), "-n", str(size), sys.executable, "-m", __spec__.name, "--measure"]
            done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
            for name, seconds in json.loads(done.stdout).items():
                found[name, size] = min(found[name, size], seconds)
    table(found)


def table(found: dict[tuple[str, int], float]) -> None:
    """Print milliseconds per step, and how often as fast as whole batches in one process.

    First what was measured with 1, 2, 4 and 8 processes on this machine; then what the model says of 2, 4
    and 8 with a core for each, in one machine and behind 10 and 1 Gbit/s: CPU seconds of a process + those of
    `TreeSums`, in which no array travels early.
    """
    latency, per_byte = exchange_of(found)
    print(f"latency {latency * 1e6:.0f} µs, bandwidth {1e-9 / per_byte:.1f} GB/s")
    for network, rows in NETWORKS:
        sizes = [*map(int, network.split("-"))]
        size = 4 * sum((a + 1) * b for a, b in pairwise(sizes))
        products = [2 * rows * a * b for a, b in pairwise(sizes)]
        flops = 2 * products[0] + 3 * sum(products[1:])  # no gradient of the images
        whole = found[f"{network} {rows} whole", 1]
        measured = [found[f"{network} {rows} shared", count] for count in (1, 2, 4, 8)]
        modelled = [
            found[f"{network} {rows} share of {count}", 1]
            + 5 * math.log2(count) * wait  # a barrier and two collectives of `gather` take 3 of them
            + 2 * (1 - 1 / count) * size * each
            for wait, each in ((latency, per_byte), *ETHERNETS)
            for count in (2, 4, 8)
        ]
        shown = [f"{1e3 * t:.2f} ({whole / t:.2f})" for t in (*measured, *modelled)]
        head = [network, rows, f"{size / 1e6:.1f}", f"{flops / whole / 1e9:.0f}", f"{1e3 * whole:.2f}"]
        print(f"| {' | '.join(map(str, [*head, *shown]))} |")


def exchange_of(found: dict[tuple[str, int], float]) -> tuple[float, float]:
    """Return latency in seconds and seconds per byte, by least squares of relative errors."""
    seconds = np.array([found[str(length), 2] for length in LENGTHS])
    terms = np.array([[1, 4 * length] for length in LENGTHS])
    latency, per_byte = np.linalg.lstsq(terms / seconds[:, None], np.ones(len(seconds)), rcond=None)[0]
    return float(latency), float(per_byte)


if __name__ == "__main__":
    if sys.argv[1:] == ["--measure"]:
        measured()
    else:
        main()
