"""What a model's outputs are worth: means over examples, without training."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinygrad_mnist.autodiff.modes import no_grad
from tinygrad_mnist.errors import DataError
from tinygrad_mnist.nn import Module

Array = NDArray[Any]
Batches = Iterable[tuple[Any, Any]]


@dataclass(frozen=True)
class Evaluation:
    """Means over examples; `accuracy` is a fraction of 1, None for targets that are no classes."""

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
        """Count a batch: its mean loss, and which rows are right."""
        self.loss += loss * len(targets)
        self.examples += len(targets)
        correct = _correct(output, targets)
        self.correct = None if correct is None or self.correct is None else self.correct + correct

    def evaluation(self) -> Evaluation:
        """The means."""
        if not self.examples:
            raise DataError("there is no batch to work on: the data set or the split is empty")
        accuracy = None if self.correct is None else self.correct / self.examples
        return Evaluation(self.loss / self.examples, accuracy, self.examples)


def _correct(output: Any, targets: Array) -> int | None:
    """How many rows of the output are largest at the target's class; None when there are no classes."""
    if output.ndim != 2 or output.shape[1] < 2:
        return None
    labels = targets.argmax(axis=1) if targets.ndim == 2 else targets
    if labels.dtype.kind not in "iu" or (targets.ndim == 2 and not _are_probabilities(targets, output)):
        return None
    return int(np.count_nonzero(output.argmax(axis=1) == labels))


def _are_probabilities(targets: Array, output: Any) -> bool:
    """Whether rows of numbers say how likely each class is, and are not just numbers to be met."""
    if targets.shape != output.shape or targets.min() < 0:
        return False
    return bool(np.abs(targets.sum(axis=1) - 1).max() < 1e-3)


def evaluate(model: Module, loss: Module, batches: Batches) -> Evaluation:
    """Mean loss and accuracy without training: dropout off, nothing recorded, all modes put back after."""
    totals = Totals()
    for output, inputs_targets in _outputs(model, batches):
        targets = inputs_targets[1]
        with no_grad():
            totals.add(float(loss(output, targets).item()), output, targets)
    return totals.evaluation()


def predict(model: Module, batches: Batches) -> tuple[Array, Array]:
    """All outputs and all targets, (n, classes) and (n, ...), in the order of the batches."""
    outputs, targets = [], []
    for output, (_, target) in _outputs(model, batches):
        outputs.append(output.data)
        targets.append(target)
    if not outputs:
        raise DataError("there is no batch to predict on: the data set or the split is empty")
    return np.concatenate(outputs), np.concatenate(targets)


def _outputs(model: Module, batches: Batches) -> Iterator[tuple[Any, tuple[Any, Any]]]:
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        for inputs, targets in batches:
            with no_grad():
                output = model(inputs)
            yield output, (inputs, targets)
    finally:
        for module, was_training in modes:
            module.training = was_training
