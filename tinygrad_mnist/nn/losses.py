"""Losses: modules called as ``loss(output, target)``. They average over the batch by default, as in PyTorch.

Classes lie along the last axis; the axes before it are those of the targets: an output of shape (classes,) is
one example, (n, m, classes) are n * m. The mean over an empty batch is NaN, as in PyTorch and NumPy: 0 would
say that the network is right on examples that it never saw.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tinygrad_mnist.arguments import require_choice, require_number
from tinygrad_mnist.autodiff import ops
from tinygrad_mnist.autodiff.primitive import Primitive, checked, peeled
from tinygrad_mnist.autodiff.tensor import Tensor
from tinygrad_mnist.errors import ShapeError
from tinygrad_mnist.hints import hinted
from tinygrad_mnist.nn.settings import Configured
from tinygrad_mnist.nn.targets import class_rows, real_target, weights
from tinygrad_mnist.typing import Array

_LEAST = math.exp(-100)
_ROUNDING = 1e-3  # tolerated distance of a probability from [0, 1]


def logits_behind(output: Any, activation: Primitive) -> Any:
    """Return the input of the activation from the graph; None if `output` is not its result per row."""
    if not isinstance(output, Tensor) or output.primitive is not activation:
        return None
    logits = output.inputs[0]
    along_rows = output.attributes.get("axis", -1) in (-1, output.ndim - 1)
    return logits if along_rows and logits.serial < output.serial else None  # and not changed since


def past(probabilities: Any, loss: Any) -> Any:
    """Return the loss with a link to the probabilities that it bypasses: a user may need their gradient."""
    if loss.inputs:
        loss.bypassed = probabilities
    return loss


def _targets(output: Any) -> float:
    """Return the number of targets of an output (*B, classes); NaN for none, which makes their mean NaN."""
    return math.prod(output.shape[:-1]) or math.nan


class Loss(Configured):
    """Base class of the losses: modules of output and target.

    Parameters
    ----------
    reduction : {"mean", "sum", "none"}, default "mean"
        "mean" averages the losses of the batch, "sum" adds them, "none" returns them one by one.

    Raises
    ------
    ValueError
        If `reduction` is another word.
    """

    @hinted
    def __init__(self, *, reduction: str = "mean") -> None:
        self.reduction = require_choice("reduction", reduction, ("mean", "sum", "none"))

    @property
    def takes_logits(self) -> bool:
        """True if the loss applies the activation of the last layer itself, so that the network has none."""
        return False

    def _reduced(self, losses: Any, total: Any = None) -> Any:
        """Return the losses by the reduction; `total` is what the mean divides by if not by their number."""
        if self.reduction != "mean":
            return ops.sum(losses) if self.reduction == "sum" else losses
        if total is None:
            return ops.mean(losses)
        none = total == 0  # the mean over nothing is NaN, and its gradient is 0, as in PyTorch
        return ops.where(none, np.nan, ops.sum(losses) / ops.where(none, 1.0, total))

    def measured(self, output: Array, target: Array) -> tuple[Array, Array, float]:
        """Return the outputs and targets that count, and the weight of their mean among other batches'."""
        return output, target, len(target)


class QuadraticLoss(Loss):
    """Compute half the squared distance per example: the cost of the five articles.

    Parameters
    ----------
    reduction : {"mean", "sum", "none"}, default "mean"
        Average over the examples, their sum, or one loss per example.

    Notes
    -----
    ``sum((output - target)**2) / (2 * n)`` for n examples. PyTorch's MSELoss differs: it has no half, and
    also averages over the outputs of an example.

    Examples
    --------
    >>> from tinygrad_mnist import nn
    >>> float(nn.QuadraticLoss()(np.array([[0.5, 0.5], [1.0, 0.0]]), [0, 0]))
    0.125
    """

    def forward(self, output: Any, target: Any) -> Any:
        """Return the loss: a scalar, or one per example without reduction.

        Parameters
        ----------
        output : Tensor or ndarray, shape (*B, k)
        target : Tensor, ndarray or list, shape (*B, k), or (*B,) of integer labels
            Labels stand for one-hot rows.

        Raises
        ------
        ShapeError
            If the shapes do not fit.
        DTypeError
            If labels are not integers.
        LabelError
            If a label is out of range.
        """
        target = class_rows(target, output, "QuadraticLoss")
        if self.reduction == "none":
            return 0.5 * ops.sum(ops.square(output - target), axis=-1)
        return ops.squared_error(
            output, target, scale=0.5 / (_targets(output) if self.reduction == "mean" else 1)
        )


