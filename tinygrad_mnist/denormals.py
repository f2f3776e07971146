"""Denormal numbers: x86 processors are slow on them, and can be told to round them to zero."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from tinygrad_mnist.arguments import require_bool

_MXCSR = 7  # the word of the C library's fenv_t that holds SSE's control register
_FLUSHED = 1 << 15 | 1 << 6  # denormal results are zero, denormal operands are zero


def set_flush_denormal(mode: bool) -> bool:
    """Round denormal numbers to zero, or keep them, in this thread and those that it starts, as in PyTorch.

    Denormal numbers lie between 0 and the smallest normal number, 1.2e-38 in float32 and 2.2e-308 in float64.
    x86 processors take up to a hundred times as long for a product of them.  Momentum brings them about: the
    velocity of a weight whose input is 0 shrinks at each step, until it is denormal, and remains so.
    `training.fit` rounds them to zero while it runs; a loop written by hand can begin with this call.

    Parameters
    ----------
    mode : bool
        True to round them to zero; False to keep them, as a process does at its start.

    Returns
    -------
    bool
        True if it was done; False where this package knows no way, which is outside Linux on x86.

    Raises
    ------
    TypeError
        If `mode` is not a bool.

    Examples
    --------
    >>> import numpy as np
    >>> import tinygrad_mnist as tm
    >>> smallest = np.full(4, 1.2e-38, np.float32)
    >>> is_done = tm.set_flush_denormal(True)
    >>> bool((smallest / 2 == 0).all()) == is_done
    True
    >>> is_done = tm.set_flush_denormal(False)
    """
    require_bool("mode", mode)
    if _library() is None:
        return False
    _set_control(_control() | _FLUSHED if mode else _control() & ~_FLUSHED)
    return True


@contextmanager
def flushed_denormals() -> Iterator[None]:
    """Round denormal numbers to zero in a block, where that can be done; then go on as before."""
    if _library() is None:
        yield
        return
    before = _control()
    _set_control(before | _FLUSHED)
    try:
        yield
    finally:
        _set_control(before)


@cache
def _library() -> Any:
    """Return the C library's mathematics, or None where the layout of its fenv_t is not known here."""
    if sys.platform != "linux" or os.uname().machine != "x86_64":
        return None
    library = ctypes.CDLL(None)
    return library if hasattr(library, "fesetenv") else None


def _control() -> int:
    return int(_environment()[_MXCSR])


def _set_control(word: int) -> None:
    environment = _environment()
    environment[_MXCSR] = word
    _library().fesetenv(environment)


def _environment() -> Any:
    """Return the floating-point environment of this thread, as eight words."""
    environment = (ctypes.c_uint32 * 8)()
    _library().fegetenv(environment)
    return environment
