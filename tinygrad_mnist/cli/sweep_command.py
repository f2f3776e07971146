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
    help="A setting of `train`, or hidden=64-32, and its values: 1,2,3, or 0..1, or log:0.001..1. One value "
    "fixes it.",
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
@_sweep("--epochs", type=Whole(1, 10_000), default=5, help="Epochs of each trial.")
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
    also = {"prune": prune, "data": images.checksum(), "images": images, "jobs": threads}
    about = {**recipe.to_dict(), **also}
    try:
        space = _space(varied)
        for name, values in space.items():
            for value in values if isinstance(values, list) else (values.low, values.high):
                recipe_of(recipe, {name: value}, 0)
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
    except KeyboardInterrupt as error:
        raise click.ClickException("interrupted; start the same command again to continue") from error
    count = len(study.trials)
    say(f"{count} trial{'s' * (count > 1)}: {write_sweep_page(folder, study)}")


def _space(varied: tuple[str, ...]) -> dict[str, Any]:
    """Return the values of all settings by name."""
    settings = [*map(_setting, varied)]
    space = dict(settings)
    wrong = ""
    if len(space) < len(settings):
        wrong = "a setting is given twice: expected all its values in one, such as lr=0.01,0.1"
    elif "optimizer" in space and "lr" not in space:
        wrong = "optimizer: expected lr too, since rates of optimizers differ; add --vary lr=0.001,0.01,0.1"
    if wrong:
        raise click.BadParameter(wrong, param_hint="--vary")
    return space


def _setting(text: str) -> tuple[str, Any]:
    """Return the name and the values of "lr=0.01,0.1" or "lr=log:0.001..1"."""
    from optuna.distributions import FloatDistribution, IntDistribution

    name, equals, values = text.partition("=")
    name = name.strip().replace("-", "_")
    if not equals or not name or not values:
        raise click.BadParameter(f"{text}: expected NAME=VALUES, such as lr=0.01,0.1", param_hint="--vary")
    low, dots, high = values.removeprefix("log:").partition("..")
    if not dots:
        return name, [_value(value) for value in _parts(values)]
    ends = _value(low), _value(high)
    spread: Any = IntDistribution if all(isinstance(end, int) for end in ends) else FloatDistribution
    try:
        return name, spread(*ends, log=values.startswith("log:"))
    except (TypeError, ValueError) as error:
        expected = "expected two numbers, the lower first, such as 0..1, or log:0.001..1 above 0"
        raise click.BadParameter(f"{text}: {expected}", param_hint="--vary") from error


def _parts(text: str) -> list[str]:
    """Return the texts between the commas that are not in parentheses."""
    parts: list[str] = []
    for part in text.split(","):
        if parts and parts[-1].count("(") > parts[-1].count(")"):
            parts[-1] += f",{part}"
        else:
            parts.append(part)
    return parts


def _value(text: str) -> Any:
    """Return a number, a truth value or None as such, anything else as text."""
    try:
        return ast.literal_eval(text.strip())
    except (ValueError, SyntaxError):
        return text.strip()
