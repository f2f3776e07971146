"""Optimizers and their learning-rate schedules, under PyTorch's names."""

from typing import TYPE_CHECKING

from tinygrad_mnist.hints import lookups as _lookups
from tinygrad_mnist.hints import networks as _networks
from tinygrad_mnist.optim.adagrad import Adagrad
from tinygrad_mnist.optim.adam import Adam, AdamW
from tinygrad_mnist.optim.ema import EMA
from tinygrad_mnist.optim.optimizer import Optimizer
from tinygrad_mnist.optim.rmsprop import RMSprop
from tinygrad_mnist.optim.schedules import CosineAnnealingLR, ExponentialLR, LRScheduler, StepLR
from tinygrad_mnist.optim.schedules_in_phases import LinearLR, OneCycleLR, ReduceLROnPlateau, SequentialLR
from tinygrad_mnist.optim.sgd import SGD

__all__ = [
    "EMA", "SGD", "Adagrad", "Adam", "AdamW", "CosineAnnealingLR", "ExponentialLR", "LRScheduler",
    "LinearLR", "OneCycleLR", "Optimizer", "RMSprop", "ReduceLROnPlateau", "SequentialLR", "StepLR",
]  # fmt: skip

if not TYPE_CHECKING:
    __dir__, __getattr__ = _lookups("optim", _networks.OPTIM, __all__)
