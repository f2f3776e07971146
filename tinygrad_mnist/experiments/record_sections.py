"""Sections of the record's report, and the ablations that its recipe rests on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tinygrad_mnist.datasets import Split
from tinygrad_mnist.datasets.augment import Distortions
from tinygrad_mnist.experiments import drawings
from tinygrad_mnist.report import Section, Table, plots
from tinygrad_mnist.training import History
from tinygrad_mnist.typing import Array

COPIES, MOST_MISTAKES = 4, 100  # copies of each distorted image, and misread images, that are shown

# Short trainings, measured on the 5,000 images held out.
ABLATION_COLUMNS = ("recipe", "epochs", "errors of 5,000", "of averaged weights")
_WEAKER = "weaker: rotation 7.5, shear 0.1, scale 0.1, shift and elastic 1 pixel"
_STRONGER = "stronger: rotation 15, shear 0.2, scale 0.15, shift 2 and elastic 1.8 pixels"
ABLATIONS = (  # averaged by EMA with a decay of 0.999
    ("784-1000-500-10, Nesterov's momentum, rate 0.05, batches of 128", "8", "54", "59"),
    ("rate 0.1", "8", "57", "54"),
    ("rate 0.2", "8", "57", "58"),
    ("Adam, rate 0.001", "8", "55", "58"),
    ("labels smoothed by 0.1", "8", "59", "61"),
    (_WEAKER, "8", "48", "49"),
    (_STRONGER, "8", "75", "81"),
    ("distortions that fade in the last 2 epochs", "8", "44", "55"),
    ("784-800-10, rate 0.1", "8", "51", "58"),
    ("784-1200-1200-10, rate 0.1", "8", "48", "52"),
    ("rate 0.2, batches of 256, fading in the last 3 epochs", "14", "47", "–"),
    (f"the same, {_WEAKER}", "14", "44", "–"),
    ("the same, batch normalization", "14", "41", "–"),
    ("the same, batch normalization, labels smoothed by 0.1", "14", "41", "–"),
    ("the same, batch normalization, rate 0.5", "14", "34", "–"),
    ("the same, fading in the last 8 epochs; three seeds", "60", "24, 20, 23", "–"),
    ("the same, and a second round of wider distortions; three seeds", "60 + 28", "27, 22, 21", "–"),
    (
        "no distortions, batch normalization, dropout 0.2 of pixels and 0.5 of units, rate 0.2",
        "12",
        "63",
        "–",
    ),
    ("no distortions, batch normalization, noise 0.3, dropout 0.3, rate 0.5", "12", "58", "–"),
)


def by_digit(folder: Path, best: Array, together: Array, labels: Array) -> Section:
    """Count the errors of the best network, (n, 10) probabilities, and of the mean of all, for each digit."""
    counts = plots.confusion_counts(labels, best.argmax(axis=1), 10)
    drawing = plots.confusion_matrix(counts, examples="test images")
    drawing.save(folder / "confusion.svg")
    wrong = [np.bincount(labels[s.argmax(axis=1) != labels], minlength=10) for s in (best, together)]
    rows = [(digit, (labels == digit).sum(), *pair) for digit, pair in enumerate(zip(*wrong))]
    table = Table(("digit", "test images", "errors of the best network", "errors of all together"), rows)
    text = (
        "The best network is the one with the fewest errors on the images that were held out from the "
        "training; the probabilities of all together are means.  Rows of the matrix are true digits."
    )
    return Section("Errors by digit", text, drawing, table)


def mistakes(folder: Path, best: Array, test: Split) -> Section:
    """Draw the test images that the best network misreads."""
    wrong = np.flatnonzero(best.argmax(axis=1) != test.labels)
    shown = wrong[:MOST_MISTAKES]
    drawing = drawings.answer_sheet(test.raw_images[shown], test.labels[shown], best[shown])
    drawing.save(folder / "mistakes.svg")
    which = "The" if len(shown) == len(wrong) else f"The first {len(shown)} of {len(wrong)}"
    text = f"{which} test images that the best network misreads, and its ten probabilities as bars."
    return Section("The mistakes", text, drawing)


def curves(folder: Path, history: History) -> Section:
    """Draw the learning curves of the best network."""
    drawing = plots.learning_curves(history.records())
    drawing.save(folder / "curves.svg")
    text = (
        "The best network.  Training figures are those of distorted images, which are harder to read than "
        "the images held out."
    )
    return Section("Learning curves", text, drawing)


def samples(folder: Path, train: Split, kinds: Sequence[Distortions]) -> Section:
    """Draw training images and what each kind of distortions makes of them."""
    images, _ = next(iter(train.loader(plots.MOST_DISTORTED)))
    copies = [kind(images, np.random.default_rng(seed)) for kind in kinds for seed in range(COPIES)]
    drawing = plots.distorted_images(images, np.array(copies))
    drawing.save(folder / "distorted.svg")
    each = ", then ".join(map(repr, kinds))
    return Section("Distorted training images", f"{COPIES} copies of each round: {each}.", drawing)


def choices() -> Section:
    """Show how the recipe was chosen."""
    text = (
        "Trainings on distorted images, each with what differs from the first, measured on 5,000 training "
        "images held out.  Chance moves a number of errors by about its square root.  The second "
        "round was added after the first had missed its aim with 0.67 % test error; the images held out, "
        "probably by those who wrote the training images, show no gain by it."
    )
    return Section("What the choice rests on", text, table=Table(ABLATION_COLUMNS, ABLATIONS))
