"""Heads: a last layer's way from responses to targets, and from outputs to answers."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from sklearn.utils.multiclass import check_classification_targets

from tinygrad_mnist import nn
from tinygrad_mnist.autodiff import ops
from tinygrad_mnist.errors import DataError
from tinygrad_mnist.typing import Array


class Head(Protocol):
    """A loss, the number of outputs it wants, and both directions of the coding."""

    loss: nn.Module
    width: int

    def targets(self, response: Array) -> Array:
        """Return the targets of the loss.  response: (n,) or (n, outputs)"""

    def answers(self, outputs: Array) -> Array:
        """Return the answers of `predict`.  outputs: (n, width)"""

    def describe(self) -> str:
        """A few words for the repr."""


class Classes:
    """One output for each class, through a softmax; a single one, through a sigmoid, for two classes.

    Attributes
    ----------
    labels : ndarray
        The classes in order.
    """

    def __init__(self, response: Array) -> None:
        if response.ndim != 1:
            raise DataError(
                f"classification wants one label for each row, and the response has shape {response.shape}: "
                "give the column of labels itself"
            )
        try:
            check_classification_targets(response)
            self.labels = np.unique(response)
        except (ValueError, TypeError) as error:  # continuous numbers, or values that have no order
            advice = "For a response of numbers say task='regression'."
            if response.dtype.kind == "O":
                advice = "Give labels of one kind, text, whole numbers or booleans, as y.astype(str) does."
            raise DataError(f"{error} {advice}") from error
        if len(self.labels) < 2:
            raise DataError(f"there is one class, {self.labels}, and classification needs at least two")
        self._binary = len(self.labels) == 2
        self.width = 1 if self._binary else len(self.labels)
        self.loss: nn.Module = nn.BCEWithLogitsLoss() if self._binary else nn.CrossEntropyLoss()

    def targets(self, response: Array) -> Array:
        """Positions in `labels`, (n,); for two classes 0 and 1, (n, 1) in float64."""
        positions = np.searchsorted(self.labels, response)
        return positions[:, None].astype(np.float64) if self._binary else positions

    def probabilities(self, outputs: Array) -> Array:
        """(n, classes), rows that sum to 1."""
        if not self._binary:
            return np.asarray(ops.softmax(outputs))
        return np.hstack([ops.sigmoid(-outputs), ops.sigmoid(outputs)])

    def answers(self, outputs: Array) -> Array:
        """The likeliest label of each row, (n,)."""
        return np.asarray(self.labels[self.probabilities(outputs).argmax(axis=1)])

    def describe(self) -> str:
        """The labels, as many as fit on a line."""
        shown = [str(label) for label in self.labels[:5]] + ["..."] * (len(self.labels) > 5)
        return ", ".join(shown)


class Numbers:
    """One output for each column of numbers, in units of their standard deviation around their mean.

    So the loss is the share of the variance that is not explained, and the learning rate does not depend on
    the unit of the response.
    """

    def __init__(self, response: Array) -> None:
        if response.dtype.kind not in "biuf":
            raise DataError(f"regression needs numbers, and the response holds {response.dtype}")
        if response.ndim > 2:
            raise DataError(f"regression wants (n,) or (n, outputs), and the response has {response.shape}")
        values = response.astype(np.float64)
        if not np.isfinite(values).all():
            raise DataError("the response holds NaN or infinity: remove or repair those examples")
        self._flat = values.ndim == 1
        columns = values.reshape(len(values), -1)
        self.width = columns.shape[1]
        self._mean, self._deviation = columns.mean(axis=0), deviations(columns)
        self.loss: nn.Module = nn.MSELoss()

    def targets(self, response: Array) -> Array:
        """(n, width) in float64, mean 0 and standard deviation 1 over the training examples."""
        return np.asarray((response.reshape(len(response), -1) - self._mean) / self._deviation)

    def answers(self, outputs: Array) -> Array:
        """In the response's own units, (n,) or (n, width) as the response was."""
        values = outputs * self._deviation + self._mean
        return np.asarray(values[:, 0] if self._flat else values)

    def describe(self) -> str:
        """The number of outputs."""
        return "a number" if self.width == 1 else f"{self.width} numbers"


def deviations(columns: Array) -> Array:
    """The standard deviation of each column, 1 where there is none to speak of.  columns: (n, width)"""
    largest = np.abs(columns).max(axis=0)
    _, power = np.frexp(largest)  # without it the squares of 1e200 or 1e-200 are infinite or 0
    spread = np.ldexp(np.ldexp(columns, -power).std(axis=0), power)
    noise = 10 * np.finfo(np.float64).eps * largest  # a constant column's rounding errors
    return np.asarray(np.where(spread > noise, spread, 1.0))