class MSELoss(Loss):
    """Compute the mean of ``(output - target)**2`` over all elements.

    Parameters
    ----------
    reduction : {"mean", "sum", "none"}, default "mean"
        Average over the elements, their sum, or one loss per element.

    Examples
    --------
    >>> from tinygrad_mnist import nn
    >>> float(nn.MSELoss()(np.array([1.0, 2.0]), [1.0, 4.0]))
    2.0
    """

    def forward(self, output: Any, target: Any) -> Any:
        """Return the loss of output and target, which have the same shape: they are never broadcast.

        Raises
        ------
        ShapeError
            If the shapes differ.
        """
        target = real_target(target, output, "MSELoss")
        if self.reduction == "none":
            return ops.square(output - target)
        return ops.squared_error(
            output, target, scale=1 / (output.size or math.nan) if self.reduction == "mean" else 1.0
        )


class L1Loss(Loss):
    """The mean of |output - target| over all elements; its gradient is 0 where the two are equal.

    Examples
    --------
    >>> L1Loss()(np.array([1.0, 5.0]), np.array([0.0, 2.0])).item()
    2.0
    """

    def forward(self, output: Any, target: Any) -> Any:
        """Output, target: one shape -> scalar"""
        target = real_target(target, output, "L1Loss")
        return self._reduced(ops.abs(output - target))


class HuberLoss(Loss):
    """Half the square of a small error, and a line beyond: an outlier counts less than in `MSELoss`.

    Parameters
    ----------
    delta : float, default 1
        Size of the error from which on the loss grows as a line.

    Notes
    -----
    For d = output - target: ``d**2 / 2`` where |d| <= delta, else ``delta * (|d| - delta / 2)``, averaged
    over all elements.  P. J. Huber, Robust estimation of a location parameter (1964).

    Examples
    --------
    >>> HuberLoss()(np.array([1.0, 5.0]), np.array([0.0, 2.0])).item()  # (0.5 + 2.5) / 2
    1.5
    """

    @hinted
    def __init__(self, *, delta: float = 1.0, reduction: str = "mean") -> None:
        super().__init__(reduction=reduction)
        require_number("delta", delta, low=0)
        if delta == 0:
            raise ValueError("delta is 0: expected a number > 0; write L1Loss() for a line on both sides")
        self.delta = float(delta)

    def forward(self, output: Any, target: Any) -> Any:
        """Output, target: one shape -> scalar"""
        difference = output - real_target(target, output, "HuberLoss")
        near = ops.clip(difference, min=-self.delta, max=self.delta)
        return self._reduced(near * (difference - 0.5 * near))


def bounded_log(probability: Any) -> Any:
    """Return the logarithm, at least -100 as in PyTorch's BCELoss: a probability of 0 has a finite loss."""
    checked(require_probabilities, peeled(probability))
    if probability.dtype != np.float16:
        return ops.log(ops.clip(probability, min=_LEAST))
    wide = ops.astype(probability, np.float32)  # the bound is 0 in half precision
    return ops.astype(ops.log(ops.clip(wide, min=_LEAST)), probability.dtype)


def require_probabilities(values: Any) -> None:
    """Refuse numbers outside of [0, 1], but for rounding."""
    low, high = values.min(initial=0), values.max(initial=1)
    if low < -_ROUNDING or high > 1 + _ROUNDING:
        raise ValueError(
            f"a loss of probabilities was given numbers from {low:g} to {high:g}: end the network in Softmax "
            "or Sigmoid, or use the loss that takes logits"
        )


