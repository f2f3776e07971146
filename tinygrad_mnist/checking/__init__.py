"""Gradient checking that says what is wrong, and where."""

from tinygrad_mnist.checking.check import assert_gradients, check_gradients
from tinygrad_mnist.checking.diagnose import diagnose
from tinygrad_mnist.checking.diagnosis import Diagnosis, Finding
from tinygrad_mnist.checking.wrong_rules.wrong_rule import Mistake
from tinygrad_mnist.checking.numeric import numeric_gradient
from tinygrad_mnist.checking.verdicts import GradReport
from tinygrad_mnist.checking.row import Row

__all__ = [
    "Diagnosis",
    "Finding",
    "GradReport",
    "Mistake",
    "Row",
    "assert_gradients",
    "check_gradients",
    "diagnose",
    "numeric_gradient",
]
