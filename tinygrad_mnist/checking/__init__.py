"""Floor 5: gradient checking that says what is wrong, and where."""

from tinygrad_mnist.checking.check import assert_gradients, check_gradients
from tinygrad_mnist.checking.numeric import numeric_gradient
from tinygrad_mnist.checking.report import GradReport, Row

__all__ = ["GradReport", "Row", "assert_gradients", "check_gradients", "numeric_gradient"]
