"""The pictures and the one-page report of a run."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np

from tinygrad_mnist import nn
from tinygrad_mnist.autodiff.tensor import Tensor
from tinygrad_mnist.datasets import ImageDataset
from tinygrad_mnist.doctor import TrainingDiagnosis
from tinygrad_mnist.errors import GraphvizMissingError
from tinygrad_mnist.graph import Graph, draw, to_text
from tinygrad_mnist.report import FilePicture, Section, Table, plots, write_report
from tinygrad_mnist.training.chance import share_of_largest_class
from tinygrad_mnist.training.evaluation import predict
from tinygrad_mnist.training.history import History
from tinygrad_mnist.training.recipe import Recipe
from tinygrad_mnist.training.run_folder import REPORT
from tinygrad_mnist.training.settings_in_words import layer_rows, settings_rows, title_of
from tinygrad_mnist.training.totals import Evaluation
from tinygrad_mnist.typing import Array

_COPIES = 5  # of each distorted image that is shown


def write_run_report(
    folder: Path, recipe: Recipe, model: nn.Module, dataset: ImageDataset, history: History, test: Evaluation
) -> Path:
    """Write the pictures of a run into its folder, and the page that shows them."""
    outputs, labels = predict(model, dataset.test.loader(1000))
    probabilities = recipe.probabilities(outputs)
    sections = [
        *_doctor(history),
        _curves(folder, history, dataset),
        _confusion(folder, probabilities, labels, dataset.class_names),
        _misread(folder, dataset, probabilities, labels),
        _first_layer(folder, model, dataset),
        *_distorted(folder, recipe, dataset),
        _graph(folder, recipe, model, dataset),
        Section("Settings", table=Table(("setting", "value"), settings_rows(recipe, dataset))),
        Section("Layers", table=Table(("layer", "sizes", "parameters"), layer_rows(model))),
    ]
    summary = [
        ("test accuracy", f"{test.accuracy:.2%}".replace("%", " %")),
        ("test loss", f"{test.loss:.4f}"),
        ("parameters", f"{model.num_parameters():,}"),
        ("epochs", f"{len(history)}{_ending(history)}"),
    ]
    write_report(folder / REPORT, title_of(recipe, dataset), summary, sections)
    return folder / REPORT


def _ending(history: History) -> str:
    """Return how a run ended that did not go through all its epochs."""
    return " (interrupted)" if history.interrupted else " (stopped early)" if history.stopped else ""


def _curves(folder: Path, history: History, dataset: ImageDataset) -> Section:
    measured = dataset.validation if len(dataset.validation) else dataset.train
    drawing = plots.learning_curves(history.records(), chance=share_of_largest_class(measured.labels))
    drawing.save(folder / "curves.svg")
    return Section(
        "Learning curves",
        "Training numbers are gathered during the epoch, while the weights still change; validation numbers "
        "are measured after it, on images that were not trained on.",
        drawing,
    )


def _doctor(history: History) -> list[Section]:
    """Return a section with the findings of the doctor, if it was used."""
    if history.findings is None:
        return []
    diagnosis = TrainingDiagnosis(tuple(history.findings))
    rows = [
        (label.replace(" ", "\N{NO-BREAK SPACE}"), text)
        for number, finding in enumerate(diagnosis, 1)
        for label, text in [(f"finding {number}", finding.what), *finding.details()]
    ]
    table = Table(("", ""), rows) if rows else None
    return [Section("What the doctor found", diagnosis.summary(), table=table)]


def _confusion(folder: Path, probabilities: Array, labels: Array, names: tuple[str, ...]) -> Section:
    counts = plots.confusion_counts(labels, probabilities.argmax(axis=1), len(names))
    drawing = plots.confusion_matrix(counts, names, "test images")
    drawing.save(folder / "confusion.svg")
    if len(names) > plots.MOST_CLASSES:
        return Section("Confusions", "Test images of one class that are read as another, by number.", drawing)
    return Section("Confusion matrix", "Test images by true class (rows) and predicted class.", drawing)


def _misread(folder: Path, dataset: ImageDataset, probabilities: Array, labels: Array) -> Section:
    predicted = probabilities.argmax(axis=1)
    wrong = np.flatnonzero(predicted != labels)
    worst = wrong[np.argsort(-probabilities[wrong, predicted[wrong]], kind="stable")][: plots.MOST_MISREAD]
    images = dataset.test.take(worst)
    drawing = plots.misread_images(images, labels[worst], probabilities[worst], dataset.class_names)
    drawing.save(folder / "misread.svg")
    text = f"{len(wrong):,} of {len(labels):,} test images are misread"
    shown = " these with the most confidence" if len(worst) < len(wrong) else " the most confident first"
    return Section("Misread images", f"{text};{shown}." if len(wrong) else f"{text}.", drawing)


def _first_layer(folder: Path, model: nn.Module, dataset: ImageDataset) -> Section:
    """Draw the weights from the pixels; without a hidden layer, each image is that of a class."""
    first, *others = (parameter.data for parameter in model.parameters() if parameter.ndim == 2)
    names = None if others else dataset.class_names
    drawing = plots.first_layer_weights(first, dataset.image_shape, names)
    drawing.save(folder / "first_layer.svg")
    text = (
        "The weights of each unit of the first layer, as an image: the pattern that it responds to."
        if others
        else "The weights of each class, as an image: ink on vermilion speaks for it, on blue against it."
    )
    return Section("First layer", text, drawing)


def _distorted(folder: Path, recipe: Recipe, dataset: ImageDataset) -> list[Section]:
    """Draw some training images as the network gets them, if they are changed."""
    transform = recipe.build_transform()
    if transform is None:
        return []
    images, _ = next(iter(dataset.train.loader(plots.MOST_DISTORTED)))
    copies = np.array([transform(images, np.random.default_rng(seed)) for seed in range(_COPIES)])
    drawing = plots.distorted_images(images, copies)
    drawing.save(folder / "distorted.svg")
    text = "Each time that the network gets a training image, it is distorted in another way."
    return [Section("Distorted training images", text, drawing)]


def _graph(folder: Path, recipe: Recipe, model: nn.Module, dataset: ImageDataset) -> Section:
    """Draw the graph of a step's forward pass; as text if Graphviz is not installed."""
    images, labels = next(iter(dataset.train.loader(recipe.batch_size)))
    flat = Tensor(images.reshape(len(images), -1), name="images")
    graph = Graph(recipe.build_loss()(model(flat), Tensor(labels, name="labels")))
    title, text = "Computation graph", "The ops of one training step; backward() walks them from the loss up."
    kinds = Counter(node.kind for node in graph.nodes)
    finding = (
        f"{kinds['op']} ops lead from a batch of {len(images)} images and their labels, through "
        f"{kinds['parameter']} parameters, to the loss."
    )
    try:
        return Section(title, text, FilePicture(draw(graph, folder / "graph.svg"), finding))
    except GraphvizMissingError as error:
        return Section(title, f"{text} {error}", preformatted=to_text(graph))
