"""Sums over the examples of an epoch, and the means that are reported."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass, field
from typing import Annotated, Any

import numpy as np

from tinygrad_mnist.autodiff.modes import no_grad
from tinygrad_mnist.autodiff.source_line import warning_level
from tinygrad_mnist.autodiff.tensor import Tensor
from tinygrad_mnist.errors import DataError
from tinygrad_mnist.files.limits import MOST_COUNT
from tinygrad_mnist.files.records import ADDED, Whole
from tinygrad_mnist.nn.losses import Loss
from tinygrad_mnist.nn.preserved import generators_of
from tinygrad_mnist.nn.requirements import LOSSES
from tinygrad_mnist.typing import Array

COUNT = Whole(0, MOST_COUNT - 1)  # of epochs, steps or examples so far
_ROUNDING = 1e-3  # relative rounding of sums over a batch, in float32 or half precision


@dataclass(frozen=True)
class Evaluation:
    """Means over examples; `accuracy` is a fraction of 1, None for targets that are not classes.

    Examples
    --------
    >>> from tinygrad_mnist import nn
    >>> from tinygrad_mnist.datasets import load_digits
    >>> from tinygrad_mnist.training import evaluate
    >>> model = nn.Sequential(nn.Flatten(), nn.Linear(64, 10, rng=0))
    >>> evaluation = evaluate(model, nn.CrossEntropyLoss(), load_digits().test)
    >>> evaluation.examples, evaluation.accuracy < 0.5
    (360, True)
    """

    loss: float
    accuracy: float | None
    examples: int


@dataclass
class Totals:
    """Sums over the examples so far that count; `weight` is the divisor of the sum of losses."""

    loss: float = 0.0
    correct: Annotated[int | None, COUNT] = 0
    examples: Annotated[int, COUNT] = 0
    weight: float = field(default=math.nan, metadata=ADDED)

    def __post_init__(self) -> None:
        if math.isnan(self.weight):  # earlier versions wrote no weight
            self.weight = float(self.examples)

    def add(self, loss: float, output: Any, targets: Array, weight: float) -> None:
        """Add a batch: its mean loss with the weight of that mean, and its number of correct rows."""
        if weight:  # the mean over nothing is NaN
            self.loss += loss * weight
        self.weight += weight
        self.examples += len(targets)
        correct = _correct(output, targets)
        self.correct = None if correct is None or self.correct is None else self.correct + correct

    def include(self, other: Totals) -> None:
        """Add the sums over other examples."""
        self.loss, self.weight = self.loss + other.loss, self.weight + other.weight
        self.examples += other.examples
        known = self.correct is not None and other.correct is not None
        self.correct = self.correct + other.correct if known else None  # type: ignore[operator]

    def evaluation(self) -> Evaluation:
        """Return the means."""
        if not self.examples:
            raise DataError(
                "there is no batch to work on: the data set or the split is empty, or the loss ignores all "
                "its labels"
            )
        accuracy = None if self.correct is None else self.correct / self.examples
        loss = self.loss / self.weight if self.weight else math.nan
        return Evaluation(loss, accuracy, self.examples)


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


def _all_count(output: Any, targets: Any) -> tuple[Any, Any, float]:
    return output, targets, len(targets)


class PerExample:
    """Convert the loss of a batch, a mean or a sum, to the mean over its examples.

    The losses of this package declare their reduction, and which examples count how much.  Any other loss is
    called once on two parts of the first batch of two or more examples: the loss of the whole is the weighted
    mean of the parts' losses, or their sum.  The reported loss therefore does not depend on the batch size.

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
        declares = type(loss) in LOSSES or "measured" in vars(type(loss))
        self.reduction: str | None = loss.reduction if declares else None
        self._measured = loss.measured if isinstance(loss, Loss) else _all_count

    def __call__(self, value: float, output: Any, targets: Any) -> tuple[float, Any, Any, float]:
        """Return the mean over the examples that count, as `Totals.add` takes it.

        Parameters
        ----------
        value : float
            The loss of this output and these targets.

        Returns
        -------
        loss, output, targets, weight
            The mean; the rows that count; the weight of the mean among those of other batches.
        """
        if self.reduction is None and len(targets) > 1:
            self.reduction = self._found(value, output, targets)
        output, targets, weight = self._measured(output, targets)
        if self.reduction == "sum":
            value = value / weight if weight else math.nan
        return value, output, targets, weight

    def weight(self, output: Any, targets: Any) -> float:
        """Return the weight of a mean over these targets among those of other batches."""
        return self._measured(output, targets)[2]

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
                "the loss of a batch is neither the mean nor the sum of the losses of its examples: the "
                "reported loss depends on the batch size; write a loss that averages over the examples",
                RuntimeWarning,
                stacklevel=warning_level(),
            )
        return "sum" if total else "mean"
