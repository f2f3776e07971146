"""Drawings of all kinds, ordinary and extreme ones, by name."""

import numpy as np

from tinygrad_mnist import Tensor, ops
from tinygrad_mnist.checking import v_curve
from tinygrad_mnist.experiments import drawings
from tinygrad_mnist.report import plots

HISTORY = [
    {
        "epoch": epoch,
        "train_loss": 0.5 / epoch,
        "validation_loss": 0.51 / epoch,
        "train_accuracy": 0.9 + 0.01 * epoch,
        "validation_accuracy": 0.93 - 0.002 * (epoch - 4) ** 2,
    }
    for epoch in range(1, 7)
]
NAMES = [f"a class named {place}" for place in range(10)]


def fall(epochs, end):
    return [
        {"epoch": e, "train_loss": 2.3 * end ** (e / epochs), "validation_loss": 2.3}
        for e in range(1, epochs + 1)
    ]


def random_counts(classes, digits):
    return np.random.default_rng(classes).integers(10 ** (digits - 1), 10**digits, (classes, classes))


def random_misread(n, classes):
    generator = np.random.default_rng(n)
    images = generator.random((n, 28, 28))
    probabilities = generator.dirichlet(np.ones(classes), n)
    return images, np.zeros(n, int), probabilities


def draw_v(function, value, **options):
    return plots.v_curve(v_curve(function, value, **options))


SHARES = np.random.default_rng(0).random((30, 10)) * 0.8
LABELS = np.arange(30) % 10


def draw_regions():
    points = np.random.default_rng(0).uniform(-10, 10, (50, 2))
    grid = np.arange(-12, 12, 0.25)
    panels = [(f"{hidden} hidden units, 74.5 %", np.add.outer(grid, grid) > hidden) for hidden in (1, 5, 30)]
    return drawings.regions(points, (points.sum(axis=1) > 0) * 1.0, grid, grid, panels)


