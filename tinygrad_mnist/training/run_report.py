"""The pictures and the one-page report of a run."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tinygrad_mnist import nn
from tinygrad_mnist.autodiff.tensor import Tensor
from tinygrad_mnist.datasets import ImageDataset
from tinygrad_mnist.doctor import TrainingDiagnosis
from tinygrad_mnist.errors import GraphvizMissingError
from tinygrad_mnist.graph import Graph, draw, to_text
from tinygrad_mnist.report import Section, Table, plots, write_report
from tinygrad_mnist.training.evaluation import predict
from tinygrad_mnist.training.history import History
from tinygrad_mnist.training.recipe import Recipe
from tinygrad_mnist.training.run_folder import REPORT
from tinygrad_mnist.training.totals import Evaluation
from tinygrad_mnist.typing import Array


def write_run_report(
    folder: Path, recipe: Recipe, model: nn.Module, dataset: ImageDataset, history: History, test: Evaluation
) -> Path:
    """Write the pictures of a run into its folder, and the page that shows them."""
    outputs, labels = predict(model, dataset.test.loader(1000))
    probabilities = recipe.probabilities(outputs)
    sections = [
        *_doctor(history),
        _curves(folder, history),
        _confusion(folder, probabilities, labels, dataset.class_names),
        _misread(folder, dataset, probabilities, labels),
        _first_layer(folder, model, dataset.image_shape),
        _graph(folder, recipe, model, dataset),
        _settings(recipe, dataset, model),
    ]
    summary = [
        ("test accuracy", f"{test.accuracy:.2%}"),
        ("test loss", f"{test.loss:.4f}"),
        ("parameters", f"{model.num_parameters():,}"),
        ("epochs", f"{len(history)}{_ending(history)}"),
    ]
    write_report(folder / REPORT, f"{dataset.name} perceptron", summary, sections)
    return folder / REPORT


def _ending(history: History) -> str:
    """Return how a run ended that did not go through all its epochs."""
    return " (interrupted)" if history.interrupted else " (stopped early)" if history.stopped else ""


def _curves(folder: Path, history: History) -> Section:
    picture = folder / "curves.png"
    plots.save(plots.learning_curves(history.records()), picture)
    return Section(
        "Learning curves",
        "Training figures are gathered during the epoch, while the weights still change; validation figures "
        "are measured after it, on images that were not trained on.",
        picture,
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
    picture = folder / "confusion.png"
    plots.save(plots.confusion_matrix(counts, names), picture)
    if len(names) > plots.MOST_CLASSES:
        return Section("Confusions", "Test images of one class that are read as another, by number.", picture)
    return Section("Confusion matrix", "Test images by true class (rows) and predicted class.", picture)


def _misread(folder: Path, dataset: ImageDataset, probabilities: Array, labels: Array) -> Section:
    predicted = probabilities.argmax(axis=1)
    wrong = np.flatnonzero(predicted != labels)
    worst = wrong[np.argsort(-probabilities[wrong, predicted[wrong]], kind="stable")][: plots.MOST_MISREAD]
    picture = folder / "misread.png"
    images = dataset.test.raw_images[worst]
    plots.save(
        plots.misread_images(images, labels[worst], probabilities[worst], dataset.class_names), picture
    )
    return Section(
        "Misread images", f"{len(wrong)} test images are misread; these with the most confidence.", picture
    )


def _first_layer(folder: Path, model: nn.Module, image_shape: tuple[int, int]) -> Section:
    weight = next(model.parameters()).data
    picture = folder / "first_layer.png"
    plots.save(plots.first_layer_weights(weight, image_shape), picture)
    return Section(
        "First layer",
        "The weights of each unit of the first layer, as an image: the pattern that it responds to.",
        picture,
    )


def _graph(folder: Path, recipe: Recipe, model: nn.Module, dataset: ImageDataset) -> Section:
    """Draw the graph of a step's forward pass; as text if Graphviz is not installed."""
    images, labels = next(iter(dataset.train.loader(recipe.batch_size)))
    flat = Tensor(images.reshape(len(images), -1), name="images")
    graph = Graph(recipe.build_loss()(model(flat), Tensor(labels, name="labels")))
    title, text = "Computation graph", "The ops of one training step; backward() walks them from the loss up."
    try:
        return Section(title, text, draw(graph, folder / "graph.svg"))
    except GraphvizMissingError as error:
        return Section(title, f"{text} {error}", preformatted=to_text(graph))


def _settings(recipe: Recipe, dataset: ImageDataset, model: nn.Module) -> Section:
    rows = [(name.replace("_", " "), value) for name, value in recipe.to_dict().items() if value is not None]
    rows += [("data", f"{dataset.name}: {dataset.origin}"), ("splits", repr(dataset))]
    layers = "\n".join(f"{row.name:>3}  {row.layer:<24} {row.shapes}" for row in nn.summary(model).rows)
    return Section("Settings", table=Table(("setting", "value"), rows), preformatted=layers)
