"""Floor 7: the command line."""

from __future__ import annotations

import time
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import click

from tinygrad_mnist.errors import TinygradMnistError


class _Commands(click.Group):
    """Turns our errors into a sentence on stderr and exit status 2: a user's mistake needs no traceback."""

    def invoke(self, context: click.Context) -> Any:
        try:
            return super().invoke(context)
        except (TinygradMnistError, OSError) as error:
            click.echo(f"error: {error}", err=True)
            for note in getattr(error, "__notes__", ()):
                click.echo(f"  {note}", err=True)
            context.exit(2)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "show_default": True})
@click.version_option(package_name="tinygrad_mnist")
def main() -> None:
    """Train and look into an MNIST perceptron whose every gradient comes from its own computation graph."""


def _threads(count: int | None) -> Any:
    """Limit the threads of the matrix products while the block runs."""
    if count is None:
        return nullcontext()
    from threadpoolctl import threadpool_limits

    return threadpool_limits(count)


def _sizes(context: click.Context, parameter: click.Parameter, value: str) -> tuple[int, ...]:
    """Hidden sizes from "128" or "256,64"; "none" for no hidden layer."""
    if value.strip() in ("", "none", "0"):
        return ()
    try:
        sizes = tuple(int(part) for part in value.split(","))
    except ValueError as error:
        raise click.BadParameter("give sizes such as 128 or 256,64, or none") from error
    if min(sizes) < 1:
        raise click.BadParameter("a layer has at least one unit")
    return sizes


_data_option = click.option(
    "--data",
    type=click.Path(path_type=Path),
    help="A folder with four IDX files (MNIST, Fashion-MNIST, ...).",
)
_threads_option = click.option(
    "--threads", type=click.IntRange(1), help="Threads of the matrix products.  [default: all cores]"
)


@main.command()
@click.option(
    "--dataset",
    type=click.Choice(["auto", "mnist", "digits"]),
    default="auto",
    help="auto: MNIST, or the embedded 8 x 8 digits where it cannot be had.",
)
@_data_option
@click.option("--hidden", default="128", callback=_sizes, help="Hidden sizes, as in 256,64, or none.")
@click.option("--activation", type=click.Choice(["relu", "sigmoid", "tanh"]), default="relu")
@click.option(
    "--loss",
    type=click.Choice(["cross-entropy", "quadratic"]),
    default="cross-entropy",
    help="quadratic: half the squared distance, with sigmoid outputs.",
)
@click.option("--lr", type=click.FloatRange(0), default=0.1, help="Learning rate.")
@click.option(
    "--schedule",
    type=click.Choice(["cosine", "constant"]),
    default="cosine",
    help="cosine: the learning rate falls to 0 over the run.",
)
@click.option("--momentum", type=click.FloatRange(0, 1, max_open=True), default=0.9)
@click.option("--weight-decay", type=click.FloatRange(0), default=0.0)
@click.option("--batch-size", type=click.IntRange(1), default=128)
@click.option("--epochs", type=click.IntRange(1), default=10)
@click.option(
    "--validation",
    type=click.IntRange(0),
    default=10_000,
    help="Training images held out to validate on (at most 200 of the digits).",
)
@click.option("--seed", type=click.IntRange(0), default=0, help="Of the weights and of the shuffling.")
@_threads_option
@click.option("--output", type=click.Path(path_type=Path), help="The run folder.  [default: runs/NAME-TIME]")
def train(dataset: str, data: Path | None, validation: int, threads: int | None, output: Path | None,
          **settings: Any) -> None:  # fmt: skip
    """Train a perceptron and write a run folder with its weights, history, pictures and report.html."""
    from tinygrad_mnist import console
    from tinygrad_mnist.training.job import run_training
    from tinygrad_mnist.training.recipe import Recipe

    recipe = Recipe(**settings)
    images = _load(dataset, data, validation)
    folder = output or Path("runs") / f"{images.name}-{time.strftime('%Y%m%d-%H%M%S')}"
    with _threads(threads), console.TrainingProgress(images, recipe) as progress:
        result = run_training(recipe, images, folder, progress.on_step, progress.on_epoch)
    console.print_result(result)


def _load(dataset: str, data: Path | None, validation: int) -> Any:
    from tinygrad_mnist import datasets

    if dataset == "digits":
        return datasets.load_digits(validation=min(validation, 200))
    load = datasets.load_mnist if dataset == "mnist" else datasets.load_default
    return load(data, validation=validation)


@main.command()
@click.argument("run", type=click.Path(path_type=Path))
@_data_option
@_threads_option
def evaluate(run: Path, data: Path | None, threads: int | None) -> None:
    """Measure a trained network on the test images: RUN is the folder that `train` wrote."""
    from tinygrad_mnist import console
    from tinygrad_mnist.errors import DataError
    from tinygrad_mnist.training.loop import evaluate as measure
    from tinygrad_mnist.training.run import load_run

    trained = load_run(run)
    images = _load("digits" if trained.data_name == "digits" and data is None else "mnist", data, 0)
    if (images.image_shape, images.classes) != (trained.image_shape, trained.classes):
        raise DataError(
            f"{run} was trained on images of {trained.image_shape} in {trained.classes} classes, "
            f"and {images!r} is different: name its data with --data DIR"
        )
    with _threads(threads):
        result = measure(trained.model, trained.recipe.build_loss(), images.test.loader(1000))
    console.print_evaluation(f"{images.name} test", result)


@main.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.argument("images", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--invert/--no-invert",
    default=None,
    help="Dark is ink / bright is ink.  [default: dark is ink when the border is bright]",
)
def predict(run: Path, images: tuple[Path, ...], invert: bool | None) -> None:
    """Read digits from pictures (PNG, one digit each) or IDX files with the network of RUN."""
    import numpy as np

    from tinygrad_mnist import console
    from tinygrad_mnist.autodiff.modes import no_grad
    from tinygrad_mnist.datasets.picture import read_pictures
    from tinygrad_mnist.training.run import load_run

    trained = load_run(run)
    batches = [read_pictures(path, trained.image_shape, invert=invert) for path in images]
    names = [
        f"{path}[{i}]" if len(batch) > 1 else str(path)
        for path, batch in zip(images, batches)
        for i in range(len(batch))
    ]
    with no_grad():
        outputs = trained.model.eval()(np.concatenate(batches))
    console.print_predictions(names, trained.recipe.probabilities(outputs.data))


@main.command()
def data() -> None:
    """Show where MNIST is looked for, in this order, and what is found."""
    from tinygrad_mnist import console, datasets

    console.print_rows(("place", "where", "state"), datasets.survey())
