"""Activations: layers without parameters that work element by element, and the two softmaxes."""

from __future__ import annotations

import math
from typing import Any

from tinygrad_mnist.arguments import require_choice, require_number, require_whole
from tinygrad_mnist.autodiff import ops
from tinygrad_mnist.hints import hinted
from tinygrad_mnist.nn.module import Module
from tinygrad_mnist.nn.settings import Configured


class Sigmoid(Module):
    """Apply ``1 / (1 + exp(-x))`` to each element.

    Examples
    --------
    >>> import numpy as np
    >>> from tinygrad_mnist import nn
    >>> nn.Sigmoid()(np.array([-1.0, 0.0, 2.0])).round(3)
    array([0.269, 0.5  , 0.881])
    """

    def forward(self, x: Any) -> Any:
        """Return the sigmoid, in the shape and dtype of `x`."""
        return ops.sigmoid(x)


class Tanh(Module):
    """Apply the hyperbolic tangent to each element.

    Examples
    --------
    >>> import numpy as np
    >>> from tinygrad_mnist import nn
    >>> nn.Tanh()(np.array([-1.0, 0.0, 2.0])).round(3)
    array([-0.762,  0.   ,  0.964])
    """

    def forward(self, x: Any) -> Any:
        """Return the hyperbolic tangent, in the shape and dtype of `x`."""
        return ops.tanh(x)


class ReLU(Module):
    """Apply ``max(x, 0)`` to each element; the gradient at 0 is 0.

    Examples
    --------
    >>> import numpy as np
    >>> from tinygrad_mnist import nn
    >>> nn.ReLU()(np.array([-1.0, 0.0, 2.0])).round(3)
    array([0., 0., 2.])
    """

    def forward(self, x: Any) -> Any:
        """Return the positive part, in the shape and dtype of `x`."""
        return ops.relu(x)


class LeakyReLU(Configured):
    """Apply ``x`` where it is positive, and ``negative_slope * x`` elsewhere.

    Parameters
    ----------
    negative_slope : float, default 0.01
        The gradient at 0 and below.

    Examples
    --------
    >>> import numpy as np
    >>> from tinygrad_mnist import nn
    >>> nn.LeakyReLU(0.1)(np.array([-1.0, 0.0, 2.0])).round(3)
    array([-0.1,  0. ,  2. ])
    """

    SHOWN_BY_NAME = ("negative_slope",)

    @hinted
    def __init__(self, negative_slope: float = 0.01) -> None:
        self.negative_slope = require_number("negative_slope", negative_slope)

    def forward(self, x: Any) -> Any:
        """Return the result, in the shape and dtype of `x`."""
        return ops.where(x > 0, x, self.negative_slope * x)


class ELU(Configured):
    """Apply ``x`` where it is positive, and ``alpha * (exp(x) - 1)`` elsewhere.

    Parameters
    ----------
    alpha : float, default 1.0
        The limit for small `x` is -alpha.

    Notes
    -----
    D. Clevert, T. Unterthiner and S. Hochreiter, Fast and accurate deep network learning by exponential
    linear units, 2016.

    Examples
    --------
    >>> import numpy as np
    >>> from tinygrad_mnist import nn
    >>> nn.ELU()(np.array([-1.0, 0.0, 2.0])).round(3)
    array([-0.632,  0.   ,  2.   ])
    """

    SHOWN_BY_NAME = ("alpha",)

    @hinted
    def __init__(self, alpha: float = 1.0) -> None:
        self.alpha = require_number("alpha", alpha)

    def forward(self, x: Any) -> Any:
        """Return the result, in the shape and dtype of `x`."""
        return ops.where(x > 0, x, self.alpha * ops.expm1(ops.where(x > 0, 0.0, x)))


class GELU(Configured):
    """Apply ``x * Phi(x)``, where Phi is the distribution function of the normal distribution.

    Parameters
    ----------
    approximate : {"none", "tanh"}, default "none"
        "tanh" computes ``x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x**3)))``.

    Notes
    -----
    D. Hendrycks and K. Gimpel, Gaussian error linear units, 2016.

    Examples
    --------
    >>> import numpy as np
    >>> from tinygrad_mnist import nn
    >>> nn.GELU()(np.array([-1.0, 0.0, 2.0])).round(3)
    array([-0.159,  0.   ,  1.954])
    """

    SHOWN_BY_NAME = ("approximate",)

    @hinted
    def __init__(self, approximate: str = "none") -> None:
        self.approximate = require_choice("approximate", approximate, ("none", "tanh"))

    def forward(self, x: Any) -> Any:
        """Return the result, in the shape and dtype of `x`."""
        if self.approximate == "tanh":
            return 0.5 * x * (1 + ops.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))
        return 0.5 * x * (1 + ops.erf(x * math.sqrt(0.5)))


class SiLU(Module):
    """Apply ``x * sigmoid(x)``, also called swish, to each element.

    Examples
    --------
    >>> import numpy as np
    >>> from tinygrad_mnist import nn
    >>> nn.SiLU()(np.array([-1.0, 0.0, 2.0])).round(3)
    array([-0.269,  0.   ,  1.762])
    """

    def forward(self, x: Any) -> Any:
        """Return the result, in the shape and dtype of `x`."""
        return x * ops.sigmoid(x)


class Softplus(Module):
    """Apply ``log(1 + exp(x))``, a smooth ReLU, to each element.

    Examples
    --------
    >>> import numpy as np
    >>> from tinygrad_mnist import nn
    >>> nn.Softplus()(np.array([-1.0, 0.0, 2.0])).round(3)
    array([0.313, 0.693, 2.127])
    """

    def forward(self, x: Any) -> Any:
        """Return the softplus, in the shape and dtype of `x`."""
        return ops.softplus(x)


class Identity(Module):
    """Return the input unchanged.

    Examples
    --------
    >>> import numpy as np
    >>> from tinygrad_mnist import nn
    >>> nn.Identity()(np.array([1.0, 2.0]))
    array([1., 2.])
    """

    def forward(self, x: Any) -> Any:
        """Return `x`."""
        return x


class Softmax(Configured):
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

    SHOWN_BY_NAME = ("dim",)

    @hinted
    def __init__(self, dim: int = -1) -> None:
        self.dim = require_whole("dim", dim, low=None)

    def forward(self, x: Any) -> Any:
        """Return the probabilities, in the shape and dtype of `x`."""
        return ops.softmax(x, axis=self.dim)


class LogSoftmax(Softmax):
    """Normalize scores to log-probabilities, ``x - log(sum(exp(x)))``, for `NLLLoss`.

    Parameters
    ----------
    dim : int, default -1
        Axis along which the exponentials of the result sum to 1.

    Examples
    --------
    >>> import numpy as np
    >>> from tinygrad_mnist import nn
    >>> np.exp(nn.LogSoftmax()(np.array([[1.0, 1.0], [0.0, 0.0]])))
    array([[0.5, 0.5],
           [0.5, 0.5]])
    """

    def forward(self, x: Any) -> Any:
        """Return the log-probabilities, in the shape and dtype of `x`."""
        return ops.log_softmax(x, axis=self.dim)
