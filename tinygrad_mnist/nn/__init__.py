"""Modules, layers, losses and initial values, under PyTorch's names."""

from typing import TYPE_CHECKING, Any

from tinygrad_mnist.hints import missing as _missing
from tinygrad_mnist.hints import networks as _networks
from tinygrad_mnist.nn import init
from tinygrad_mnist.nn.activations import (
    Identity,
    LogSoftmax,
    ReLU,
    Sigmoid,
    Softmax,
    Softplus,
    Tanh,
)
from tinygrad_mnist.nn.containers import ModuleList, Sequential
from tinygrad_mnist.nn.layers import Dropout, Flatten, Linear
from tinygrad_mnist.nn.losses import (
    BCELoss,
    BCEWithLogitsLoss,
    CrossEntropyLoss,
    MSELoss,
    NLLLoss,
    QuadraticLoss,
)
from tinygrad_mnist.nn.module import Buffer, Module, Parameter
from tinygrad_mnist.nn.perceptrons import perceptron
from tinygrad_mnist.nn.preserved import preserved
from tinygrad_mnist.nn.summary import summary

if not TYPE_CHECKING:

    def __dir__() -> list[str]:
        return __all__

    def __getattr__(name: str) -> Any:
        raise _missing("nn", name, _networks.NN, lambda: __all__)


__all__ = [
    "BCELoss",
    "BCEWithLogitsLoss",
    "Buffer",
    "CrossEntropyLoss",
    "Dropout",
    "Flatten",
    "Identity",
    "Linear",
    "LogSoftmax",
    "MSELoss",
    "Module",
    "ModuleList",
    "NLLLoss",
    "Parameter",
    "QuadraticLoss",
    "ReLU",
    "Sequential",
    "Sigmoid",
    "Softmax",
    "Softplus",
    "Tanh",
    "init",
    "perceptron",
    "preserved",
    "summary",
]
