"""Wrong rules of arithmetic and elementary functions."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_mnist.autodiff import ops
from tinygrad_mnist.checking.wrong_rules.wrong_rule import wrong_rule

__all__ = [
    "abs_without_sign", "branches_exchanged", "clip_passes_everything", "cos_without_minus",
    "denominator_not_squared", "exp_as_a_power", "factor_of_its_own", "log_without_reciprocal",
    "power_without_exponent", "sqrt_without_half", "wrong_sign",
]  # fmt: skip

_MASK = np.array([True, False, True])


@wrong_rule("subtract", 1, lambda a, b: ops.sum(ops.square(a - b)), (2, 3), (2, 3))
def wrong_sign(g: Any, y: Any, a: Any, b: Any) -> Any:
    """a - b is an addition as far as the gradient of a goes, and the rule of a is copied for b."""
    return g


@wrong_rule("multiply", 0, lambda a, b: ops.sum(a * b), (2, 3), (2, 3))
def factor_of_its_own(g: Any, y: Any, a: Any, b: Any) -> Any:
    """The product rule multiplies by the other factor; in x * x, the usual first test, both are the same."""
    return g * a


@wrong_rule("divide", 1, lambda a, b: ops.sum(a / b), (2, 3), (2, 3))
def denominator_not_squared(g: Any, y: Any, a: Any, b: Any) -> Any:
    """-a / b**2 loses its square: at b = 1 the error does not show."""
    return -g * a / b


@wrong_rule("power", 0, lambda x: ops.sum(x**3), (2, 3))
def power_without_exponent(g: Any, y: Any, a: Any, b: Any) -> Any:
    """The exponent goes down by one, and is not brought down as a factor."""
    return g * a ** (b - 1)


@wrong_rule("exp", 0, lambda x: ops.sum(ops.exp(x)), (2, 3))
def exp_as_a_power(g: Any, y: Any, x: Any) -> Any:
    """e**x is treated as x**n is: the exponent comes down, and goes down by one."""
    return g * x * ops.exp(x - 1)


@wrong_rule("log", 0, lambda x: ops.sum(ops.log(x)), (2, 3))
def log_without_reciprocal(g: Any, y: Any, x: Any) -> Any:
    """Multiplied by x instead of divided: at x = 1 both are the same."""
    return g * x


@wrong_rule("sqrt", 0, lambda x: ops.sum(ops.sqrt(x)), (2, 3))
def sqrt_without_half(g: Any, y: Any, x: Any) -> Any:
    """1 / sqrt(x) is remembered, its factor 1/2 is not."""
    return g / y


@wrong_rule("cos", 0, lambda x: ops.sum(ops.cos(x)), (2, 3))
def cos_without_minus(g: Any, y: Any, x: Any) -> Any:
    """Sine and cosine are each other's derivatives, but for a minus in the backward pass."""
    return g * ops.sin(x)


@wrong_rule("abs", 0, lambda x: ops.sum(abs(x)), [[-1.5, 0.5, 2.0], [1.0, -0.3, 0.2]])
def abs_without_sign(g: Any, y: Any, x: Any) -> Any:
    """Tried with positive numbers, where |x| is x."""
    return g


@wrong_rule("where", 1, lambda a, b: ops.sum(ops.square(ops.where(_MASK, a, b))), (3,), (3,))
def branches_exchanged(g: Any, y: Any, condition: Any, a: Any, b: Any) -> Any:
    """The gradient goes to the branch that was not taken: where(condition, 0, g) instead of (g, 0)."""
    return ops.where(condition, 0.0, g)


@wrong_rule("clip", 0, lambda x: ops.sum(ops.clip(x, min=-1.0, max=1.0)), [-1.5, 0.5, 2.0])
def clip_passes_everything(g: Any, y: Any, x: Any, *, min: Any, max: Any) -> Any:
    """Clipping is thought of as a detail of the forward pass: the straight-through estimator, by accident."""
    return g
