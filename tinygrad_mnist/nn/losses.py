"""Losses: modules called as ``loss(output, target)``. They average over the batch by default, as in PyTorch.

Classes lie along the last axis; the axes before it are those of the targets: an output of shape (classes,) is
one example, (n, m, classes) are n * m. The mean over an empty batch is NaN, as in PyTorch and NumPy: 0 would
say that the network is right on examples that it never saw.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tinygrad_mnist.arguments import require_bool, require_choice
from tinygrad_mnist.autodiff import ops
from tinygrad_mnist.autodiff.primitive import Primitive, checked, peeled
from tinygrad_mnist.autodiff.tensor import Tensor
from tinygrad_mnist.hints import hinted
from tinygrad_mnist.nn.module import Module
from tinygrad_mnist.nn.targets import class_rows, class_target, real_target

_LEAST = math.exp(-100)
_ROUNDING = 1e-3  # tolerated distance of a probability from [0, 1]


def _logits_behind(output: Any, activation: Primitive) -> Any:
    """Return the input of the activation from the graph; None if `output` is not its result per row."""
    if not isinstance(output, Tensor) or output.primitive is not activation:
        return None
    logits = output.inputs[0]
    along_rows = output.attributes.get("axis", -1) in (-1, output.ndim - 1)
    return logits if along_rows and logits.serial < output.serial else None  # and not changed since


def _past(probabilities: Any, loss: Any) -> Any:
    """Return the loss with a link to the probabilities that it bypasses: a user may need their gradient."""
    if loss.inputs:
        loss.bypassed = probabilities
    return loss


def _targets(output: Any) -> float:
    """Return the number of targets of an output (*B, classes); NaN for none, which makes their mean NaN."""
    return math.prod(output.shape[:-1]) or math.nan


class Loss(Module):
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
        require_choice("reduction", reduction, ("mean", "sum", "none"))
        self.reduction = reduction

    @property
    def takes_logits(self) -> bool:
        """True if the loss applies the activation of the last layer itself, so that the network has none."""
        return False

    def _reduced(self, losses: Any) -> Any:
        if self.reduction == "mean":
            return ops.mean(losses)
        return ops.sum(losses) if self.reduction == "sum" else losses

    def extra_repr(self) -> str:
        """Return the settings that are not the default."""
        return "" if self.reduction == "mean" else f"reduction={self.reduction!r}"


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


class CrossEntropyLoss(Loss):
    """Compute minus the logarithm of the predicted probability of the true class.

    Parameters
    ----------
    from_logits : bool, default True
        If True, the loss applies the softmax itself. If False, the network ends in `Softmax`: the loss finds
        the logits behind it in the graph and uses them, which is stable. For probabilities of another origin
        it takes the logarithm, at least -100.
    reduction : {"mean", "sum", "none"}, default "mean"
        Average over the examples, their sum, or one loss per example.

    Examples
    --------
    >>> from tinygrad_mnist import nn
    >>> round(float(nn.CrossEntropyLoss()(np.zeros((3, 10)), [7, 2, 1])), 4)  # log(10)
    2.3026
    """

    @hinted
    def __init__(self, *, from_logits: bool = True, reduction: str = "mean") -> None:
        super().__init__(reduction=reduction)
        require_bool("from_logits", from_logits)
        self.from_logits = from_logits

    @property
    def takes_logits(self) -> bool:
        """As `from_logits`."""
        return self.from_logits

    def forward(self, output: Any, target: Any) -> Any:
        """Return the loss: a scalar, or one per example without reduction.

        Parameters
        ----------
        output : Tensor or ndarray, shape (*B, classes)
            Logits, or probabilities with ``from_logits=False``.
        target : Tensor, ndarray or list, shape (*B,) of integer labels, or (*B, classes)
            Classes from 0, or rows of probabilities.

        Raises
        ------
        ShapeError
            If the shapes do not fit.
        DTypeError
            If labels are not integers.
        LabelError
            If a label is out of range.
        ValueError
            If probabilities lie outside [0, 1].
        """
        target = class_target(target, output, "CrossEntropyLoss")
        if self.from_logits:
            return self._reduced(ops.softmax_cross_entropy(output, target))
        logits = _logits_behind(output, ops.softmax)
        if logits is not None:
            return self._reduced(_past(output, ops.softmax_cross_entropy(logits, target)))
        rows = class_rows(target, output, "CrossEntropyLoss")
        return -self._reduced(ops.sum(rows * _bounded_log(output), axis=-1))

    def extra_repr(self) -> str:
        """Return the settings that are not the default."""
        settings = [] if self.from_logits else ["from_logits=False"]
        return ", ".join(filter(None, [*settings, super().extra_repr()]))


def _bounded_log(probability: Any) -> Any:
    """Return the logarithm, at least -100 as in PyTorch's BCELoss: a probability of 0 has a finite loss."""
    checked(require_probabilities, peeled(probability))
    if probability.dtype != np.float16:
        return ops.log(ops.clip(probability, min=_LEAST))
    wide = ops.astype(probability, np.float32)  # the bound is 0 in half precision
    return ops.astype(ops.log(ops.clip(wide, min=_LEAST)), probability.dtype)


