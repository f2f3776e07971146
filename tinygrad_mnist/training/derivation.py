"""A training step derived by the framework, next to the one derived by hand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np

from tinygrad_mnist import by_hand, optim
from tinygrad_mnist.datasets import ImageDataset
from tinygrad_mnist.program import compile
from tinygrad_mnist.program.comparison import lines_side_by_side
from tinygrad_mnist.training.fresh import fresh_network
from tinygrad_mnist.training.recipe import Recipe
from tinygrad_mnist.training.step import make_train_step


@dataclass(frozen=True)
class SideBySide:
    """A training step, derived both ways.

    Attributes
    ----------
    rows
        Lines of the framework's and the hand-derived step that make the same value; "" where one has none.
    distance
        Largest difference of the parameters after one step each, in units in the last place of the largest.
    """

    subject: str
    rows: list[tuple[str, str]]
    distance: float


def side_by_side(dataset: ImageDataset, sizes: tuple[int, ...] | None, recipe: Recipe) -> SideBySide:
    """Derive a training step of a network both ways, and take it both ways on real images.

    Parameters
    ----------
    dataset
        Images of which one batch is used.
    sizes
        Sizes of all layers, as for `fresh_network`; the hidden units are sigmoids.
    recipe
        Loss, batch size, learning rate and seed.
    """
    network = fresh_network(dataset, sizes, recipe)
    x = network.images.reshape(len(network.images), -1)
    y = np.eye(dataset.classes, dtype=x.dtype)[network.labels]
    cost = cast("by_hand.Cost", recipe.loss)  # the same names
    by_hand_parameters = [p.data.copy() for p in network.model.parameters()]
    optimizer = optim.SGD(network.model.parameters(), lr=recipe.lr)
    step = compile(make_train_step(network.model, network.loss, optimizer))
    step(x, y)
    rows = lines_side_by_side(step.program, by_hand_parameters, (x, y), optimizer, cost)
    by_hand.sgd_step(by_hand_parameters[::2], by_hand_parameters[1::2], x, y, recipe.lr, cost)
    pairs = zip(network.model.parameters(), by_hand_parameters)
    distance = max(np.abs(p.data - q).max() for p, q in pairs)
    largest = max(np.abs(q).max() for q in by_hand_parameters)
    return SideBySide(network.subject, rows, float(distance / np.spacing(largest)))
