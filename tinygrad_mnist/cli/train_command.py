"""The command `train`."""

from __future__ import annotations

import math
import time
from dataclasses import fields
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from tinygrad_mnist.cli.options import (
    data_options,
    limit_threads,
    load_images,
    load_images_of,
    threads_option,
)
from tinygrad_mnist.files.limits import MOST_COUNT, MOST_LAYERS, MOST_UNITS

FEW_IMAGES = 10_000  # below it, batches of 128 would be too few steps in ten epochs


class _Finite(click.FloatRange):
    """A number in a range; click's own takes nan and inf."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        number = super().convert(value, param, ctx)
        return number if math.isfinite(number) else self.fail(f"{value} is not a finite number", param, ctx)


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
    if len(sizes) > MOST_LAYERS:
        raise click.BadParameter(f"a network has at most {MOST_LAYERS:,} hidden layers")
    return sizes


@click.command()
@data_options
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
@click.option(
    "--dropout",
    type=_Finite(0, 1, max_open=True),
    default=0.0,
    help="The share of hidden units left out in each step.",
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
    type=click.IntRange(1, MOST_COUNT),
    help=f"Images a step.  [default: 128, or 16 when there are fewer than {FEW_IMAGES:,} to train on]",
)
@click.option(
    "--epochs",
    type=click.IntRange(1, MOST_COUNT),
    default=10,
    help="Times through the training images.",
)
@click.option(
    "--validation",
    type=click.IntRange(0),
    default=10_000,
    help="How many training images to hold out and validate on (at most 200 with --dataset digits).",
)
@click.option("--seed", type=click.IntRange(0), default=0, help="Of the first weights and of the shuffling.")
@threads_option
@click.option(
    "--backend",
    type=click.Choice(["numpy", "native", "eager"]),
    default="numpy",
    help="How each step is run.  numpy: captured as a program; eager: op by op, slower, the same to the last "
    "bit; native: as machine code by numba, faster for small networks, the same but for rounding.",
)
@click.option(
    "--doctor",
    is_flag=True,
    help="Look for what keeps the network from learning, before the first step and when it goes wrong.",
)
@click.option(
    "--detect-anomaly",
    is_flag=True,
    help="Stop at the first loss, gradient or weight that is NaN or infinite: op by op, and slower.",
)
@click.option(
    "--checkpoint-steps",
    type=click.IntRange(1, MOST_COUNT),
    help="Save a checkpoint every so many steps as well.",
)
@click.option(
    "--checkpoint-seconds",
    type=_Finite(0, min_open=True),
    default=60.0,
    help="Save a checkpoint when so much time has passed since the last; one is saved after each epoch.",
)
@click.option(
    "--keep",
    type=click.IntRange(1, MOST_COUNT),
    default=3,
    help="How many checkpoints to keep, beside the best.",
)
@click.option(
    "--output", type=click.Path(path_type=Path), help="The run folder to make.  [default: runs/NAME-TIME]"
)
@click.option(
    "--resume",
    "run",
    type=click.Path(path_type=Path),
    metavar="RUN",
    help="Go on with a run that was stopped or killed; it ends as if it had not been.  Its folder says all "
    "the rest: only --data goes with it.",
)
@click.pass_context
def train(context: click.Context, /, dataset: str, data: Path | None, validation: int,
          output: Path | None, run: Path | None, **settings: Any) -> None:  # fmt: skip
    """Train a perceptron and write a report about it.

    The run folder holds its weights, history, pictures and report.html, and the checkpoints from which
    --resume goes on.  Ctrl-C ends training early and keeps what was learned.
    """
    from tinygrad_mnist.training.recipe import Recipe
    from tinygrad_mnist.training.run_folder import RunOptions

    if run is not None:
        _refuse_other_options(context, {"run", "data"}, run)
        _resume(run, data)
        return
    images = load_images(dataset, data, validation)
    settings["batch_size"] = settings["batch_size"] or (128 if len(images.train) >= FEW_IMAGES else 16)
    options = RunOptions(**{field.name: settings.pop(field.name) for field in fields(RunOptions)})
    folder = output or Path("runs") / f"{images.name}-{time.strftime('%Y%m%d-%H%M%S')}"
    _begin(Recipe(**settings), images, folder, options)


def _begin(recipe: Any, images: Any, folder: Path, options: Any) -> None:
    from tinygrad_mnist.cli import console
    from tinygrad_mnist.training.job import run_training

    with limit_threads(options.threads), console.TrainingProgress(images, recipe) as progress:
        result = run_training(recipe, images, folder, options, [progress], progress.on_diagnosis)
    console.print_result(result)


def _resume(run: Path, data: Path | None) -> None:
    from tinygrad_mnist.cli import console
    from tinygrad_mnist.training.checkpoint_files import CheckpointFolder
    from tinygrad_mnist.training.job import require_unfinished, resume_training
    from tinygrad_mnist.training.run_folder import CHECKPOINTS, read_settings

    settings = read_settings(run)
    require_unfinished(settings)  # before data are read
    images = load_images_of(settings, data, settings.counts[1])
    newest = CheckpointFolder(run / CHECKPOINTS).newest_path()
    console.say(f"going on from {newest.stem if newest else 'the start: there is no checkpoint yet'}")
    with (
        limit_threads(settings.options.threads),
        console.TrainingProgress(images, settings.recipe) as progress,
    ):
        result = resume_training(run, images, [progress], progress.on_diagnosis)
    console.print_result(result)


def _refuse_other_options(context: click.Context, allowed: set[str], run: Path) -> None:
    """The run was begun with the others, and cannot go on with new ones to the same end."""
    for option in context.command.params:
        name = option.name or ""
        given = context.get_parameter_source(name) is ParameterSource.COMMANDLINE
        if given and name not in allowed:
            raise click.UsageError(f"{option.opts[0]} cannot change on --resume: {_setting_of(run, name)}")


def _setting_of(run: Path, name: str) -> str:
    """Return what a run was begun with, in words."""
    from tinygrad_mnist.training.run_folder import read_settings

    settings = read_settings(run)
    saved = {**vars(settings.recipe), **vars(settings.options)}
    return f"the run has {saved[name]}" if name in saved else "leave it out, the run's folder says it"