def require_probabilities(values: Any) -> None:
    """Refuse numbers outside [0, 1], apart from rounding errors.

    Raises
    ------
    ValueError
        If a number is outside.
    """
    low, high = values.min(initial=0), values.max(initial=1)
    if low < -_ROUNDING or high > 1 + _ROUNDING:
        raise ValueError(
            f"a loss of probabilities was given numbers from {low:g} to {high:g}: end the network in Softmax "
            "or Sigmoid, or use the loss that takes logits"
        )


class NLLLoss(Loss):
    """Compute minus the log-probability of the true class, for a network that ends in `LogSoftmax`.

    Parameters
    ----------
    reduction : {"mean", "sum", "none"}, default "mean"
        Average over the examples, their sum, or one loss per example.

    Examples
    --------
    >>> from tinygrad_mnist import nn
    >>> float(nn.NLLLoss()(np.array([[-0.25, -1.5]]), [1]))
    1.5
    """

    def forward(self, output: Any, target: Any) -> Any:
        """Return the loss: a scalar, or one per example without reduction.

        Parameters
        ----------
        output : Tensor or ndarray, shape (*B, classes)
            Log-probabilities.
        target : Tensor, ndarray or list, shape (*B,) of integer labels, or (*B, classes)
            Classes from 0, or rows of probabilities.

        Raises
        ------
        ShapeError
            If the shapes do not fit.
        DTypeError
            If labels are not integers.
        LabelError
            If a label is out of range.
        """
        rows = class_rows(target, output, "NLLLoss")
        return -self._reduced(ops.sum(output * rows, axis=-1))


class BCELoss(Loss):
    """Compute the binary cross-entropy of probabilities, for a network that ends in `Sigmoid`.

    Parameters
    ----------
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
        logits = _logits_behind(output, ops.sigmoid)
        if logits is not None:
            return self._reduced(_past(output, ops.sigmoid_cross_entropy(logits, target)))
        return -self._reduced(target * _bounded_log(output) + (1 - target) * _bounded_log(1 - output))


class BCEWithLogitsLoss(Loss):
    """Compute the binary cross-entropy of logits, ``log(1 + exp(output)) - output * target``.

    Parameters
    ----------
    reduction : {"mean", "sum", "none"}, default "mean"
        Average over the elements, their sum, or one loss per element.

    Examples
    --------
    >>> from tinygrad_mnist import nn
    >>> round(float(nn.BCEWithLogitsLoss()(np.zeros(2), [1.0, 0.0])), 4)  # log(2)
    0.6931
    """

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
        return self._reduced(ops.sigmoid_cross_entropy(output, target))
