"""Initial values of weights: functions of a shape and a random generator.

A weight has the shape (fan-out, fan-in): as many rows as outputs, as many columns as inputs.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from numpy.random import Generator  # NumPy loads it on first use only, and so do we


class Initializer(Protocol):
    """A function of a shape, (fan-out, fan-in) or (fan-out,), and a generator."""

    def __call__(self, shape: tuple[int, ...], rng: Generator, /) -> NDArray[Any]:
        """Values of the shape; their dtype is up to the layer."""


def zeros(shape: tuple[int, ...], rng: Generator) -> NDArray[Any]:
    """All zeros."""
    return np.zeros(shape)


def normal(std: float = 1.0) -> Initializer:
    """Normal with mean 0 and the standard deviation `std`: what the five articles use, mostly with 1."""
    return lambda shape, rng: std * rng.standard_normal(shape)


def uniform(bound: float) -> Initializer:
    """Uniform between -bound and bound."""
    return lambda shape, rng: rng.uniform(-bound, bound, shape)


def xavier_uniform(gain: float = 1.0) -> Initializer:
    """Uniform within gain * sqrt(6 / (fan-in + fan-out)): keeps variances through tanh and sigmoid layers.

    X. Glorot and Y. Bengio, Understanding the difficulty of training deep feedforward neural networks, 2010.
    """
    return lambda shape, rng: uniform(gain * math.sqrt(6 / sum(shape)))(shape, rng)


def xavier_normal(gain: float = 1.0) -> Initializer:
    """Normal with the standard deviation gain * sqrt(2 / (fan-in + fan-out)) (Glorot and Bengio, 2010)."""
    return lambda shape, rng: normal(gain * math.sqrt(2 / sum(shape)))(shape, rng)


def kaiming_uniform(gain: float = math.sqrt(2)) -> Initializer:
    """Uniform within gain * sqrt(3 / fan-in); the default gain keeps variances through relu layers.

    K. He et al., Delving deep into rectifiers, 2015.
    """
    return lambda shape, rng: uniform(gain * math.sqrt(3 / shape[-1]))(shape, rng)


def kaiming_normal(gain: float = math.sqrt(2)) -> Initializer:
    """Normal with the standard deviation gain / sqrt(fan-in) (He et al., 2015)."""
    return lambda shape, rng: normal(gain / math.sqrt(shape[-1]))(shape, rng)
