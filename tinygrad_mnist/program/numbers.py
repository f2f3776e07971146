"""Numbers that a program reads anew at each call, and computations with them: 1 - beta ** steps."""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tinygrad_mnist.autodiff.expression import Expression, applied, literal, named
from tinygrad_mnist.program.observation import look

_PYTHON: dict[str, Callable[..., Any]] = {
    "add": operator.add,
    "subtract": operator.sub,
    "multiply": operator.mul,
    "divide": operator.truediv,
    "power": operator.pow,
    "negative": operator.neg,
}
_PLAIN = (int, float)


@dataclass(frozen=True)
class Number:
    """A setting or count of an optimizer that is read at every call.

    `key` of `holder`, or the item at `position` of a tuple stored there.
    """

    holder: Any
    key: str
    position: int | None = None

    def get(self) -> Any:
        """Return the present number, without a note in the capture that it is read."""
        found = look(self.holder, self.key)
        return found if self.position is None else found[self.position]

    @property
    def leaves(self) -> tuple[Number, ...]:
        """The numbers that are read: this one."""
        return (self,)

    @property
    def name(self) -> str:
        """The name in a derivation: lr, or beta1 for the first of betas."""
        return self.key if self.position is None else f"{self.key.removesuffix('s')}{self.position + 1}"

    def expression(self, name: Callable[[Number], str]) -> Expression:
        """Return the number as code, by the name of each number that is read."""
        return named(name(self))


@dataclass(frozen=True)
class Computed:
    """A number that Python computes from others at every call, by an operation with NumPy's name."""

    operation: str
    operands: tuple[Any, ...]  # numbers that are read, computed, or constant
    name = "number"

    def get(self) -> Any:
        """Return the present number."""
        values = (x.get() if isinstance(x, Number | Computed) else x for x in self.operands)
        return _PYTHON[self.operation](*values)

    @property
    def leaves(self) -> tuple[Number, ...]:
        """The numbers that are read, each as often as it occurs."""
        return tuple(n for x in self.operands if isinstance(x, Number | Computed) for n in x.leaves)

    def expression(self, name: Callable[[Number], str]) -> Expression:
        """Return the computation as code, by the name of each number that is read."""
        parts = [
            x.expression(name) if isinstance(x, Number | Computed) else literal(x) for x in self.operands
        ]
        return applied(self.operation, parts)


class TracedNumber:
    """Tracer of a number: notes computations with it, and tests by Python for 0.

    Parameters
    ----------
    number
        The number that it stands for.
    terms
        Receives the result of ``if number:``, which must be the same at every call of the program.
    """

    def __init__(self, number: Number | Computed, terms: dict[Number | Computed, bool] | None = None) -> None:
        self.number = number
        self._terms = {} if terms is None else terms

    def __bool__(self) -> bool:
        return self._terms.setdefault(self.number, bool(self.number.get()))

    def _computed(self, operation: str, *operands: Any) -> Any:
        if not all(isinstance(x, (TracedNumber, *_PLAIN)) for x in operands):
            return NotImplemented  # an array applies its own operation
        numbers = tuple(x.number if isinstance(x, TracedNumber) else x for x in operands)
        return TracedNumber(Computed(operation, numbers), self._terms)

    def __add__(self, other: Any) -> Any:
        return self._computed("add", self, other)

    def __radd__(self, other: Any) -> Any:
        return self._computed("add", other, self)

    def __sub__(self, other: Any) -> Any:
        return self._computed("subtract", self, other)

    def __rsub__(self, other: Any) -> Any:
        return self._computed("subtract", other, self)

    def __mul__(self, other: Any) -> Any:
        return self._computed("multiply", self, other)

    def __rmul__(self, other: Any) -> Any:
        return self._computed("multiply", other, self)

    def __truediv__(self, other: Any) -> Any:
        return self._computed("divide", self, other)

    def __rtruediv__(self, other: Any) -> Any:
        return self._computed("divide", other, self)

    def __pow__(self, other: Any) -> Any:
        return self._computed("power", self, other)

    def __rpow__(self, other: Any) -> Any:
        return self._computed("power", other, self)

    def __neg__(self) -> Any:
        return self._computed("negative", self)
