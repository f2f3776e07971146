"""Ops on the windows of images: convolutions and pooling, with PyTorch's shapes and meanings.

Images are (N, C, H, W).  What is computed lies in memory as (H, C, W, N): inner loops run over whole batches,
and a convolution is a matrix product for each row of the result.  NumPy keeps that order from op to op.
"""

from __future__ import annotations

import operator
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from tinygrad_mnist.arguments import shown
from tinygrad_mnist.autodiff.ops.reducing import sum
from tinygrad_mnist.autodiff.ops.shaping import HALF, SINGLE
from tinygrad_mnist.autodiff.primitive import primitive, takes_array
from tinygrad_mnist.errors import ShapeError

Pair = tuple[int, int]


def pair(name: str, value: Any, least: int) -> Pair:
    """Return a setting for both axes of an image."""
    try:
        numbers = value if isinstance(value, tuple | list) else (value, value)
        first, second = (operator.index(number) for number in numbers)
    except (TypeError, ValueError):
        instead = "; a window of 3 keeps the size with padding=1" if isinstance(value, str) else ""
        raise TypeError(
            f"{name} is {shown(value)}: expected a whole number or a pair of them{instead}"
        ) from None
    if min(first, second) < least:
        raise ValueError(f"{name} is {shown(value)}: expected at least {least}")
    return first, second


def result_size(size: Pair, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair) -> Pair:
    """Return the number of windows down and to the right in images of a size."""
    found = (
        (n + 2 * p - d * (k - 1) - 1) // s + 1
        for n, k, s, p, d in zip(size, kernel, stride, padding, dilation)
    )
    return next(found), next(found)


def require_windows(x: Any, kernel: Pair, padding: Pair, dilation: Pair) -> None:
    """Refuse what is not a batch of images, and images that are smaller than a window."""
    if getattr(x, "ndim", 0) != 4:
        raise ShapeError(
            f"x has shape {np.shape(x)}: expected images (N, C, H, W); write x[:, None] for (N, H, W)"
        )
    spans = [d * (k - 1) + 1 for k, d in zip(kernel, dilation)]
    if any(n + 2 * p < span for n, p, span in zip(x.shape[2:], padding, spans)):
        raise ShapeError(f"x has shape {x.shape}: expected images as large as a window, {tuple(spans)}")


def _rows_first(x: Any) -> Any:
    """Return images (N, C, H, W) as (H, C, W, N), with the batch next to each other in memory."""
    moved = np.transpose(x, (2, 1, 3, 0))
    return moved if moved.strides[3] == x.dtype.itemsize else moved.copy()


def padded(x: Any, padding: Pair, axes: Pair, value: float = 0.0) -> Any:
    """Return an array with a border of one value along two axes."""
    if padding == (0, 0):
        return x
    width = dict(zip(axes, padding))
    wide = np.zeros_like(x, shape=tuple(n + 2 * width.get(i, 0) for i, n in enumerate(x.shape)))
    wide = wide + x.dtype.type(value) if value else wide
    wide[tuple(slice(width.get(i, 0), width.get(i, 0) + n) for i, n in enumerate(x.shape))] = x
    return wide


def _columns(x: Any, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair) -> Any:
    """Return the windows of each row of the result as columns: (rows, C * kernel, columns * N)."""
    span = tuple(d * (k - 1) + 1 for k, d in zip(kernel, dilation))
    windows = sliding_window_view(padded(_rows_first(x), padding, (0, 2)), span, axis=(0, 2))
    windows = windows[:: stride[0], :, :: stride[1], :, :: dilation[0], :: dilation[1]]
    rows, channels, columns, batch = windows.shape[:4]
    shape = rows, channels * kernel[0] * kernel[1], columns * batch
    return np.reshape(np.transpose(windows, (0, 1, 4, 5, 2, 3)), shape)


def _matrices(g: Any) -> Any:
    """Return images (N, C, H, W) as a matrix for each row: (H, C, W * N)."""
    rows = _rows_first(g)
    return np.reshape(rows, (*rows.shape[:2], rows.shape[2] * rows.shape[3]))


def places(size: Pair, kernel: Pair, stride: Pair, dilation: Pair) -> Iterator[tuple[Pair, slice, slice]]:
    """Yield each position in the kernel, with the rows and columns it meets.  size: of the result"""

    def met(axis: int, position: int) -> slice:
        start, step = position * dilation[axis], stride[axis]
        return slice(start, start + step * (size[axis] - 1) + 1, step)

    for i, j in np.ndindex(kernel):
        yield (i, j), met(0, i), met(1, j)


def add_at(result: Any, index: Any, part: Any) -> None:
    """Add to a part of an array, which is np.add.at without its cost where no element is met twice."""
    if type(result) is np.ndarray:
        result[index] += part
    else:
        np.add.at(result, index, part)


def _flops(y: Any, x: Any, weight: Any, *_: Any) -> int:
    """Return two per term: a result has as many terms as the kernel and the channels make."""
    return 2 * int(y.size * weight[0].size)


