"""The command `graph`."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import click
import numpy as np

from tinygrad_mnist.cli.command import Command, Whole, under
from tinygrad_mnist.cli.options import (
    ARTICLES,
    activation_option,
    batch_option,
    data_options,
    layers_option,
    load_images,
    loss_option,
    output_option,
    refuse_options,
    seed_option,
    weights_option,
)
from tinygrad_mnist.files.limits import MOST_COUNT

_drawing = under("Drawing")
_pictures = under("Pictures")


def _drawable(context: click.Context, parameter: click.Parameter, value: Path) -> Path:
    """Refuse an unknown suffix before data are loaded."""
    from tinygrad_mnist.graph.drawing import require_suffix

    try:
        require_suffix(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error
    return value


@click.command(
    cls=Command,
    short_help="Draw a training step, or your own digit.",
    examples=(
        "-o step.html",
        "runs/MNIST-20260101-120000 --image digit.png --label 5 -o my.html",
    ),
)
@click.argument("run", type=click.Path(path_type=Path), required=False)
@_pictures(
    "--image",
    "picture",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Your own digit, for the network of RUN.",
)
@_pictures("--label", metavar="CLASS", help="The right class of --image.  [default: what the network reads]")
@data_options
@batch_option(10)
@layers_option(30)
@activation_option("sigmoid", f", {ARTICLES}")
@loss_option("quadratic", f", {ARTICLES}")
@weights_option
@_drawing(
    "--detail",
    type=click.Choice(["modules", "ops", "values"]),
    default="ops",
    help="modules: one box per layer; ops: one per op; values: with numbers and work.",
)
@_drawing("--depth", type=Whole(1, MOST_COUNT), help="Draw each module at this depth as one box.")
@_drawing("--repeats", is_flag=True, help="Draw calls that repeat in a row as one box: Cell × 10.")
@_drawing("--backward/--no-backward", default=True, help="Draw the backward pass too.")
@_drawing(
    "--whole",
    is_flag=True,
    help="Draw every node of a large graph. Otherwise a graph of more than 100 is folded.",
)
@_drawing(
    "--theme", type=click.Choice(["light", "dark", "print"]), default="light", help="Colours of an image."
)
@_drawing("--dpi", type=Whole(1, MOST_COUNT), help="Pixels per inch of a .png.  [default: 96]")
@seed_option("Drawing", "weights and batch")
@output_option(
    "Drawing",
    "File to write. Its suffix selects the format: .html (with playback), .svg, .png, .pdf, .dot, .mmd or "
    ".txt.",
    metavar="FILE",
    default=Path("graph.html"),
    callback=_drawable,
)
@click.pass_context
def graph(context: click.Context, /, run: Path | None, picture: Path | None, label: str | None, output: Path,
          detail: Any, depth: int | None, repeats: bool, backward: bool, whole: bool, theme: Any,
          dpi: int | None, **network: Any) -> None:  # fmt: skip
    """Draw a training step of a network on real digits, or of a trained one on a picture of yours.

    RUN is the folder that `train` wrote; without it the network is untrained. A page (.html) plays the step:
    each op lights up, its rule shows its numbers, gradients fill in, and the weights move.
    """
    from tinygrad_mnist.cli.console import say
    from tinygrad_mnist.errors import DataError
    from tinygrad_mnist.graph import draw

    _require_together(context, run, picture, label)
    step = _untrained(**network) if run is None else _trained(run, picture, label, **network)
    try:
        path = draw(
            step.loss,
            output,
            detail=detail,
            depth=depth,
            repeats=repeats,
            backward=backward,
            whole=whole,
            theme=theme,
            dpi=dpi,
            images=step.images,
            labels=step.labels,
            learning_rate=step.learning_rate if backward else None,
        )
    except ValueError as error:
        raise DataError(str(error)) from error
    say(f"{step.subject}: {path}")


class _Step(NamedTuple):
    """A loss with its graph, the images (n, height, width) and labels (n,) behind it, and words on both."""

    loss: Any
    images: Any
    labels: Any
    learning_rate: float
    subject: str


def _require_together(
    context: click.Context, run: Path | None, picture: Path | None, label: str | None
) -> None:
    """Refuse options that belong to an untrained network beside RUN, or to a picture without one."""
    if run is None and picture is not None:
        raise click.UsageError("--image is read by a trained network: write graph RUN --image FILE")
    if picture is None and label is not None:
        raise click.UsageError("--label is the class of a picture: write --image FILE --label CLASS")
    of_untrained = ("layers", "activation", "loss", "dataset", "seed")
    refused = dict.fromkeys(of_untrained, "RUN has its own network and data")
    if run is None:
        refused = {"weights": "an untrained network has no checkpoints"}
    if picture is not None:
        refused |= dict.fromkeys(("data", "batch_size"), "the graph is that of --image")
    refuse_options(context, refused)


def _untrained(*, dataset: str, data: Path | None, batch_size: int, layers: tuple[int, ...] | None,
               activation: str, loss: str, seed: int, weights: str) -> _Step:  # fmt: skip
    """The step of a fresh network on a batch of training images."""
    from tinygrad_mnist.autodiff.tensor import Tensor
    from tinygrad_mnist.training.fresh import fresh_network
    from tinygrad_mnist.training.recipe import Recipe

    recipe = Recipe(activation=activation, loss=loss, batch_size=batch_size, seed=seed)
    network = fresh_network(load_images(dataset, data, 0), layers, recipe)
    images = Tensor(network.images.reshape(batch_size, -1), name="images")
    value = network.loss(network.model(images), Tensor(network.labels, name="labels"))
    return _Step(value, network.images, network.labels, recipe.lr, network.subject)


def _trained(run: Path, picture: Path | None, label: str | None, *, data: Path | None, batch_size: int,
             weights: Any, **_: Any) -> _Step:  # fmt: skip
    """The step of a trained network on one picture, or on the first test images of its data set."""
    from tinygrad_mnist.autodiff.tensor import Tensor
    from tinygrad_mnist.datasets.picture import read_pictures
    from tinygrad_mnist.training.run_data import load_run_data
    from tinygrad_mnist.training.run_folder import load_run

    trained = load_run(run, weights)
    if picture is None:
        images, labels = next(iter(load_run_data(trained, data).test.loader(batch_size)))
        subject = f"{len(images)} test image{'s' * (len(images) != 1)} of {trained.data_name}"
    else:
        images = read_pictures(picture, trained.image_shape, trained.framing, pixel_max=trained.pixel_max)
        labels = _classes_of(label, trained, images)
        read = f"read as {_reading(trained, images)}" if len(images) == 1 else f"{len(images)} images"
        subject = f"{picture}, {read}"
    named = Tensor(images.reshape(len(images), -1), name="images")
    value = trained.recipe.build_loss()(trained.model.eval()(named), Tensor(labels, name="labels"))
    return _Step(value, images, labels, trained.recipe.lr, f"{run} on {subject}")


def _classes_of(label: str | None, trained: Any, images: Any) -> Any:
    """The number of the class that --label names, or of the one that the network reads, for each image."""
    if label is None:
        return trained.probabilities(images).argmax(axis=1)
    return np.full(len(images), _class_of(label, trained))


def _class_of(label: str, trained: Any) -> int:
    names = list(map(str, trained.class_names or range(trained.classes)))
    if label in names:
        return names.index(label)
    if label.isdecimal() and int(label) < trained.classes:
        return int(label)
    raise click.BadParameter(f"label is {label}: expected one of {', '.join(names)}", param_hint="--label")


def _reading(trained: Any, images: Any) -> str:
    """The class that the network reads, with its probability."""
    probabilities = trained.probabilities(images)[0]
    best = int(probabilities.argmax())
    name = trained.class_names[best] if trained.class_names else best
    return f"{name} ({probabilities[best]:.0%})"
