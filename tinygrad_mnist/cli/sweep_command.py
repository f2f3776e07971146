"""The command `sweep`."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import click

from tinygrad_mnist.cli.command import Command, Whole, under
from tinygrad_mnist.cli.options import (
    COUNT,
    data_options,
    jobs_option,
    limit_threads,
    load_images,
    seed_option,
    validation_option,
)

_sweep = under("Sweep")


@click.command(
    cls=Command,
    short_help="Train with many settings.",
    examples=(
        "runs/rates --vary lr=0.01,0.03,0.1,0.3 --vary hidden=32,128,128-64 --epochs 3",
        "runs/random --vary lr=log:0.001..1 --vary dropout=0..0.5 --sampler quasi-random --trials 40",
    ),
)
@click.argument("folder", type=click.Path(path_type=Path))
@_sweep(
    "--vary",
    "varied",
    multiple=True,
    required=True,
    metavar="NAME=VALUES",
    help="A setting of `train` and its values: 1,2,3, or 0..1, or log:0.001..1. One value fixes it.",
)
@_sweep("--trials", type=COUNT, help="Number of trials.  [default: all of a grid]")
@_sweep(
    "--sampler",
    type=click.Choice(["grid", "quasi-random", "tpe"]),
    default="grid",
    help="grid: every combination; quasi-random: a Halton sequence; tpe: Optuna's, which depends on the "
    "order in which processes finish.",
)
@_sweep("--prune", is_flag=True, help="Stop trials that are worse than the median after an epoch.")
@data_options
@validation_option
@_sweep("--epochs", type=Whole(1, 10_000), default=5, help="Epochs of each training.")
@seed_option("Sweep", "the first trial; each next one has the next seed")
@jobs_option
def sweep(folder: Path, varied: tuple[str, ...], prune: bool, dataset: str, data: Path | None,
          validation: int, epochs: int, seed: int, threads: int, **search: Any) -> None:  # fmt: skip
    """Train a perceptron with many settings, and write a page that compares them.

    Start the same command again, on this machine or on another that shares FOLDER, to add a worker. Any of
    them may be killed: the others, or the next start, go on with its training.
    """
    from tinygrad_mnist.cli.console import say
    from tinygrad_mnist.errors import TinygradMnistError
    from tinygrad_mnist.training.fresh import default_batch_size
    from tinygrad_mnist.training.recipe import Recipe
    from tinygrad_mnist.training.run_config import RunOptions
    from tinygrad_mnist.training.sweeps import sweep as run
    from tinygrad_mnist.training.sweeps import training_objective, write_sweep_page
    from tinygrad_mnist.training.sweeps.page import MEASURE, result_text, settings_text
    from tinygrad_mnist.training.sweeps.trainings import recipe_of

    images = load_images(dataset, data, validation)
    recipe = Recipe(epochs=epochs, seed=seed, batch_size=default_batch_size(images))
    # What a worker must have in common with the others: another number of threads may round differently.
    about = {"prune": prune, "recipe": recipe, "data": images.checksum(), "images": images, "jobs": threads}
    try:
        space = dict(map(_setting, varied))
        for name, values in space.items():
            if isinstance(values, list):
                recipe_of(recipe, {name: values[0]}, 0)
        objective = training_objective(recipe, images, RunOptions(threads=threads), prune=prune)
        with limit_threads(threads):
            study = run(
                objective, space, folder, about=about, **search,
                on_end=lambda trial: say(
                    f"trial {trial.number}, {settings_text(trial)}: {result_text(trial, f'{MEASURE} ')}"
                ),
            )  # fmt: skip
    except (TypeError, ValueError) as error:
        if isinstance(error, TinygradMnistError):
            raise
        raise click.UsageError(str(error)) from error
    say(f"{len(study.trials)} trials: {write_sweep_page(folder, study)}")


def _setting(text: str) -> tuple[str, Any]:
    """Return the name and the values of "lr=0.01,0.1" or "lr=log:0.001..1"."""
    from optuna.distributions import FloatDistribution, IntDistribution

    name, equals, values = text.partition("=")
    name = name.strip().replace("-", "_")
    if not equals or not name or not values:
        raise click.BadParameter(f"{text}: expected NAME=VALUES, such as lr=0.01,0.1", param_hint="--vary")
    low, dots, high = values.removeprefix("log:").partition("..")
    if not dots:
        return name, [_value(value) for value in values.split(",")]
    ends = _value(low), _value(high)
    spread: Any = IntDistribution if all(isinstance(end, int) for end in ends) else FloatDistribution
    try:
        return name, spread(*ends, log=values.startswith("log:"))
    except (TypeError, ValueError) as error:
        expected = "expected two numbers, the lower first, such as 0..1, or log:0.001..1 above 0"
        raise click.BadParameter(f"{text}: {expected}", param_hint="--vary") from error


def _value(text: str) -> Any:
    """Return a number, a truth value or None as such, anything else as text."""
    try:
        return ast.literal_eval(text.strip())
    except (ValueError, SyntaxError):
        return text.strip()
