"""Targets of the losses: checks, conversions, and advice where shapes do not fit."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_mnist.arguments import require_unmasked, shown
from tinygrad_mnist.autodiff import ops
from tinygrad_mnist.autodiff.modes import lifted
from tinygrad_mnist.autodiff.primitive import Box
from tinygrad_mnist.autodiff.tensor import Tensor
from tinygrad_mnist.errors import DTypeError, ShapeError
from tinygrad_mnist.typing import Array


def _in_dtype(target: Any, output: Any) -> Any:
    """Return a target as an array in the output's dtype; a Tensor as it is, since it may need a gradient."""
    if isinstance(target, Tensor):
        return target
    if type(target) is np.ndarray or target.dtype != output.dtype:
        return target.astype(output.dtype)  # a copy: the caller may refill the array before the backward pass
    return target  # a tracer: its program reads the array at each call


def _as_target(target: Any) -> Any:
    """Return a target as an array, or the Tensor or tracer that it is."""
    if type(target) is not np.ndarray:
        require_unmasked("target", target)
        if isinstance(target, Box):
            return target
        target = np.asarray(target)
    return lifted(target)


def real_target(target: Any, output: Any, loss: str) -> Any:
    """Return the target of an element-wise loss; refuse a shape other than the output's."""
    target = _as_target(target)
    if target.shape != _shape_of(output, loss):
        raise _of_another_shape(target, output, loss, target.dtype.kind)
    return _in_dtype(target, output)


def class_target(target: Any, output: Any, loss: str) -> Any:
    """Return integer labels, one per row of the output, or rows of probabilities in the output's shape."""
    target, shape = _as_target(target), _shape_of(output, loss)
    if target.shape == shape:
        return _in_dtype(target, output)
    if target.shape != shape[:-1]:
        raise ShapeError(
            f"{loss} cannot compare an output of shape {output.shape} with a target of shape {target.shape}: "
            f"{_target_advice(target, output, loss)}"
        )
    if target.dtype.kind not in "iu":
        if output.shape[-1] == 1:
            raise _of_another_shape(target, output, loss, target.dtype.kind)
        raise DTypeError(
            f"{loss} takes integer class labels, and these are {target.dtype}: convert with astype(np.int64)"
        )
    return target


def _shape_of(output: Any, loss: str) -> tuple[int, ...]:
    """Return the shape of an output; refuse an object without a shape."""
    try:
        return output.shape
    except AttributeError:
        write = f"write {loss}()(model(x), target)"
        raise TypeError(f"output is {shown(output)}: expected a Tensor; {write}") from None


def _of_another_shape(target: Any, output: Any, loss: str, kind: str) -> ShapeError:
    """Return the error for a target that does not have the output's shape."""
    shape = np.shape(target)
    message = f"{loss}: target {shape} does not match output {output.shape}: "
    if (*shape, 1) == output.shape:
        return ShapeError(message + "write target[:, None]")
    if shape == (*output.shape, 1):
        return ShapeError(message + "write target[:, 0]")
    if kind in "iu" and shape == output.shape[:-1]:
        return ShapeError(message + f"write np.eye({output.shape[-1]})[target] for labels")
    return ShapeError(message + "give both one shape")


def _target_advice(target: Any, output: Any, loss: str) -> str:
    """Return what to write for a target of classes that has another shape."""
    if output.ndim < 2 and target.ndim > output.ndim:
        return f"arguments swapped? write {loss}()(output, target), with an output of shape (n, classes)"
    if target.shape == (*output.shape[:-1], 1):
        return "write target[:, 0]"
    return f"give integer labels of shape {output.shape[:-1]} or rows of probabilities of {output.shape}"


def class_rows(target: Any, output: Any, loss: str) -> Any:
    """Return the result of `class_target`, with labels as one-hot rows."""
    target = class_target(target, output, loss)
    if target.shape == output.shape:
        return target
    labels = target if isinstance(target, Tensor) else Tensor(target)  # a label error then names the loss
    return ops.one_hot(labels, classes=output.shape[-1], dtype=output.dtype)


def kept_labels(target: Any, output: Any, loss: str, ignored: int | None) -> tuple[Any, Any]:
    """As `class_target`, with the mask of the labels that count; None if no label is to be left out.

    A label that is left out becomes 0, a class that exists.
    """
    target = class_target(target, output, loss)
    if ignored is None:
        return target, None
    if target.shape == output.shape:
        raise ValueError(
            f"ignore_index is {ignored} and the target has rows of probabilities: expected integer labels; "
            "write loss(output[kept], target[kept]) to leave rows out"
        )
    kept = target != ignored
    return ops.where(kept, target, 0), kept


def weights(name: str, values: Any) -> Array:
    """Return weights as an array of their own, which nobody can write into.

    Raises
    ------
    TypeError, ValueError
        If they are not finite numbers >= 0.
    """
    require_unmasked(name, values)
    try:
        array = np.array(values.data if isinstance(values, Tensor) else values)
    except ValueError:  # lists of several lengths
        array = np.array(None)
    if array.dtype.kind not in "biuf":
        raise TypeError(f"{name} is {shown(values)}: expected an array of numbers")
    array = array.astype(np.float64)
    if not (np.isfinite(array) & (array >= 0)).all():
        raise ValueError(f"{name} is {shown(values)}: expected finite numbers >= 0")
    array.flags.writeable = False
    return array
