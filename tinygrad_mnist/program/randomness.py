"""Generators of random numbers that a function reaches: a dry run must not move them."""

from __future__ import annotations

import inspect
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np

from tinygrad_mnist.errors import CaptureError


class Generators:
    """The states of generators when they were met."""

    def __init__(self) -> None:
        self._met: list[tuple[Any, Any]] = []

    def meet(self, value: Any) -> None:
        """Note the state of a generator; any other value is left alone."""
        if isinstance(value, np.random.Generator):
            value = value.bit_generator
        if isinstance(value, np.random.BitGenerator):
            self._met.append((value, value.state))

    def meet_those_of(self, function: Callable[..., Any]) -> None:
        """Note the generators among the variables of a function, and the one behind np.random's functions."""
        self.meet(np.random.get_bit_generator())  # type: ignore[attr-defined]
        plain = inspect.unwrap(function)
        plain = getattr(plain, "__func__", plain)
        if inspect.isfunction(plain):
            cells = inspect.getclosurevars(plain)
            for value in (*cells.nonlocals.values(), *cells.globals.values()):
                self.meet(value)

    def put_back(self) -> bool:
        """Put back those that have moved; return True if there were any."""
        moved = [
            (each, state) for each, state in self._met if pickle.dumps(each.state) != pickle.dumps(state)
        ]
        for each, state in reversed(moved):
            each.state = state
        return bool(moved)

    def require_unmoved(self) -> None:
        """Refuse a function that draws numbers which a program would not draw again."""
        if self.put_back():
            raise CaptureError(
                "random numbers are drawn while a program is captured: expected only those of nn.Dropout, "
                "since a program would repeat the others as they are; draw them outside, and give them as an "
                "argument"
            )
