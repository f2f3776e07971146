"""Ops that could be composed of others, declared whole: for their numerical stability or their speed."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np

from tinygrad_mnist.autodiff.ops.casts import cast
from tinygrad_mnist.autodiff.ops.choices import abs, relu, where
from tinygrad_mnist.autodiff.ops.reducing import sum
from tinygrad_mnist.autodiff.ops.shaping import HALF, SINGLE, as_positions, ones
from tinygrad_mnist.autodiff.ops.smooth import exp, sigmoid
from tinygrad_mnist.autodiff.primitive import checked, primitive
from tinygrad_mnist.errors import DTypeError, LabelError, ShapeError

_MOST_CLASSES_IN_A_TABLE = 1000


@primitive(flops=lambda y, x, weight, bias: 2 * y.size * x.shape[-1])
def linear(x: Any, weight: Any, bias: Any) -> Any:
    """Apply the affine map ``x @ weight.T + bias``.

    Parameters
    ----------
    x : Tensor or ndarray, shape (*B, in)
    weight : Tensor or ndarray, shape (out, in)
    bias : Tensor or ndarray, shape (out,), or None

    Returns
    -------
    Tensor or ndarray, shape (*B, out)

    Examples
    --------
    >>> linear(np.array([1.0, 2.0]), np.array([[1.0, 0.0], [1.0, 1.0]]), np.array([0.0, 10.0]))
    array([ 1., 13.])
    """
    if x.ndim > 2:
        return np.reshape(linear.forward(_rows(x), weight, bias), (*x.shape[:-1], weight.shape[0]))
    product = np.dot(x, weight.T) if x.ndim == 2 else np.matmul(x, weight.T)  # the same; dot is quicker
    if bias is None:
        return product
    # In place unless the bias is complex and the product is not: a complex step in the bias alone.
    return np.add(product, bias, product if product.dtype == bias.dtype else None)


def _rows(x: Any) -> Any:
    """Return all rows of a stack as one matrix: one product is several times as fast as one per matrix."""
    return x.reshape((math.prod(x.shape[:-1]), x.shape[-1]))


def _linear_weight(g: Any, x: Any) -> Any:
    if x.ndim > 2:
        g, x = _rows(g), _rows(x)
    return g.mT @ x if x.ndim > 1 else g[:, None] * x


linear.vjps(
    lambda g, y, x, weight, bias: g @ weight if x.ndim <= 2 else (_rows(g) @ weight).reshape(x.shape),
    lambda g, y, x, weight, bias: _linear_weight(g, x),
    lambda g, y, x, weight, bias: g,
)


def _require_one_shape(op: str, a: Any, b: Any) -> None:
    if getattr(a, "shape", ()) != getattr(b, "shape", ()):
        raise ShapeError(f"{op} compares {np.shape(a)} with {np.shape(b)}: give both one shape")


@primitive
def squared_error(a: Any, b: Any, *, scale: float = 1.0) -> Any:
    """Return ``scale`` times the sum of ``(a - b)**2`` over all elements.

    Parameters
    ----------
    a, b : Tensor or ndarray
        One shape; they are never broadcast.
    scale : float, default 1
        A factor, such as 1 over the number of elements.

    Returns
    -------
    Tensor or ndarray, shape ()

    Raises
    ------
    ShapeError
        If the shapes differ.

    Examples
    --------
    >>> squared_error(np.array([1.0, 2.0]), np.array([1.0, 4.0]), scale=0.5)
    np.float64(2.0)
    """
    _require_one_shape("squared_error", a, b)
    difference = np.ravel(a - b)
    if difference.dtype is HALF:
        difference = difference.astype(SINGLE)
        return (scale * np.dot(difference, difference)).astype(HALF)
    return scale * np.dot(difference, difference)


def _scaled(scale: float, g: Any, difference: Any) -> Any:
    """scale * g * difference, in float32 for half precision, which has few digits near 0."""
    if difference.dtype is HALF:
        return cast(scale * cast(g, dtype=SINGLE) * cast(difference, dtype=SINGLE), dtype=HALF)
    return scale * g * difference


squared_error.vjps(
    lambda g, y, a, b, *, scale: _scaled(2 * scale, g, a - b),
    lambda g, y, a, b, *, scale: _scaled(2 * scale, g, b - a),
)


def _below_max(x: Any, axis: int) -> Any:
    """`x` minus its maximum: the same softmax, and no overflow."""
    if x.dtype.kind in "bui":
        x = x.astype(np.float64)
    if type(x) is np.ndarray and _are_rows(x, axis):  # down a transposed copy, which is a fourth of the time
        return x - np.maximum.reduce(x.T.copy(), axis=0, initial=-np.inf)[:, None]
    return x - np.maximum.reduce(x.real, axis=axis, keepdims=True, initial=-np.inf)


def _are_rows(x: Any, axis: int) -> bool:
    """Return True if the axis is along the rows of a real matrix."""
    return x.ndim == 2 and axis in (-1, 1) and x.dtype.kind == "f"


def _are_stacked_rows(x: Any, axis: int) -> bool:
    """Return True if the axis is along the rows of a stack of real matrices, quicker as one matrix."""
    return x.ndim > 2 and axis in (-1, x.ndim - 1) and x.dtype.kind == "f"


def _total(weights: Any, axis: int) -> Any:
    """The sum along an axis, which is kept with length 1."""
    if _are_rows(weights, axis):
        return np.dot(weights, ones(weights.shape[1], weights.dtype))[:, None]
    return np.add.reduce(weights, axis=axis, keepdims=True)


@primitive
def softmax(x: Any, *, axis: int = -1) -> Any:
    """Normalize scores to probabilities along one axis.

    Parameters
    ----------
    x : Tensor or ndarray
        Scores, any shape.  Integers and booleans become float64.
    axis : int, default -1
        Axis along which the result sums to 1.

    Returns
    -------
    Tensor or ndarray
        Shape and floating dtype of `x`.

    Notes
    -----
    ``y = exp(x - max(x)) / sum(exp(x - max(x)))``; gradient rule ``y * (g - sum(g * y))``.

    Examples
    --------
    >>> softmax(np.array([0.0, 0.0]))
    array([0.5, 0.5])
    """
    if x.dtype is HALF:
        return softmax.forward(x.astype(SINGLE), axis=axis).astype(HALF)
    if _are_stacked_rows(x, axis):
        return softmax.forward(_rows(x), axis=-1).reshape(x.shape)
    weights = np.exp(_below_max(x, axis))
    return weights / _total(weights, axis)


softmax.vjps(lambda g, y, x, *, axis: y * (g - sum(g * y, axis=axis, keepdims=True)))


@primitive
def log_softmax(x: Any, *, axis: int = -1) -> Any:
    """Return the logarithm of `softmax`, finite where the softmax itself rounds to 0.

    Parameters
    ----------
    x : Tensor or ndarray
        Scores, any shape.  Integers and booleans become float64.
    axis : int, default -1
        Axis along which ``exp`` of the result sums to 1.

    Returns
    -------
    Tensor or ndarray
        Shape and floating dtype of `x`.

    Notes
    -----
    ``y = x - max(x) - log(sum(exp(x - max(x))))``; gradient rule ``g - exp(y) * sum(g)``.

    Examples
    --------
    >>> log_softmax(np.array([0.0, 1000.0]))
    array([-1000.,     0.])
    """
    if x.dtype is HALF:
        return log_softmax.forward(x.astype(SINGLE), axis=axis).astype(HALF)
    if _are_stacked_rows(x, axis):
        return log_softmax.forward(_rows(x), axis=-1).reshape(x.shape)
    shifted = _below_max(x, axis)
    return shifted - np.log(_total(np.exp(shifted), axis))


log_softmax.vjps(lambda g, y, x, *, axis: g - exp(y) * sum(g, axis=axis, keepdims=True))


@primitive
def one_hot(labels: Any, *, classes: int, dtype: Any) -> Any:
    """Return rows of zeros with a 1 at the label.

    Parameters
    ----------
    labels : ndarray or Tensor of int, shape (*B,)
        Numbers from 0 to ``classes - 1``.
    classes : int
        Length of a row.
    dtype : dtype
        Dtype of the rows.

    Returns
    -------
    ndarray or Tensor, shape (*B, classes)

    Raises
    ------
    DTypeError
        If the labels are not integers.
    LabelError
        If a label is outside of the range.

    Examples
    --------
    >>> one_hot(np.array([2, 0]), classes=3, dtype=np.float32)
    array([[0., 0., 1.],
           [1., 0., 0.]], dtype=float32)
    """
    if labels.dtype.kind not in "iub":
        raise DTypeError(
            f"one_hot takes integer class labels, and these are {labels.dtype}: convert with astype(np.int64)"
        )
    checked(require_labels, labels, classes)
    if classes > _MOST_CLASSES_IN_A_TABLE:
        return np.equal(labels[..., None], np.arange(classes)).astype(dtype)
    rows = np.empty_like(labels, dtype, shape=(*labels.shape, classes))
    np.take(identity_matrix(classes, dtype), as_positions(labels), axis=0, out=rows, mode="clip")
    return rows


one_hot.vjps(None)


@lru_cache(maxsize=16)
def identity_matrix(size: int, dtype: Any) -> Any:
    """Its rows are the one-hot rows."""
    matrix = np.eye(size, dtype=dtype)
    matrix.flags.writeable = False
    return matrix


def require_labels(labels: Any, classes: int) -> None:
    """Refuse labels outside 0 .. classes - 1: NumPy would take a negative one from the end."""
    # Looked at as unsigned a negative label is a large one: one maximum finds both.
    unsigned = labels.view(labels.dtype.str.replace("i", "u"))
    if not labels.size or np.maximum.reduce(unsigned, None) < classes:  # quicker than unsigned.max()
        return
    first = int(np.flatnonzero((labels < 0) | (labels >= classes))[0])
    label = labels.ravel()[first]
    instead = f"; write ignore_index={label} to leave such examples out of a loss" if label < 0 else ""
    raise LabelError(
        f"label {label} of example {first} is out of range: "
        f"{classes} classes have the labels 0 to {classes - 1}{instead}"
    )


@primitive
def softmax_cross_entropy(logits: Any, targets: Any) -> Any:
    """Return the cross-entropy of each example: minus the log-probability of the true class.

    Parameters
    ----------
    logits : Tensor or ndarray, shape (*B, classes)
        Scores before the softmax.
    targets : Tensor or ndarray
        Integer labels of shape (*B,), or rows of probabilities of shape (*B, classes).

    Returns
    -------
    Tensor or ndarray, shape (*B,)

    Raises
    ------
    LabelError
        If a label is not one of the classes.
    ShapeError
        If the shapes do not fit.

    Notes
    -----
    ``log(sum(exp(logits))) - logits[label]``, computed without overflow; gradient rule for the logits
    ``g * (softmax(logits) - one_hot(labels))``.

    Examples
    --------
    >>> softmax_cross_entropy(np.array([[0.0, 0.0]]), np.array([1]))
    array([0.69314718])
    """
    if not hasattr(targets, "dtype"):
        raise TypeError(f"targets are an array of labels or of rows, not {targets!r}")
    if logits.dtype is HALF:
        return softmax_cross_entropy.forward(logits.astype(SINGLE), targets).astype(HALF)
    if targets.dtype.kind not in "iu":
        _require_rows(logits, targets)
        logarithms = log_softmax.forward(logits)
        return -np.add.reduce(targets * np.where(targets != 0, logarithms, 0), axis=-1)  # 0 * log 0 is 0 here
    if targets.shape != logits.shape[:-1]:
        raise ShapeError(
            f"labels of shape {targets.shape} do not fit logits of shape {logits.shape}: "
            f"expected {logits.shape[:-1]}"
        )
    checked(require_labels, targets, logits.shape[-1])
    shifted = _below_max(logits, -1)
    chosen = np.take(shifted, _positions(targets, logits.shape[-1]), mode="clip")
    return np.log(_total(np.exp(shifted), -1))[..., 0] - chosen


def _positions(labels: Any, classes: int) -> Any:
    """Return the position of each label among all elements of its rows."""
    return as_positions(_row_starts(labels.shape, classes, labels.dtype) + labels)


@lru_cache(maxsize=16)
def _row_starts(shape: tuple[int, ...], length: int, dtype: np.dtype[Any]) -> Any:
    """Return the position at which each row of this length begins, to be added to integers of a dtype."""
    is_widest = dtype.kind == "u" and dtype.itemsize == 8  # plus int64 these are float64
    starts = (np.arange(math.prod(shape), dtype=np.uint64 if is_widest else np.int64) * length).reshape(shape)
    starts.flags.writeable = False
    return starts


@primitive
def sigmoid_cross_entropy(logits: Any, targets: Any) -> Any:
    """Return the binary cross-entropy of each element, for the probabilities ``p = sigmoid(logits)``.

    Parameters
    ----------
    logits, targets : Tensor or ndarray
        One shape; they are never broadcast.

    Returns
    -------
    Tensor or ndarray
        The shape of the logits.

    Raises
    ------
    ShapeError
        If the shapes differ.

    Notes
    -----
    ``-targets * log(p) - (1 - targets) * log(1 - p)``, computed as ``relu(x) - x * t + log(1 + exp(-|x|))``;
    gradient rule for the logits ``g * (p - targets)``.

    Examples
    --------
    >>> sigmoid_cross_entropy(np.array([0.0]), np.array([1.0]))
    array([0.69314718])
    """
    _require_one_shape("sigmoid_cross_entropy", logits, targets)
    # softplus(logits) - logits * targets, and exact where the two are large and nearly alike.
    return relu.forward(logits) - logits * targets + np.log1p(np.exp(-abs.forward(logits)))


sigmoid_cross_entropy.vjps(
    lambda g, y, logits, targets: g * (sigmoid(logits) - targets),
    lambda g, y, logits, targets: -g * logits,
)


def _over(a: Any, p: Any) -> Any:
    """a / p, finite where p has rounded to 0, and 0 where `a` is 0."""
    least = float(np.finfo(p.dtype).tiny)
    return where(a == 0, 0.0, a / where(p < least, least, p))


sigmoid_cross_entropy.bypass = lambda g, y, p, logits, targets: (
    g * (_over(1 - targets, 1 - p) - _over(targets, p))
)


def _require_rows(logits: Any, targets: Any) -> None:
    if targets.shape != logits.shape:
        raise ShapeError(
            f"rows of probabilities of shape {targets.shape} do not fit logits of shape {logits.shape}; "
            f"class labels must be integers (these are {targets.dtype})"
        )


def _softmax_minus_targets(logits: Any, targets: Any) -> Any:
    if targets.dtype.kind in "iu":
        if type(logits) is np.ndarray and logits.dtype.kind == "f":  # the same, in a third of the time
            require_labels(targets, logits.shape[-1])  # they may have changed since
            slopes = np.ascontiguousarray(softmax.forward(logits))
            slopes.reshape(-1)[_positions(targets, logits.shape[-1])] -= 1
            return slopes
        return softmax(logits) - one_hot(targets, classes=logits.shape[-1], dtype=logits.dtype)
    # The sum of a row is 1 when it is a distribution; the rule holds for any row.
    return softmax(logits) * sum(targets, axis=-1, keepdims=True) - targets


softmax_cross_entropy.vjps(
    lambda g, y, logits, targets: g[..., None] * _softmax_minus_targets(logits, targets),
    lambda g, y, logits, targets: -g[..., None] * log_softmax(logits),
)


def _of_probabilities(g: Any, y: Any, p: Any, logits: Any, targets: Any) -> Any:
    if targets.dtype.kind in "iu":
        targets = one_hot(targets, classes=logits.shape[-1], dtype=logits.dtype)
    return -g[..., None] * _over(targets, p)


softmax_cross_entropy.bypass = _of_probabilities
