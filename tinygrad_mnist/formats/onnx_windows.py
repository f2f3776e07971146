"""Convolutions, their adjoints and pooling in ONNX, whose operators have PyTorch's meanings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tinygrad_mnist.formats.onnx_graph import OnnxGraph

_CHANNELS_FIRST = [1, 0, 2, 3]


def _windows(
    stride: Sequence[int], padding: Sequence[int], dilation: Sequence[int] | None = None
) -> dict[str, Any]:
    """Return ONNX's attributes: the padding is that at the top, on the left, at the bottom, on the right."""
    found = {"strides": list(stride), "pads": [*padding, *padding]}
    return found if dilation is None else {**found, "dilations": list(dilation)}


def convolution(graph: OnnxGraph, operands: Sequence[Any], given: Sequence[Any], **how: Any) -> str:
    """Add a Conv."""
    return graph.node("Conv", *(name for name in given if name is not None), **_windows(**how))


def convolution_input(
    graph: OnnxGraph, operands: Sequence[Any], given: Sequence[Any], *, size: Any, **how: Any
) -> str:
    """Add a ConvTranspose, with rows and columns that no window reached as the padding of its output."""
    r, weight = (operand.array.shape[2:] for operand in operands)
    settings = zip(size, r, weight, how["stride"], how["padding"], how["dilation"])
    rest = [n - ((m - 1) * s - 2 * p + d * (k - 1) + 1) for n, m, k, s, p, d in settings]
    return graph.node("ConvTranspose", *given, output_padding=rest, **_windows(**how))


def convolution_weight(
    graph: OnnxGraph,
    operands: Sequence[Any],
    given: Sequence[Any],
    *,
    size: Sequence[int],
    stride: Any,
    padding: Any,
    dilation: Any,
) -> str:
    """Add a Conv in which channels and examples change places, and so do strides and dilations."""
    x, r = (graph.node("Transpose", name, perm=_CHANNELS_FIRST) for name in given)
    products = graph.node("Conv", x, r, **_windows(dilation, padding, stride))
    kernels = graph.node(
        "Slice", products, graph.whole_numbers(0, 0), graph.whole_numbers(*size), graph.whole_numbers(2, 3)
    )
    return graph.node("Transpose", kernels, perm=_CHANNELS_FIRST)


def max_pool(
    graph: OnnxGraph, operands: Sequence[Any], given: Sequence[Any], *, kernel: Any, **how: Any
) -> str:
    """Add a MaxPool."""
    return graph.node("MaxPool", *given, kernel_shape=list(kernel), **_windows(**how))


def sum_pool(
    graph: OnnxGraph, operands: Sequence[Any], given: Sequence[Any], *, kernel: Any, **how: Any
) -> str:
    """Add an AveragePool, times the elements of a window."""
    means = graph.node(
        "AveragePool", *given, kernel_shape=list(kernel), count_include_pad=1, **_windows(**how)
    )
    return graph.node("Mul", means, graph.constant(np.array(kernel[0] * kernel[1], operands[0].array.dtype)))
