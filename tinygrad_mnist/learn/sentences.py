"""One sentence for each way in which a learner's file can fail to run."""

from __future__ import annotations

import signal
import traceback
from pathlib import Path

from tinygrad_mnist.files import visible

_LONGEST = 300  # letters of a message


class TooMuchOutput(BaseException):  # not an Exception: `except Exception: pass` in a loop must not catch it
    """A file prints more than the limit."""


def meets_hole(error: BaseException) -> bool:
    """Return True if the code came upon a `...` that is not filled in."""
    return isinstance(error, TypeError | AttributeError) and "ellipsis" in str(error)


def say_error(error: BaseException, path: Path) -> tuple[str, int | None]:
    """Return the sentence on an error, and the line of the learner's file where it began.

    Parameters
    ----------
    error : BaseException
        As the learner's file or the check raised it.
    path : Path
        The learner's file.
    """
    line = _line(error, path)
    return _sentence(error, line), line


def say_endless(seconds: float) -> str:
    """Return the sentence on code that goes on for too long."""
    return f"your code does not come to an end within {seconds:g} seconds: does a loop run for ever?"


def say_status(status: int, seconds: float) -> str:
    """Return the sentence on code that ended its process before the check had an outcome."""
    if status == -getattr(signal, "SIGXCPU", 0) != 0:
        return say_endless(seconds)
    if status < 0:
        return f"your code ends Python by {signal.Signals(-status).name}, before the check is through"
    return "your code ends its process before the check is through"


def _line(error: BaseException, path: Path) -> int | None:
    """Return the last line of the learner's file that took part."""
    if isinstance(error, SyntaxError) and error.filename == str(path):
        return error.lineno
    frames = traceback.extract_tb(error.__traceback__)
    return next((frame.lineno for frame in reversed(frames) if frame.filename == str(path)), None)


def _sentence(error: BaseException, line: int | None) -> str:
    message = visible(" ".join(str(error).split()))[:_LONGEST]
    if meets_hole(error):
        return "your code meets a `...` here: write what belongs in its place first"
    match error:
        case TooMuchOutput():
            return f"prints more than {message} characters: print less, or after the loop"
        case SyntaxError():
            return f"Python cannot read your file: {visible(error.msg)}"
        case ModuleNotFoundError():
            return (
                f"imports {error.name!r}, which is not installed: NumPy and tinygrad_mnist are all that an "
                "exercise needs"
            )
        case NameError() if error.name:
            return f"uses `{visible(error.name)}`, which is not defined"
        case SystemExit():
            return "calls exit(): leave it out, so that the check can go on after your code"
        case RecursionError():
            return "calls itself without an end: a function that calls itself needs a case in which it stops"
        case MemoryError():
            return "asks for more memory than the 4 GB that a check has: is an array larger than you meant?"
        case EOFError():
            return "waits for input, and nobody types in a check: write the value into the code"
    kind = type(error).__name__
    whose = "your code stops with" if line is not None else "the check stops at what your code gives:"
    return f"{whose} {kind}: {message}" if message else f"{whose} {kind}"
