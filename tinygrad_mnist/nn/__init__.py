"""Modules, layers, losses and initial values, under PyTorch's names."""

from typing import TYPE_CHECKING

from tinygrad_mnist.hints import layers as _layers
from tinygrad_mnist.hints import lookups as _lookups
from tinygrad_mnist.nn import functional, init, utils
from tinygrad_mnist.nn.activations import (
    ELU,
    GELU,
    Identity,
    LeakyReLU,
    LogSoftmax,
    ReLU,
    Sigmoid,
    SiLU,
    Softmax,
    Softplus,
    Tanh,
)
from tinygrad_mnist.nn.class_losses import CrossEntropyLoss, NLLLoss
from tinygrad_mnist.nn.containers import ModuleDict, ModuleList, Sequential
from tinygrad_mnist.nn.convolution import AvgPool2d, Conv2d, MaxPool2d
from tinygrad_mnist.nn.layers import Dropout, Embedding, Flatten, Linear, Unflatten
from tinygrad_mnist.nn.losses import (
    BCELoss,
    BCEWithLogitsLoss,
    HuberLoss,
    L1Loss,
    MSELoss,
    QuadraticLoss,
)
from tinygrad_mnist.nn.module import Module
from tinygrad_mnist.nn.normalization import BatchNorm1d, BatchNorm2d, LayerNorm
from tinygrad_mnist.nn.parameters import Buffer, Parameter
from tinygrad_mnist.nn.perceptrons import perceptron
from tinygrad_mnist.nn.preserved import preserved
from tinygrad_mnist.nn.recurrent import LSTM, RNN
from tinygrad_mnist.nn.summary import summary

__all__ = [
    "ELU", "GELU", "LSTM", "RNN", "AvgPool2d", "BCELoss", "BCEWithLogitsLoss", "BatchNorm1d", "BatchNorm2d",
    "Buffer", "Conv2d", "CrossEntropyLoss", "Dropout", "Embedding", "Flatten", "HuberLoss", "Identity",
    "L1Loss", "LayerNorm", "LeakyReLU", "Linear", "LogSoftmax", "MSELoss", "MaxPool2d", "Module",
    "ModuleDict", "ModuleList", "NLLLoss", "Parameter", "QuadraticLoss", "ReLU", "Sequential", "SiLU",
    "Sigmoid", "Softmax", "Softplus", "Tanh", "Unflatten", "functional", "init", "perceptron", "preserved",
    "summary", "utils",
]  # fmt: skip

if not TYPE_CHECKING:
    _hints = {name: f"write `nn.functional.{name}`" for name in functional.__all__} | _layers.NN
    __dir__, __getattr__ = _lookups("nn", _hints, __all__)
