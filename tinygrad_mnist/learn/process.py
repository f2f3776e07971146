"""Checks in a process of their own, which a learner's code cannot leave."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from tinygrad_mnist.errors import CheckpointError
from tinygrad_mnist.files.records import read_record
from tinygrad_mnist.learn.exercise import Exercise
from tinygrad_mnist.learn.outcome import WRONG, Outcome
from tinygrad_mnist.learn.sentences import say_endless, say_status

_PACKAGES = Path(__file__).parents[2]  # where this package lies
_GRACE = 40  # seconds more than an exercise has, until the process is ended from outside


def grade(exercise: Exercise, path: Path) -> Outcome:
    """Check a learner's file in another process, with limits on time, memory and output.

    Its working folder is empty and is removed afterwards. What it starts is ended with it.
    """
    command = [
        sys.executable, "-P", "-m", "tinygrad_mnist.learn.judge",
        str(exercise.folder.resolve()), str(path.resolve()), str(exercise.seconds),
    ]  # fmt: skip
    places = [str(_PACKAGES), *filter(None, [os.environ.get("PYTHONPATH")])]
    one_thread = {f"{name}_NUM_THREADS": "1" for name in ("OPENBLAS", "MKL", "OMP")}
    environment = {**os.environ, **one_thread, "PYTHONPATH": os.pathsep.join(places)}
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        try:
            output, errors = process.communicate(timeout=exercise.seconds + _GRACE)
        except subprocess.TimeoutExpired:
            return Outcome(exercise.name, WRONG, say_endless(exercise.seconds))
        finally:
            _end(process)
    return _outcome(exercise, output, errors, process.returncode)


def grade_all(files: Iterable[tuple[Exercise, Path]]) -> Iterator[Outcome]:
    """Check files in their order, a process per core at a time."""
    pool = ThreadPoolExecutor(os.cpu_count())  # its threads wait for processes
    try:
        yield from pool.map(lambda each: grade(*each), files)
    finally:
        pool.shutdown(cancel_futures=True)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the process and what it started."""
    if hasattr(os, "killpg"):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    process.kill()
    process.wait()
    for stream in (process.stdout, process.stderr):
        if stream is not None:
            stream.close()


def _outcome(exercise: Exercise, output: bytes, errors: bytes, status: int) -> Outcome:
    try:
        return read_record(Outcome, json.loads(output), "outcome")
    except (ValueError, CheckpointError):  # the process ended before it could say anything
        pass
    said = errors.decode(errors="replace").strip().splitlines()
    if said:
        return Outcome(exercise.name, WRONG, f"the check itself fails: {said[-1]}")
    return Outcome(exercise.name, WRONG, say_status(status, exercise.seconds))
