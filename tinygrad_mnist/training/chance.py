"""Chance level: the result of a network that gives the same answer to every example."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tinygrad_mnist import nn
from tinygrad_mnist.autodiff.tensor import Tensor
from tinygrad_mnist.datasets import Loader
from tinygrad_mnist.training.loop import Training
from tinygrad_mnist.typing import Array

_WAY = 0.1  # share of the way from chance to perfect below which next to nothing was learned
_DEVIATIONS = 2  # standard deviations of an accuracy that is chance


def near_chance(accuracy: float, chance: float, examples: int) -> bool:
    """Return True if an accuracy is within its noise of chance, or less than a tenth of the way to 100 %."""
    noise = _DEVIATIONS * math.sqrt(chance * (1 - chance) / max(examples, 1))
    return accuracy - chance < max(_WAY * (1 - chance), noise)


def share_of_largest_class(labels: Array) -> float:
    """Return the accuracy of always naming the class that is most frequent."""
    return float(np.unique(labels, return_counts=True)[1].max() / len(labels))


def chance_note(training: Training) -> str | None:
    """Return a sentence if a training run ended at chance level; None if it did not, or if this is unknown.

    The targets are read where they lie in memory: in a `Loader`, a split, arrays or a list of batches.
    """
    history = training.history
    targets = _targets_of(training.train if training.validation is None else training.validation)
    if targets is None or not len(history):
        return None
    last = history[-1]
    held_out = last.validation_loss is not None
    accuracy = last.validation_accuracy if held_out else last.train_accuracy
    loss = last.validation_loss if last.validation_loss is not None else last.train_loss
    guess = _constant_loss(training.loss, targets)
    if accuracy is None:
        if guess is None or loss < (1 - _WAY / 5) * guess:
            return None
        measured = f"the loss is {loss:.3g}, and one answer for all examples has {guess:.3g}"
    else:
        labels = _labels(targets, training.loss)
        if labels is None or (guess is not None and loss < (1 - _WAY) * guess):
            return None
        chance = share_of_largest_class(labels)
        if not near_chance(accuracy, chance, len(labels)):
            return None
        measured = f"{accuracy:.1%} are right, and one answer for all examples has {chance:.1%}"
    return f"close to chance: {measured}; the network has learned next to nothing; {_advice(history)}"


def _advice(history: Any) -> str:
    if history.findings is None:
        return "add doctor.Doctor(print) to the callbacks to find out why"
    return "see history.findings for advice" if history.findings else "the doctor found no cause"


def _targets_of(batches: Any) -> Array | None:
    """Return all targets of batches in memory."""
    batches = getattr(batches, "batches", batches)
    if isinstance(batches, Loader):
        return np.asarray(batches.targets)
    if not isinstance(batches, list | tuple):
        return None
    parts = [targets.data if isinstance(targets, Tensor) else np.asarray(targets) for _, targets in batches]
    same = {part.shape[1:] for part in parts}
    return np.concatenate(parts) if len(same) == 1 else None


def _labels(targets: Array, loss: Any) -> Array | None:
    """Return the class of each example that the loss counts."""
    labels = targets.argmax(axis=1) if targets.ndim == 2 else targets
    if labels.ndim != 1 or labels.dtype.kind not in "iu":
        return None
    ignored = getattr(loss, "ignore_index", None)
    labels = labels if ignored is None else labels[labels != ignored]
    return labels if len(labels) else None


def _constant_loss(loss: Any, targets: Array) -> float | None:
    """Return the least loss of one answer for all examples; None for a loss that is not known here."""
    if type(loss) in (nn.BCELoss, nn.BCEWithLogitsLoss) and repr(loss) == f"{type(loss).__name__}()":
        shares = targets.reshape(len(targets), -1).mean(axis=0)
        return float(np.mean(_entropy(shares) + _entropy(1 - shares)))
    if type(loss) is nn.CrossEntropyLoss and repr(loss) in _PLAIN and targets.dtype.kind in "iu":
        counts = np.unique(targets, return_counts=True)[1]
        return float(_entropy(counts / counts.sum()).sum())
    return None


_PLAIN = ("CrossEntropyLoss()", "CrossEntropyLoss(from_logits=False)")


def _entropy(shares: Array) -> Array:
    """Return ``-p * log(p)``, 0 for p = 0."""
    return np.asarray(-shares * np.log(np.where(shares > 0, shares, 1)))
