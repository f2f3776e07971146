"""The perceptron with backpropagation derived by hand: an oracle for the framework, in NumPy alone."""

from tinygrad_mnist.by_hand.in_place import InPlaceStep
from tinygrad_mnist.by_hand.perceptron import (
    Cost,
    backprop,
    cost_value,
    feed_forward,
    sgd_step,
    sigmoid,
    softmax,
)

__all__ = [
    "Cost",
    "InPlaceStep",
    "backprop",
    "cost_value",
    "feed_forward",
    "sgd_step",
    "sigmoid",
    "softmax",
]


def __dir__() -> list[str]:
    return __all__
