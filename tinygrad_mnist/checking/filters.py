"""Filters of warnings, which all threads share: one check at a time changes them."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Literal

import numpy as np

_ONE_AT_A_TIME = threading.RLock()  # else a thread puts back the filters that another one relies on


@contextmanager
def filtering(action: Literal["error", "ignore"], category: type[Warning]) -> Iterator[None]:
    """Raise or ignore a category of warnings inside the block."""
    with _ONE_AT_A_TIME, warnings.catch_warnings():
        warnings.simplefilter(action, category)
        yield


def no_part_dropped() -> AbstractContextManager[None]:
    """Raise where an imaginary part is dropped, which is what a complex step reads."""
    return filtering("error", np.exceptions.ComplexWarning)
