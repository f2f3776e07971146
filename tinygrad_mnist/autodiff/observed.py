"""Attributes that a captured program depends on: reads are noted during a capture, changes at any time.

A program repeats operations, not the Python code that chose them: ``if self.training`` or ``p=self.p``.  So
the capture notes each attribute of a module or optimizer that the function reads.  While no
such attribute changes anywhere, a later call compares one token with `LATEST`; after a change it compares the
attributes.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Self

from tinygrad_mnist.autodiff.modes import CAPTURE

LATEST: list[object] = [object()]  # a token, replaced after each change of an observed attribute
_lock = threading.Lock()
_captures = 0  # going on, in all threads


def note_change() -> None:
    """Note a change of an attribute that a program may have read."""
    LATEST[0] = object()


def about_to_read(holder: Any, name: str) -> None:
    """Tell the capture, if there is one, that an attribute is read."""
    capture = CAPTURE.get()
    if capture:
        capture.read(holder, name)


def about_to_set(holder: Any, name: str) -> None:
    """Tell the capture, if there is one, that an attribute is about to be set or deleted."""
    capture = CAPTURE.get()
    if capture:
        capture.before_setting(holder, name)


class Observed:
    """Base class of modules and optimizers, whose settings a captured function may read.

    Attributes
    ----------
    OPEN
        Names of the attributes that a program reads at each call: setting one changes no program.
    """

    OPEN: tuple[str, ...] = ()

    def __new__(cls, *_arguments: Any, **_keywords: Any) -> Self:
        """Make an object; one that a captured function makes is new at each call and needs no guard."""
        made = super().__new__(cls)
        capture = CAPTURE.get()
        if capture:
            capture.made(made)
        return made

    def __setattr__(self, name: str, value: Any) -> None:
        about_to_set(self, name)
        try:  # not by vars(), after which reading any attribute takes longer
            before = object.__getattribute__(self, name)
        except AttributeError:
            before = LATEST
        object.__setattr__(self, name, value)
        if before is not value and name not in self.OPEN:
            note_change()

    def __delattr__(self, name: str) -> None:
        about_to_set(self, name)
        object.__delattr__(self, name)
        note_change()


def _noting(self: Observed, name: str) -> Any:
    """Return an attribute: ``Observed.__getattribute__`` while a function is captured in some thread."""
    about_to_read(self, name)
    return object.__getattribute__(self, name)


@contextmanager
def reads_noted() -> Iterator[None]:
    """Tell the capture of every attribute that is read in the block.

    The method exists only during a capture: it would make each attribute in an eager step ten times as slow.
    """
    global _captures
    with _lock:
        _captures += 1
        if _captures == 1:
            type.__setattr__(Observed, "__getattribute__", _noting)
    try:
        yield
    finally:
        with _lock:
            _captures -= 1
            if not _captures:
                type.__delattr__(Observed, "__getattribute__")
