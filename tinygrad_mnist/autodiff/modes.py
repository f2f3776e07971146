"""Settings that hold while a block of code runs: recording of ops, the module scope, and dtype rules.

All live in context variables, so two threads (or two async tasks) never see each other's.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Protocol

RECORDING: ContextVar[bool] = ContextVar("recording", default=True)
SCOPE: ContextVar[str] = ContextVar("scope", default="")
PROMOTING: ContextVar[bool] = ContextVar("promoting", default=False)
TRANSFORMING: ContextVar[bool] = ContextVar("transforming", default=False)
CAPTURE: ContextVar[Capture | None] = ContextVar("capture", default=None)


class Capture(Protocol):
    """The listener while a function is captured as a program: `tinygrad_mnist.program` implements it."""

    def apply(self, primitive: Any, inputs: tuple[Any, ...], attributes: dict[str, Any]) -> Any:
        """Run a primitive on the arrays of its inputs, and note how."""

    def change(self, tensor: Any, ufunc: Any, other: Any) -> None:
        """Run a change in place of a leaf, and note how."""

    def update(self, optimizer: Any, position: int) -> None:
        """Run an optimizer's update of one of its parameters, and note how."""

    def check(self, function: Any, *arguments: Any) -> None:
        """Run a check of values that every call repeats."""

    def draw(self, rng: Any, shape: tuple[int, ...], dtype: Any) -> Any:
        """Draw random numbers in [0, 1), which every call draws anew."""

    def constant_tensor(self, array: Any) -> Any:
        """A Tensor around an array that is the same at every call."""

    def copied(self, source: Any, array: Any) -> None:
        """Note that an array is a copy of a tensor or of another array, or the same, by no op."""

    def gradient(self, tensor: Any) -> Any:
        """Return the ``.grad`` of a tensor: a Tensor while a program is captured."""

    def set_gradient(self, tensor: Any, gradient: Any) -> None:
        """Put something into ``.grad`` of a tensor."""

    def flows_into(self, tensor: Any, gradient: Any) -> None:
        """Note that a value is the gradient of a tensor."""

    def keeps(self, index: Any) -> None:
        """Note an index whose elements become part of the program."""

    def made(self, thing: Any) -> None:
        """Note that a module or an optimizer is made."""

    def read(self, holder: Any, name: str) -> None:
        """Note that an attribute is read, which the program depends on."""

    def before_setting(self, holder: Any, name: str) -> None:
        """Note that an attribute is about to be set or deleted."""

    def reads_graph(self, tensor: Any) -> None:
        """Note that the op that made a tensor is differentiated."""

    def item(self, tensor: Any) -> Any:
        """Return what stands for the number in a tensor of one element."""

    def refuse(self, what: str) -> None:
        """Raise the error for Python code that wants to see a value."""


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
