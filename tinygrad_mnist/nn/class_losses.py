"""Classification losses: cross-entropies with class weights, ignored labels and label smoothing."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_mnist.arguments import require_bool, require_number, require_whole
from tinygrad_mnist.autodiff import ops
from tinygrad_mnist.errors import ShapeError
from tinygrad_mnist.hints import hinted
from tinygrad_mnist.nn.losses import Loss, bounded_log, logits_behind, past
from tinygrad_mnist.nn.targets import class_rows, kept_labels, weights
from tinygrad_mnist.typing import Array


class _ClassLoss(Loss):
    """Base of the classification losses, with options that reduce the weight of classes and examples.

    Parameters
    ----------
    weight : array_like, shape (classes,), optional
        Factor of each class; 1 for all by default.
    ignore_index : int, optional
        Label of the examples to leave out: their loss is 0, and the mean does not count them.
    reduction : {"mean", "sum", "none"}, default "mean"
        With labels, "mean" divides by the sum of the weights of their classes; with rows of probabilities by
        the number of rows.  If all examples are left out it is NaN, and its gradient 0, as in PyTorch.
    """

    label_smoothing = 0.0

    @hinted
    def __init__(
        self, *, weight: Any = None, ignore_index: int | None = None, reduction: str = "mean"
    ) -> None:
        super().__init__(reduction=reduction)
        if ignore_index is not None:
            require_whole("ignore_index", ignore_index, low=None)
        self.weight = None if weight is None else weights("weight", weight)
        self.ignore_index = ignore_index

    def _weighted(self, target: Any, output: Any) -> tuple[Any, Any]:
        """Return the target, as rows of weights if an option is set, and the divisor of the mean.

        The divisor is None for the number of examples.
        """
        name = type(self).__name__
        target, kept = kept_labels(target, output, name, self.ignore_index)
        is_plain = self.weight is None and kept is None
        if is_plain and not self.label_smoothing:
            return target, None
        classes, dtype = output.shape[-1], output.dtype
        if self.weight is not None and self.weight.shape != (classes,):
            raise ShapeError(
                f"weight has the shape {self.weight.shape}: expected ({classes},), one number per class of "
                f"the output {output.shape}"
            )
        are_labels = target.shape != output.shape
        rows = smooth = class_rows(target, output, name)
        if self.label_smoothing:
            smooth = rows * (1 - self.label_smoothing) + self.label_smoothing / classes
        if is_plain:
            return smooth, None
        factor = np.ones(classes, dtype) if self.weight is None else self.weight.astype(dtype)
        if kept is not None:
            factor = factor * kept.astype(dtype)[..., None]
        return smooth * factor, ops.sum(rows * factor) if are_labels else None

    def measured(self, output: Array, target: Array) -> tuple[Array, Array, float]:
        """Return the outputs and targets that count, and the weight of their mean, as `Loss.measured`."""
        if target.shape == output.shape:
            return output, target, len(target)
        kept = slice(None) if self.ignore_index is None else target != self.ignore_index
        output, target = output[kept], target[kept]
        return output, target, len(target) if self.weight is None else float(self.weight[target].sum())


class CrossEntropyLoss(_ClassLoss):
    """Compute minus the logarithm of the predicted probability of the true class.

    Parameters
    ----------
    from_logits : bool, default True
        If True, the loss applies the softmax itself. If False, the network ends in `Softmax`: the loss finds
        the logits behind it in the graph and uses them, which is stable. For other probabilities
        it takes the logarithm, at least -100.
    weight : array_like, shape (classes,), optional
        Factor of each class; 1 for all by default.
    ignore_index : int, optional
        Label of the examples to leave out: their loss is 0, and the mean does not count them.
    label_smoothing : float, default 0
        Share of each target that is spread evenly over all classes, in [0, 1].
    reduction : {"mean", "sum", "none"}, default "mean"
        Average over the examples, their sum, or one loss per example.  The average of labels is divided by
        the sum of the weights of their classes.  If all labels are left out, it is NaN and its gradient 0.

    Notes
    -----
    ``sum(-weight * t * log(p))`` over the classes, as in PyTorch, for t = ``(1 - label_smoothing) * row +
    label_smoothing / classes`` and the target as a one-hot row or row of probabilities.

    Examples
    --------
    >>> from tinygrad_mnist import nn
    >>> round(float(nn.CrossEntropyLoss()(np.zeros((3, 10)), [7, 2, 1])), 4)  # log(10)
    2.3026
    """

    @hinted
    def __init__(
        self,
        *,
        from_logits: bool = True,
        weight: Any = None,
        ignore_index: int | None = None,
        label_smoothing: float = 0.0,
        reduction: str = "mean",
    ) -> None:
        super().__init__(weight=weight, ignore_index=ignore_index, reduction=reduction)
        self.from_logits = require_bool("from_logits", from_logits)
        self.label_smoothing = require_number("label_smoothing", label_smoothing, low=0, high=1)

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
            If the shapes do not fit, that of `weight` included.
        DTypeError
            If labels are not integers.
        LabelError
            If a label is out of range.
        ValueError
            If probabilities lie outside [0, 1], or rows meet `ignore_index`.
        """
        target, total = self._weighted(target, output)
        if self.from_logits:
            return self._reduced(ops.softmax_cross_entropy(output, target), total)
        logits = logits_behind(output, ops.softmax)
        if logits is not None:
            return self._reduced(past(output, ops.softmax_cross_entropy(logits, target)), total)
        rows = class_rows(target, output, "CrossEntropyLoss")
        return -self._reduced(ops.sum(rows * bounded_log(output), axis=-1), total)


class NLLLoss(_ClassLoss):
    """Compute minus the log-probability of the true class, for a network that ends in `LogSoftmax`.

    Parameters
    ----------
    weight : array_like, shape (classes,), optional
        Factor of each class; 1 for all by default.
    ignore_index : int, optional
        Label of the examples to leave out: their loss is 0, and the mean does not count them.
    reduction : {"mean", "sum", "none"}, default "mean"
        Average over the examples, their sum, or one loss per example.  The average of labels is divided by
        the sum of the weights of their classes.  If all labels are left out, it is NaN and its gradient 0.

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
        target, total = self._weighted(target, output)
        rows = class_rows(target, output, "NLLLoss")
        return -self._reduced(ops.sum(output * rows, axis=-1), total)
