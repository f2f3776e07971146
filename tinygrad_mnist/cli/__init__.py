"""The command line."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import click

from tinygrad_mnist import __version__
from tinygrad_mnist.cli.derive_command import derive
from tinygrad_mnist.cli.gradcheck_command import gradcheck
from tinygrad_mnist.cli.graph_command import graph
from tinygrad_mnist.cli.options import (
    data_option,
    data_options,
    limit_threads,
    load_images,
    load_images_of,
    threads_option,
    weights_option,
)
from tinygrad_mnist.cli.predict_command import predict
from tinygrad_mnist.cli.reproduce_command import reproduce
from tinygrad_mnist.cli.train_command import train
from tinygrad_mnist.errors import TinygradMnistError
from tinygrad_mnist.files import visible_lines
from tinygrad_mnist.files.limits import MOST_THREADS


class _Commands(click.Group):
    """Turns our errors into a sentence on stderr and exit status 2: a user's mistake needs no traceback."""

    def invoke(self, context: click.Context) -> Any:
        with warnings.catch_warnings():
            warnings.showwarning = _show_warning
            try:
                return super().invoke(context)
            except click.ClickException as error:
                error.message = visible_lines(error.message)  # type: ignore[misc]  # Final, for no reason
                raise
            except (TinygradMnistError, OSError, MemoryError) as error:
                _say("\n  ".join([f"Error: {error}", *getattr(error, "__notes__", ())]))
                context.exit(2)


def _show_warning(message: Warning | str, *place: Any, **output: Any) -> None:
    """Print a warning as a sentence: the line of code that warned tells a user nothing."""
    _say(f"Warning: {message}")


def _say(text: str) -> None:
    from tinygrad_mnist.cli.console import say

    say(text, to_stderr=True)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "show_default": True})
@click.version_option(__version__)
def main() -> None:
    """Train and look into an MNIST perceptron whose every gradient comes from its own computation graph."""


@main.command()
@click.argument("run", type=click.Path(path_type=Path))
@data_option
@weights_option
@threads_option
def evaluate(run: Path, data: Path | None, weights: Any, threads: int) -> None:
    """Measure a trained network on the test images.

    RUN is the folder that `train` wrote.
    """
    from tinygrad_mnist.cli import console
    from tinygrad_mnist.training.evaluation import evaluate as measure
    from tinygrad_mnist.training.run_folder import load_run

    trained = load_run(run, weights)
    images = load_images_of(trained, data, 0)
    with limit_threads(threads):
        result = measure(trained.model, trained.recipe.build_loss(), images.test.loader(1000))
    console.print_evaluation(f"{images.name} test", result)


@main.command()
@data_options
def data(dataset: str, data: Path | None) -> None:
    """Show a data set: its source, its sizes and its classes."""
    import numpy as np

    from tinygrad_mnist.cli import console

    images = load_images(dataset, data, 0)
    height, width = images.image_shape
    counts = f"{len(images.train):,} training and {len(images.test):,} test images"
    console.say(f"{images.name}: {counts}, {height} x {width}, in {images.classes} classes")
    console.say(f"source: {images.origin}")
    parts = [np.bincount(part.labels, minlength=images.classes) for part in (images.train, images.test)]
    rows = [(name, f"{train:,}", f"{test:,}") for name, train, test in zip(images.class_names, *parts)]
    console.print_rows(("class", "training", "test"), rows)


@main.command()
@data_option
@click.option(
    "--threads", type=click.IntRange(1, MOST_THREADS), default=1, help="The same for all contestants."
)
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
        figures = benchmark.run(lambda: load_images("mnist", data, 0), data, threads, rounds, report)
    if as_json:
        click.echo(json.dumps(figures.to_dict(), indent=2))
    elif as_markdown:
        click.echo(benchmark.markdown(figures))
    else:
        console.print_benchmark(benchmark.conditions(figures), benchmark.tables(figures))


main.add_command(derive)
main.add_command(gradcheck)
main.add_command(graph)
main.add_command(predict)
main.add_command(reproduce)
main.add_command(train)
