"""Normalization layers: subtract the mean, divide by the standard deviation, then scale and shift."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from tinygrad_mnist.arguments import require_bool, require_number, require_whole
from tinygrad_mnist.autodiff import ops
from tinygrad_mnist.autodiff.modes import no_grad
from tinygrad_mnist.default_dtype import get_default_dtype
from tinygrad_mnist.errors import ShapeError
from tinygrad_mnist.hints import hinted
from tinygrad_mnist.nn.inputs import require_array, require_channels, require_dtype
from tinygrad_mnist.nn.module import Module
from tinygrad_mnist.nn.parameters import Buffer, learned
from tinygrad_mnist.nn.settings import Configured, settings_of


class LayerNorm(Module):
    """Normalize each example over its last axes: ``(x - mean) / sqrt(var + eps) * weight + bias``.

    Parameters
    ----------
    normalized_shape : int or tuple of int
        Lengths of the last axes, over which mean and variance are taken.
    eps : float, default 1e-5
        Added to the variance, the mean of the squared distances.
    elementwise_affine : bool, default True
        If False, neither scale nor shift.
    bias : bool, default True
        If False, scale and do not shift.
    dtype : dtype, optional
        Dtype of the parameters; see `set_default_dtype` if omitted.

    Notes
    -----
    J. Ba, J. Kiros and G. Hinton, Layer normalization, 2016.

    Examples
    --------
    >>> from tinygrad_mnist import nn
    >>> nn.LayerNorm(2, dtype=np.float64)(np.array([[1.0, 3.0]])).data.round(3)
    array([[-1.,  1.]])
    """

    @hinted
    def __init__(
        self,
        normalized_shape: int | tuple[int, ...],
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
        *,
        dtype: DTypeLike | None = None,
    ) -> None:
        lengths = normalized_shape if isinstance(normalized_shape, tuple | list) else (normalized_shape,)
        shape = self.normalized_shape = tuple(require_whole("normalized_shape", n) for n in lengths)
        self.eps = require_number("eps", eps, low=0)
        self.elementwise_affine = require_bool("elementwise_affine", elementwise_affine)
        require_bool("bias", bias)
        self.weight = learned(np.ones(shape), dtype) if elementwise_affine else None
        self.bias = learned(np.zeros(shape), dtype) if elementwise_affine and bias else None

    def forward(self, x: Any) -> Any:
        """Return the normalized `x` (..., *normalized_shape), in its shape and dtype."""
        require_array("LayerNorm", x)
        return normalized_to(x, self.normalized_shape, self.eps, self.weight, self.bias)

    def extra_repr(self) -> str:
        """Return the settings."""
        return settings_of(self, "eps", without=() if self.elementwise_affine else ("bias",))


class BatchNorm(Configured):
    """Base class of `BatchNorm1d` and `BatchNorm2d`, which differ in the axes of their inputs."""

    SHOWN_BY_NAME = ("eps", "momentum")

    _axes: dict[int, tuple[int, ...]]  # number of axes of the input: axes over which the mean is taken
    _takes: str

    @hinted
    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        *,
        dtype: DTypeLike | None = None,
    ) -> None:
        self.num_features = require_whole("num_features", num_features)
        self.eps = require_number("eps", eps, low=0)
        self.momentum = None if momentum is None else require_number("momentum", momentum, low=0)
        self.affine = require_bool("affine", affine)
        self.track_running_stats = require_bool("track_running_stats", track_running_stats)
        self.weight = learned(np.ones(num_features), dtype) if affine else None
        self.bias = learned(np.zeros(num_features), dtype) if affine else None
        self.running_mean = self.running_var = self.num_batches_tracked = None
        if track_running_stats:
            dtype = get_default_dtype() if dtype is None else dtype
            self.running_mean = Buffer(np.zeros(num_features, dtype))
            self.running_var = Buffer(np.ones(num_features, dtype))
            self.num_batches_tracked = Buffer(0)

    def forward(self, x: Any) -> Any:
        """Return the normalized `x`, in its shape and dtype."""
        require_array(type(self).__name__, x)
        require_channels(self, x, self._axes, self._takes)
        own = self.weight if self.running_mean is None else self.running_mean
        if own is not None:  # before the running statistics move
            what = "statistics" if self.weight is None else "weights"
            require_dtype(type(self).__name__, x, own.dtype, what)
        along = (1, -1, *(1,) * (x.ndim - 2))
        if self.training or self.running_mean is None or self.running_var is None:
            centred, mean, variance = _moments(x, self._axes[x.ndim])
            if self.training:
                with no_grad():
                    self._track(ops.reshape(mean, (-1,)), ops.reshape(variance, (-1,)), x)
        else:
            centred = x - ops.reshape(self.running_mean, along)
            variance = ops.reshape(self.running_var, along)
        scale, shift = (None if p is None else ops.reshape(p, along) for p in (self.weight, self.bias))
        return _scaled(centred / ops.sqrt(variance + self.eps), scale, shift)

    def _track(self, mean: Any, variance: Any, x: Any) -> None:
        """Move the running mean and the running variance, unbiased, towards those of a batch."""
        if self.running_mean is None or self.running_var is None or self.num_batches_tracked is None:
            return
        count = math.prod(x.shape) // self.num_features
        self.num_batches_tracked += 1
        rate = self.momentum
        if rate is None:  # the mean of all batches so far
            rate = 1.0 / ops.astype(self.num_batches_tracked, self.running_mean.dtype)
        unbiased = variance * (count / (count - 1))
        for running, found in ((self.running_mean, mean), (self.running_var, unbiased)):
            running *= 1 - rate
            running += rate * found


class BatchNorm1d(BatchNorm):
    """Normalize each feature over the batch: ``(x - mean) / sqrt(var + eps) * weight + bias``.

    Evaluation uses the running mean and variance, which training keeps in the buffers
    ``running_mean`` and ``running_var``.

    Parameters
    ----------
    num_features : int
        Length of axis 1 of the inputs, C in (n, C) or (n, C, length).
    eps : float, default 1e-5
        Added to the variance.
    momentum : float or None, default 0.1
        Weight of a new batch in the running statistics; None takes the mean of all batches.
    affine : bool, default True
        If False, neither scale nor shift.
    track_running_stats : bool, default True
        If False, evaluation uses the statistics of its batch too.
    dtype : dtype, optional
        Dtype of parameters and buffers; see `set_default_dtype` if omitted.

    Raises
    ------
    ShapeError
        If an input has other axes, or a training batch one value per feature.

    Notes
    -----
    The variance divides by the number of values, that of the running statistics by one less, as in PyTorch.
    S. Ioffe and C. Szegedy, Batch normalization, 2015.

    Examples
    --------
    >>> from tinygrad_mnist import nn
    >>> layer = nn.BatchNorm1d(1, dtype=np.float64)
    >>> layer(np.array([[1.0], [3.0]])).data.round(3).tolist()
    [[-1.0], [1.0]]
    >>> layer.running_mean.data
    array([0.2])
    """

    _axes = {2: (0,), 3: (0, 2)}  # noqa: RUF012
    _takes = "(n, C) or (n, C, length)"


class BatchNorm2d(BatchNorm):
    """Normalize each channel of images (n, C, height, width), as `BatchNorm1d` does each feature.

    Parameters
    ----------
    num_features : int
        Number of channels, C.
    eps, momentum, affine, track_running_stats, dtype
        As in `BatchNorm1d`.

    Raises
    ------
    ShapeError
        If an input has other axes, or a training batch one value per channel.

    Examples
    --------
    >>> import numpy as np
    >>> from tinygrad_mnist import nn
    >>> images = np.random.default_rng(0).normal(3.0, 2.0, (8, 2, 5, 5)).astype(np.float32)
    >>> y = nn.BatchNorm2d(2)(images)
    >>> bool(np.abs(y.data.mean(axis=(0, 2, 3))).max() < 1e-5)
    True
    """

    _axes = {4: (0, 2, 3)}  # noqa: RUF012
    _takes = "(n, C, height, width)"


def normalized_to(x: Any, shape: tuple[int, ...], eps: float, weight: Any, bias: Any) -> Any:
    """Return `x` normalized over its last axes, whose lengths are `shape`."""
    if tuple(x.shape[-len(shape) :]) != shape:
        length = x.shape[-1] if x.ndim else 1
        raise ShapeError(
            f"LayerNorm normalizes the last axes {shape}, got inputs of shape {tuple(x.shape)}: "
            f"build it as LayerNorm({length}), or write F.layer_norm(x, {length})"
        )
    return normalized(x, tuple(range(-len(shape), 0)), eps, weight, bias)


def normalized(x: Any, axes: tuple[int, ...], eps: float, weight: Any, bias: Any) -> Any:
    """Return ``(x - mean) / sqrt(var + eps) * weight + bias``, with mean and variance over axes."""
    centred, _, variance = _moments(x, axes)
    return _scaled(centred / ops.sqrt(variance + eps), weight, bias)


def _moments(x: Any, axes: tuple[int, ...]) -> tuple[Any, Any, Any]:
    """Return ``x - mean``, the mean and the variance over axes, which keep the length 1."""
    mean = ops.mean(x, axis=axes, keepdims=True)
    centred = x - mean
    return centred, mean, ops.mean(centred * centred, axis=axes, keepdims=True)


def _scaled(x: Any, weight: Any, bias: Any) -> Any:
    """Return ``x * weight + bias``, without what is None."""
    x = x if weight is None else x * weight
    return x if bias is None else x + bias
