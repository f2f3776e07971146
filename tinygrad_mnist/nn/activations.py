"""Activations: layers without parameters that work element by element, and the two softmaxes."""

from __future__ import annotations

from typing import Any

from tinygrad_mnist.arguments import require_whole
from tinygrad_mnist.autodiff import ops
from tinygrad_mnist.hints import hinted
from tinygrad_mnist.nn.module import Module


class Sigmoid(Module):
    """Apply ``1 / (1 + exp(-x))`` to each element."""

    def forward(self, x: Any) -> Any:
        """Return the sigmoid, in the shape and dtype of `x`."""
        return ops.sigmoid(x)


class Tanh(Module):
    """Apply the hyperbolic tangent to each element."""

    def forward(self, x: Any) -> Any:
        """Return the hyperbolic tangent, in the shape and dtype of `x`."""
        return ops.tanh(x)


class ReLU(Module):
    """Apply ``max(x, 0)`` to each element; the gradient at 0 is 0."""

    def forward(self, x: Any) -> Any:
        """Return the positive part, in the shape and dtype of `x`."""
        return ops.relu(x)


class Softplus(Module):
    """Apply ``log(1 + exp(x))``, a smooth ReLU, to each element."""

    def forward(self, x: Any) -> Any:
        """Return the softplus, in the shape and dtype of `x`."""
        return ops.softplus(x)


class Identity(Module):
    """Return the input unchanged."""

    def forward(self, x: Any) -> Any:
        """Return `x`."""
        return x


class Softmax(Module):
    """Normalize scores to probabilities, ``exp(x) / sum(exp(x))``.

    Parameters
    ----------
    dim : int, default -1
        Axis along which the result sums to 1.

    Examples
    --------
    >>> import numpy as np
    >>> from tinygrad_mnist import nn
    >>> nn.Softmax()(np.zeros((1, 2)))
    array([[0.5, 0.5]])
    """

    @hinted
    def __init__(self, dim: int = -1) -> None:
        require_whole("dim", dim, low=None)
        self.dim = dim

    def forward(self, x: Any) -> Any:
        """Return the probabilities, in the shape and dtype of `x`."""
        return ops.softmax(x, axis=self.dim)

    def extra_repr(self) -> str:
        """Return the axis."""
        return f"dim={self.dim}"


class LogSoftmax(Softmax):
    """Normalize scores to log-probabilities, ``x - log(sum(exp(x)))``, for `NLLLoss`.

    Parameters
    ----------
    dim : int, default -1
        Axis along which the exponentials of the result sum to 1.
    """

    def forward(self, x: Any) -> Any:
        """Return the log-probabilities, in the shape and dtype of `x`."""
        return ops.log_softmax(x, axis=self.dim)
