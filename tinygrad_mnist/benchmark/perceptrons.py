"""Workloads: the networks of the articles and a larger one, each with a batch."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from tinygrad_mnist.by_hand import Cost
from tinygrad_mnist.typing import Array

LR = 0.1  # learning rate


@dataclass(frozen=True)
class Workload:
    """Perceptron with sigmoids, and a batch.

    Attributes
    ----------
    name
        Name in the tables.
    sizes
        Units per layer, the input first; one hidden layer.
    batch
        Examples per step.
    cost
        Cost, which implies the output layer, as in `by_hand`.
    """

    name: str
    sizes: tuple[int, int, int]
    batch: int
    cost: Cost

    def __str__(self) -> str:
        return f"{self.name}, batch {self.batch}, {self.cost}"

    def data(self) -> tuple[Array, Array, Array]:
        """Return random inputs in [0, 1), the desired outputs, and the targets that a framework's loss takes.

        Returns
        -------
        x, y, labels
            (batch, inputs) and (batch, outputs), float32; labels are classes (batch,), int64, for the
            cross-entropy, and y for the other costs.
        """
        rng = np.random.default_rng(0)
        x = rng.random((self.batch, self.sizes[0]), np.float32)
        if self.cost == "binary cross-entropy":
            y = rng.integers(0, 2, (self.batch, self.sizes[-1])).astype(np.float32)
            return x, y, y
        labels = rng.integers(0, self.sizes[-1], self.batch)
        y = np.eye(self.sizes[-1], dtype=np.float32)[labels]
        return x, y, labels if self.cost == "cross-entropy" else y

    def parameters(self) -> tuple[list[Array], list[Array]]:
        """Return small random weights (outputs, inputs) and zero biases, float32; the same at each call."""
        rng = np.random.default_rng(1)
        shapes = [(fan_out, fan_in) for fan_in, fan_out in pairwise(self.sizes)]
        weights = [(0.1 * rng.standard_normal(shape)).astype(np.float32) for shape in shapes]
        return weights, [np.zeros(fan_out, np.float32) for fan_out, _ in shapes]


WORKLOADS = (
    Workload("784-30-10", (784, 30, 10), 10, "quadratic"),
    Workload("784-128-10", (784, 128, 10), 128, "cross-entropy"),
    Workload("iris 4-5-3", (4, 5, 3), 150, "cross-entropy"),
    Workload("hot dogs 2-5-1", (2, 5, 1), 200, "binary cross-entropy"),
    Workload("784-512-10", (784, 512, 10), 256, "cross-entropy"),
)