class _BinaryLoss(Loss):
    """Base of the binary cross-entropies, with a factor for each element."""

    @hinted
    def __init__(self, *, weight: Any = None, reduction: str = "mean") -> None:
        super().__init__(reduction=reduction)
        self.weight = None if weight is None else weights("weight", weight)

    def _weighted(self, losses: Any) -> Any:
        """Return the losses times the weight, reduced."""
        if self.weight is not None:
            losses = losses * _fitting("weight", self.weight, losses)
        return self._reduced(losses)


class BCELoss(_BinaryLoss):
    """Compute the binary cross-entropy of probabilities, for a network that ends in `Sigmoid`.

    Parameters
    ----------
    weight : array_like, optional
        Factor of each element, in a shape that broadcasts to the target's.  The average divides by the
        number of elements all the same, as in PyTorch.
    reduction : {"mean", "sum", "none"}, default "mean"
        Average over the elements, their sum, or one loss per element.

    Notes
    -----
    ``-target * log(output) - (1 - target) * log(1 - output)``, with logarithms of at least -100. If the graph
    has a sigmoid as the op of `output`, the loss uses the logits behind it, which is stable.

    Examples
    --------
    >>> from tinygrad_mnist import nn
    >>> round(float(nn.BCELoss()(np.array([0.5, 0.5]), [1.0, 0.0])), 4)  # log(2)
    0.6931
    """

    def forward(self, output: Any, target: Any) -> Any:
        """Return the loss of output and target, which have the same shape.

        Raises
        ------
        ShapeError
            If the shapes differ.
        ValueError
            If probabilities lie outside [0, 1].
        """
        target = real_target(target, output, "BCELoss")
        logits = logits_behind(output, ops.sigmoid)
        if logits is not None:
            return self._weighted(past(output, ops.sigmoid_cross_entropy(logits, target)))
        return -self._weighted(target * bounded_log(output) + (1 - target) * bounded_log(1 - output))


class BCEWithLogitsLoss(_BinaryLoss):
    """Compute the binary cross-entropy of logits, ``log(1 + exp(output)) - output * target``.

    Parameters
    ----------
    weight : array_like, optional
        Factor of each element, in a shape that broadcasts to the target's.  The average divides by the
        number of elements all the same, as in PyTorch.
    pos_weight : array_like, optional
        Factor of the part of the target that is 1, in a shape that broadcasts to the target's: one number
        per class lifts the rare ones.
    reduction : {"mean", "sum", "none"}, default "mean"
        Average over the elements, their sum, or one loss per element.

    Examples
    --------
    >>> from tinygrad_mnist import nn
    >>> round(float(nn.BCEWithLogitsLoss()(np.zeros(2), [1.0, 0.0])), 4)  # log(2)
    0.6931
    """

    @hinted
    def __init__(self, *, weight: Any = None, pos_weight: Any = None, reduction: str = "mean") -> None:
        super().__init__(weight=weight, reduction=reduction)
        self.pos_weight = None if pos_weight is None else weights("pos_weight", pos_weight)

    @property
    def takes_logits(self) -> bool:
        """Always true."""
        return True

    def forward(self, output: Any, target: Any) -> Any:
        """Return the loss of output and target, which have the same shape.

        Raises
        ------
        ShapeError
            If the shapes differ.
        """
        target = real_target(target, output, "BCEWithLogitsLoss")
        if self.pos_weight is None:
            return self._weighted(ops.sigmoid_cross_entropy(output, target))
        factor = _fitting("pos_weight", self.pos_weight, target)
        return self._weighted(factor * target * ops.softplus(-output) + (1 - target) * ops.softplus(output))


def _fitting(name: str, weight: Array, values: Any) -> Array:
    """Return a weight in the dtype of the values; refuse one that does not broadcast to their shape."""
    try:
        np.broadcast_to(weight, values.shape)
    except ValueError:
        raise ShapeError(
            f"{name} has the shape {weight.shape}: expected one that broadcasts to the output's "
            f"{values.shape}"
        ) from None
    return weight.astype(values.dtype)
