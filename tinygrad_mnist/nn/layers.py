"""The layers, under PyTorch's names and with PyTorch's meanings."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from tinygrad_mnist.autodiff import ops
from tinygrad_mnist.nn import init
from tinygrad_mnist.nn.module import Module, Parameter


class Linear(Module):
    """x @ weight.T + bias.

    Parameters
    ----------
    in_features, out_features
        The lengths of an input and of an output vector.
    bias
        Whether to add a bias.
    weight_init, bias_init
        Functions of ``nn.init``.  The default of both is PyTorch's: uniform within 1 / sqrt(in_features).
    rng
        Where the initial values come from; a new unseeded generator when missing.
    dtype
        float32 unless told otherwise.

    Shapes
    ------
    input (..., in_features) -> output (..., out_features); weight (out_features, in_features)
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        *,
        weight_init: init.Initializer | None = None,
        bias_init: init.Initializer | None = None,
        rng: np.random.Generator | None = None,
        dtype: DTypeLike = np.float32,
    ) -> None:
        if min(in_features, out_features) < 1:
            raise ValueError(f"Linear takes sizes of at least 1, not {in_features} and {out_features}")
        rng = rng or np.random.default_rng()
        default = init.uniform(1 / math.sqrt(in_features))
        self.in_features, self.out_features = in_features, out_features
        weight = (weight_init or default)((out_features, in_features), rng)
        self.weight = Parameter(weight, dtype)
        self.bias = Parameter((bias_init or default)((out_features,), rng), dtype) if bias else None

    def forward(self, x: Any) -> Any:
        """x: (..., in_features) -> (..., out_features)"""
        return ops.linear(x, self.weight, self.bias)

    def extra_repr(self) -> str:
        """The sizes."""
        return f"{self.in_features}, {self.out_features}" + ("" if self.bias is not None else ", bias=False")


class Sigmoid(Module):
    """1 / (1 + e**-x), element by element."""

    def forward(self, x: Any) -> Any:
        """Any shape."""
        return ops.sigmoid(x)


class Tanh(Module):
    """The hyperbolic tangent, element by element."""

    def forward(self, x: Any) -> Any:
        """Any shape."""
        return ops.tanh(x)


class ReLU(Module):
    """max(x, 0), element by element."""

    def forward(self, x: Any) -> Any:
        """Any shape."""
        return ops.relu(x)


class Softmax(Module):
    """e**x / sum(e**x) along the axis `dim`: probabilities."""

    def __init__(self, dim: int = -1) -> None:
        self.dim = dim

    def forward(self, x: Any) -> Any:
        """Any shape."""
        return ops.softmax(x, axis=self.dim)

    def extra_repr(self) -> str:
        """The axis."""
        return f"dim={self.dim}"


class LogSoftmax(Softmax):
    """The logarithm of the softmax along the axis `dim`: log-probabilities, for `NLLLoss`."""

    def forward(self, x: Any) -> Any:
        """Any shape."""
        return ops.log_softmax(x, axis=self.dim)


class Flatten(Module):
    """All axes but the first joined into one: (n, 28, 28) -> (n, 784)."""

    def forward(self, x: Any) -> Any:
        """x: (n, ...) -> (n, product of the rest)"""
        return ops.flatten(x, 1)


class Dropout(Module):
    """In training, sets each element to 0 with probability `p` and divides the rest by 1 - p.

    N. Srivastava et al., Dropout: a simple way to prevent neural networks from overfitting, 2014.

    Parameters
    ----------
    p
        In [0, 1).
    rng
        Where the masks come from; a new unseeded generator when missing.
    """

    def __init__(self, p: float = 0.5, *, rng: np.random.Generator | None = None) -> None:
        if not 0 <= p < 1:
            raise ValueError(f"Dropout drops with a probability in [0, 1), not {p}")
        self.p = p
        self.rng = rng or np.random.default_rng()

    def forward(self, x: Any) -> Any:
        """Any shape."""
        if not self.training or self.p == 0:
            return x
        return x * ops.dropout_mask(x, p=self.p, rng=self.rng)

    def extra_repr(self) -> str:
        """The probability."""
        return f"p={self.p}"


class Sequential(Module):
    """Modules applied one after the other.

    Examples
    --------
    >>> from tinygrad_mnist import nn
    >>> nn.Sequential(nn.Linear(784, 30), nn.Sigmoid(), nn.Linear(30, 10))
    Sequential(
      (0): Linear(784, 30)
      (1): Sigmoid()
      (2): Linear(30, 10)
    )
    """

    def __init__(self, *modules: Module) -> None:
        for position, module in enumerate(modules):
            if not isinstance(module, Module):
                hint = f": did you mean {module.__name__}()?" if isinstance(module, type) else ""
                raise TypeError(f"Sequential takes modules, and item {position} is {module!r}{hint}")
            vars(self)[str(position)] = module

    def forward(self, x: Any) -> Any:
        """The output of the last module."""
        for part in vars(self).values():  # not `for module in self`: that looks for nested ones, at a price
            if isinstance(part, Module):
                x = part(x)
        return x

    def __iter__(self) -> Any:
        return (module for _, module in self.children())

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __getitem__(self, position: int) -> Module:
        return list(self)[position]
