"""Runs tests in a process that begins with the libraries loaded: most mutants fail before they would be."""

import multiprocessing
import os
import signal
import sys
from pathlib import Path

import pytest

_PROCESSES = multiprocessing.get_context("forkserver")
_PROCESSES.set_forkserver_preload(["hypothesis.strategies", "numpy", "pytest", "rich.console"])
TIMED_OUT = -1


def run_tests(tree: Path, arguments: list[str], timeout: float | None = None) -> tuple[int, str]:
    """The exit code of pytest in a copy of the tree (TIMED_OUT after the time-out), and what it printed."""
    output = tree / "printed_by_pytest"
    process = _PROCESSES.Process(target=_run, args=(tree, arguments, output))
    process.start()
    process.join(timeout)
    if process.is_alive():
        os.killpg(process.pid, signal.SIGKILL)
        return TIMED_OUT, ""
    return process.exitcode, output.read_text()


def _run(tree: Path, arguments: list[str], output: Path) -> None:
    os.setsid()
    os.chdir(tree)
    with output.open("w") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    # What the tests import is the copy's, here and in the processes that they start.
    sys.path.insert(0, str(tree))
    os.environ["PYTHONPATH"] = str(tree)
    for name in [name for name in sys.modules if name.partition(".")[0] in {"tests", "tinygrad_mnist"}]:
        del sys.modules[name]
    loaded_before = "ignore::pytest.PytestAssertRewriteWarning"  # Hypothesis: its own assertions stay plain
    sys.exit(pytest.main(["-n", "0", "-p", "no:cacheprovider", "-m", "", "-W", loaded_before, *arguments]))
