"""Hot dogs: logistic regression and three networks on two spirals.

From "Building a neural network from scratch in R" (R on Tea & Stats, by way of R-bloggers).  The text gives
the network and the training; the data and their seed are in its public source, as the printed rows confirm.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygrad_mnist import nn, optim
from tinygrad_mnist.autodiff import ops
from tinygrad_mnist.autodiff.transforms import grad, hessian
from tinygrad_mnist.experiments import drawings
from tinygrad_mnist.experiments.experiment import (
    NOTHING,
    Comparison,
    Experiment,
    ExperimentOptions,
    ExperimentResult,
    in_parallel,
    speed,
)
from tinygrad_mnist.experiments.networks import Trained, descent, outputs, perceptron
from tinygrad_mnist.experiments.r_language import RRandom, significant
from tinygrad_mnist.report import Drawing, Section, plots
from tinygrad_mnist.typing import Array

SEED = 42
POINTS = 100  # of each class
LR = 1e-2  # on the gradient summed over the points
ITERATIONS, QUICK_ITERATIONS = 100_000, 5_000
HIDDEN = (5, 30, 1)  # in the order of the text, which is the order of the draws
MARGIN, GRID_STEP = 1.0, 0.25  # of the drawing

PRINTED_ROWS = (
    "8.81 -6.19 not hot dog",
    "10.00 0.84 not hot dog",
    "-1.78 4.48 hot dog",
    "6.83 -0.02 hot dog",
    "1.71 -10.29 not hot dog",
)
LOGISTIC = "134"
SHARES = {5: "76 %", 30: "100 %", 1: "68 %"}
MEASURED = {5: "152 of 200", 30: "200 of 200", 1: "137 of 200"}
SECONDS_IN_R = {5: 5.7, 30: 18.3, 1: 3.6}
SECONDS_PUBLISHED = {5: "12 s", 30: NOTHING, 1: NOTHING}


@dataclass(frozen=True)
class Draws:
    """Random numbers of the article.

    Attributes
    ----------
    x, y
        Points (200, 2) and their classes (200, 1).
    shown
        Positions of the five points that the article prints.
    weights
        First weights per hidden size: w1 (3, hidden) and w2 (hidden + 1, 1), intercepts in the first row.
    stream
        R's stream after them.
    """

    x: Array
    y: Array
    shown: Array
    weights: dict[int, tuple[Array, Array]]
    stream: RRandom


def draw(seed: int) -> Draws:
    """Draw all random numbers of the article in its order; training draws none."""
    stream = RRandom(seed, rounding=True)
    theta = stream.uniform(POINTS, np.pi / 2, 7 * np.pi / 2)
    noise = [stream.uniform(POINTS) for _ in range(4)]
    spiral = np.stack([theta * np.cos(theta), -theta * np.sin(theta)], axis=1)
    x = np.concatenate([np.stack(noise[:2], axis=1) - spiral, np.stack(noise[2:], axis=1) + spiral])
    y = np.repeat([0.0, 1.0], POINTS)[:, None]
    shown = stream.sample(2 * POINTS, 5) - 1
    weights = {
        hidden: (stream.normal_matrix(3, hidden), stream.normal_matrix(hidden + 1, 1)) for hidden in HIDDEN
    }
    return Draws(x, y, shown, weights, stream)


def network(w1: Array, w2: Array) -> nn.Sequential:
    """Build the article's network from its matrices with an intercept row, up to the log odds."""
    return perceptron([(w1[1:].T, w1[0]), (w2[1:].T, w2[0])], logits=True)


def train(w1: Array, w2: Array, x: Array, y: Array, iterations: int) -> Trained:
    """Train on all points at once by the log-likelihood; `outputs` are those before the last update."""
    start = time.process_time()
    model = network(w1, w2)
    optimizer = optim.SGD(model.parameters(), lr=LR * len(x))  # our loss is the mean over the points
    step = descent(model, nn.BCEWithLogitsLoss(), optimizer)
    for _ in range(iterations):
        log_odds = step(x, y)
    seconds = time.process_time() - start
    counts = plots.confusion_counts(y[:, 0], log_odds.data[:, 0] > 0, 2)
    return Trained(model.state_dict(), log_odds.data, seconds, counts[None])


