"""Chapter 1: the first network of M. Nielsen's book in C++ loops under R, and four of its failures.

From "Neural networks and Deep Learning, Chapter 1" (2015), notes on M. Nielsen's book.  No seed is given, so
distributions are compared.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
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
    scaled,
    train_epochs,
)
from tinygrad_mnist.experiments.r_language import RRandom
from tinygrad_mnist.report import Section
from tinygrad_mnist.typing import Array

SIZES, NO_HIDDEN = (784, 30, 10), (784, 10)
LR, BATCH, TRAINING_IMAGES = 3.0, 10, 50_000
SEEDS = 3
SECONDS_IN_R = 6.3  # an epoch of training
SHOWN = 200
LOST = 0.2  # a digit is lost when less than this share of it is found


@dataclass(frozen=True)
class Variant:
    """Variant of the article's program.

    Attributes
    ----------
    summed
        If True, the gradients of a batch are added, as in the article's code, instead of averaged.
    inverted
        If True, the pixels are 1 - x: dark ink on white paper.
    """

    name: str
    epochs: int
    sizes: tuple[int, ...] = SIZES
    summed: bool = False
    inverted: bool = False


MEAN = Variant("mean gradient", 20)
SUMMED = Variant("summed gradient", 20, summed=True)
SINGLE = Variant("no hidden layer", 30, sizes=NO_HIDDEN)
INVERTED = Variant("images inverted", 10, inverted=True)
VARIANTS = (MEAN, SUMMED, SINGLE, INVERTED)
QUICK_EPOCHS = {MEAN: 2, SUMMED: 1, SINGLE: 1, INVERTED: 1}


def first_weights(stream: RRandom, sizes: tuple[int, ...]) -> list[Layer]:
    """Draw weights and biases N(0, 1) in the article's order, which includes numbers that it never uses."""
    weights, biases = [], []
    for fan_in, fan_out in pairwise((*sizes, 0)):
        stream.normal(fan_in)  # the activations, multiplied by 0
        biases.append(stream.normal(fan_in))  # those of the input layer are never used
        if fan_out:
            weights.append(stream.normal_matrix(fan_out, fan_in))
    return list(zip(weights, biases[1:]))


def train(folder: Path | None, seed: int, variant: Variant, epochs: int) -> Trained:
    """Run the article's program with the gradients of this package."""
    stream = RRandom(seed)
    model = perceptron(first_weights(stream, variant.sizes))
    optimizer = optim.SGD(model.parameters(), lr=LR * (BATCH if variant.summed else 1))
    step = descent(model, nn.QuadraticLoss(), optimizer)
    prepare = inverted if variant.inverted else scaled
    data = Digits.load(folder, BATCH, prepare, TRAINING_IMAGES)
    return train_epochs(model, step, data, stream.shuffle, epochs)


def inverted(rows: Array) -> Array:
    """Return the pixels from 1 (paper) to 0 (ink)."""
    return 1 - rows / 255


def run(options: ExperimentOptions) -> ExperimentResult:
    """Train every variant from three first weights."""
    first, count = options.seed(1), 1 if options.quick else SEEDS
    epochs = QUICK_EPOCHS if options.quick else {variant: variant.epochs for variant in VARIANTS}
    runs = [(variant, seed) for variant in VARIANTS for seed in range(first, first + count)]
    tasks = [(options.data, seed, variant, epochs[variant]) for variant, seed in runs]
    found: dict[Variant, list[Trained]] = {variant: [] for variant in VARIANTS}
    for (variant, _), trained in zip(runs, in_parallel(train, tasks)):
        found[variant].append(trained)
    test = mnist(options.data).test
    figures = [*_shares(options, found, epochs), *_details(found, test.labels)]
    sections = [
        _curves(options, found),
        _first_images(options, found[MEAN][0], np.asarray(test.raw_images), test.labels),
        _scatter(options, found[MEAN][0], test.labels),
        _recalls(options, found[SINGLE]),
    ]
    scores = [round(share * len(test)) for share in found[MEAN][0].accuracies]
    listing = [f"Starting epoch {i}\nScore of {score} out of {len(test)}" for i, score in enumerate(scores)]
    return ExperimentResult(figures, sections, "\n".join(listing))


