"""Losses: modules of (output, target).  All average over the batch by default, as PyTorch's do.

The classes lie along the last axis; the axes before it are those of the targets: (classes,) is one example,
and (n, m, classes) are n * m.  The mean over an empty batch is NaN, as in PyTorch and NumPy: a 0 would say
that the network is right on examples that nobody has shown it.
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
_ROUNDING = 1e-3  # how far outside of [0, 1] a probability may come to lie


def _logits_behind(output: Any, activation: Primitive) -> Any:
    """Return what the activation was applied to, row by row, from the graph; None if that cannot be seen."""
    if not isinstance(output, Tensor) or output.primitive is not activation:
        return None
    logits = output.inputs[0]
    along_rows = output.attributes.get("axis", -1) in (-1, output.ndim - 1)
    return logits if along_rows and logits.serial < output.serial else None  # and not changed since


def _past(probabilities: Any, loss: Any) -> Any:
    """The loss, with a note of the probabilities that it passes by: their gradient may be asked for."""
    if loss.inputs:
        loss.bypassed = probabilities
    return loss


def _targets(output: Any) -> float:
    """The number of targets of an output (*B, classes); NaN for none, as the mean over them is then."""
    return math.prod(output.shape[:-1]) or math.nan


class Loss(Module):
    """Base of the losses: modules of (output, target).

    Parameters
    ----------
    reduction : {"mean", "sum", "none"}, default "mean"
        "mean" averages the losses of the batch, "sum" adds them, "none" returns them one by one.
    """

    @hinted
    def __init__(self, *, reduction: str = "mean") -> None:
        require_choice("reduction", reduction, ("mean", "sum", "none"))
        self.reduction = reduction

    def _reduced(self, losses: Any) -> Any:
        if self.reduction == "mean":
            return ops.mean(losses)
        return ops.sum(losses) if self.reduction == "sum" else losses

    def extra_repr(self) -> str:
        """Return the settings that are not the default."""
        return "" if self.reduction == "mean" else f"reduction={self.reduction!r}"


class QuadraticLoss(Loss):
    """Half the squared distance, averaged over the batch: the cost of the five articles.

    output, target: (*B, k) -> sum((output - target)**2) / (2 n) for n = the product of B; a target of (*B,)
    integer labels stands for one-hot rows.  Not PyTorch's MSELoss, which also averages over the k outputs and
    has no half.
    """

    def forward(self, output: Any, target: Any) -> Any:
        """Output: (*B, k); target: (*B, k) or (*B,) integer labels -> scalar"""
        target = class_rows(target, output, "QuadraticLoss")
        if self.reduction == "none":
            return 0.5 * ops.sum(ops.square(output - target), axis=-1)
        return ops.squared_error(
            output, target, scale=0.5 / (_targets(output) if self.reduction == "mean" else 1)
        )


class MSELoss(Loss):
    """The mean of (output - target)**2 over all elements."""

    def forward(self, output: Any, target: Any) -> Any:
        """Output, target: one shape -> scalar"""
        target = real_target(target, output, "MSELoss")
        if self.reduction == "none":
            return ops.square(output - target)
        return ops.squared_error(
            output, target, scale=1 / (output.size or math.nan) if self.reduction == "mean" else 1.0
        )


class CrossEntropyLoss(Loss):
    """-log of the probability that the network gives to the true class, averaged over the batch.

    Parameters
    ----------
    from_logits : bool, default True
        If True, the loss takes the softmax itself. If False, the network ends in `Softmax`: the loss looks in
        the graph for the logits that the softmax came from and works on those, which is stable. For
        probabilities of another origin it takes the logarithm, limited to e**-100.

    Shapes
    ------
    output (*B, classes); target (*B,) integer labels or (*B, classes) rows of probabilities -> scalar
    """

    @hinted
    def __init__(self, *, from_logits: bool = True, reduction: str = "mean") -> None:
        super().__init__(reduction=reduction)
        require_bool("from_logits", from_logits)
        self.from_logits = from_logits

    def forward(self, output: Any, target: Any) -> Any:
        """Output: (*B, classes); target: (*B,) or (*B, classes) -> scalar"""
        target = class_target(target, output, "CrossEntropyLoss")
        if self.from_logits:
            return self._reduced(ops.softmax_cross_entropy(output, target))
        logits = _logits_behind(output, ops.softmax)
        if logits is not None:
            return self._reduced(_past(output, ops.softmax_cross_entropy(logits, target)))
        rows = class_rows(target, output, "CrossEntropyLoss")
        return -self._reduced(ops.sum(rows * _bounded_log(output), axis=-1))

    def extra_repr(self) -> str:
        """Return the setting that is not the default."""
        settings = [] if self.from_logits else ["from_logits=False"]
        return ", ".join(filter(None, [*settings, super().extra_repr()]))


def _bounded_log(probability: Any) -> Any:
    """The logarithm, held above -100 as in PyTorch's BCELoss: a probability of 0 is no infinite loss."""
    checked(require_probabilities, peeled(probability))
    if probability.dtype != np.float16:
        return ops.log(ops.clip(probability, min=_LEAST))
    wide = ops.cast(probability, dtype=np.dtype(np.float32))  # the bound is 0 in half precision
    return ops.cast(ops.log(ops.clip(wide, min=_LEAST)), dtype=probability.dtype)


def require_probabilities(values: Any) -> None:
    """Refuse numbers outside of [0, 1], but for rounding."""
    low, high = values.min(initial=0), values.max(initial=1)
    if low < -_ROUNDING or high > 1 + _ROUNDING:
        raise ValueError(
            f"a loss of probabilities was given numbers from {low:g} to {high:g}: end the network in Softmax "
            "or Sigmoid, or use the loss that takes logits"
        )


class NLLLoss(Loss):
    """Minus the log-probability of the true class, averaged: after `LogSoftmax`.

    output (*B, classes) of log-probabilities; target (*B,) integer labels or (*B, classes) rows of
    probabilities -> scalar
    """

    def forward(self, output: Any, target: Any) -> Any:
        """Output: (*B, classes); target: (*B,) or (*B, classes) -> scalar"""
        rows = class_rows(target, output, "NLLLoss")
        return -self._reduced(ops.sum(output * rows, axis=-1))


class BCELoss(Loss):
    """Binary cross-entropy of probabilities (after `Sigmoid`), averaged over all elements.

    When the graph shows that the probabilities came from a sigmoid, the loss works on the logits behind it.
    output, target: one shape -> scalar
    """

    def forward(self, output: Any, target: Any) -> Any:
        """Output, target: one shape -> scalar"""
        target = real_target(target, output, "BCELoss")
        logits = _logits_behind(output, ops.sigmoid)
        if logits is not None:
            return self._reduced(_past(output, ops.sigmoid_cross_entropy(logits, target)))
        return -self._reduced(target * _bounded_log(output) + (1 - target) * _bounded_log(1 - output))


class BCEWithLogitsLoss(Loss):
    """Binary cross-entropy of logits: log(1 + e**x) - x * target, averaged over all elements.

    output, target: one shape -> scalar
    """

    def forward(self, output: Any, target: Any) -> Any:
        """Output, target: one shape -> scalar"""
        target = real_target(target, output, "BCEWithLogitsLoss")
        return self._reduced(ops.sigmoid_cross_entropy(output, target))
