"""Heads: conversion of responses to targets, and of outputs to predictions."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from sklearn.utils.multiclass import check_classification_targets

from tinygrad_mnist import nn
from tinygrad_mnist.autodiff import ops
from tinygrad_mnist.errors import DataError
from tinygrad_mnist.nn.losses import Loss
from tinygrad_mnist.typing import Array


class Head(Protocol):
    """Loss, number of outputs, and both directions of the coding."""

    loss: Loss
    width: int

    def rows(self, targets: Array) -> Array:
        """Return targets as rows of shape (n, width) in float64."""

    def targets(self, response: Array) -> Array:
        """Return the targets of the loss for a response of shape (n,) or (n, outputs)."""

    def answers(self, outputs: Array) -> Array:
        """Return the predictions for outputs of shape (n, width)."""

    def describe(self) -> str:
        """Return a few words for the repr."""


class Classes:
    """Head for classes: one output per class with a softmax; for two classes one output with a sigmoid.

    Parameters
    ----------
    response : ndarray, shape (n,)
        Labels of the training examples.
    weights : ndarray, shape (n,), optional
        Not used: each label is a class, whatever its weight.

    Attributes
    ----------
    labels : ndarray
        Sorted classes.

    Raises
    ------
    DataError
        If the labels are continuous, of mixed kinds, or all the same.
    """

    def __init__(self, response: Array, weights: Array | None = None) -> None:
        if response.ndim != 1:
            raise DataError(
                f"the response has shape {response.shape}: expected one label per row; for one-hot rows "
                "write y.argmax(axis=1)"
            )
        try:
            check_classification_targets(response)
            self.labels = np.unique(response)
        except (ValueError, TypeError) as error:  # continuous numbers, or values without an order
            advice = "For numbers write task='regression'."
            if response.dtype.kind == "O":
                advice = "Expected labels of one kind (text, whole numbers or booleans); write y.astype(str)."
            raise DataError(f"{error} {advice}") from error
        if len(self.labels) < 2:
            raise DataError(f"the response has one class, {self.labels}: expected at least two")
        self._binary = len(self.labels) == 2
        self.width = 1 if self._binary else len(self.labels)
        self.loss: Loss = nn.BCEWithLogitsLoss() if self._binary else nn.CrossEntropyLoss()

    def targets(self, response: Array) -> Array:
        """Return positions in `labels`, shape (n,); for two classes 0.0 and 1.0, shape (n, 1).

        Raises
        ------
        DataError
            If a response is not one of the classes.
        """
        unknown = response[~np.isin(response, self.labels)]
        if len(unknown):
            raise DataError(f"y has the label {unknown[0]!r}: expected one of {self.labels}")
        positions = np.searchsorted(self.labels, response)
        return positions[:, None].astype(np.float64) if self._binary else positions

    def rows(self, targets: Array) -> Array:
        """Return targets as rows, shape (n, width): one-hot for more than two classes."""
        return targets if self._binary else np.eye(self.width)[targets]

    def probabilities(self, outputs: Array) -> Array:
        """Return probabilities, shape (n, classes); each row sums to 1."""
        if not self._binary:
            return np.asarray(ops.softmax(outputs))
        return np.hstack([ops.sigmoid(-outputs), ops.sigmoid(outputs)])

    def answers(self, outputs: Array) -> Array:
        """Return the most probable label per row, shape (n,)."""
        return np.asarray(self.labels[self.probabilities(outputs).argmax(axis=1)])

    def describe(self) -> str:
        """Return the first five labels."""
        shown = [str(label) for label in self.labels[:5]] + ["..."] * (len(self.labels) > 5)
        return ", ".join(shown)


class Numbers:
    """Head for regression: one output per column of the response, standardized.

    The loss is the unexplained share of the variance, and the learning rate does not depend on the unit of
    the response.

    Parameters
    ----------
    response : ndarray, shape (n,) or (n, outputs)
        Numbers of the training examples.
    weights : ndarray, shape (n,), optional
        Weights of the examples in mean and standard deviation.

    Raises
    ------
    DataError
        If the response is not made of finite numbers, or has more than two axes.
    """

    def __init__(self, response: Array, weights: Array | None = None) -> None:
        if response.dtype.kind not in "biuf":
            raise DataError(f"the response is {response.dtype}: expected numbers for regression")
        if response.ndim > 2:
            raise DataError(f"the response has shape {response.shape}: expected (n,) or (n, outputs)")
        values = response.astype(np.float64)
        if not np.isfinite(values).all():
            raise DataError("the response holds NaN or infinity: remove or repair those examples")
        self._flat = values.ndim == 1
        columns = values.reshape(len(values), -1)
        self.width = columns.shape[1]
        self._mean, self._deviation = np.average(columns, 0, weights), deviations(columns, weights)
        self.loss: Loss = nn.MSELoss()

    def targets(self, response: Array) -> Array:
        """Return the response, shape (n, width), with mean 0 and standard deviation 1 in training."""
        return np.asarray((response.reshape(len(response), -1) - self._mean) / self._deviation)

    def rows(self, targets: Array) -> Array:
        """Return targets, which are rows already."""
        return targets

    def answers(self, outputs: Array) -> Array:
        """Return predictions in the units of the response, shape (n,) or (n, width) as the response."""
        values = outputs * self._deviation + self._mean
        return np.asarray(values[:, 0] if self._flat else values)

    def describe(self) -> str:
        """Return the number of outputs in words."""
        return "a number" if self.width == 1 else f"{self.width} numbers"


def deviations(columns: Array, weights: Array | None = None) -> Array:
    """Return the standard deviation of each column of (n, width); 1 for a constant column."""
    largest = np.abs(columns).max(axis=0)
    _, power = np.frexp(largest)  # without scaling, the squares of 1e200 and 1e-200 are infinite and 0
    scaled = np.ldexp(columns, -power)
    variance = np.average((scaled - np.average(scaled, 0, weights)) ** 2, 0, weights)
    spread = np.ldexp(np.sqrt(variance), power)
    noise = 10 * np.finfo(np.float64).eps * largest  # rounding errors of a constant column
    return np.asarray(np.where(spread > noise, spread, 1.0))
