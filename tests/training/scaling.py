"""Seconds per step on 1, 2, 4 and 8 processes: ``python -m tests.training.scaling --rounds 5``.

Three perceptrons on batches of 128 rows in 8 micro-batches, and whole batches in one process beside them.
The numbers of processes take turns; the least seconds of all rounds count.  The exchange is measured
between two processes for vectors of several lengths, and its seconds fitted by latency + bytes / bandwidth.
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
from tinygrad_mnist.training.distributed import Communicator, started_processes
from tinygrad_mnist.training.micro_batches import MicroBatchStep
from tinygrad_mnist.training.run_state import Parts
from tinygrad_mnist.training.step import Step

NETWORKS = {  # by name and rows of a batch; the steps of a round
    ("784-128-10", 128): 200,
    ("784-800-400-10", 128): 40,
    ("784-2500-2000-10", 128): 10,
    ("784-128-10", 1024): 40,
    ("784-800-400-10", 1024): 10,
    ("784-2500-2000-10", 1024): 3,
}
MICRO_BATCHES = 8
ETHERNET = 50e-6, 1 / 1.25e9  # seconds of latency, and per byte: 10 Gbit/s
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
            kinds: dict[str, Step] = {"shared": MicroBatchStep(parts, "numpy", MICRO_BATCHES, processes)}
            if processes.size == 1:
                kinds["whole"] = Step(parts, "numpy")
            for kind, step in kinds.items():
                for _ in range(3):
                    step(inputs, labels)
                found[f"{network} {rows} {kind}"] = least(lambda: step(inputs, labels), steps)  # noqa: B023
        if processes.size == 2:
            found |= {str(length): exchange_seconds(processes, length) for length in LENGTHS}
        if processes.rank == 0:
            print(json.dumps(found))


def exchange_seconds(processes: Communicator, length: int) -> float:
    """Return the least seconds in which two processes exchange vectors of float32."""
    sent, received = np.ones((2, length), np.float32)
    repeats = min(200, 20_000_000 // length)
    return least(lambda: processes.exchange(sent, received, 1 - processes.rank), repeats)


def least(call: Any, repeats: int) -> float:
    """Return the least seconds of a call: on a busy machine the others measure the neighbours."""
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


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
    """Print milliseconds per step, and how often as fast as whole batches; then the model beyond two cores.

    A step of P processes takes ``u + (t - u) / P + log2(P) * (latency + bytes / bandwidth)``: t is measured
    with one process, and u, the update and all else that each process does, follows from two.
    """
    latency, per_byte = exchange_of(found)
    print(f"latency {latency * 1e6:.0f} µs, bandwidth {1e-9 / per_byte:.1f} GB/s")
    for network, rows in NETWORKS:
        sizes = [*map(int, network.split("-"))]
        size = 4 * sum((a + 1) * b for a, b in pairwise(sizes))
        products = [2 * rows * a * b for a, b in pairwise(sizes)]
        flops = 2 * products[0] + 3 * sum(products[1:])  # no gradient of the images
        whole = found[f"{network} {rows} whole", 1]
        times = [found[f"{network} {rows} shared", count] for count in (1, 2, 4, 8)]
        fixed = max(0.0, 2 * times[1] - times[0] - 2 * (latency + size * per_byte))
        modelled = [
            fixed + (times[0] - fixed) / count + math.log2(count) * (wait + size * each)
            for wait, each in ((latency, per_byte), ETHERNET)
            for count in (4, 8)
        ]
        shown = [f"{1e3 * t:.2f} ({whole / t:.2f})" for t in (*times, *modelled)]
        print(f"| {network} | {rows} | {size / 1e6:.1f} | {1e3 * whole:.2f} | {' | '.join(shown)} |")
        print(f"    {flops / whole / 1e9:.0f} GFLOP/s, u = {1e3 * fixed:.2f} ms", file=sys.stderr)


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
