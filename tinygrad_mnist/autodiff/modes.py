"""What holds while a block of code runs: whether ops are recorded, in which module scope, and dtype rules.

All live in context variables, so two threads (or two async tasks) never see each other's.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

RECORDING: ContextVar[bool] = ContextVar("recording", default=True)
SCOPE: ContextVar[str] = ContextVar("scope", default="")
PROMOTING: ContextVar[bool] = ContextVar("promoting", default=False)
TRANSFORMING: ContextVar[bool] = ContextVar("transforming", default=False)


@contextmanager
def recording(enabled: bool) -> Iterator[None]:
    """Record ops inside the block (``True``) or run them without a graph (``False``)."""
    token = RECORDING.set(enabled)
    try:
        yield
    finally:
        RECORDING.reset(token)


@contextmanager
def no_grad() -> Iterator[None]:
    """Run a block without recording: for evaluation, and for updating parameters in place.

    >>> from tinygrad_mnist import Tensor, no_grad
    >>> weight = Tensor(3.0, requires_grad=True)
    >>> with no_grad():
    ...     (2 * weight).requires_grad
    False
    """
    with recording(False):
        yield


def inside(name: str) -> str:
    """The path of the scope `name` opened in the current one, such as ``Sequential/Linear[0]``."""
    outer = SCOPE.get()
    return f"{outer}/{name}" if outer else name


@contextmanager
def promoting() -> Iterator[None]:
    """Let ops mix dtypes as NumPy does: a check runs in float64 beside float32 constants it cannot see."""
    token = PROMOTING.set(True)
    try:
        yield
    finally:
        PROMOTING.reset(token)


@contextmanager
def scope(name: str) -> Iterator[None]:
    """Give the ops recorded in the block a common name in graphs and errors; scopes nest."""
    token = SCOPE.set(inside(name))
    try:
        yield
    finally:
        SCOPE.reset(token)
