"""Rouze: "Neural Networks in R", the first network of M. Nielsen's book in R, on raw pixels.

From T. Rouze's article.  The learning rate, the order of the draws and the pixels from 0 to 255 are in the
public repository that it names.  No seed is given, so distributions are compared.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from tinygrad_mnist import nn, optim
from tinygrad_mnist.experiments import drawings
from tinygrad_mnist.experiments.experiment import (
    NOTHING,
    Comparison,
    Experiment,
    ExperimentOptions,
    ExperimentResult,
    in_parallel,
    per_cent,
    speed,
)
from tinygrad_mnist.experiments.networks import (
    Digits,
    Layer,
    Trained,
    descent,
    mnist,
    perceptron,
    pixels,
    raw,
    scaled,
    train_epochs,
)
from tinygrad_mnist.experiments.r_language import RRandom
from tinygrad_mnist.report import Section, Table
from tinygrad_mnist.typing import Array

HIDDEN, DIGITS, BATCH = 30, 10, 10
RAW_LR, SCALED_LR = 0.1, 3.0  # on the mean gradient; the second is the book's, for pixels 0 to 1
SEEDS, EPOCHS = 8, 30
SATURATED = 20.0  # beyond it a sigmoid is within 2.1e-9 of 0 or 1, and learns nothing

ONE_EPOCH = "50 %"
THIRTY_EPOCHS = "about 90 %"  # in the repository
MEASURED_ONE = "mean 38.9 % (31.2 to 48.9, 8 seeds)"
MEASURED_THIRTY = "84.5 % (79 to 85 over the last ten)"
MEASURED_SCALED = "91.0 %"
MEASURED_SATURATED = "99.5 %"
SECONDS_IN_R = 13.6  # an epoch, the faster of the measured ones


def first_weights(seed: int) -> tuple[RRandom, list[Layer]]:
    """Draw biases and weights N(0, 1) in the repository's order; return R's stream after them too."""
    stream = RRandom(seed)
    b1, b2 = stream.normal(HIDDEN), stream.normal(DIGITS)
    w1, w2 = stream.normal_matrix(HIDDEN, 784), stream.normal_matrix(DIGITS, HIDDEN)
    return stream, [(w1, b1), (w2, b2)]


def train(folder: Path | None, seed: int, raw_pixels: bool, epochs: int) -> Trained:
    """Run the repository's program: a new shuffle of the last order in each epoch, batches of ten."""
    stream, layers = first_weights(seed)
    model = perceptron(layers)
    optimizer = optim.SGD(model.parameters(), lr=RAW_LR if raw_pixels else SCALED_LR)
    step = descent(model, nn.QuadraticLoss(), optimizer)
    data = Digits.load(folder, BATCH, raw if raw_pixels else scaled)
    return train_epochs(model, step, data, lambda order: order[stream.sample(len(order)) - 1], epochs)


def hidden_sums(folder: Path | None, seed: int, prepare: Callable[[Array], Array]) -> Array:
    """Weighted sums of the hidden units before training, for 1,000 test images: (1000, 30)."""
    (w1, b1), _ = first_weights(seed)[1]
    return np.asarray(prepare(pixels(mnist(folder).test.raw_images)[:1000]) @ w1.T + b1)


def run(options: ExperimentOptions) -> ExperimentResult:
    """Train eight seeds for one epoch, and the first one for thirty with raw and with scaled pixels."""
    first, count, epochs = options.seed(1), 1 if options.quick else SEEDS, 1 if options.quick else EPOCHS
    tasks = [(options.data, first, True, epochs), (options.data, first, False, epochs)]
    tasks += [(options.data, seed, True, 1) for seed in range(first + 1, first + count)]
    long, book, *others = in_parallel(train, tasks)
    ones = [trained.accuracies[0] for trained in (long, *others)]
    sums = [hidden_sums(options.data, first, prepare) for prepare in (raw, scaled)]
    saturated = float((np.abs(sums[0]) > SATURATED).mean())
    one_epoch = options.within(
        f"raw pixels, 1 epoch, mean of {count} seed{'s' * (count > 1)}",
        ONE_EPOCH,
        MEASURED_ONE,
        float(np.mean(ones)),
        *((0.25, 0.6) if options.quick else (0.3, 0.5)),  # one seed varies more than a mean
    )
    figures = [
        one_epoch,
        Comparison("raw pixels, 1 epoch, each seed", NOTHING, NOTHING, per_cent(ones)),
        *([] if options.quick else [_thirty(long)]),
        options.within(
            "pixels 0 to 1, rate 3, 1 epoch", NOTHING, MEASURED_SCALED, book.accuracies[0], 0.9, 1.0
        ),
        *(
            []
            if options.quick
            else [Comparison("the same, 30 epochs", NOTHING, NOTHING, per_cent(book.accuracies[-1:]))]
        ),
        Comparison("hidden sums beyond 20, raw pixels", NOTHING, MEASURED_SATURATED, per_cent([saturated])),
        speed("an epoch, raw pixels", NOTHING, SECONDS_IN_R, long.seconds),
    ]
    sections = [_curves(options, long, book, ones), _sums(options, *sums)]
    listing = "\n".join(f"Epoch:  {i}  complete {share:g}" for i, share in enumerate(long.accuracies, 1))
    return ExperimentResult(figures, sections, listing)


def _thirty(long: Trained) -> Comparison:
    return Comparison(
        "raw pixels, 30 epochs",
        THIRTY_EPOCHS,
        MEASURED_THIRTY,
        f"{per_cent(long.accuracies[-1:])} (at least {per_cent([min(long.accuracies[-10:])])} from epoch 21)",
    )


def _curves(options: ExperimentOptions, long: Trained, book: Trained, ones: list[float]) -> Section:
    curves = [("pixels 0 to 1", book.accuracies), ("raw pixels", long.accuracies)]
    drawing = drawings.accuracies(curves, ones)
    drawing.save(options.folder / "accuracy.svg")
    rows = [
        (epoch, *(f"{100 * share:.2f}" for share in pair))
        for epoch, pair in enumerate(zip(long.accuracies, book.accuracies), 1)
    ]
    text = (
        "Test accuracy after each epoch, with raw pixels at rate 0.1 and with pixels from 0 to 1 at rate 3.  "
        "The rings are all seeds after their first epoch."
    )
    columns = ("epoch", "raw pixels, %", "pixels 0 to 1, %")
    return Section("Accuracy by epoch", text, drawing, Table(columns, rows))


def _sums(options: ExperimentOptions, of_raw: Array, of_scaled: Array) -> Section:
    drawing = drawings.hidden_sums(of_raw.ravel(), of_scaled.ravel(), SATURATED)
    drawing.save(options.folder / "hidden_sums.svg")
    text = (
        "Weighted sums of the hidden units before training, on 1,000 test images.  Beyond 20 the sigmoid is "
        "flat: its derivative is below 2.1e-9, and the first layer does not learn.  Dividing the pixels by "
        "255 is all it takes."
    )
    return Section("Why raw pixels learn slowly", text, drawing)


EXPERIMENT = Experiment(
    "rouze",
    'T. Rouze, "Neural Networks in R"',
    "784-30-10 sigmoid network, quadratic cost, batches of 10, rate 0.1, raw pixels, 30 epochs",
    run,
)
