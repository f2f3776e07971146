"""The command `play`."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import click

from tinygrad_mnist.cli.command import Command, under
from tinygrad_mnist.cli.options import (
    activation_option,
    data_option,
    load_images,
    loss_option,
    output_option,
    refuse_options,
    seed_option,
    sizes_option,
    weights_option,
)

_DEFAULT = click.core.ParameterSource.DEFAULT
_POINTS = ("spirals", "moons")
_HIDDEN = {"digits": (32,), "mnist": (30,), "spirals": (16, 16), "moons": (8, 8)}


@click.command(
    cls=Command,
    short_help="Write a page to play with a network.",
    examples=("runs/MNIST-20260101-120000", "--dataset spirals -o spirals.html"),
)
@click.argument("run", type=click.Path(path_type=Path), required=False)
@under("Data")(
    "--dataset",
    type=click.Choice(["mnist", "digits", *_POINTS]),
    default="digits",
    help="Bundled data: MNIST, 1,797 digits of 8 x 8, or points of two classes in the plane.",
)
@data_option
@sizes_option("64-32-10, 784-30-10 for MNIST, 2-16-16-2 for spirals, 2-8-8-2 for moons")
@activation_option("relu")
@loss_option("cross-entropy")
@weights_option
@seed_option("Network", "the weights")
@output_option("Output", "File to write.", metavar="FILE", default=Path("play.html"))
@click.pass_context
def play(context: click.Context, /, run: Path | None, output: Path, weights: Any, data: Path | None,
         **network: Any) -> None:  # fmt: skip
    """Write a page that shows a network answer, make mistakes, trace the blame and learn.

    RUN is the folder that `train` wrote. Without it the page reads MNIST's digits with the network of the
    record, which has convolutions; with an option for the data or the network it is an untrained network,
    which learns in the page. The page is one file and needs nothing but a browser.
    """
    from tinygrad_mnist.cli.console import say
    from tinygrad_mnist.errors import DataError
    from tinygrad_mnist.play import play as make_page

    if run is None:
        refuse_options(context, {"weights": "there are no checkpoints without a RUN"})
        is_given = any(context.get_parameter_source(name) is not _DEFAULT for name in (*network, "data"))
        shown = _untrained(context, data, **network) if is_given else _record()
    else:
        refuse_options(context, dict.fromkeys(network, "RUN has its own network and data"))
        shown = _trained(run, weights, data)
    try:
        page = make_page(shown.model, shown.data, output, loss=shown.loss, **shown.settings)
    except (TypeError, ValueError) as error:
        raise DataError(str(error)) from error
    say(f"{page.title}: wrote {output}; open it in a browser")


class _Shown(NamedTuple):
    """A network and its loss, the data, and further settings of `play`."""

    model: Any
    loss: Any
    data: Any
    settings: dict[str, Any]


def _trained(run: Path, weights: Any, directory: Path | None) -> _Shown:
    """The network of a run, and the settings of its training if a page has them."""
    from tinygrad_mnist.play.playground import BATCH_SIZE
    from tinygrad_mnist.training.run_data import load_run_data
    from tinygrad_mnist.training.run_folder import load_run

    trained = load_run(run, weights)
    recipe, data = trained.recipe, load_run_data(trained, directory)
    training = {}
    if recipe.optimizer == "sgd":  # a smaller batch has a noisier gradient, and takes smaller steps
        training = {"lr": recipe.lr * min(1, BATCH_SIZE / recipe.batch_size), "momentum": recipe.momentum}
    return _Shown(trained.model, recipe.build_loss(), data, training)


def _record() -> _Shown:
    """The network that comes with the package, on MNIST."""
    from tinygrad_mnist.formats import load_pretrained

    settings = {
        "title": "The record: MNIST's digits read by two convolutions",
        "lr": 0.01,  # with larger steps it forgets at first
    }
    return _Shown(load_pretrained("record"), None, load_images("mnist", None, 0), settings)


def _untrained(context: click.Context, directory: Path | None, *, dataset: str,
               layers: tuple[int, ...] | None, activation: str, loss: str, seed: int) -> _Shown:  # fmt: skip
    """A fresh network for a data set."""
    from tinygrad_mnist import nn
    from tinygrad_mnist.errors import DataError
    from tinygrad_mnist.nn.perceptrons import sizes_as_text
    from tinygrad_mnist.training.recipe import ACTIVATIONS, LOSSES

    if directory is not None and context.get_parameter_source("dataset") is _DEFAULT:
        dataset = "mnist"  # the files of --data are as MNIST's
    data, inputs, classes = _data(dataset, directory)
    sizes = layers or (inputs, *_HIDDEN[dataset], classes)
    if (sizes[0], sizes[-1]) != (inputs, classes):
        given, fitting = (sizes_as_text(each) for each in (sizes, (inputs, *sizes[1:-1], classes)))
        raise DataError(
            f"--layers is {given}: expected {inputs} inputs and {classes} outputs, as {data.name} has; write "
            f"--layers {fitting}"
        )
    kind = LOSSES[loss]()
    final = None if kind.takes_logits else nn.Sigmoid
    model = nn.perceptron(sizes, ACTIVATIONS[activation], final_activation=final, rng=seed)
    return _Shown(model, kind, data, {})


def _data(dataset: str, directory: Path | None) -> tuple[Any, int, int]:
    """The data set, and the sizes of the first and the last layer."""
    from tinygrad_mnist.play import moons, spirals

    if dataset not in _POINTS:
        images = load_images(dataset, directory, 0)
        height, width = images.image_shape
        return images, height * width, images.classes
    if directory is not None:
        raise click.UsageError(f"--dataset {dataset} is drawn at random: leave out --data, or the dataset")
    points = spirals() if dataset == "spirals" else moons()
    return points, 2, len(points.class_names)
