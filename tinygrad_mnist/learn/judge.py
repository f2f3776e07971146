"""The process in which a learner's file runs: limits, one sentence at the end.

``python -m tinygrad_mnist.learn.judge EXERCISE FILE SECONDS`` prints the outcome as JSON.
"""

from __future__ import annotations

import importlib.util
import io
import json
import os
import sys
import threading
import time
import warnings
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout, suppress
from pathlib import Path
from types import FrameType
from typing import Any

from tinygrad_mnist.learn.exercise import Exercise, read_exercise
from tinygrad_mnist.learn.grading import Finding, Work
from tinygrad_mnist.learn.outcome import NOT_YET, PASSED, WRONG, Outcome
from tinygrad_mnist.learn.sentences import TooMuchOutput, meets_hole, say_endless, say_error

MOST_OUTPUT = 20_000  # characters that a file may print
MOST_MEMORY = 4 * 2**30  # bytes of addresses: NumPy and its threads take the first one
_SHOWN = 2_000  # characters of them that the outcome has
_PATIENCE = 20  # seconds more by the clock than of computing: other programs run too


def judge(exercise: Exercise, path: Path) -> Outcome:
    """Run a learner's file and the check of its exercise in this process.

    Nothing limits time and memory here: `main` does.
    """
    output = _Output()
    with redirect_stdout(output), redirect_stderr(output), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # an overflow shows in the numbers
        status, sentence, line = _run(exercise, path)
    return Outcome(exercise.name, status, sentence, line, output.getvalue()[:_SHOWN])


def _run(exercise: Exercise, path: Path) -> tuple[str, str, int | None]:
    try:
        check = exercise.check()
    except Exception as error:  # a teacher's check may raise anything
        return WRONG, f"the check of this exercise cannot be used: {type(error).__name__}: {error}", None
    if not path.is_file():
        reset = f"`tinygrad-mnist learn reset {exercise.number}`"
        return WRONG, f"the file is missing: {reset} writes it again", None
    source = path.read_bytes()
    try:
        names: dict[str, Any] = {"__name__": "exercise", "__file__": str(path)}
        exec(compile(source, str(path), "exec"), names)
        check(Work(names, source))
    except Finding as finding:
        return NOT_YET if finding.open else WRONG, finding.sentence, finding.line
    except BaseException as error:  # a learner's file may raise anything, exit() too
        return NOT_YET if meets_hole(error) else WRONG, *say_error(error, path)
    return PASSED, "", None


class _Output(io.StringIO):
    """Text that a learner's file prints, refused beyond a limit."""

    def close(self) -> None:
        """Stay open: what was printed is shown."""

    def write(self, text: str) -> int:
        """Keep the text."""
        if self.tell() + len(text) > MOST_OUTPUT:
            raise TooMuchOutput(f"{MOST_OUTPUT:,}")
        return super().write(text)


def main(exercise: str, file: str, seconds: str) -> None:
    """Judge a file under limits, and print the outcome."""
    answer = os.fdopen(os.dup(1), "w", encoding="utf-8")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):  # what is written past Python
        os.dup2(nowhere, stream)
    _limit(float(seconds))
    path = Path(file)

    def say(outcome: Outcome) -> None:
        answer.write(json.dumps(outcome.record()))
        answer.flush()

    chosen = read_exercise(Path(exercise))
    _watch_time(chosen, path, float(seconds), say)
    say(judge(chosen, path))
    os._exit(0)  # threads of the learner may still run


def _limit(seconds: float) -> None:
    """Limit memory, and the time of code that leaves no other thread a turn."""
    if importlib.util.find_spec("resource") is None:  # Windows
        return
    import resource

    for kind, limit in ((resource.RLIMIT_AS, MOST_MEMORY), (resource.RLIMIT_CPU, int(seconds) + 3)):
        most = resource.getrlimit(kind)[1]
        with suppress(OSError, ValueError):  # macOS refuses a limit of memory
            resource.setrlimit(kind, (limit if most == resource.RLIM_INFINITY else min(limit, most), most))


def _watch_time(exercise: Exercise, path: Path, seconds: float, say: Callable[[Outcome], None]) -> None:
    """End the process after its seconds of computing, and say at which line it was."""
    main_thread, began = threading.get_ident(), time.monotonic()

    def watch() -> None:
        while time.process_time() < seconds and time.monotonic() - began < seconds + _PATIENCE:
            time.sleep(0.02)
        line = _line_in(path, sys._current_frames().get(main_thread))
        say(Outcome(exercise.name, WRONG, say_endless(seconds), line))
        os._exit(0)

    threading.Thread(target=watch, daemon=True).start()


def _line_in(path: Path, frame: FrameType | None) -> int | None:
    while frame is not None and frame.f_code.co_filename != str(path):
        frame = frame.f_back
    return None if frame is None else frame.f_lineno


if __name__ == "__main__":
    main(*sys.argv[1:])
