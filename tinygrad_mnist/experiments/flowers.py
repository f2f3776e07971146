"""Iris: the article's class with a formula interface, on Fisher's flowers.

From "Building a neural network from scratch in R" (R on Tea & Stats, by way of R-bloggers).
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from tinygrad_mnist import nn, optim
from tinygrad_mnist.autodiff import ops
from tinygrad_mnist.datasets import load_iris
from tinygrad_mnist.experiments import drawings, hot_dogs
from tinygrad_mnist.experiments.experiment import (
    NOTHING,
    Experiment,
    ExperimentOptions,
    ExperimentResult,
    speed,
)
from tinygrad_mnist.experiments.networks import accuracy, linear
from tinygrad_mnist.experiments.r_language import RRandom, significant
from tinygrad_mnist.program import compile
from tinygrad_mnist.report import Section, Table
from tinygrad_mnist.training import make_train_step
from tinygrad_mnist.typing import Array

FORMULA = "Species ~ ."
HIDDEN = 5
SPREAD = 0.01  # of the first weights
LR = 1e-4  # on the gradient summed over the flowers
ITERATIONS, SHOWN_EVERY = 9_999, 1_000

LOSSES = (
    "151.054969487204",
    "81.6280605667542",
    "64.5735942975868",
    "51.0996158369837",
    "40.105949050699",
    "32.3280157122779",
    "27.0449301604686",
    "23.3961690114",
    "20.7875204792586",
)
ACCURACIES = (
    "0.68",
    "0.853333333333333",
    "0.966666666666667",
    *["0.973333333333333"] * 3,
    *["0.98"] * 3,
)
SECONDS_IN_R = 2.2


class SummedCrossEntropy(nn.Module):
    """Log loss of the article: summed over the flowers, not averaged."""

    def forward(self, logits: Any, species: Any) -> Any:
        """Logits (n, classes), species (n,) -> scalar"""
        return ops.sum(ops.softmax_cross_entropy(logits, species))


def design_matrix() -> tuple[Array, Array]:
    """Return the inputs of the article's formula, a column of ones and all measurements, and the species."""
    from tinygrad_mnist.estimator.formula import Design  # an extra, and only this experiment needs it

    flowers = load_iris()
    return Design(FORMULA, flowers.columns()).inputs(flowers.columns()), flowers.species


def network(stream: RRandom) -> nn.Sequential:
    """Build the article's network; its first layer has no bias, as the design matrix has a column of ones."""
    w1 = SPREAD * stream.normal_matrix(5, HIDDEN)
    w2 = SPREAD * stream.normal_matrix(HIDDEN + 1, 3)
    hidden = nn.Linear(5, HIDDEN, bias=False, dtype=np.float64)
    hidden.load_state_dict({"weight": w1.T})
    return nn.Sequential(hidden, nn.Sigmoid(), linear(w2[1:].T, w2[0]))


def run(options: ExperimentOptions) -> ExperimentResult:
    """Train on all flowers and print the article's numbers; there is no short form, as it takes seconds."""
    model = network(hot_dogs.draw(options.seed(hot_dogs.SEED)).stream)  # drawn after the hot dogs' numbers
    inputs, species = design_matrix()
    start = time.process_time()
    step = compile(make_train_step(model, SummedCrossEntropy(), optim.SGD(model.parameters(), lr=LR)))
    losses, shares = np.empty(ITERATIONS), {}
    for iteration in range(1, ITERATIONS + 1):
        loss, logits = step(inputs, species)
        losses[iteration - 1] = loss.item()
        if iteration % SHOWN_EVERY == 0:
            shares[iteration] = accuracy(logits.data, species)
    seconds = time.process_time() - start
    shown = {iteration: significant(losses[iteration - 1]) for iteration in shares}
    rights = [significant(share) for share in shares.values()]
    figures = [
        *(
            options.exact(f"loss, iteration {iteration:,}", published, ours)
            for published, (iteration, ours) in zip(LOSSES, shown.items())
        ),
        options.exact("accuracies at the same iterations", ACCURACIES, rights),
        speed("9,999 iterations", NOTHING, SECONDS_IN_R, seconds),
    ]
    lines = [f"Iteration {i}\tLoss {shown[i]}\tAccuracy {share}" for i, share in zip(shown, rights)]
    published = [float(loss) for loss in LOSSES] if options.r_seed is None else []
    drawing = drawings.long_loss(losses, list(shares), published)
    drawing.save(options.folder / "loss.svg")
    sections = [
        Section(
            "Loss",
            "The log loss, summed over 150 flowers, keeps falling while the accuracy stays: the network "
            "becomes more certain of the same answers.",
            drawing,
            Table(
                ("iteration", "loss", "accuracy"), [(f"{i:,}", shown[i], s) for i, s in zip(shown, rights)]
            ),
        )
    ]
    return ExperimentResult(figures, sections, "\n".join(lines))


EXPERIMENT = Experiment(
    "iris",
    'iris, in "Building a neural network from scratch in R", R on Tea & Stats',
    "5-5-3 (intercept as an input), sigmoid, softmax, summed cross-entropy, full batch, 9,999 iterations",
    run,
)