def _shares(
    options: ExperimentOptions, found: dict[Variant, list[Trained]], epochs: dict[Variant, int]
) -> list[Comparison]:
    """Final accuracies: one row per variant."""
    last = {variant: [trained.accuracies[-1] for trained in found[variant]] for variant in VARIANTS}
    name = {each: f"{each.name}, {epochs[each]} epoch{'s' * (epochs[each] != 1)}" for each in VARIANTS}
    low, high = (0.9, 1.0) if options.quick else (0.94, 0.955)
    mean = options.within(f"{name[MEAN]}, each seed", "94 to 95 %", "94.8 94.6 95.1 %", last[MEAN], low, high)
    summed = options.within(f"{name[SUMMED]}, each seed", "94 to 95 %", "18 to 29 %", last[SUMMED], 0, 0.5)
    single = Comparison(
        f"{name[SINGLE]}, each seed", "84 84 66 %", "91.7 82.9 75.0 %", per_cent(last[SINGLE])
    )
    stuck = options.within(
        f"{name[INVERTED]}, best of each seed",
        "at most 60 %",
        "48 81 63 % (from 18 49 51)",
        [max(trained.accuracies) for trained in found[INVERTED]],
        0,
        0.85,
    )
    return [mean, summed, single, stuck]


def _details(found: dict[Variant, list[Trained]], labels: Array) -> list[Comparison]:
    first = found[MEAN][0]
    wrong = int((first.outputs[:SHOWN].argmax(axis=1) != labels[:SHOWN]).sum())
    lost = "; ".join(lost_digits(trained.recalls) for trained in found[SINGLE])
    return [
        Comparison("wrong among the first 200 test images", "6", NOTHING, str(wrong)),
        Comparison("digits lost without a hidden layer", "8; 8; 8", "6; 3; 2 and 8", lost),
        speed("an epoch", NOTHING, SECONDS_IN_R, first.seconds),
    ]


def lost_digits(recalls: Array) -> str:
    """Name the digits that are hardly found in most epochs of the second half; recalls: (epochs, 10)."""
    later = recalls[len(recalls) // 2 :]
    return " and ".join(map(str, np.flatnonzero(np.median(later, axis=0) < LOST))) or "none"


def _curves(options: ExperimentOptions, found: dict[Variant, list[Trained]]) -> Section:
    curves = {variant.name: [trained.accuracies for trained in found[variant]] for variant in VARIANTS}
    drawing = drawings.many_accuracies(curves)
    drawing.save(options.folder / "accuracy.svg")
    text = (
        "Test accuracy after each epoch, one line per seed.  The article's code adds the gradients of a "
        "batch, so that its learning rate of 3 acts like 30, and the network does not learn.  With the mean "
        "gradient, as in the book, the published accuracy is reached."
    )
    return Section("Accuracy by epoch", text, drawing)


def _first_images(options: ExperimentOptions, trained: Trained, images: Array, labels: Array) -> Section:
    shares = trained.outputs[:SHOWN] / trained.outputs[:SHOWN].sum(axis=1, keepdims=True)
    drawing = drawings.answer_sheet(images[:SHOWN], labels[:SHOWN], shares)
    drawing.save(options.folder / "first_200.svg")
    text = (
        "The first 200 test images, what the network reads, and its ten outputs as bars, divided by their "
        "sum.  Errors are framed; their true digit stands in blue."
    )
    return Section("The first 200 test images", text, drawing)


def _scatter(options: ExperimentOptions, trained: Trained, labels: Array) -> Section:
    drawing = drawings.jittered(labels, trained.outputs.argmax(axis=1))
    drawing.save(options.folder / "scatter.svg")
    text = "A point for each of the 10,000 test images, moved a little at random so that each is seen."
    return Section("True and predicted digits", text, drawing)


def _recalls(options: ExperimentOptions, found: list[Trained]) -> Section:
    drawing = drawings.recalls([trained.recalls for trained in found])
    drawing.save(options.folder / "lost_digits.svg")
    text = (
        "Without a hidden layer, the share of each digit that is found, epoch by epoch.  Which one is lost, "
        "and whether it comes back, depends on the first weights: it is not about the 8."
    )
    return Section("Digits that a network without hidden layer loses", text, drawing)


EXPERIMENT = Experiment(
    "chapter-1",
    '"Neural networks and Deep Learning, Chapter 1"',
    "784-30-10 sigmoid network, quadratic cost, batches of 10, rate 3, 20 epochs of 50,000 images",
    run,
)