def logistic_regression(x: Array, y: Array) -> Array:
    """Fit the maximum-likelihood coefficients (3,), intercept first, by Newton's method as R's glm does."""
    design = np.concatenate([np.ones((len(x), 1)), x], axis=1)

    def cost(beta: Any) -> Any:
        return ops.sum(ops.sigmoid_cross_entropy(ops.matmul(design, beta), y[:, 0]))

    beta = np.zeros(3)
    for _ in range(8):  # quadratic convergence: five suffice
        slope = grad(cost)(beta)
        beta = beta - np.linalg.solve(hessian(cost)(beta), slope)
    return beta


def run(options: ExperimentOptions) -> ExperimentResult:
    """Draw the points, fit all four models, and draw their regions."""
    draws = draw(options.seed(SEED))
    beta = logistic_regression(draws.x, draws.y)
    right = int(((beta[0] + draws.x @ beta[1:] > 0) == (draws.y[:, 0] > 0.5)).sum())
    iterations = QUICK_ITERATIONS if options.quick else ITERATIONS
    slowest_first = sorted(HIDDEN, reverse=True)
    tasks = [(*draws.weights[hidden], draws.x, draws.y, iterations) for hidden in slowest_first]
    trained = dict(zip(slowest_first, in_parallel(train, tasks)))
    figures = [
        options.exact("points printed in the article", PRINTED_ROWS, _rows(draws)),
        options.exact("logistic regression, right of 200", LOGISTIC, str(right)),
    ]
    for hidden in HIDDEN:
        figures += _figures(options, hidden, trained[hidden], iterations)
    drawing = _regions(draws, beta, right, trained)
    drawing.save(options.folder / "regions.svg")
    text = (
        f"The class that each model gives to the points of a grid, after {iterations:,} iterations: each "
        "hidden unit is one more straight line to bend the boundary with."
    )
    listing = "\n".join(
        [*_rows(draws), str(right), *(significant(trained[h].accuracies[-1]) for h in HIDDEN)]
    )
    return ExperimentResult(figures, [Section("Regions of the two classes", text, drawing)], listing)


def _rows(draws: Draws) -> list[str]:
    names = ("not hot dog", "hot dog")
    return [
        f"{draws.x[i, 0]:.2f} {draws.x[i, 1]:.2f} {names[int(draws.y[i, 0])]}" for i in draws.shown.tolist()
    ]


def _figures(options: ExperimentOptions, hidden: int, trained: Trained, iterations: int) -> list[Comparison]:
    name = f"{hidden} hidden unit{'s' * (hidden > 1)}"
    right = f"{round(2 * POINTS * trained.accuracies[-1])} of {2 * POINTS}"
    if options.quick:
        return [Comparison(f"{name}, right after {iterations:,} iterations", NOTHING, NOTHING, right)]
    same = options.same(f"{name}, right", SHARES[hidden], MEASURED[hidden], right)
    seconds = speed(
        f"{name}, {iterations:,} iterations", SECONDS_PUBLISHED[hidden], SECONDS_IN_R[hidden], trained.seconds
    )
    return [same, seconds]


def _regions(draws: Draws, beta: Array, right: int, trained: dict[int, Trained]) -> Drawing:
    low, high = draws.x.min(axis=0) - MARGIN, draws.x.max(axis=0) + MARGIN
    across, up = (np.arange(low[i], high[i], GRID_STEP) for i in range(2))
    grid = np.stack([axis.ravel() for axis in np.meshgrid(across, up)], axis=1)
    panels = [(f"logistic regression, {right} of 200", beta[0] + grid @ beta[1:])]
    for hidden in sorted(HIDDEN):
        model = network(*draws.weights[hidden])
        model.load_state_dict(trained[hidden].state)
        title = f"{hidden} hidden unit{'s' * (hidden > 1)}, {100 * trained[hidden].accuracies[-1]:g} %"
        panels.append((title, outputs(model, grid)[:, 0]))
    shape = (len(up), len(across))
    return drawings.regions(
        draws.x, draws.y[:, 0], across, up, [(title, z.reshape(shape) > 0) for title, z in panels]
    )


EXPERIMENT = Experiment(
    "hot-dogs",
    'hot dogs, in "Building a neural network from scratch in R", R on Tea & Stats',
    "2-5-1, 2-30-1 and 2-1-1 sigmoid networks, binary cross-entropy, full batch, 100,000 iterations",
    run,
)
