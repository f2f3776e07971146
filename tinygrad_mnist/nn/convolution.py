"""Layers for images (n, channels, height, width): convolution and pooling."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from tinygrad_mnist.arguments import require_bool, require_whole, shown
from tinygrad_mnist.autodiff import ops
from tinygrad_mnist.autodiff.ops.pooling import border_of
from tinygrad_mnist.autodiff.ops.windows import pair
from tinygrad_mnist.hints import hinted
from tinygrad_mnist.nn import init
from tinygrad_mnist.nn.inputs import require_dtype, require_images
from tinygrad_mnist.nn.parameters import learned
from tinygrad_mnist.nn.settings import Configured
from tinygrad_mnist.seeding import generator

Sides = int | tuple[int, int]


class Conv2d(Configured):
    """Slide small kernels over images: each output channel is the same function of every window.

    Parameters
    ----------
    in_channels, out_channels : int
        Length of the axis 1 of the input and of the output.
    kernel_size : int or pair of int
        Height and width of a window.
    stride : int or pair of int, default 1
        Steps of a window down and to the right.
    padding : int or pair of int, default 0
        Rows and columns of zeros on each side.
    dilation : int or pair of int, default 1
        Distances of the pixels in a window.
    groups : int, default 1
        Only 1: every output channel reads every input channel.
    bias : bool, default True
        If False, the layer has no bias.
    rng : int or numpy.random.Generator, optional
        Seed or generator of the initial values, uniform within ``1 / sqrt(in_channels * kernel height *
        kernel width)``, as in PyTorch; see `manual_seed` if omitted.
    dtype : dtype, optional
        Dtype of the parameters; see `set_default_dtype` if omitted.

    Attributes
    ----------
    weight : Parameter, shape (out_channels, in_channels, kernel height, kernel width)
    bias : Parameter, shape (out_channels,), or None

    Raises
    ------
    ShapeError
        When called, if the input has other axes or channels, or is smaller than a window.
    DTypeError
        When called, if the input has another dtype than the parameters.

    Notes
    -----
    Y. LeCun et al., Gradient-based learning applied to document recognition, 1998.

    Examples
    --------
    >>> from tinygrad_mnist import nn
    >>> nn.Conv2d(1, 6, 5, padding=2)(np.zeros((2, 1, 28, 28), np.float32)).shape
    (2, 6, 28, 28)
    """

    SHOWN_BY_NAME = ("kernel_size",)

    @hinted
    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Sides,
        stride: Sides = 1,
        padding: Sides = 0,
        dilation: Sides = 1,
        groups: int = 1,
        bias: bool = True,
        *,
        rng: np.random.Generator | int | None = None,
        dtype: DTypeLike | None = None,
    ) -> None:
        self.in_channels = require_whole("in_channels", in_channels)
        self.out_channels = require_whole("out_channels", out_channels)
        require_bool("bias", bias)
        if groups != 1:
            one = f"nn.Conv2d({max(1, in_channels // 2)}, {max(1, out_channels // 2)}, {kernel_size})"
            raise ValueError(f"groups is {shown(groups)}: expected 1; write {one} for each slice of channels")
        self.kernel_size, self.stride = pair("kernel_size", kernel_size, 1), pair("stride", stride, 1)
        self.padding, self.dilation = pair("padding", padding, 0), pair("dilation", dilation, 1)
        uniform = init.uniform(1 / math.sqrt(in_channels * math.prod(self.kernel_size)))
        rng, shape = generator(rng), (out_channels, in_channels, *self.kernel_size)
        self.weight = learned(uniform(shape, rng), dtype)
        self.bias = learned(uniform((out_channels,), rng), dtype) if bias else None

    def forward(self, x: Any) -> Any:
        """Return the output channels.  x: (n, in_channels, H, W) -> (n, out_channels, h, w)"""
        require_images(self, x)
        require_dtype("Conv2d", x, self.weight.dtype)
        return ops.conv2d(x, self.weight, self.bias, self.stride, self.padding, self.dilation)


class _Pool(Configured):
    """Windows of a pooling, which has no parameters."""

    SHOWN_BY_NAME = ("kernel_size", "stride")

    @hinted
    def __init__(self, kernel_size: Sides, stride: Sides | None = None, padding: Sides = 0) -> None:
        self.kernel_size = pair("kernel_size", kernel_size, 1)
        self.stride = self.kernel_size if stride is None else pair("stride", stride, 1)
        self.padding = border_of(padding, self.kernel_size)


class MaxPool2d(_Pool):
    """Keep the largest element of each window.

    Parameters
    ----------
    kernel_size : int or pair of int
        Height and width of a window.
    stride : int or pair of int, optional
        Steps of a window down and to the right; by default windows lie side by side.
    padding : int or pair of int, default 0
        Rows and columns on each side that are never largest.
    dilation : int or pair of int, default 1
        Distances of the pixels in a window.

    Examples
    --------
    >>> from tinygrad_mnist import nn
    >>> nn.MaxPool2d(2)(np.arange(16.0).reshape(1, 1, 4, 4))[0, 0]
    array([[ 5.,  7.],
           [13., 15.]])
    """

    @hinted
    def __init__(
        self, kernel_size: Sides, stride: Sides | None = None, padding: Sides = 0, dilation: Sides = 1
    ) -> None:
        super().__init__(kernel_size, stride, padding)
        self.dilation = pair("dilation", dilation, 1)

    def forward(self, x: Any) -> Any:
        """Return the largest elements.  x: (n, C, H, W) -> (n, C, h, w)"""
        return ops.max_pool2d(x, self.kernel_size, self.stride, self.padding, self.dilation)


class AvgPool2d(_Pool):
    """Take the mean of each window.

    Parameters
    ----------
    kernel_size : int or pair of int
        Height and width of a window.
    stride : int or pair of int, optional
        Steps of a window down and to the right; by default windows lie side by side.
    padding : int or pair of int, default 0
        Rows and columns of zeros on each side, which count.

    Examples
    --------
    >>> from tinygrad_mnist import nn
    >>> nn.AvgPool2d(2)(np.arange(16.0).reshape(1, 1, 4, 4))[0, 0]
    array([[ 2.5,  4.5],
           [10.5, 12.5]])
    """

    def forward(self, x: Any) -> Any:
        """Return the means.  x: (n, C, H, W) -> (n, C, h, w)"""
        return ops.avg_pool2d(x, self.kernel_size, self.stride, self.padding)