@primitive(flops=_flops)
def convolution(x: Any, weight: Any, bias: Any, *, stride: Pair, padding: Pair, dilation: Pair) -> Any:
    """Return `conv2d`, with a pair for each setting."""
    if x.dtype is HALF:
        wide = (None if a is None else a.astype(SINGLE) for a in (x, weight, bias))
        return convolution.forward(*wide, stride=stride, padding=padding, dilation=dilation).astype(HALF)
    columns = _columns(x, weight.shape[2:], stride, padding, dilation)
    product = np.matmul(np.reshape(weight, (weight.shape[0], -1)), columns)
    if bias is not None:
        product = np.add(product, np.reshape(bias, (-1, 1)), product if product.dtype == bias.dtype else None)
    _, width = result_size(x.shape[2:], weight.shape[2:], stride, padding, dilation)
    return np.transpose(np.reshape(product, (*product.shape[:2], width, x.shape[0])), (3, 1, 0, 2))


@primitive(flops=lambda y, r, weight: 2 * int(r.size * weight[0].size))
def convolution_input(r: Any, weight: Any, *, size: Pair, stride: Pair, padding: Pair, dilation: Pair) -> Any:
    """Return the adjoint of a convolution for its images.  r: (N, O, h, w), weight: (O, C, kh, kw)"""
    if r.dtype is HALF:
        settings = {"size": size, "stride": stride, "padding": padding, "dilation": dilation}
        return convolution_input.forward(r.astype(SINGLE), weight.astype(SINGLE), **settings).astype(HALF)
    kernel, channels, batch, result = weight.shape[2:], weight.shape[1], r.shape[0], r.shape[2:]
    products = np.matmul(np.reshape(weight, (weight.shape[0], -1)).T, _matrices(r))
    parts = np.reshape(products, (result[0], channels, *kernel, result[1], batch))
    (high, wide), (top, left) = size, padding
    images = np.zeros_like(products, shape=(high + 2 * top, channels, wide + 2 * left, batch))
    for (i, j), rows, columns in places(result, kernel, stride, dilation):
        add_at(images, (rows, slice(None), columns), parts[:, :, i, j])
    return np.transpose(images[top : top + high, :, left : left + wide], (3, 1, 0, 2))


@primitive(flops=lambda y, x, r: 2 * int(r.size * y[0].size))
def convolution_weight(x: Any, r: Any, *, size: Pair, stride: Pair, padding: Pair, dilation: Pair) -> Any:
    """Return the adjoint of a convolution for its kernels.  x: (N, C, H, W), r: (N, O, h, w)"""
    if x.dtype is HALF:
        settings = {"size": size, "stride": stride, "padding": padding, "dilation": dilation}
        return convolution_weight.forward(x.astype(SINGLE), r.astype(SINGLE), **settings).astype(HALF)
    columns = _columns(x, size, stride, padding, dilation)[: r.shape[2]]
    products = np.matmul(_matrices(r), columns.mT)
    return np.reshape(np.add.reduce(products, axis=0), (r.shape[1], x.shape[1], *size))


convolution.vjps(
    lambda g, y, x, weight, bias, **how: convolution_input(g, weight, size=x.shape[2:], **how),
    lambda g, y, x, weight, bias, **how: convolution_weight(x, g, size=weight.shape[2:], **how),
    lambda g, y, x, weight, bias, **how: sum(g, axis=(0, 2, 3)),
)
convolution_input.vjps(
    lambda g, y, r, weight, *, size, **how: convolution(g, weight, None, **how),
    lambda g, y, r, weight, *, size, **how: convolution_weight(g, r, size=weight.shape[2:], **how),
)
convolution_weight.vjps(
    lambda g, y, x, r, *, size, **how: convolution_input(r, g, size=x.shape[2:], **how),
    lambda g, y, x, r, *, size, **how: convolution(x, g, None, **how),
)


@takes_array
def conv2d(
    x: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1
) -> Any:
    """Return the cross-correlation of images with kernels.

    Parameters
    ----------
    x : Tensor or ndarray, shape (N, C, H, W)
    weight : Tensor or ndarray, shape (O, C, kh, kw)
    bias : Tensor or ndarray, shape (O,), optional
    stride : int or pair of int, default 1
        Steps of a window down and to the right.
    padding : int or pair of int, default 0
        Rows and columns of zeros on each side.
    dilation : int or pair of int, default 1
        Distances of the pixels that a window reads.

    Returns
    -------
    Tensor or ndarray, shape (N, O, h, w)
        ``h = (H + 2 * padding - dilation * (kh - 1) - 1) // stride + 1``

    Raises
    ------
    ShapeError
        If the shapes do not fit.

    Notes
    -----
    ``y[n, o, i, j] = bias[o] + sum(weight[o] * window of x[n] at (i, j))``.  The windows are columns of a
    matrix for each row of the result (K. Chellapilla, S. Puri and P. Simard, 2006).

    Examples
    --------
    >>> conv2d(np.ones((1, 1, 3, 3)), np.ones((1, 1, 2, 2)))[0, 0]
    array([[4., 4.],
           [4., 4.]])
    """
    steps, border, spread = (
        pair("stride", stride, 1),
        pair("padding", padding, 0),
        pair("dilation", dilation, 1),
    )
    if getattr(weight, "ndim", 0) != 4 or (getattr(x, "ndim", 0) == 4 and x.shape[1] != weight.shape[1]):
        raise ShapeError(
            f"conv2d: images {np.shape(x)} and kernels {np.shape(weight)} do not fit: expected (N, C, H, W) "
            "and (O, C, kh, kw)"
        )
    require_windows(x, weight.shape[2:], border, spread)
    return convolution(x, weight, bias, stride=steps, padding=border, dilation=spread)
