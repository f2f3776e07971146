"""Pooling: the largest value or the mean of each window of an image, with PyTorch's shapes and meanings."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from tinygrad_mnist.autodiff.ops.choices import where
from tinygrad_mnist.autodiff.ops.shaping import HALF, SINGLE
from tinygrad_mnist.autodiff.ops.windows import (
    Pair,
    add_at,
    padded,
    pair,
    places,
    require_windows,
    result_size,
)
from tinygrad_mnist.autodiff.primitive import primitive, takes_array


def _parts(x: Any, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair, border: float) -> Iterator[Any]:
    """Yield for each position in the kernel the elements that the windows have there, as images."""
    wide = padded(x, padding, (2, 3), border)
    for _, rows, columns in places(
        result_size(x.shape[2:], kernel, stride, padding, dilation), kernel, stride, dilation
    ):
        yield wide[:, :, rows, columns]


@primitive
def max_pool(x: Any, *, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair) -> Any:
    """Return `max_pool2d`, with a pair for each setting."""
    largest, *others = _parts(x, kernel, stride, padding, dilation, -np.inf)
    for part in others:
        complexes = x.dtype.kind == "c"
        largest = (
            np.where(part.real > largest.real, part, largest) if complexes else np.maximum(largest, part)
        )
    return largest


def _firsts(key: Any, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair) -> Iterator[Any]:
    """Yield for each position in the kernel the windows in which the first largest element is there."""
    largest = max_pool.forward(key, kernel=kernel, stride=stride, padding=padding, dilation=dilation)
    taken: Any = None  # the windows whose first largest element has been found
    for part in _parts(key, kernel, stride, padding, dilation, -np.inf):
        is_largest = np.logical_or(part == largest, part != part)  # a NaN is largest
        yield is_largest if taken is None else np.greater(is_largest, taken)  # true above false
        taken = is_largest if taken is None else np.logical_or(taken, is_largest)


@primitive
def unpooled(r: Any, key: Any, *, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair) -> Any:
    """Return images with each element of `r` where the largest element of `key` was in its window."""
    (high, wide), (top, left) = key.shape[2:], padding
    images = np.zeros_like(r, shape=(*key.shape[:2], high + 2 * top, wide + 2 * left))
    masks = _firsts(key, kernel, stride, padding, dilation)
    for (_, rows, columns), is_first in zip(places(r.shape[2:], kernel, stride, dilation), masks):
        add_at(images, (slice(None), slice(None), rows, columns), where.forward(is_first, r, 0.0))
    return images[:, :, top : top + high, left : left + wide]


@primitive
def pooled(x: Any, key: Any, *, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair) -> Any:
    """Return for each window the element of `x` where the largest element of `key` is."""
    total: Any = 0.0
    parts = _parts(x, kernel, stride, padding, dilation, 0.0)
    for part, is_first in zip(parts, _firsts(key, kernel, stride, padding, dilation)):
        total = np.where(is_first, part, total)
    return total


max_pool.vjps(lambda g, y, x, **how: unpooled(g, x, **how))
unpooled.vjps(lambda g, y, r, key, **how: pooled(g, key, **how), None)
pooled.vjps(lambda g, y, x, key, **how: unpooled(g, key, **how), None)


@primitive
def sum_pool(x: Any, *, kernel: Pair, stride: Pair, padding: Pair) -> Any:
    """Return the sum of each window.  x: (N, C, H, W) -> (N, C, h, w)"""
    if x.dtype is HALF:
        return sum_pool.forward(x.astype(SINGLE), kernel=kernel, stride=stride, padding=padding).astype(HALF)
    total, *others = _parts(x, kernel, stride, padding, (1, 1), 0.0)
    for part in others:
        total = total + part
    return total


@primitive
def spread(r: Any, *, size: Pair, kernel: Pair, stride: Pair, padding: Pair) -> Any:
    """Return images of `size` with each element of `r` added everywhere in its window."""
    if r.dtype is HALF:
        single = r.astype(SINGLE)
        return spread.forward(single, size=size, kernel=kernel, stride=stride, padding=padding).astype(HALF)
    (high, wide), (top, left) = size, padding
    images = np.zeros_like(r, shape=(*r.shape[:2], high + 2 * top, wide + 2 * left))
    for _, rows, columns in places(r.shape[2:], kernel, stride, (1, 1)):
        add_at(images, (slice(None), slice(None), rows, columns), r)
    return images[:, :, top : top + high, left : left + wide]


sum_pool.vjps(lambda g, y, x, **how: spread(g, size=x.shape[2:], **how))
spread.vjps(lambda g, y, r, *, size, **how: sum_pool(g, **how))


@takes_array
def max_pool2d(x: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1) -> Any:
    """Return the largest element of each window.

    Parameters
    ----------
    x : Tensor or ndarray, shape (N, C, H, W)
    kernel_size : int or pair of int
        Height and width of a window.
    stride : int or pair of int, optional
        Steps of a window down and to the right; by default windows lie side by side.
    padding : int or pair of int, default 0
        Rows and columns on each side that are never largest.
    dilation : int or pair of int, default 1
        Distances of the pixels in a window.

    Returns
    -------
    Tensor or ndarray, shape (N, C, h, w)
        ``h = (H + 2 * padding - dilation * (kernel_size - 1) - 1) // stride + 1``

    Raises
    ------
    ShapeError
        If `x` has other axes, or is smaller than a window.

    Notes
    -----
    The first of several equal elements gets the gradient, row by row, as in PyTorch.  A NaN is largest.

    Examples
    --------
    >>> max_pool2d(np.arange(16.0).reshape(1, 1, 4, 4), 2)[0, 0]
    array([[ 5.,  7.],
           [13., 15.]])
    """
    window, spacing = pair("kernel_size", kernel_size, 1), pair("dilation", dilation, 1)
    steps, border = pair("stride", window if stride is None else stride, 1), border_of(padding, window)
    require_windows(x, window, border, spacing)
    return max_pool(x, kernel=window, stride=steps, padding=border, dilation=spacing)


@takes_array
def avg_pool2d(x: Any, kernel_size: Any, stride: Any = None, padding: Any = 0) -> Any:
    """Return the mean of each window.

    Parameters
    ----------
    x : Tensor or ndarray, shape (N, C, H, W)
    kernel_size : int or pair of int
        Height and width of a window.
    stride : int or pair of int, optional
        Steps of a window down and to the right; by default windows lie side by side.
    padding : int or pair of int, default 0
        Rows and columns of zeros on each side, which count.

    Returns
    -------
    Tensor or ndarray, shape (N, C, h, w)
        ``h = (H + 2 * padding - kernel_size) // stride + 1``

    Raises
    ------
    ShapeError
        If `x` has other axes, or is smaller than a window.

    Examples
    --------
    >>> avg_pool2d(np.arange(16.0).reshape(1, 1, 4, 4), 2)[0, 0]
    array([[ 2.5,  4.5],
           [10.5, 12.5]])
    """
    window = pair("kernel_size", kernel_size, 1)
    steps, border = pair("stride", window if stride is None else stride, 1), border_of(padding, window)
    require_windows(x, window, border, (1, 1))
    return sum_pool(x, kernel=window, stride=steps, padding=border) * (1 / (window[0] * window[1]))


def border_of(padding: Any, window: Pair) -> Pair:
    """Return the padding of a pooling: at most half of a window, as in PyTorch."""
    border = pair("padding", padding, 0)
    if any(2 * p > k for p, k in zip(border, window)):
        raise ValueError(f"padding is {padding}: expected at most half of kernel_size, {window}")
    return border
