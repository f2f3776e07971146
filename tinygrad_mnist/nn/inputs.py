"""Checks of the inputs of layers, and advice on what to write instead."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tinygrad_mnist.arguments import shown
from tinygrad_mnist.autodiff.modes import CALL, path_of
from tinygrad_mnist.autodiff.ops.indexing import require_rows, rows
from tinygrad_mnist.autodiff.primitive import checked, peeled
from tinygrad_mnist.errors import DTypeError, ShapeError


def require_array(layer: str, x: Any, what: str = "input") -> None:
    """Refuse an input of a layer, or its initial state, that is neither a Tensor nor an array."""
    if not hasattr(x, "shape"):
        raise TypeError(f"{layer} got {shown(x)} for its {what}: pass Tensor(x) or np.asarray(x)")


def require_dtype(layer: str, x: Any, own: np.dtype[Any], what: str = "weights") -> None:
    """Refuse an input whose dtype was chosen and is not that of the layer's arrays.

    Integers, booleans and Tensors made from Python's numbers take the dtype of the layer.
    """
    if x.dtype != own and x.dtype.kind not in "iub" and not getattr(x, "weak_dtype", False):
        raise DTypeError(f"{layer} has {own} {what}, the input is {x.dtype}: pass x.astype(np.{own})")


def require_indices(layer: str, x: Any) -> None:
    """Refuse an input that is not an array of integers."""
    require_array(layer, x)
    if np.dtype(x.dtype).kind not in "iu":
        instead = "pass x.astype(np.int64); a Loader takes dtype=np.int64"
        raise DTypeError(f"{layer} takes integers, got {x.dtype}: {instead}")


def chosen_rows(layer: str, table: Any, numbers: Any, padding: int | None) -> Any:
    """Return the rows of a table by their numbers, which are checked; see `nn.Embedding`."""
    require_array(layer, table, "table")
    require_indices(layer, numbers)
    checked(require_rows, peeled(numbers), table.shape[0])
    return rows(table, numbers, padding=padding)


def advise_linear(layer: Any, x: Any, error: ShapeError | TypeError) -> None:
    """Raise the error of a `Linear` again with a sentence on its input `x`, if that is wrong."""
    advice = _linear_advice(layer, x, error)
    if advice:
        advised = type(error)(f"{path_of(CALL.get()) or 'Linear'} {advice}")
        advised.failed_op = getattr(error, "failed_op", None)  # type: ignore[union-attr]
        raise advised from None


def _linear_advice(layer: Any, x: Any, error: ShapeError | TypeError) -> str:
    """Return what is wrong with the input of a `Linear`, and what to write; "" if it is right."""
    own, features = layer.weight.dtype, layer.in_features
    if x is None:
        return "got None for its input: return a value from the forward before it"
    if not hasattr(x, "shape"):
        return f"got {shown(x)} for its input: pass np.asarray(x, np.{own})"
    if isinstance(error, DTypeError):
        if x.dtype == own:
            return ""
        build = f", or build it with dtype=np.{x.dtype}" if x.dtype.kind == "f" else ""
        return f"has {own} weights, the input is {x.dtype}: pass x.astype(np.{own}){build}"
    shape = tuple(x.shape)
    if shape[-1:] == (features,):
        return ""
    if math.prod(shape[1:]) == features and len(shape) > 1:
        instead = "put nn.Flatten() before it"
    elif len(shape) == 2 and shape[0] == features and not getattr(x, "inputs", ()):
        instead = "one example per row is x.T"
    else:
        instead = f"build it as Linear({shape[-1] if shape else 1}, {layer.out_features})"
    return f"expects {features} features in the last axis, got inputs of shape {shape}: {instead}"


def require_images(layer: Any, x: Any) -> None:
    """Refuse an input of a `Conv2d` that is not (n, in_channels, height, width)."""
    shape, channels = tuple(np.shape(x)), layer.in_channels
    if len(shape) == 4 and shape[1] == channels:
        return
    instead = f"pass x.reshape(len(x), {channels}, height, width)"
    if len(shape) == 3:
        instead = "pass x[:, None]" if channels == 1 else "pass x[None] for one image"
    elif len(shape) == 4:
        build = f"build it as Conv2d({shape[1]}, {layer.out_channels}, {layer.kernel_size})"
        instead = "pass x.transpose(0, 3, 1, 2)" if shape[3] == channels else build
    raise ShapeError(
        f"Conv2d takes images (n, {channels}, height, width), got inputs of shape {shape}: {instead}"
    )


def require_channels(layer: Any, x: Any, axes: Any, takes: str) -> None:
    """Refuse an input of a batch normalization that has other axes or channels, or no variance.

    Parameters
    ----------
    axes
        The numbers of axes that it may have.
    takes
        The inputs of the layer in words.
    """
    name, channels, shape = type(layer).__name__, layer.num_features, tuple(x.shape)
    if x.ndim not in axes or shape[1] != channels:
        raise ShapeError(f"{name} takes {takes} with C = {channels}, got inputs of shape {shape}")
    if layer.training and math.prod(shape) == channels:
        raise ShapeError(
            f"{name} got one value per channel in training, inputs of shape {shape}, which has no variance: "
            "train on larger batches or fewer micro-batches, leave out a small last batch (drop_last=True), "
            "or call eval()"
        )


def require_steps(layer: Any, x: Any) -> None:
    """Refuse an input of a recurrent layer that is not a sequence of steps, or is empty."""
    name = type(layer).__name__
    require_array(name, x)
    if x.ndim != 3 or x.shape[2] != layer.input_size or 0 in x.shape:
        axes = "(n, steps, input_size)" if layer.batch_first else "(steps, n, input_size)"
        raise ShapeError(
            f"{name} takes {axes} with input_size = {layer.input_size}, got inputs of shape {tuple(x.shape)}"
        )
