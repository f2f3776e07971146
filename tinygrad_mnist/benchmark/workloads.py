"""The networks whose training steps are timed: those of the articles, and a larger one."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from tinygrad_mnist.by_hand import Cost
from tinygrad_mnist.typing import Array

RATE = 0.1  # of the descent


@dataclass(frozen=True)
class Setup:
    """A perceptron with sigmoids, and a batch.

    Attributes
    ----------
    name
        As in the table.
    sizes
        Of all layers, the input's first; one hidden layer.
    batch
        Examples in a step.
    cost
        Which says what the outputs are, too: as in `by_hand`.
    """

    name: str
    sizes: tuple[int, int, int]
    batch: int
    cost: Cost

    def __str__(self) -> str:
        return f"{self.name}, batch {self.batch}, {self.cost}"

    def data(self) -> tuple[Array, Array, Array]:
        """Random inputs in [0, 1), the desired outputs, and these as a framework's loss takes them.

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
        """Small random weights (outputs, inputs) and zero biases, float32; the same at each call."""
        rng = np.random.default_rng(1)
        shapes = [(fan_out, fan_in) for fan_in, fan_out in pairwise(self.sizes)]
        weights = [(0.1 * rng.standard_normal(shape)).astype(np.float32) for shape in shapes]
        return weights, [np.zeros(fan_out, np.float32) for fan_out, _ in shapes]


SETUPS = (
    Setup("784-30-10", (784, 30, 10), 10, "quadratic"),
    Setup("784-128-10", (784, 128, 10), 128, "cross-entropy"),
    Setup("iris 4-5-3", (4, 5, 3), 150, "cross-entropy"),
    Setup("hot dogs 2-5-1", (2, 5, 1), 200, "binary cross-entropy"),
    Setup("784-512-10", (784, 512, 10), 256, "cross-entropy"),
)
