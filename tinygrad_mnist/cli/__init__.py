"""Floor 7: the command line."""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import Any

import click

from tinygrad_mnist import __version__
from tinygrad_mnist.cli.derive_command import derive
from tinygrad_mnist.cli.gradcheck_command import gradcheck
from tinygrad_mnist.cli.graph_command import graph
from tinygrad_mnist.cli.options import MOST_UNITS, data_option, load_images
from tinygrad_mnist.cli.reproduce_command import reproduce
from tinygrad_mnist.errors import DataError, TinygradMnistError

FEW_IMAGES = 10_000  # below it, batches of 128 would be too few steps in ten epochs


class _Commands(click.Group):
    """Turns our errors into a sentence on stderr and exit status 2: a user's mistake needs no traceback."""

    def invoke(self, context: click.Context) -> Any:
        try:
            return super().invoke(context)
        except (TinygradMnistError, OSError, MemoryError) as error:
            click.echo(f"Error: {error}", err=True)
            for note in getattr(error, "__notes__", ()):
                click.echo(f"  {note}", err=True)
            context.exit(2)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "show_default": True})
@click.version_option(__version__)
def main() -> None:
    """Train and look into an MNIST perceptron whose every gradient comes from its own computation graph."""


class _Finite(click.FloatRange):
    """A number in a range; click's own takes nan and inf."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        number = super().convert(value, param, ctx)
        return number if math.isfinite(number) else self.fail(f"{value} is not a finite number", param, ctx)


def _threads(count: int) -> Any:
    """Limit the threads of the matrix products while the block runs."""
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
    if not all(1 <= size <= MOST_UNITS for size in sizes):
        raise click.BadParameter(f"a layer has 1 to {MOST_UNITS:,} units")
    return sizes


_threads_option = click.option(
    "--threads",
    type=click.IntRange(1),
    default=1,
    help="Threads of the matrix products: more help large layers only, and hurt on a busy machine.",
)


@main.command()
@click.option(
    "--dataset",
    type=click.Choice(["auto", "mnist", "digits"]),
    default="auto",
    help="auto: MNIST, or the embedded 8 x 8 digits where it cannot be had.",
)
@data_option
@click.option(
    "--hidden", default="128", callback=_sizes, help="Sizes of the hidden layers, as in 256,64, or none."
)
@click.option(
    "--activation",
    type=click.Choice(["relu", "sigmoid", "tanh"]),
    default="relu",
    help="Of the hidden layers.",
)
@click.option(
    "--loss",
    type=click.Choice(["cross-entropy", "quadratic"]),
    default="cross-entropy",
    help="quadratic: half the squared distance, with sigmoid outputs, as in the articles: "
    "try it with --activation sigmoid --momentum 0 --lr 3 --batch-size 10.",
)
@click.option("--lr", type=_Finite(0), default=0.1, help="Learning rate.")
@click.option(
    "--schedule",
    type=click.Choice(["cosine", "constant"]),
    default="cosine",
    help="cosine: the learning rate falls to 0 over the run.",
)
@click.option("--momentum", type=_Finite(0, 1, max_open=True), default=0.9)
@click.option("--weight-decay", type=_Finite(0), default=0.0)
@click.option(
    "--batch-size",
    type=click.IntRange(1),
    help=f"Images a step.  [default: 128, or 16 when there are fewer than {FEW_IMAGES:,} to train on]",
)
@click.option("--epochs", type=click.IntRange(1), default=10, help="Times through the training images.")
@click.option(
    "--validation",
    type=click.IntRange(0),
    default=10_000,
    help="How many training images to hold out and validate on (at most 200 of the embedded digits).",
)
@click.option("--seed", type=click.IntRange(0), default=0, help="Of the first weights and of the shuffling.")
@_threads_option
@click.option(
    "--eager",
    is_flag=True,
    help="Run every op by itself instead of the captured step: slower, the same to the last bit.",
)
@click.option(
    "--doctor",
    is_flag=True,
    help="Look for what keeps the network from learning, before the first step and when it goes wrong.",
)
@click.option(
    "--output", type=click.Path(path_type=Path), help="The run folder to make.  [default: runs/NAME-TIME]"
)
def train(dataset: str, data: Path | None, validation: int, threads: int, eager: bool, doctor: bool,
          output: Path | None, **settings: Any) -> None:  # fmt: skip
    """Train a perceptron and write a report about it.

    The run folder holds its weights, history, pictures and report.html.  Ctrl-C ends training early and keeps
    what was learned.
    """
    from tinygrad_mnist.cli import console
    from tinygrad_mnist.training.job import run_training
    from tinygrad_mnist.training.recipe import Recipe

    if dataset == "digits" and data is not None:
        raise click.UsageError("--dataset digits are the embedded ones: leave out --data, or the dataset")
    images = load_images(dataset, data, validation)
    settings["batch_size"] = settings["batch_size"] or (128 if len(images.train) >= FEW_IMAGES else 16)
    recipe = Recipe(**settings)
    folder = output or Path("runs") / f"{images.name}-{time.strftime('%Y%m%d-%H%M%S')}"
    with _threads(threads), console.TrainingProgress(images, recipe) as progress:
        result = run_training(
            recipe, images, folder, progress.on_step, progress.on_epoch,
            eager=eager, doctor=doctor, on_diagnosis=progress.on_diagnosis,
        )  # fmt: skip
    console.print_result(result)


@main.command()
@click.argument("run", type=click.Path(path_type=Path))
@data_option
@_threads_option
def evaluate(run: Path, data: Path | None, threads: int) -> None:
    """Measure a trained network on the test images.

    RUN is the folder that `train` wrote.
    """
    from tinygrad_mnist.cli import console
    from tinygrad_mnist.training.loop import evaluate as measure
    from tinygrad_mnist.training.run import load_run

    trained = load_run(run)
    if data is None and trained.data_directory is not None and trained.data_directory.is_dir():
        data = trained.data_directory if trained.data_name != "digits" else None
    images = load_images("digits" if trained.data_name == "digits" and data is None else "mnist", data, 0)
    if (images.image_shape, images.classes) != (trained.image_shape, trained.classes) or (
        data is None and images.name != trained.data_name
    ):
        height, width = trained.image_shape
        raise DataError(
            f"{run} was trained on {trained.data_name}, {height} x {width} in {trained.classes} classes, and "
            f"this is another data set: {images!r}; name the right folder with --data DIR"
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
    show_default=False,
    help="Dark is ink / bright is ink.  [default: dark is ink when the border is bright]",
)
def predict(run: Path, images: tuple[Path, ...], invert: bool | None) -> None:
    """Read digits from pictures with a trained network.

    RUN is the folder that `train` wrote; IMAGES are PNG files of one digit each, or IDX files of many.
    """
    import numpy as np

    from tinygrad_mnist.autodiff.modes import no_grad
    from tinygrad_mnist.cli import console
    from tinygrad_mnist.datasets.picture import read_pictures
    from tinygrad_mnist.training.run import load_run

    trained = load_run(run)
    batches = [
        read_pictures(path, trained.image_shape, invert=invert, pixel_max=trained.pixel_max)
        for path in images
    ]
    names = [
        f"{path}[{i}]" if len(batch) > 1 else str(path)
        for path, batch in zip(images, batches)
        for i in range(len(batch))
    ]
    with no_grad():
        outputs = trained.model.eval()(np.concatenate(batches))
    console.print_predictions(names, trained.recipe.probabilities(outputs.data))


@main.command()
@data_option
def data(data: Path | None) -> None:
    """Show where MNIST is looked for, in order, and what is found."""
    from tinygrad_mnist import datasets
    from tinygrad_mnist.cli import console

    console.print_rows(("place", "where", "state"), datasets.survey(data))


@main.command()
@data_option
@click.option("--threads", type=click.IntRange(1), default=1, help="The same for all contestants.")
@click.option("--rounds", type=click.IntRange(1), default=30, help="Turns of each contestant.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of tables.")
@click.option("--markdown", "as_markdown", is_flag=True, help="Print the tables as they stand in the README.")
def bench(data: Path | None, threads: int, rounds: int, as_json: bool, as_markdown: bool) -> None:
    """Time training steps beside plain NumPy and other frameworks.

    PyTorch, JAX, HIPS autograd and MyGrad take part where they are installed (the extra "bench").
    """
    import json

    from tinygrad_mnist import benchmark
    from tinygrad_mnist.cli import console

    with console.working() as report:
        figures = benchmark.run(lambda: load_images("auto", data, 0), data, threads, rounds, report)
    if as_json:
        click.echo(json.dumps(figures.to_dict(), indent=2))
    elif as_markdown:
        click.echo(benchmark.markdown(figures))
    else:
        console.print_benchmark(benchmark.conditions(figures), benchmark.tables(figures))


main.add_command(derive)
main.add_command(gradcheck)
main.add_command(graph)
main.add_command(reproduce)
