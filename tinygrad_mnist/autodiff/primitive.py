"""Floor 0: a primitive is an op as data: a forward function on arrays and one rule per input.

A rule is the vector-Jacobian product (vjp) of one input: given the gradient `g` of a scalar with respect
to the op's result `y`, it returns the gradient with respect to that input.  Rules are written with
operators and other primitives only, so the same text runs on raw arrays (a fast first-order backward pass)
and on Tensors (when the gradient must itself be differentiable).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from tinygrad_mnist.errors import GradientError

Rule = Callable[..., Any]

REGISTRY: dict[str, Primitive] = {}


class Recordable:
    """A value that wants to know which primitives are applied to it: a Tensor, of which floor 2 sees this."""

    __slots__ = ()

    serial: int
    inputs: tuple[Any, ...]
    _data: Any
    _requires_grad: bool

    def label(self) -> str:
        """A name for messages."""
        return type(self).__name__

    def apply(self, primitive: Primitive, inputs: tuple[Any, ...], attributes: dict[str, Any]) -> Any:
        """Apply `primitive` to `inputs`, of which `self` is one; subclasses say what is kept of it."""
        raise TypeError(f"{type(self).__name__} does not say how {primitive.name} is applied to it")


class Primitive:
    """A differentiable op.  Called with arrays it computes; called with a Tensor among them it is recorded.

    Parameters
    ----------
    forward
        ``forward(*arrays, **attributes) -> array``.  Positional parameters are inputs; keyword-only
        parameters (an axis, a shape) are attributes, are never differentiated and have a default or are
        always given.

    Attributes
    ----------
    name
        The forward function's name, unique among all primitives.
    rules
        One rule per input (a single one for a forward with ``*inputs``):
        ``rule(g, y, *inputs, **attributes)`` returns the gradient of that input, in the input's shape or in
        any shape that the input broadcasts to (the surplus axes are summed centrally).  ``None`` for an
        input without derivative (labels, a condition).
    """

    def __init__(self, forward: Callable[..., Any]) -> None:
        self.forward = forward
        self.name = forward.__name__
        self.__doc__ = forward.__doc__
        self.defaults: dict[str, Any] = dict(forward.__kwdefaults__ or {})
        self.variadic = bool(forward.__code__.co_flags & 0x04)
        self.rules: tuple[Rule | None, ...] | None = None
        self.all_differentiable = False
        if forward.__defaults__:
            raise ValueError(f"{self.name}: settings are keyword-only: write a * before those with a default")
        inputs = forward.__code__.co_varnames[: forward.__code__.co_argcount]
        if {"g", "y"} & set(inputs):
            raise ValueError(f"{self.name}: g and y stand for gradient and result; name its inputs otherwise")
        taken = REGISTRY.get(self.name)
        if taken is not None and _home(taken.forward) != _home(forward):
            raise ValueError(f"there is a primitive named {self.name!r} already: choose another name")
        REGISTRY[self.name] = self

    def vjps(self, *rules: Rule | None) -> None:
        """Declare the rules, one per input in order; for a forward with ``*inputs``, one for all of them."""
        expected = 1 if self.variadic else self.forward.__code__.co_argcount
        if len(rules) != expected:
            raise GradientError(f"{self.name} has {expected} inputs and was given {len(rules)} rules")
        self.rules = rules
        self.all_differentiable = None not in rules

    def rule(self, position: int) -> Rule | None:
        """The rule of one input; a rule for any number of inputs is told the position it is asked for."""
        if self.rules is None:
            raise GradientError(f"{self.name} has no rules: declare them with {self.name}.vjps(...)")
        if self.variadic and self.rules[0] is not None:
            return partial(self.rules[0], position=position)
        return self.rules[position]

    def __call__(self, *inputs: Any, **attributes: Any) -> Any:
        """Compute on arrays; with a Tensor among the inputs, let it record the application."""
        for value in inputs:
            if isinstance(value, Recordable):
                if self.defaults:
                    attributes = {**self.defaults, **attributes}
                return value.apply(self, inputs, attributes)
        return self.forward(*inputs, **attributes)

    def __repr__(self) -> str:
        return f"<primitive {self.name}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return _registered, (self.name,)


def _registered(name: str) -> Primitive:
    """The primitive of a name: how one is found again when it was pickled."""
    return REGISTRY[name]


def _home(forward: Callable[..., Any]) -> tuple[str, str]:
    """Where a forward is defined: defining it there again, as a notebook cell does, replaces it."""
    return forward.__module__, forward.__qualname__


def primitive(forward: Callable[..., Any]) -> Primitive:
    """Turn a forward function on arrays into a primitive; declare its rules with ``.vjps(...)``.

    >>> from tinygrad_mnist import Tensor
    >>> from tinygrad_mnist.autodiff.primitive import primitive
    >>> @primitive
    ... def cube(x):
    ...     return x * x * x
    >>> cube.vjps(lambda g, y, x: g * 3 * x * x)
    >>> x = Tensor(2.0, requires_grad=True)
    >>> cube(x).backward()
    >>> x.grad
    array(12.)
    """
    return Primitive(forward)


def require_rules() -> None:
    """Refuse a registry with a primitive that has no rules: its gradient would be silently missing."""
    missing = [name for name, entry in REGISTRY.items() if entry.rules is None]
    if missing:
        raise GradientError(f"primitives without rules: {', '.join(missing)}; declare them with .vjps(...)")
