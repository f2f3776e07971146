"""Hot dogs: logistic regression and three networks on two spirals.

From "Building a neural network from scratch in R" (R on Tea & Stats, by way of R-bloggers).  The text gives
the network and the training; the data and their seed are in its public source, as the printed rows confirm.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygrad_mnist import grad, hessian, nn, ops, optim
from tinygrad_mnist.experiments import drawings
from tinygrad_mnist.experiments.experiment import NOTHING, Experiment, Figure, Result, Setting, speed
from tinygrad_mnist.experiments.networks import descent, outputs, perceptron
from tinygrad_mnist.experiments.r_language import RRandom
from tinygrad_mnist.experiments.r_text import significant
from tinygrad_mnist.report import Section
from tinygrad_mnist.typing import Array

SEED = 42
POINTS = 100  # of each class
RATE = 1e-2  # on the gradient summed over the points
ITERATIONS, QUICK_ITERATIONS = 100_000, 5_000
HIDDEN = (5, 30, 1)  # in the order of the text, which is the order of the draws
MARGIN, GRID_STEP = 1.0, 0.25  # of the picture

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
    """The points x (200, 2), their classes y (200, 1), five printed rows, first weights; R's stream after it.

    `weights` has for each hidden size w1 (3, hidden) and w2 (hidden + 1, 1), intercepts in the first row.
    """

    x: Array
    y: Array
    shown: Array
    weights: dict[int, tuple[Array, Array]]
    stream: RRandom


def draw(seed: int) -> Draws:
    """All random numbers of the article in its order; training draws none."""
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


@dataclass(frozen=True)
class Trained:
    """A trained network: the share of right points before the last update, its seconds, its parameters."""

    share: float
    seconds: float
    state: dict[str, Array]


def network(w1: Array, w2: Array) -> nn.Sequential:
    """The article's network from its matrices with an intercept row, up to the log odds."""
    return perceptron([(w1[1:].T, w1[0]), (w2[1:].T, w2[0])], logits=True)


def train(w1: Array, w2: Array, x: Array, y: Array, iterations: int) -> Trained:
    """Full-batch gradient descent on the log-likelihood."""
    start = time.process_time()
    model = network(w1, w2)
    optimizer = optim.SGD(model.parameters(), lr=RATE * len(x))  # our loss is the mean over the points
    step = descent(model, nn.BCEWithLogitsLoss(), optimizer)
    for _ in range(iterations):
        log_odds = step(x, y)
    share = float(((log_odds.data > 0) == (y > 0.5)).mean())
    return Trained(share, time.process_time() - start, model.state_dict())


def logistic_regression(x: Array, y: Array) -> Array:
    """The maximum-likelihood coefficients (3,), intercept first, by Newton's method as R's glm finds them."""
    design = np.concatenate([np.ones((len(x), 1)), x], axis=1)

    def cost(beta: Any) -> Any:
        return ops.sum(ops.sigmoid_cross_entropy(ops.matmul(design, beta), y[:, 0]))

    beta = np.zeros(3)
    for _ in range(8):  # it converges quadratically: five would do
        slope = grad(cost)(beta)
        beta = beta - np.linalg.solve(hessian(cost)(beta), slope)
    return beta


def run(setting: Setting) -> Result:
    """Draw the points, fit all four models, draw the regions that they tell apart."""
    draws = draw(setting.seed(SEED))
    beta = logistic_regression(draws.x, draws.y)
    right = int(((beta[0] + draws.x @ beta[1:] > 0) == (draws.y[:, 0] > 0.5)).sum())
    iterations = QUICK_ITERATIONS if setting.quick else ITERATIONS
    slowest_first = sorted(HIDDEN, reverse=True)
    tasks = [(*draws.weights[hidden], draws.x, draws.y, iterations) for hidden in slowest_first]
    trained = dict(zip(slowest_first, setting.workers.map(train, tasks)))
    figures = [
        setting.exact("points printed in the article", PRINTED_ROWS, _rows(draws)),
        setting.exact("logistic regression, right of 200", LOGISTIC, str(right)),
    ]
    for hidden in HIDDEN:
        figures += _figures(setting, hidden, trained[hidden], iterations)
    picture = setting.folder / "regions.png"
    drawings.save(_regions(draws, beta, right, trained), picture)
    text = (
        f"The class that each model gives to the points of a grid, after {iterations:,} iterations: each "
        "hidden unit is one more straight line to bend the boundary with."
    )
    listing = "\n".join([*_rows(draws), str(right), *(significant(trained[h].share) for h in HIDDEN)])
    return Result(figures, [Section("What the networks tell apart", text, picture)], listing)


def _rows(draws: Draws) -> list[str]:
    names = ("not hot dog", "hot dog")
    return [
        f"{draws.x[i, 0]:.2f} {draws.x[i, 1]:.2f} {names[int(draws.y[i, 0])]}" for i in draws.shown.tolist()
    ]


def _figures(setting: Setting, hidden: int, trained: Trained, iterations: int) -> list[Figure]:
    name = f"{hidden} hidden unit{'s' * (hidden > 1)}"
    right = f"{round(2 * POINTS * trained.share)} of {2 * POINTS}"
    if setting.quick:
        return [Figure(f"{name}, right after {iterations:,} iterations", NOTHING, NOTHING, right)]
    same = setting.same(f"{name}, right", SHARES[hidden], MEASURED[hidden], right)
    seconds = speed(
        f"{name}, {iterations:,} iterations", SECONDS_PUBLISHED[hidden], SECONDS_IN_R[hidden], trained.seconds
    )
    return [same, seconds]


def _regions(draws: Draws, beta: Array, right: int, trained: dict[int, Trained]) -> drawings.Figure:
    low, high = draws.x.min(axis=0) - MARGIN, draws.x.max(axis=0) + MARGIN
    across, up = (np.arange(low[i], high[i], GRID_STEP) for i in range(2))
    grid = np.stack([axis.ravel() for axis in np.meshgrid(across, up)], axis=1)
    panels = [(f"logistic regression, {right} of 200", beta[0] + grid @ beta[1:])]
    for hidden in sorted(HIDDEN):
        model = network(*draws.weights[hidden])
        model.load_state_dict(trained[hidden].state)
        title = f"{hidden} hidden unit{'s' * (hidden > 1)}, {100 * trained[hidden].share:g} %"
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
