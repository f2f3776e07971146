"""A mistake that can be switched on: for the length of a ``with`` block the backward pass is wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from tinygrad_mnist.autodiff import backward as engine
from tinygrad_mnist.autodiff.formula import input_names
from tinygrad_mnist.autodiff.primitive import REGISTRY, Primitive

Kind = Literal["rule", "fan-out", "broadcast"]

_ENGINE_PARTS = {"fan-out": "_accumulate", "broadcast": "unbroadcast"}


@dataclass(frozen=True, eq=False)
class Mistake:
    """A wrong rule of one primitive, or a wrong part of the engine that runs the rules.

    Installed by ``with mistake:``, also several at a time and nested; what was there before comes back
    when the block is left, also by an exception.  It holds in all threads.

    Attributes
    ----------
    name
        As in ``MISTAKES["missing-transpose"]``.
    why
        What is wrong, and why people make this mistake.
    wrong
        The function that takes the place of the right one.
    primitive, position
        Whose rule it is, and of which input; the position is None for a rule that serves all inputs, and
        both are None for a mistake of the engine.
    kind
        "rule"; or, in the engine, "fan-out" (the sum over several readers) or "broadcast".
    function, inputs
        A small example on which the mistake shows.
    """

    name: str
    why: str
    wrong: Callable[..., Any]
    primitive: str | None
    position: int | None
    kind: Kind
    function: Callable[..., Any]
    inputs: tuple[Any, ...]
    _undo: list[Callable[[], None]] = field(default_factory=list, repr=False)

    def __enter__(self) -> Mistake:
        self._undo.append(self._install())
        return self

    def __exit__(self, *error: object) -> None:
        self._undo.pop()()

    def example(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        """A scalar function and fresh inputs on which the mistake shows, for `check_gradients`."""
        return self.function, tuple(np.array(x) for x in self.inputs)

    def place(self) -> str:
        """Whose fault it is, for messages: ``the rule of linear for its input weight``."""
        if self.primitive is None:
            return {
                "fan-out": "the sum at a fan-out, where several ops read one tensor",
                "broadcast": "the sum over the axes along which an input was broadcast",
                "rule": "the engine",
            }[self.kind]
        if self.position is None:
            return f"the rule of {self.primitive} for all its inputs"
        name = input_names(REGISTRY[self.primitive], self.position + 1)[self.position]
        return f"the rule of {self.primitive} for its input {name}"

    def _install(self) -> Callable[[], None]:
        """Put the wrong function in its place; returns what puts the right one back."""
        if self.primitive is None:
            part = _ENGINE_PARTS[self.kind]
            before = getattr(engine, part)
            setattr(engine, part, self.wrong)
            return lambda: setattr(engine, part, before)
        target, position = REGISTRY[self.primitive], self.position or 0
        right = _replace(target, position, self.wrong)
        return lambda: (_replace(target, position, right), None)[1]


def _replace(primitive: Primitive, position: int, rule: Any) -> Any:
    """Exchange one rule and leave the others as they are; returns the rule that was there."""
    rules = primitive.rules or ()
    primitive.rules = (*rules[:position], rule, *rules[position + 1 :])
    return rules[position]


class Mistakes(dict[str, Mistake]):
    """Mistakes by name, with dashes or underscores: ``missing-transpose`` is also ``missing_transpose``."""

    def __missing__(self, name: str) -> Mistake:
        dashed = name.replace("_", "-")
        if not dict.__contains__(self, dashed):
            raise KeyError(f"name is {name!r}: expected one of {', '.join(self)}")
        return self[dashed]

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and super().__contains__(name.replace("_", "-"))

    def get(self, name: str, default: Any = None, /) -> Any:
        """The mistake, or the default."""
        return super().get(name.replace("_", "-"), default)


MISTAKES = Mistakes()


def mistake(
    primitive: str | None,
    position: int | None,
    function: Callable[..., Any],
    *inputs: Any,
    kind: Kind = "rule",
    formula: str | None = None,
) -> Callable[[Callable[..., Any]], Mistake]:
    """Register a wrong function under its own name, with an example to see it on.

    Parameters
    ----------
    primitive, position, kind
        As in `Mistake`.
    function, inputs
        The example; an input given as a shape is filled with random numbers between 0.3 and 1.7.
    formula
        The text of a rule that writes into arrays, and so cannot be run on symbols.
    """

    def register(wrong: Callable[..., Any]) -> Mistake:
        rng = np.random.default_rng(len(MISTAKES))
        arrays = tuple(rng.uniform(0.3, 1.7, x) if isinstance(x, tuple) else np.array(x) for x in inputs)
        if formula is not None:
            wrong.formula = formula  # type: ignore[attr-defined]
        name = wrong.__name__.replace("_", "-")
        why = " ".join((wrong.__doc__ or "").split())
        MISTAKES[name] = Mistake(name, why, wrong, primitive, position, kind, function, arrays)
        return MISTAKES[name]

    return register