FIGURES = {
    "curves": lambda: plots.learning_curves(HISTORY),
    "curves, one epoch": lambda: plots.learning_curves(HISTORY[:1]),
    "curves, equal ends": lambda: plots.learning_curves(
        [{"epoch": e, **dict.fromkeys(list(HISTORY[0])[1:], 1.0)} for e in (1, 2)]
    ),
    "curves, loss falls far": lambda: plots.learning_curves(fall(100, 1e-3)),
    "curves, loss falls to almost nothing": lambda: plots.learning_curves(fall(20_000, 1e-12)),
    "curves, loss explodes": lambda: plots.learning_curves(fall(30, 1e30)),
    "curves, loss below 0": lambda: plots.learning_curves(
        [{"epoch": e, "train_loss": -3.5 * e, "train_accuracy": 0.0} for e in (1, 2, 3)]
    ),
    "curves, chance": lambda: plots.learning_curves(
        [{"epoch": e, "validation_accuracy": 0.1 + 0.002 * (-1) ** e} for e in range(1, 9)], chance=0.1
    ),
    "curves, not finite": lambda: plots.learning_curves([{"epoch": 1, "train_loss": np.nan}]),
    "curves, empty": lambda: plots.learning_curves([]),
    "confusion, 1 class": lambda: plots.confusion_matrix([[7]]),
    "confusion, 2 classes": lambda: plots.confusion_matrix(random_counts(2, 5)),
    "confusion, 10 classes": lambda: plots.confusion_matrix(random_counts(10, 4)),
    "confusion, 10 names": lambda: plots.confusion_matrix(random_counts(10, 4), NAMES),
    "confusion, 26 classes": lambda: plots.confusion_matrix(random_counts(26, 5)),
    "confusion, 30 classes": lambda: plots.confusion_matrix(random_counts(30, 2)),
    "confusion, 62 classes": lambda: plots.confusion_matrix(random_counts(62, 3), [*map(str, range(62))]),
    "confusion, 7 digits": lambda: plots.confusion_matrix(random_counts(10, 7)),
    "confusion, perfect": lambda: plots.confusion_matrix(100 * np.eye(26, dtype=int)),
    "confusion, no data": lambda: plots.confusion_matrix(np.zeros((3, 3), int)),
    "lines": lambda: plots.lines({"falls": [8, 4, 2, 1], "stays": [3, 3]}, "Two curves", "step", "loss"),
    "lines, log": lambda: plots.lines(
        {"one": [(0.5, 1e-9), (1.0, np.nan), (2.0, 0.0), (3.0, 1e3)]},
        "A curve",
        "time in s",
        "size",
        log=True,
    ),
    "lines, points": lambda: plots.lines({"a": [[1, 1]], "b": [[2, 2]]}, "Points", "x", "y", joined=False),
    "images": lambda: plots.images([np.eye(3), -np.eye(4), np.zeros((2, 5))], ["+", "-", "0"], "Three"),
    "misread, none": lambda: plots.misread_images(*random_misread(0, 10)),
    "misread, one": lambda: plots.misread_images(*random_misread(1, 10)),
    "misread, many": lambda: plots.misread_images(*random_misread(30, 10)),
    "misread, names": lambda: plots.misread_images(*random_misread(4, 10), NAMES),
    "misread, certain": lambda: plots.misread_images(
        np.ones((7, 8, 8)), np.full(7, 24), np.tile(np.eye(26)[25] * 0.99999, (7, 1))
    ),
    "distorted": lambda: plots.distorted_images(
        random_misread(8, 10)[0], np.stack([random_misread(8, 10)[0] ** power for power in (1, 2, 3)])
    ),
    "distorted, empty": lambda: plots.distorted_images(np.zeros((1, 8, 8)), np.zeros((1, 1, 8, 8))),
    "weights, one": lambda: plots.first_layer_weights(np.zeros((1, 784)), (28, 28)),
    "weights, many": lambda: plots.first_layer_weights(np.full((300, 784), -1.234e-7), (28, 28)),
    "weights, wide": lambda: plots.first_layer_weights(np.full((10, 64), -12345.0), (4, 16)),
    "weights, classes": lambda: plots.first_layer_weights(random_counts(10, 2), (2, 5), NAMES),
    "v": lambda: draw_v(np.exp, 1.0),
    "v, two methods exact": lambda: draw_v(lambda x: x * x, 1.5),
    "v, no error at all": lambda: draw_v(lambda x: 0 * x + 1, 1.5),
    "v, a corner": lambda: draw_v(ops.relu, 0.0),
    "v, not defined at long steps": lambda: draw_v(np.log, 0.1),
    "v, flat": lambda: draw_v(ops.sigmoid, 30.0),
    "v, steep": lambda: draw_v(lambda x: np.exp(x * x), -20.0),
    "v, no complex step": lambda: draw_v(lambda x: ops.astype(x, np.float64) ** 3, 2.0),
    "v, one step": lambda: draw_v(np.exp, 1.0, steps=[1e-3]),
    "v, a long name": lambda: draw_v(
        lambda x: ops.sum(ops.exp(x)),
        Tensor(np.full((1, 1, 1), -1 / 3e9), name="decoder.blocks.11.attention.weight"),
    ),
    "long loss": lambda: drawings.long_loss(100 / np.arange(1, 9999), [1000, 9000], [0.1, 0.01]),
    "loss by epoch": lambda: drawings.epoch_loss([1.7, 0.9, 0.5], [1.7, 0.8]),
    "outputs": lambda: drawings.output_paths([("as published", SHARES), ("bias sign put right", SHARES)]),
    "accuracies": lambda: drawings.accuracies(
        [("pixels 0 to 1", SHARES[0]), ("raw pixels", SHARES[1])], [0.3, 0.4, 0.5]
    ),
    "accuracies of seeds": lambda: drawings.many_accuracies(
        {"mean gradient": SHARES[:3], "other": SHARES[:1]}
    ),
    "digits": lambda: drawings.digits(random_misread(9, 10)[0], LABELS[:9]),
    "answers": lambda: drawings.answer_sheet(random_misread(30, 10)[0], LABELS, SHARES),
    "regions": draw_regions,
    "hidden sums": lambda: drawings.hidden_sums(np.linspace(-9000, 9000, 99), np.linspace(-40, 40, 99), 20),
    "jittered": lambda: drawings.jittered(np.repeat(LABELS, 100), np.repeat(LABELS[::-1], 100)),
    "recalls": lambda: drawings.recalls([SHARES, SHARES[:1]]),
}
