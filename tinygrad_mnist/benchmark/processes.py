"""Time fresh processes: an import, and a training run from start to exit."""

from __future__ import annotations

import importlib.util
import os
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

_TIMED_IMPORT = "import time; start = time.perf_counter(); import {}; print(time.perf_counter() - start)"
_IMPORTED = ("numpy", "tinygrad_mnist", "torch")


@dataclass(frozen=True)
class TrainingProcess:
    """Costs of `tinygrad-mnist train --epochs 1` in a separate process.

    Attributes
    ----------
    trained, finished
        Seconds from the start of the process to the end of the epoch, and to its exit after the report.
    peak_bytes
        Peak memory; None if the system does not report it.
    """

    trained: float
    finished: float
    peak_bytes: int | None


def import_seconds(rounds: int) -> dict[str, float]:
    """Return the median seconds of imports in fresh processes, in turns; ours contains NumPy's."""
    modules = [module for module in _IMPORTED if importlib.util.find_spec(module)]
    times: dict[str, list[float]] = {module: [] for module in modules}
    for _ in range(rounds):
        for module in modules:
            command = [sys.executable, "-c", _TIMED_IMPORT.format(module)]
            output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
            times[module].append(float(output))
    return {module: statistics.median(seconds) for module, seconds in times.items()}


def training(rounds: int, data: Path | None, threads: int) -> TrainingProcess:
    """Return medians over `rounds` processes, on MNIST or the data set in the folder `data`."""
    # On Linux the peak of a process includes the memory of its parent at the start: a small one starts them.
    with ProcessPoolExecutor(1, get_context("spawn")) as small:
        runs = [small.submit(_train, data, threads).result() for _ in range(rounds)]
    peaks = [run.peak_bytes for run in runs if run.peak_bytes is not None]
    return TrainingProcess(
        statistics.median(run.trained for run in runs),
        statistics.median(run.finished for run in runs),
        round(statistics.median(peaks)) if peaks else None,
    )


def _train(data: Path | None, threads: int) -> TrainingProcess:
    options = ["--epochs", "1", "--validation", "0", "--jobs", str(threads)]
    if data is not None:
        options += ["--data", str(data)]
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-u", "-m", "tinygrad_mnist", "train", *options]
        command += ["--output", str(Path(folder) / "run")]
        start = time.perf_counter()
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            for line in process.stdout:
                if line.startswith("epoch"):
                    break
            trained = time.perf_counter() - start
            process.stdout.read()
            peak_bytes = _wait(process)
        if process.returncode:
            raise subprocess.CalledProcessError(process.returncode, command)
        return TrainingProcess(trained, time.perf_counter() - start, peak_bytes)


def _wait(process: subprocess.Popen[str]) -> int | None:
    """Wait for the end of a process; return its peak memory in bytes."""
    if not hasattr(os, "wait4"):
        process.wait()
        return None
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return usage.ru_maxrss if sys.platform == "darwin" else usage.ru_maxrss * 1024
