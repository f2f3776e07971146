"""Floor 5: modules, layers, losses and initial values, under PyTorch's names."""

from tinygrad_mnist.nn import init
from tinygrad_mnist.nn.layers import (
    Dropout,
    Flatten,
    Linear,
    LogSoftmax,
    ReLU,
    Sequential,
    Sigmoid,
    Softmax,
    Tanh,
)
from tinygrad_mnist.nn.losses import (
    BCELoss,
    BCEWithLogitsLoss,
    CrossEntropyLoss,
    MSELoss,
    NLLLoss,
    QuadraticLoss,
)
from tinygrad_mnist.nn.module import Module, Parameter
from tinygrad_mnist.nn.summary import summary

__all__ = [
    "BCELoss",
    "BCEWithLogitsLoss",
    "CrossEntropyLoss",
    "Dropout",
    "Flatten",
    "Linear",
    "LogSoftmax",
    "MSELoss",
    "Module",
    "NLLLoss",
    "Parameter",
    "QuadraticLoss",
    "ReLU",
    "Sequential",
    "Sigmoid",
    "Softmax",
    "Tanh",
    "init",
    "summary",
]
