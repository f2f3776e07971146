"""Gradient checking that says what is wrong, and where."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from tinygrad_mnist.checking import wrong_rules
from tinygrad_mnist.checking.assert_op import assert_op
from tinygrad_mnist.checking.check import assert_gradients, check_gradients
from tinygrad_mnist.checking.diagnose import diagnose
from tinygrad_mnist.checking.numeric import numeric_gradients
from tinygrad_mnist.checking.rule_findings import RuleDiagnosis, RuleFinding
from tinygrad_mnist.checking.v_curve import v_curve
from tinygrad_mnist.checking.verdicts import GradReport, GradRow
from tinygrad_mnist.checking.wrong_rules import WrongRule

if TYPE_CHECKING:
    from tinygrad_mnist.checking import strategies

__all__ = [
    "GradReport",
    "GradRow",
    "RuleDiagnosis",
    "RuleFinding",
    "WrongRule",
    "assert_gradients",
    "assert_op",
    "check_gradients",
    "diagnose",
    "numeric_gradients",
    "strategies",
    "v_curve",
    "wrong_rules",
]


def __dir__() -> list[str]:
    return __all__


if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        if name == "strategies":  # needs Hypothesis, so it is loaded at first use
            return import_module("tinygrad_mnist.checking.strategies")
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
