"""Sums over the examples of an epoch, and the means that are reported."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygrad_mnist.autodiff.modes import no_grad
from tinygrad_mnist.autodiff.source_line import warning_level
from tinygrad_mnist.autodiff.tensor import Tensor
from tinygrad_mnist.errors import DataError
from tinygrad_mnist.nn.preserved import generators_of
from tinygrad_mnist.nn.requirements import LOSSES
from tinygrad_mnist.typing import Array

_ROUNDING = 1e-3  # relative rounding of sums over a batch, in float32 or half precision


@dataclass(frozen=True)
class Evaluation:
    """Means over examples; `accuracy` is a fraction of 1, None for targets that are not classes."""

    loss: float
    accuracy: float | None
    examples: int


@dataclass
class Totals:
    """Sums over the examples so far."""

    loss: float = 0.0
    correct: int | None = 0
    examples: int = 0

    def add(self, loss: float, output: Any, targets: Array) -> None:
        """Add a batch: its mean loss, and its number of correct rows."""
        self.loss += loss * len(targets)
        self.examples += len(targets)
        correct = _correct(output, targets)
        self.correct = None if correct is None or self.correct is None else self.correct + correct

    def evaluation(self) -> Evaluation:
        """Return the means."""
        if not self.examples:
            raise DataError("there is no batch to work on: the data set or the split is empty")
        accuracy = None if self.correct is None else self.correct / self.examples
        return Evaluation(self.loss / self.examples, accuracy, self.examples)


def _correct(output: Any, targets: Array) -> int | None:
    """Count the rows of the output that are largest at the target's class; None without classes."""
    if output.ndim != 2 or output.shape[1] < 2:
        return None
    labels = targets.argmax(axis=1) if targets.ndim == 2 else targets
    if labels.dtype.kind not in "iu" or (targets.ndim == 2 and not _are_probabilities(targets, output)):
        return None
    return int(np.count_nonzero(output.argmax(axis=1) == labels))


def _are_probabilities(targets: Array, output: Any) -> bool:
    """Return True if each row is a distribution over classes rather than numbers to predict."""
    if targets.shape != output.shape or targets.min() < 0:
        return False
    return bool(np.abs(targets.sum(axis=1) - 1).max() < 1e-3)


class PerExample:
    """Convert the loss of a batch, a mean or a sum, to the mean over its examples.

    The losses of this package declare their reduction.  Any other loss is called once on two parts of the
    first batch of two or more examples: the loss of the whole is the weighted mean of the parts' losses, or
    their sum.  The reported loss therefore does not depend on the batch size.

    Parameters
    ----------
    loss : Module or callable

    Warns
    -----
    RuntimeWarning
        If the loss is neither, so that the reported loss depends on the batch size.
    """

    def __init__(self, loss: Any) -> None:
        self.loss = loss
        self.reduction: str | None = loss.reduction if type(loss) in LOSSES else None

    def __call__(self, value: float, output: Any, targets: Any) -> float:
        """Return the mean over the examples.  value: the loss of this output and these targets"""
        if self.reduction is None and len(targets) > 1:
            self.reduction = self._found(value, output, targets)
        return value / len(targets) if self.reduction == "sum" else value

    def _found(self, value: float, output: Any, targets: Any) -> str | None:
        """Compare with the losses of two unequal parts; None if both answers fit, as for a loss of 0."""
        output = output if isinstance(output, Tensor) else Tensor(output)
        rows, cut = len(targets), max(1, len(targets) // 3)
        generators = generators_of([("loss", self.loss)])
        states = [(generator, generator.bit_generator.state) for _, generator in generators]
        try:
            with no_grad():
                first, rest = (
                    float(self.loss(output[part], targets[part]).item())
                    for part in (slice(cut), slice(cut, None))
                )
        except Exception:  # the loss takes only whole batches: assume a mean, the usual case
            return "mean"
        finally:
            for generator, state in states:
                generator.bit_generator.state = state
        rounding = _ROUNDING * (abs(first) + abs(rest))
        mean = abs(value - (cut * first + (rows - cut) * rest) / rows) <= rounding
        total = abs(value - (first + rest)) <= rounding
        if mean and total:
            return None
        if not mean and not total:
            warnings.warn(
                "the loss of a batch is neither the mean nor the sum of the losses of its examples: what is "
                "reported depends on the batch size; write a loss that averages over the examples",
                RuntimeWarning,
                stacklevel=warning_level(),
            )
        return "sum" if total else "mean"
