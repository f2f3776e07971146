"""Two layers: 784-128-10 with softmax, twenty epochs of all MNIST.

From "Two-layer neural network for handwritten digit data (MNIST)", a page of R code with its output.
"""

from __future__ import annotations

import numpy as np

from tinygrad_mnist import nn, optim
from tinygrad_mnist.experiments import drawings
from tinygrad_mnist.experiments.experiment import (
    NOTHING,
    Comparison,
    Experiment,
    ExperimentOptions,
    ExperimentResult,
    speed,
)
from tinygrad_mnist.experiments.networks import (
    Digits,
    Trained,
    mnist,
    perceptron,
    scaled,
    train_epochs,
)
from tinygrad_mnist.experiments.r_language import RRandom, significant
from tinygrad_mnist.program import compile
from tinygrad_mnist.report import Section, plots
from tinygrad_mnist.training import make_train_step
from tinygrad_mnist.typing import Array

SEED = 123
SPREAD = 0.01  # of the first weights; the biases begin at zero
HIDDEN, LR, BATCH = 128, 0.1, 128
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


def train(options: ExperimentOptions, epochs: int) -> tuple[Trained, list[float]]:
    """Run the article's loop; return the mean losses of the epochs too, where all batches count the same."""
    stream = RRandom(options.seed(SEED))
    w1 = stream.normal_matrix(HIDDEN, 784, SPREAD)
    w2 = stream.normal_matrix(DIGITS, HIDDEN, SPREAD)
    model = perceptron([(w1, np.zeros(HIDDEN)), (w2, np.zeros(DIGITS))], logits=True)
    step = compile(make_train_step(model, nn.CrossEntropyLoss(), optim.SGD(model.parameters(), lr=LR)))
    losses: list[float] = []

    def noted(inputs: Array, labels: Array) -> None:
        losses.append(step(inputs, labels)[0].item())

    def reorder(order: Array) -> Array:
        return np.asarray(order[stream.sample(len(order)) - 1])  # the shuffled data are shuffled again

    trained = train_epochs(model, noted, Digits.load(options.data, BATCH, scaled), reorder, epochs)
    return trained, [float(np.mean(epoch)) for epoch in np.split(np.array(losses), epochs)]


def run(options: ExperimentOptions) -> ExperimentResult:
    """Train, test, and compare every printed number."""
    epochs = QUICK_EPOCHS if options.quick else EPOCHS
    trained, losses = train(options, epochs)
    printed = [significant(round(loss, 5)) for loss in losses]
    table = trained.confusions[-1].T  # the article's rows are predicted digits
    share = trained.accuracies[-1]
    predicted = " ".join(map(str, trained.outputs[:6].argmax(axis=1)))
    figures = [
        *(
            options.exact(f"loss, epoch {epoch}", published, ours)
            for epoch, (published, ours) in enumerate(zip(LOSSES.split(), printed), 1)
        ),
        *_test_figures(options, share, table, predicted),
        speed("an epoch", NOTHING, SECONDS_IN_R, trained.seconds),
    ]
    sections = [_losses(options, losses), _confusion(options, table)]
    listing = [f"Epoch: {epoch}  Loss: {loss} " for epoch, loss in enumerate(printed, 1)]
    listing += ["", f"Test Accuracy = {significant(round(share, 4))} ", ""]
    listing += [" ".join(f"{count:4d}" for count in row) for row in table]
    listing += [
        "",
        f"Actual    {' '.join(map(str, mnist(options.data).test.labels[:6]))}",
        f"Predicted {predicted}",
    ]
    return ExperimentResult(figures, sections, "\n".join(listing))


def _test_figures(options: ExperimentOptions, share: float, table: Array, predicted: str) -> list[Comparison]:
    ours = significant(round(share, 4))
    if options.quick:
        return [Comparison(f"test accuracy after {QUICK_EPOCHS} epoch", NOTHING, NOTHING, ours)]
    cells = [str(count) for count in table.ravel()]
    return [
        options.exact("test accuracy", ACCURACY, ours),
        options.exact("confusion matrix", " ".join(CONFUSION).split(), cells),
        options.exact("first predictions", FIRST_PREDICTIONS, predicted),
    ]


def _losses(options: ExperimentOptions, losses: list[float]) -> Section:
    published = [float(loss) for loss in LOSSES.split()[: len(losses)]] if options.r_seed is None else []
    drawing = drawings.epoch_loss(losses, published)
    drawing.save(options.folder / "loss.svg")
    text = "The mean loss over the batches of each epoch, ours and the twenty that the article prints."
    return Section("Training loss", text, drawing)


def _confusion(options: ExperimentOptions, table: Array) -> Section:
    drawing = plots.confusion_matrix(table.T, examples="test images")
    drawing.save(options.folder / "confusion.svg")
    text = "The 10,000 test images.  Rows are true digits here; the article's table is the transpose."
    return Section("Confusion matrix", text, drawing)


EXPERIMENT = Experiment(
    "two-layer",
    '"Two-layer neural network for handwritten digit data (MNIST)"',
    "784-128-10, sigmoid, softmax, cross-entropy, batches of 128, rate 0.1, 20 epochs",
    run,
)
