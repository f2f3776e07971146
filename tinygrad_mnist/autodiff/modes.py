"""Context variables: recording of ops, calls of modules, dtype promotion, capture.

Two threads, or two async tasks, never share their values.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from typing import Any, Protocol

# The call of a module, or a block with a scope: the call around it (or None), its title, the module (or
# None), and what it was given, by position and by keyword.  Two calls of one module are two tuples, so a
# graph tells them apart.
Call = tuple[Any, str, Any, tuple[Any, ...], dict[str, Any]]

RECORDING: ContextVar[bool] = ContextVar("recording", default=True)
CALL: ContextVar[Call | None] = ContextVar("call", default=None)
PROMOTING: ContextVar[bool] = ContextVar("promoting", default=False)
TRANSFORMING: ContextVar[bool] = ContextVar("transforming", default=False)
CAPTURE: ContextVar[Capture | None] = ContextVar("capture", default=None)


class Capture(Protocol):
    """Interface of the capture that is active while a function is compiled.

    `tinygrad_mnist.program` implements it.  It lifts outside values into the program, reads and writes
    gradients, updates with open numbers, and guards attributes. The tracer that a lift returns does the
    rest: it stands for an array, and records or refuses the operations on it.
    """

    def lift(self, value: Any) -> Any:
        """Return the tracer of a Tensor, an array or a generator; return any other value unchanged."""

    def lift_setting(self, setting: Any) -> Any:
        """Return a setting of an op, generators lifted; guard an index, whose elements join the program."""

    def gradient(self, tensor: Any) -> Any:
        """Return the ``.grad`` of a tensor: a tracer, or None."""

    def set_gradient(self, tensor: Any, gradient: Any) -> None:
        """Set the ``.grad`` of a tensor in the program only."""

    def update(self, optimizer: Any) -> None:
        """Note an optimizer's step; its numbers are read again at each call."""

    def average(self, ema: Any) -> None:
        """Note an update of moving averages; their decay is read again at each call."""

    def made(self, thing: Any) -> None:
        """Note that the function makes a module or an optimizer, which is new at each call."""

    def read(self, holder: Any, name: str) -> None:
        """Note that an attribute is read, which the program depends on."""

    def before_setting(self, holder: Any, name: str) -> None:
        """Note that an attribute is about to be set or deleted."""


def is_compiling() -> bool:
    """Return True while a function is compiled, in this thread."""
    return CAPTURE.get() is not None


def lifted(value: Any) -> Any:
    """Return a value as ops get it: unchanged, or its tracer while a function is compiled."""
    capture = CAPTURE.get()
    return capture.lift(value) if capture else value


@contextmanager
def during(variable: ContextVar[Any], value: Any) -> Iterator[None]:
    """Set a context variable inside the block; afterwards it is as before."""
    token = variable.set(value)
    try:
        yield
    finally:
        variable.reset(token)


@contextmanager
def no_grad() -> Iterator[None]:
    """Run a block without recording: for evaluation, and for updating parameters in place.

    >>> from tinygrad_mnist import Tensor, no_grad
    >>> weight = Tensor(3.0, requires_grad=True)
    >>> with no_grad():
    ...     (2 * weight).requires_grad
    False
    """
    with during(RECORDING, False):
        yield


@contextmanager
def enable_grad() -> Iterator[None]:
    """Record ops again in a block inside ``no_grad()``.

    >>> from tinygrad_mnist import Tensor, enable_grad, no_grad
    >>> weight = Tensor(3.0, requires_grad=True)
    >>> with no_grad(), enable_grad():
    ...     (2 * weight).requires_grad
    True
    """
    with during(RECORDING, True):
        yield


def path_of(call: Call | None) -> str:
    """Return the titles of a call and of those around it, outermost first: ``Sequential/Linear[0]``."""
    titles = []
    while call is not None:
        titles.append(call[1])
        call = call[0]
    return "/".join(reversed(titles))


@lru_cache
def call_at(path: str) -> Call | None:
    """Return a call at a path, without module and inputs: the same object for the same path."""
    outer, _, title = path.rpartition("/")
    return (call_at(outer), title, None, (), {}) if path else None


@contextmanager
def promoting() -> Iterator[None]:
    """Let ops mix dtypes as NumPy does: a check in float64 may meet constants in float32."""
    with during(PROMOTING, True):
        yield


@contextmanager
def scope(name: str) -> Iterator[None]:
    """Give the ops recorded in the block a common name in graphs and errors; scopes nest.

    Examples
    --------
    >>> import tinygrad_mnist as tm
    >>> with tm.scope("encoder"):
    ...     y = tm.Tensor(2.0, requires_grad=True) * 3
    >>> y.scope
    'encoder'
    """
    with during(CALL, (CALL.get(), name, None, (), {})):
        yield
