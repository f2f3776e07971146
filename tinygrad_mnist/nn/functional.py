"""Layers and losses as functions with PyTorch's names, for a ``forward`` without modules.

Each takes the arguments of the layer with its name and returns the same result. ``ops`` has NumPy's names.

Examples
--------
>>> import numpy as np
>>> import tinygrad_mnist.nn.functional as F
>>> F.softmax(F.relu(np.array([[-1.0, 0.0]])), dim=1)
array([[0.5, 0.5]])
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tinygrad_mnist.autodiff import ops
from tinygrad_mnist.hints import hinted
from tinygrad_mnist.hints import layers as _layers
from tinygrad_mnist.hints import lookups as _lookups
from tinygrad_mnist.nn import activations, class_losses, losses
from tinygrad_mnist.nn.inputs import chosen_rows
from tinygrad_mnist.nn.layers import Dropout
from tinygrad_mnist.nn.normalization import normalized_to

__all__ = [
    "avg_pool2d", "binary_cross_entropy", "binary_cross_entropy_with_logits", "conv2d",
    "cross_entropy", "dropout", "elu", "embedding", "flatten", "gelu", "huber_loss", "l1_loss",
    "layer_norm", "leaky_relu", "linear", "log_softmax", "max_pool2d", "mse_loss", "nll_loss",
    "one_hot", "relu", "sigmoid", "silu", "softmax", "softplus", "tanh",
]  # fmt: skip

relu, sigmoid, tanh, softplus, flatten = ops.relu, ops.sigmoid, ops.tanh, ops.softplus, ops.flatten
conv2d, max_pool2d, avg_pool2d = ops.conv2d, ops.max_pool2d, ops.avg_pool2d


@hinted
def leaky_relu(x: Any, negative_slope: float = 0.01) -> Any:
    """Return ``x`` where it is positive and ``negative_slope * x`` elsewhere: `nn.LeakyReLU`.

    Examples
    --------
    >>> import numpy as np
    >>> from tinygrad_mnist.nn import functional as F
    >>> F.leaky_relu(np.array([-1.0, 0.0, 2.0]), 0.1).round(3)
    array([-0.1,  0. ,  2. ])
    """
    return activations.LeakyReLU(negative_slope).forward(x)


@hinted
def elu(x: Any, alpha: float = 1.0) -> Any:
    """Return ``x`` where it is positive and ``alpha * (exp(x) - 1)`` elsewhere: `nn.ELU`.

    Examples
    --------
    >>> import numpy as np
    >>> from tinygrad_mnist.nn import functional as F
    >>> F.elu(np.array([-1.0, 0.0, 2.0])).round(3)
    array([-0.632,  0.   ,  2.   ])
    """
    return activations.ELU(alpha).forward(x)


@hinted
def gelu(x: Any, approximate: str = "none") -> Any:
    """Return ``x`` times the normal distribution function: `nn.GELU`.

    Examples
    --------
    >>> import numpy as np
    >>> from tinygrad_mnist.nn import functional as F
    >>> F.gelu(np.array([-1.0, 0.0, 2.0])).round(3)
    array([-0.159,  0.   ,  1.954])
    """
    return activations.GELU(approximate).forward(x)


@hinted
def silu(x: Any) -> Any:
    """Return ``x * sigmoid(x)``: `nn.SiLU`.

    Examples
    --------
    >>> import numpy as np
    >>> from tinygrad_mnist.nn import functional as F
    >>> F.silu(np.array([-1.0, 0.0, 2.0])).round(3)
    array([-0.269,  0.   ,  1.762])
    """
    return activations.SiLU().forward(x)


@hinted
def softmax(x: Any, dim: int = -1) -> Any:
    """Return probabilities that sum to 1 along an axis: `nn.Softmax`.

    Examples
    --------
    >>> import numpy as np
    >>> from tinygrad_mnist.nn import functional as F
    >>> F.softmax(np.array([[0.0, 0.0], [0.0, np.log(3)]]))
    array([[0.5 , 0.5 ],
           [0.25, 0.75]])
    """
    return ops.softmax(x, axis=dim)


@hinted
def log_softmax(x: Any, dim: int = -1) -> Any:
    """Return the logarithms of `softmax`: `nn.LogSoftmax`.

    Examples
    --------
    >>> import numpy as np
    >>> from tinygrad_mnist.nn import functional as F
    >>> F.log_softmax(np.array([0.0, 0.0])).round(4)
    array([-0.6931, -0.6931])
    """
    return ops.log_softmax(x, axis=dim)


@hinted
def linear(x: Any, weight: Any, bias: Any = None) -> Any:
    """Return ``x @ weight.T + bias``: `nn.Linear`.

    Examples
    --------
    >>> import numpy as np
    >>> from tinygrad_mnist.nn import functional as F
    >>> F.linear(np.ones((5, 3)), np.ones((2, 3)), np.zeros(2)).shape
    (5, 2)
    """
    return ops.linear(x, weight, bias)


@hinted
def dropout(
    x: Any, p: float = 0.5, training: bool = True, *, rng: np.random.Generator | int | None = None
) -> Any:
    """Return `x` with random elements set to 0 and the others divided by 1 - p: `nn.Dropout`.

    In a compiled function use the layer, whose generator outlives the call.

    Examples
    --------
    >>> import numpy as np
    >>> from tinygrad_mnist.nn import functional as F
    >>> F.dropout(np.ones(3), training=False)
    array([1., 1., 1.])
    """
    return Dropout(p, rng=rng).train(training).forward(x)


@hinted
def layer_norm(
    x: Any, normalized_shape: int | tuple[int, ...], weight: Any = None, bias: Any = None, eps: float = 1e-5
) -> Any:
    """Return `x` normalized over its last axes, times `weight`, plus `bias`: `nn.LayerNorm`.

    Examples
    --------
    >>> import numpy as np
    >>> from tinygrad_mnist.nn import functional as F
    >>> F.layer_norm(np.array([[1.0, 3.0]]), (2,)).round(3)
    array([[-1.,  1.]])
    """
    shape = (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)
    return normalized_to(x, shape, eps, weight, bias)


@hinted
def embedding(numbers: Any, weight: Any, padding_idx: int | None = None) -> Any:
    """Return the rows of `weight` by their numbers: `nn.Embedding`.

    Examples
    --------
    >>> import numpy as np
    >>> from tinygrad_mnist.nn import functional as F
    >>> F.embedding(np.array([1, 0]), np.array([[0.0, 1.0], [2.0, 3.0]]))
    array([[2., 3.],
           [0., 1.]])
    """
    return chosen_rows("embedding", weight, numbers, padding_idx)


@hinted
def one_hot(labels: Any, num_classes: int) -> Any:
    """Return rows of integers with a single 1, at the label.  labels: (*B) -> (*B, num_classes)

    Examples
    --------
    >>> import numpy as np
    >>> from tinygrad_mnist.nn import functional as F
    >>> F.one_hot(np.array([2, 0]), 3)
    array([[0, 0, 1],
           [1, 0, 0]])
    """
    return ops.one_hot(labels, classes=num_classes, dtype=np.int64)


@hinted
def cross_entropy(output: Any, target: Any, **options: Any) -> Any:
    """Return the cross-entropy of logits; options are those of `nn.CrossEntropyLoss`.

    Examples
    --------
    >>> import numpy as np
    >>> from tinygrad_mnist.nn import functional as F
    >>> round(F.cross_entropy(np.zeros((1, 10)), np.array([3])).item(), 3)  # log(10)
    2.303
    """
    return class_losses.CrossEntropyLoss(**options).forward(output, target)


@hinted
def nll_loss(output: Any, target: Any, **options: Any) -> Any:
    """Return minus the log-probability of the target; options are those of `nn.NLLLoss`.

    Examples
    --------
    >>> import numpy as np
    >>> from tinygrad_mnist.nn import functional as F
    >>> round(F.nll_loss(np.log([[0.25, 0.75]]), np.array([1])).item(), 4)  # -log(0.75)
    0.2877
    """
    return class_losses.NLLLoss(**options).forward(output, target)


@hinted
def mse_loss(output: Any, target: Any, **options: Any) -> Any:
    """Return the mean of the squared differences; options are those of `nn.MSELoss`.

    Examples
    --------
    >>> import numpy as np
    >>> from tinygrad_mnist.nn import functional as F
    >>> F.mse_loss(np.array([1.0, 5.0]), np.array([0.0, 2.0])).item()
    5.0
    """
    return losses.MSELoss(**options).forward(output, target)


@hinted
def l1_loss(output: Any, target: Any, **options: Any) -> Any:
    """Return the mean of the absolute differences; options are those of `nn.L1Loss`.

    Examples
    --------
    >>> import numpy as np
    >>> from tinygrad_mnist.nn import functional as F
    >>> F.l1_loss(np.array([1.0, 5.0]), np.array([0.0, 2.0])).item()
    2.0
    """
    return losses.L1Loss(**options).forward(output, target)


@hinted
def huber_loss(output: Any, target: Any, **options: Any) -> Any:
    """Return a mean that is quadratic near 0 and linear far from it; options are those of `nn.HuberLoss`.

    Examples
    --------
    >>> import numpy as np
    >>> from tinygrad_mnist.nn import functional as F
    >>> F.huber_loss(np.array([1.0, 5.0]), np.array([0.0, 2.0])).item()
    1.5
    """
    return losses.HuberLoss(**options).forward(output, target)


@hinted
def binary_cross_entropy(output: Any, target: Any, **options: Any) -> Any:
    """Return the cross-entropy of probabilities; options are those of `nn.BCELoss`.

    Examples
    --------
    >>> import numpy as np
    >>> from tinygrad_mnist.nn import functional as F
    >>> round(F.binary_cross_entropy(np.array([0.5]), np.array([1.0])).item(), 4)  # log(2)
    0.6931
    """
    return losses.BCELoss(**options).forward(output, target)


@hinted
def binary_cross_entropy_with_logits(output: Any, target: Any, **options: Any) -> Any:
    """Return the cross-entropy of logits; options are those of `nn.BCEWithLogitsLoss`.

    Examples
    --------
    >>> import numpy as np
    >>> from tinygrad_mnist.nn import functional as F
    >>> round(F.binary_cross_entropy_with_logits(np.array([0.0]), np.array([1.0])).item(), 4)  # log(2)
    0.6931
    """
    return losses.BCEWithLogitsLoss(**options).forward(output, target)


if not TYPE_CHECKING:
    _hints = {op: f"write `ops.{op}`" for op in ops.__all__} | _layers.FUNCTIONAL
    __dir__, __getattr__ = _lookups("nn.functional", _hints, __all__)
