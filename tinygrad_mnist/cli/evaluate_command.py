"""The command `evaluate`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from tinygrad_mnist.cli.command import Command
from tinygrad_mnist.cli.options import data_option, jobs_option, limit_threads, run_argument, weights_option


@click.command(
    cls=Command,
    short_help="Measure a run on the test images.",
    examples=("runs/MNIST-20260101-120000", "runs/MNIST-20260101-120000 --weights best"),
)
@run_argument
@data_option
@weights_option
@jobs_option
def evaluate(run: Path, data: Path | None, weights: Any, threads: int) -> None:
    """Measure a trained network on the test images.

    RUN is the folder that `train` wrote.
    """
    from tinygrad_mnist.cli import console
    from tinygrad_mnist.training.evaluation import evaluate as measure
    from tinygrad_mnist.training.run_data import load_run_data
    from tinygrad_mnist.training.run_folder import load_run

    trained = load_run(run, weights)
    images = load_run_data(trained, data)
    with limit_threads(threads):
        result = measure(trained.model, trained.recipe.build_loss(), images.test.loader(1000))
    console.print_evaluation(f"{images.name} test", result)
