"""A workload: a network, its loss and a batch, in this package, in PyTorch and in JAX."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tinygrad_mnist import nn
from tinygrad_mnist.typing import Array

LR = 0.1
"""Learning rate of all contestants.

Examples
--------
>>> LR
0.1
"""


@dataclass(frozen=True)
class Workload(ABC):
    """Network with its loss, and a batch of float32.  Each method returns equal parameters at each call.

    Attributes
    ----------
    name
        Name in the tables.
    batch
        Examples per step.

    Examples
    --------
    >>> from tinygrad_mnist.benchmark import WORKLOADS
    >>> iris = WORKLOADS[2]
    >>> x, labels = iris.data()
    >>> model, loss = iris.network()
    >>> x.shape, labels.shape, model(x).shape, loss(model(x), labels).shape
    ((150, 4), (150,), (150, 3), ())
    """

    name: str
    batch: int

    @abstractmethod
    def data(self) -> tuple[Array, Array]:
        """Return random inputs, and the targets that the loss takes; the same at each call."""

    @abstractmethod
    def network(self) -> tuple[nn.Module, nn.Module]:
        """Return the model and its loss in this package."""

    @abstractmethod
    def in_pytorch(self) -> tuple[Any, Callable[[Any, Any], Any]]:
        """Return the model and its loss in PyTorch."""

    @abstractmethod
    def in_jax(self) -> tuple[Any, Callable[[Any, Any, Any], Any]]:
        """Return the parameters and the loss as a function of parameters, inputs and targets."""
