"""A wrong rule that can be switched on: inside a ``with`` block the backward pass is wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from tinygrad_mnist.autodiff import backward as backward_pass
from tinygrad_mnist.autodiff.formula import input_names
from tinygrad_mnist.autodiff.primitive import REGISTRY, Primitive

Kind = Literal["rule", "fan-out", "broadcast"]

# The functions of the backward pass that are exchanged, by kind
_PARTS = {"fan-out": "_accumulate", "broadcast": "unbroadcast"}


@dataclass(frozen=True, eq=False)
class WrongRule:
    """A wrong rule of one primitive, or a wrong part of the backward pass that runs the rules.

    ``with wrong_rule:`` installs it, several at a time or nested too.  The end of the block, or an exception,
    restores what was there before.  It is installed in all threads.

    Attributes
    ----------
    name
        As in ``WRONG_RULES["missing-transpose"]``.
    why
        The reason why people write it.
    wrong
        The function that takes the place of the right one.
    primitive, position
        The op, and the input of the rule.  The position is None for a rule that serves all inputs; both are
        None for a part of the backward pass.
    kind
        "rule"; or, in the backward pass, "fan-out" (the sum over several readers) or "broadcast".
    function, inputs
        A small example on which the error shows.

    Examples
    --------
    >>> from tinygrad_mnist.checking import wrong_rules
    >>> wrong_rules.sigmoid_of_the_output.blames()
    'the rule of sigmoid for its input x'
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

    def __enter__(self) -> WrongRule:
        self._undo.append(_take_no_shortcuts())
        self._undo.append(self._install())
        return self

    def __exit__(self, *error: object) -> None:
        self._undo.pop()()
        self._undo.pop()()

    def example(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        """Return a scalar function and fresh inputs on which the error shows, for `check_gradients`."""
        return self.function, tuple(np.array(x) for x in self.inputs)

    def blames(self) -> str:
        """Return the culprit in words: ``the rule of linear for its input weight``."""
        if self.primitive is None:
            return {
                "fan-out": "the sum at a fan-out, where several ops read one tensor",
                "broadcast": "the sum over the axes along which an input was broadcast",
                "rule": "the backward pass",
            }[self.kind]
        if self.position is None:
            return f"the rule of {self.primitive} for all its inputs"
        name = input_names(REGISTRY[self.primitive], self.position + 1)[self.position]
        return f"the rule of {self.primitive} for its input {name}"

    def _install(self) -> Callable[[], None]:
        """Install the wrong function; return a function that restores the right one."""
        if self.primitive is None:
            part = _PARTS[self.kind]
            before = getattr(backward_pass, part)
            setattr(backward_pass, part, self.wrong)
            return lambda: setattr(backward_pass, part, before)
        target, position = REGISTRY[self.primitive], self.position or 0
        right = _replace(target, position, self.wrong)
        return lambda: (_replace(target, position, right), None)[1]


def _replace(primitive: Primitive, position: int, rule: Any) -> Any:
    """Exchange one rule of a primitive; return the one that was there."""
    rules = primitive.rules or ()
    primitive.rules = (*rules[:position], rule, *rules[position + 1 :])
    return rules[position]


def _take_no_shortcuts() -> Callable[[], None]:
    """Switch off the shortcuts around rules; return a function that restores them."""
    shortcuts = {primitive: primitive.adds for primitive in REGISTRY.values() if primitive.adds}
    for primitive in shortcuts:
        primitive.adds = None

    def restore() -> None:
        for primitive, adds in shortcuts.items():
            primitive.adds = adds

    return restore


class WrongRules(dict[str, WrongRule]):
    """Wrong rules by name, with dashes or underscores: ``missing-transpose`` or ``missing_transpose``."""

    def __missing__(self, name: str) -> WrongRule:
        dashed = name.replace("_", "-")
        if not dict.__contains__(self, dashed):
            raise KeyError(f"name is {name!r}: expected one of {', '.join(self)}")
        return self[dashed]

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and super().__contains__(name.replace("_", "-"))

    def get(self, name: str, default: Any = None, /) -> Any:
        """Return the wrong rule, or the default."""
        return super().get(name.replace("_", "-"), default)


WRONG_RULES = WrongRules()
"""All wrong rules by name, with dashes or underscores.

Examples
--------
>>> from tinygrad_mnist.checking.wrong_rules import WRONG_RULES
>>> WRONG_RULES["missing-transpose"] is WRONG_RULES["missing_transpose"]
True
>>> WRONG_RULES["missing-transpose"].blames()
'the rule of linear for its input weight'
"""


def wrong_rule(
    primitive: str | None,
    position: int | None,
    function: Callable[..., Any],
    *inputs: Any,
    kind: Kind = "rule",
    formula: str | None = None,
) -> Callable[[Callable[..., Any]], WrongRule]:
    """Register a wrong function under its own name, with an example on which the error shows.

    Parameters
    ----------
    primitive, position, kind
        As in `WrongRule`.
    function, inputs
        The example; an input given as a shape is filled with random numbers between 0.3 and 1.7.
    formula
        The text of a rule that writes into arrays, which cannot run on symbols.
    """

    def register(wrong: Callable[..., Any]) -> WrongRule:
        rng = np.random.default_rng(len(WRONG_RULES))
        arrays = tuple(rng.uniform(0.3, 1.7, x) if isinstance(x, tuple) else x for x in inputs)
        if formula is not None:
            wrong.formula = formula  # type: ignore[attr-defined]
        name = wrong.__name__.replace("_", "-")
        why = " ".join((wrong.__doc__ or "").split())
        WRONG_RULES[name] = WrongRule(name, why, wrong, primitive, position, kind, function, arrays)
        return WRONG_RULES[name]

    return register
