"""Kill a training at a random moment, resume it, and compare: ``python -m tests.fuzz.kills --kills 200``.

Each round trains the bundled digits (dropout, momentum, cosine, a checkpoint every three steps) in a process
of its own, ends it by SIGKILL, reads every checkpoint, and resumes.  A share of the rounds is killed again
during the resume.  At the end all files must equal those of an undisturbed run.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tinygrad_mnist.errors import CheckpointError
from tinygrad_mnist.training.checkpoint_files import read_checkpoint

SETTINGS = ["--dataset", "digits", "--epochs", "3", "--layers", "64-64-32-10", "--dropout", "0.2"]
SETTINGS += ["--weight-decay", "1e-4", "--checkpoint-steps", "3"]
COMPARED = ["weights.safetensors", "history.jsonl", "config.json", "report.html"]
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1"}


def command(*arguments: str | Path) -> list[str]:
    """The command line of a training."""
    return [sys.executable, "-m", "tinygrad_mnist", "train", *map(str, arguments)]


def begin(*arguments: str | Path) -> subprocess.Popen[bytes]:
    """Start a training."""
    return subprocess.Popen(
        command(*arguments), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=ENVIRONMENT
    )


def whole_run(folder: Path) -> tuple[dict[str, bytes], tuple[float, float]]:
    """An undisturbed run: its files, and the seconds from its start to the first checkpoint and the end."""
    start = time.monotonic()
    process = begin(*SETTINGS, "--output", folder)
    first = 0.0
    while process.poll() is None:
        if not first and list(folder.glob("checkpoints/*.json")):
            first = time.monotonic() - start
        time.sleep(0.005)
    errors = process.communicate()[1]
    assert process.returncode == 0, errors
    return files(folder), (first, time.monotonic() - start)


def files(folder: Path) -> dict[str, bytes]:
    """Return the contents that must be the same."""
    return {name: (folder / name).read_bytes() for name in COMPARED}


def killed(arguments: list[str | Path], seconds: float) -> bool:
    """Train for `seconds`, then SIGKILL; return True if the training was not finished."""
    process = begin(*arguments)
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
    process.communicate()
    return process.returncode == -signal.SIGKILL


def finished(folder: Path) -> bool:
    """True if nothing is left to do."""
    config = folder / "config.json"
    return config.exists() and bool(json.loads(config.read_text())["finished"])


def damaged(folder: Path) -> int:
    """Count the checkpoints that are not whole; a JSON file completes one."""
    count = 0
    for path in folder.glob("checkpoints/*.json"):
        try:
            read_checkpoint(path).arrays(2**24)
        except CheckpointError:
            count += 1
    return count


def one_round(number: int, expected: dict[str, bytes], times: tuple[float, float]) -> Counter[str]:
    """Train, kill, look, resume (and perhaps kill that too), compare."""
    moments = random.Random(number)
    found: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "run"
        arguments: list[str | Path] = [*SETTINGS, "--output", folder]
        for _ in range(1 + (number % 4 == 0)):
            if not killed(arguments, moments.uniform(times[0], times[1])):
                break
            found["kills"] += 1
            found["damaged checkpoints"] += damaged(folder)
            if finished(folder):  # the kill came in the last moment
                break
            if (folder / "config.json").exists():
                arguments = ["--resume", folder]
        else:
            process = begin(*arguments)
            stderr = process.communicate()[1]
            found["resumes that failed"] += process.returncode != 0
            if stderr:
                print(number, stderr.decode(), file=sys.stderr)
        found["identical" if files(folder) == expected else "DIFFERENT"] += 1
    return found


def main() -> int:
    """Print the counts; the exit status is 1 when anything was lost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    total: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as place, ThreadPoolExecutor(options.processes) as workers:
        expected, times = whole_run(Path(place) / "whole")
        number = 0
        while total["kills"] < options.kills:
            numbers = range(number, number + options.processes)
            for found in workers.map(lambda k: one_round(k, expected, times), numbers):
                total += found
            number += options.processes
    lost = total["damaged checkpoints"] + total["resumes that failed"] + total["DIFFERENT"]
    counts = {
        name: total[name] for name in ("kills", "damaged checkpoints", "resumes that failed", "identical")
    }
    print(", ".join(f"{name}: {count}" for name, count in counts.items()), f"of {number} runs")
    return 1 if lost else 0


if __name__ == "__main__":
    sys.exit(main())
