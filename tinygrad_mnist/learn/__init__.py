"""Exercises that say what is wrong: the derivative of a product, up to a network and its doctor."""

from tinygrad_mnist.learn.exercise import earlier
from tinygrad_mnist.learn.grading import (
    FORMULA,
    QUOTIENT,
    Finding,
    Work,
    agree,
    fail,
    is_empty,
    line_of,
    numbers,
    require_filled,
    slopes,
)
from tinygrad_mnist.learn.planted import planted

__all__ = [
    "FORMULA",
    "QUOTIENT",
    "Finding",
    "Work",
    "agree",
    "earlier",
    "fail",
    "is_empty",
    "line_of",
    "numbers",
    "planted",
    "require_filled",
    "slopes",
]


def __dir__() -> list[str]:
    return __all__
