"""The gradient check of the command line: a perceptron on real digits, four oracles side by side."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from tinygrad_mnist import by_hand
from tinygrad_mnist.autodiff.tensor import Tensor
from tinygrad_mnist.checking import Diagnosis, GradReport, Mistake, check_gradients, diagnose
from tinygrad_mnist.datasets import ImageDataset
from tinygrad_mnist.nn import Module
from tinygrad_mnist.training import Recipe
from tinygrad_mnist.training.fresh import fresh_network


@dataclass(frozen=True)
class Outcome:
    """What was checked, in words, and what came of it; `diagnosis` says where a mistake is."""

    subject: str
    report: GradReport
    diagnosis: Diagnosis

    @property
    def ok(self) -> bool:
        """Neither check finds a mistake."""
        return self.report.ok and self.diagnosis.ok


def check_network(
    dataset: ImageDataset,
    sizes: tuple[int, ...] | None,
    recipe: Recipe,
    sample: int | None,
    mistake: Mistake | None = None,
) -> Outcome:
    """Check the gradients of a fresh network on a batch of training images.

    Parameters
    ----------
    sizes
        Of all layers, the input and the output included; by default one hidden layer of 30.
    recipe
        Activation, loss, batch size, and the seed of weights, batch and sample.
    sample
        How many entries of each parameter; None for all.
    mistake
        Switched on meanwhile.  Where it does not show in the network, its own example is checked instead.

    Raises
    ------
    DataError
        When the sizes do not fit the images, or the batch is larger than the training set.
    """
    network = fresh_network(dataset, sizes, recipe)
    model, loss, images, labels = network.model, network.loss, network.images, network.labels
    hand = (
        _by_hand(model, recipe, images, labels, dataset.classes) if recipe.activation == "sigmoid" else None
    )
    with mistake or nullcontext():
        report = check_gradients(model, loss, (images, labels), sample=sample, seed=recipe.seed, by_hand=hand)
        outcome = Outcome(network.subject, report, diagnose(loss(model(images), labels), seed=recipe.seed))
        return _example_of(mistake) if mistake is not None and outcome.ok else outcome


def _example_of(mistake: Mistake) -> Outcome:
    """The mistake, installed already, on its own example."""
    function, arrays = mistake.example()
    names = function.__code__.co_varnames
    tensors = [Tensor(x, requires_grad=True, name=name) for name, x in zip(names, arrays)]
    return Outcome(
        "a small function of its own, since it does not show in the network",
        check_gradients(function, *arrays),
        diagnose(function(*tensors)),
    )


def _by_hand(model: Module, recipe: Recipe, images: Any, labels: Any, classes: int) -> dict[str, Any]:
    """The gradients by the formulas derived by hand, under the parameters' names."""
    parameters = list(model.named_parameters())
    arrays = [parameter.data.astype(np.float64) for _, parameter in parameters]
    x = images.reshape(len(images), -1).astype(np.float64)
    _, weights, biases = by_hand.backprop(
        arrays[::2], arrays[1::2], x, np.eye(classes)[labels], cast(by_hand.Cost, recipe.loss)
    )
    gradients = [g for pair in zip(weights, biases) for g in pair]
    return {name: g for (name, _), g in zip(parameters, gradients)}
