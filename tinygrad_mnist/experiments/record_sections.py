"""Sections of the record's report, and the ablations that its recipe rests on."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tinygrad_mnist.datasets import Split
from tinygrad_mnist.datasets.augment import Distortions
from tinygrad_mnist.experiments import drawings
from tinygrad_mnist.report import Section, Table, plots
from tinygrad_mnist.training import History
from tinygrad_mnist.typing import Array

COPIES, MOST_MISTAKES = 8, 100  # copies of each distorted image, and misread images, that are shown

# Trainings measured on the 5,000 images held out.
CHOICE_COLUMNS = ("network", "rate", "distortions", "epochs", "errors of 5,000")
_STRONG = "rotation 10, shear 0.15, scale 0.12, shift and elastic 1.4 pixels"
_WEAK = "rotation 7.5, shear 0.1, scale 0.1, shift and elastic 1 pixel"
CHOICES = (
    ("784-1000-500-10", "0.5", _STRONG, "60", "24, 20, 23"),
    ("784-1500-1000-500-10", "0.5", "wider: rotation 15, shear 0.2, scale 0.15", "90", "26"),
    ("16 and 32 kernels, 256 units", "0.2", _STRONG, "14", "35"),
    ("24 and 48 kernels, 256 units", "0.2", _STRONG, "14", "29"),
    ("16 and 32 kernels, 256 units", "0.05", _WEAK, "10", "24"),
    ("16 and 32 kernels, 256 units", "0.05", "the same, elastic 0.6 pixels", "10", "21"),
    ("16 and 32 kernels, 256 units", "0.02", _WEAK, "10", "19"),
    ("16 and 32 kernels, 256 units", "0.01", _WEAK, "10", "24"),
    ("24 and 48 kernels, 256 units", "0.02", _WEAK, "10", "31"),
    ("24 and 48 kernels, 256 units, dropout 0.4", "0.05", _WEAK, "10", "24"),
    ("the same", "0.03", _WEAK, "30", "21, 18, 20"),
    ("16 and 32 kernels, 256 units, dropout 0.5", "0.02", "none", "12", "32"),
    ("24 and 48 kernels, 256 units, dropout 0.4", "0.03", "none", "15", "25, 22"),
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
        "The best network.  Training numbers are those of distorted images, which are harder to read than "
        "the images held out."
    )
    return Section("Learning curves", text, drawing)


def samples(folder: Path, train: Split, distort: Distortions) -> Section:
    """Draw training images and what distortions make of them."""
    images, _ = next(iter(train.loader(plots.MOST_DISTORTED)))
    copies = [distort(images, np.random.default_rng(seed)) for seed in range(COPIES)]
    drawing = plots.distorted_images(images, np.array(copies))
    drawing.save(folder / "distorted.svg")
    return Section("Distorted training images", f"{COPIES} copies of each, by {distort!r}.", drawing)


def choices() -> Section:
    """Show how the recipe was chosen."""
    text = (
        "Trainings, each of one seed if there is one number, measured on 5,000 training images held out.  "
        "Chance moves a number of errors by about its square root, 5."
    )
    return Section("What the choice rests on", text, table=Table(CHOICE_COLUMNS, CHOICES))
