"""Two layers: 784-128-10 with softmax, twenty epochs of all MNIST.

From "Two-layer neural network for handwritten digit data (MNIST)", a page of R code with its output.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import numpy as np

from tinygrad_mnist import nn, optim
from tinygrad_mnist.experiments import drawings
from tinygrad_mnist.experiments.experiment import NOTHING, Experiment, Figure, Result, Setting, speed
from tinygrad_mnist.experiments.networks import (
    accuracy,
    batches,
    mnist,
    outputs,
    perceptron,
    pixels,
    scaled,
)
from tinygrad_mnist.experiments.r_language import RRandom
from tinygrad_mnist.experiments.r_text import significant
from tinygrad_mnist.program import compile
from tinygrad_mnist.report import Section, plots
from tinygrad_mnist.training import make_train_step
from tinygrad_mnist.typing import Array

SEED = 123
SPREAD = 0.01  # of the first weights; the biases begin at zero
RATE, BATCH = 0.1, 128
EPOCHS, QUICK_EPOCHS = 20, 1
DIGITS = 10

LOSSES = (
    "1.73623 0.63927 0.43884 0.37306 0.33952 0.31833 0.30238 0.28992 0.27891 0.26923 "
    "0.26043 0.25203 0.24446 0.23692 0.22968 0.2233 0.21688 0.21069 0.20512 0.19956"
)
ACCURACY = "0.9436"
CONFUSION = (  # a row for each predicted digit, a column for each true one
    "965 0 9 0 2 9 11 2 4 10",
    "0 1113 2 1 2 2 3 7 5 8",
    "2 2 964 14 5 1 4 22 5 1",
    "1 2 11 950 0 22 1 7 20 11",
    "0 0 8 0 926 4 6 5 7 23",
    "4 1 1 17 0 813 11 2 14 6",
    "6 4 11 1 11 12 917 0 9 1",
    "1 2 8 11 3 3 2 957 8 12",
    "1 11 16 14 5 18 3 2 899 5",
    "0 0 2 2 28 8 0 24 3 932",
)
FIRST_PREDICTIONS = "7 2 1 0 4 1"  # all six right
SECONDS_IN_R = 7.67  # an epoch, with R's own matrix products


@dataclass
class Training:
    """The network as it learns, and what was noted on the way."""

    model: nn.Sequential
    losses: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)


def train(setting: Setting, epochs: int) -> Training:
    """The article's loop; the loss of an epoch is the plain mean over its batches, the last one smaller."""
    stream = RRandom(setting.seed(SEED))
    w1 = stream.normal_matrix(128, 784, SPREAD)
    w2 = stream.normal_matrix(DIGITS, 128, SPREAD)
    model = perceptron([(w1, np.zeros(128)), (w2, np.zeros(DIGITS))], logits=True)
    step = compile(make_train_step(model, nn.CrossEntropyLoss(), optim.SGD(model.parameters(), lr=RATE)))
    images, labels = pixels(mnist(setting.data).train.raw_images), mnist(setting.data).train.labels
    order, training = np.arange(len(labels)), Training(model)
    for _ in range(epochs):
        start = time.process_time()
        order = order[stream.sample(len(order)) - 1]  # the shuffled data are shuffled again
        losses = [step(*batch)[0].item() for batch in batches(images, labels, order, BATCH, scaled)]
        training.losses.append(float(np.mean(losses)))
        training.seconds.append(time.process_time() - start)
    return training


def run(setting: Setting) -> Result:
    """Train, test, and lay every printed number beside ours."""
    epochs = QUICK_EPOCHS if setting.quick else EPOCHS
    training = train(setting, epochs)
    test = mnist(setting.data).test
    answers = outputs(training.model, scaled(pixels(test.raw_images)))
    printed = [significant(round(loss, 5)) for loss in training.losses]
    table = confusion(answers, test.labels)
    predicted = " ".join(map(str, answers[:6].argmax(axis=1)))
    figures = [
        *(
            setting.exact(f"loss, epoch {epoch}", published, ours)
            for epoch, (published, ours) in enumerate(zip(LOSSES.split(), printed), 1)
        ),
        *_test_figures(setting, accuracy(answers, test.labels), table, predicted),
        speed("an epoch", NOTHING, SECONDS_IN_R, float(np.median(training.seconds))),
    ]
    sections = [_losses(setting, training.losses), _confusion(setting, table)]
    listing = [f"Epoch: {epoch}  Loss: {loss} " for epoch, loss in enumerate(printed, 1)]
    listing += ["", f"Test Accuracy = {significant(round(accuracy(answers, test.labels), 4))} ", ""]
    listing += [" ".join(f"{count:4d}" for count in row) for row in table]
    listing += ["", f"Actual    {' '.join(map(str, test.labels[:6]))}", f"Predicted {predicted}"]
    return Result(figures, sections, "\n".join(listing))


def confusion(answers: Array, labels: Array) -> Array:
    """Counts (10, 10): rows are predicted digits, columns true ones, as the article prints them."""
    counts = np.zeros((DIGITS, DIGITS), np.int64)
    np.add.at(counts, (answers.argmax(axis=1), labels), 1)
    return counts


def _test_figures(setting: Setting, share: float, table: Array, predicted: str) -> list[Figure]:
    ours = significant(round(share, 4))
    if setting.quick:
        return [Figure(f"test accuracy after {QUICK_EPOCHS} epoch", NOTHING, NOTHING, ours)]
    cells = [str(count) for count in table.ravel()]
    return [
        setting.exact("test accuracy", ACCURACY, ours),
        setting.exact("confusion matrix", " ".join(CONFUSION).split(), cells),
        setting.exact("first predictions", FIRST_PREDICTIONS, predicted),
    ]


def _losses(setting: Setting, losses: list[float]) -> Section:
    picture = setting.folder / "loss.png"
    published = [float(loss) for loss in LOSSES.split()[: len(losses)]] if setting.r_seed is None else []
    drawings.save(drawings.epoch_loss(losses, published), picture)
    text = "The mean loss over the batches of each epoch, ours and the twenty that the article prints."
    return Section("Training loss", text, picture)


def _confusion(setting: Setting, table: Array) -> Section:
    picture = setting.folder / "confusion.png"
    plots.save(plots.confusion_matrix(table.T), picture)
    text = (
        "The 10,000 test images.  Rows are true digits here; the article's table is this one turned about "
        "its diagonal."
    )
    return Section("Confusion matrix", text, picture)


EXPERIMENT = Experiment(
    "two-layer",
    '"Two-layer neural network for handwritten digit data (MNIST)"',
    "784-128-10, sigmoid, softmax, cross-entropy, batches of 128, rate 0.1, 20 epochs",
    run,
)
