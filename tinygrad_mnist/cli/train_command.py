"""The command `train`."""

from __future__ import annotations

import time
from dataclasses import fields
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from tinygrad_mnist.cli.command import Command, Finite, under
from tinygrad_mnist.cli.options import (
    COUNT,
    activation_option,
    data_options,
    jobs_option,
    layers_option,
    limit_threads,
    load_images,
    loss_option,
    output_option,
    seed_option,
    validation_option,
)

_network, _training = under("Network"), under("Training")
_output, _debugging = under("Output and checkpoints"), under("Debugging")


@click.command(
    cls=Command,
    short_help="Train a perceptron and write a report.",
    examples=("--layers 784-256-64-10 --dropout 0.2", "--resume runs/MNIST-20260101-120000"),
)
@data_options
@validation_option
@layers_option(128)
@activation_option("relu")
@loss_option("cross-entropy", ", as in the articles: try --activation sigmoid --momentum 0 --lr 3")
@_network(
    "--dropout",
    type=Finite("share", below=1),
    default=0.0,
    help="Share of the hidden units to leave out in each step.",
)
@_training(
    "--optimizer",
    metavar="NAME",
    default="sgd",
    help="Formulas of the updates: sgd, adam, adamw, rmsprop or adagrad, with settings as in "
    "'adam(betas=(0.9, 0.99), amsgrad=True)'.",
)
@_training("--lr", type=Finite("rate"), help="Learning rate.  [default: 0.2; adam 0.001; others 0.01]")
@_training(
    "--schedule",
    metavar="NAME",
    default="one-cycle",
    help="one-cycle raises the learning rate for three tenths of the steps and lowers it almost to 0; cosine "
    "lowers it per epoch, warm-up raises it before, plateau lowers it when the loss no longer falls; or "
    "constant, linear, 'step(step_size=4)', 'exponential(gamma=0.9)', or a chain: "
    "'sequential(schedulers=(linear, cosine), milestones=(5,))'.",
)
@_training(
    "--momentum",
    type=Finite("share", below=1),
    help="Share of the last update added to the next, by sgd and rmsprop.  [default: 0.9; rmsprop 0]",
)
@_training(
    "--weight-decay",
    type=Finite("rate"),
    default=0.0,
    help="Share of each weight that is added to its gradient.",
)
@_training(
    "--decay-biases/--no-decay-biases",
    default=True,
    help="Let --weight-decay apply to the biases too.",
)
@_training("--clip-norm", type=Finite("norm", zero=False), help="Largest norm of all gradients together.")
@_training(
    "--clip-value", type=Finite("size", zero=False), help="Largest size of an element of the gradients."
)
@_training(
    "--ema-decay",
    type=Finite("share", below=1),
    help="Evaluate and save a moving average of the weights, over about the last 1 / (1 - SHARE) steps.",
)
@_training(
    "--batch-size",
    type=COUNT,
    help="Images per step.  [default: 128, or 16 with fewer than 10,000 training images]",
)
@_training(
    "--micro-batches",
    type=COUNT,
    help="Parts of each batch, a power of two, that processes share: the result is the same for any number "
    "of processes.  [default: 8 under mpiexec, else none]",
)
@_training(
    "--augment",
    metavar="NAME",
    help="distortions: turn, shear, scale, shift and bend the training images at random, anew in each epoch; "
    "with settings as in 'distortions(rotation=15, elastic=0.03)'.",
)
@_training("--epochs", type=COUNT, default=6, help="Passes over the training images.")
@_training(
    "--early-stopping",
    type=COUNT,
    help="End after N epochs without a lower validation loss, and take the weights of the best epoch.",
)
@seed_option("Training", "the first weights, shuffling and dropout")
@jobs_option
@_training(
    "--backend",
    type=click.Choice(["numpy", "native", "eager"]),
    default="numpy",
    help="numpy: capture the step as a program; eager: run op by op, slower, identical to the last bit; "
    "native: machine code by numba, faster for small networks, different rounding.",
)
@_output(
    "--resume",
    "run",
    type=click.Path(path_type=Path),
    metavar="RUN",
    help="Continue an interrupted run. The result is identical to an uninterrupted one. Only --data may be "
    "combined with it.",
)
@output_option("Output and checkpoints", "Run folder to create.  [default: runs/NAME-TIME]", metavar="DIR")
@_output("--checkpoint-steps", type=COUNT, help="Also save a checkpoint every N steps.")
@_output(
    "--checkpoint-seconds",
    type=Finite("seconds", zero=False),
    default=60.0,
    help="Also save a checkpoint after this many seconds without one; each epoch ends with one.",
)
@_output("--keep", type=COUNT, default=3, help="Newest checkpoints to keep, next to the best.")
@_debugging(
    "--doctor",
    is_flag=True,
    help="Find out why a network does not learn, before the first step and when training goes wrong.",
)
@_debugging(
    "--detect-anomaly",
    is_flag=True,
    help="Stop at the first loss, gradient or weight that is NaN or infinite; runs op by op, slower.",
)
@click.pass_context
def train(context: click.Context, /, dataset: str, data: Path | None, validation: int,
          layers: tuple[int, ...] | None, batch_size: int | None, lr: float | None, momentum: float | None,
          output: Path | None, run: Path | None, **settings: Any) -> None:  # fmt: skip
    """Train a perceptron and write a report about it.

    The run folder holds weights, history, pictures, report.html and checkpoints. Ctrl-C ends training early
    and keeps what was learned.
    """
    from tinygrad_mnist.training.distributed import MICRO_BATCHES, number_started, started_processes
    from tinygrad_mnist.training.fresh import default_batch_size, hidden_sizes
    from tinygrad_mnist.training.job import run_training
    from tinygrad_mnist.training.recipe import Recipe
    from tinygrad_mnist.training.run_config import RunOptions

    with started_processes() as processes:
        if run is not None:
            _refuse_other_options(context, {"run", "data"}, run)
            _resume(run, data, processes)
            return
        images = load_images(dataset, data, validation)
        options = RunOptions(**{field.name: settings.pop(field.name) for field in fields(RunOptions)})
        if layers is not None:
            settings["hidden"] = hidden_sizes(images, layers)
        if settings["micro_batches"] is None and number_started() is not None:
            settings["micro_batches"] = MICRO_BATCHES
        try:
            settings |= _of_optimizer(settings["optimizer"], lr, momentum)
            recipe = Recipe(batch_size=batch_size or default_batch_size(images), **settings)
        except (TypeError, ValueError) as error:
            raise click.UsageError(str(error)) from error
        folder = output or Path("runs") / f"{images.name}-{time.strftime('%Y%m%d-%H%M%S')}"
        folder = processes.gather(folder)[0]
        _run(processes, images, options.threads, run_training, recipe, images, folder, options)


def _of_optimizer(name: str, lr: float | None, momentum: float | None) -> dict[str, float]:
    """Return the learning rate and the momentum, by default those that suit the optimizer."""
    from tinygrad_mnist.training.optimizers import named_optimizer, takes_momentum, usual_rate

    maker = named_optimizer(name)
    if momentum is not None and not takes_momentum(maker):
        raise click.UsageError(f"--momentum is {momentum:g}: expected none with {name}; leave it out")
    usual = 0.9 if name.startswith("sgd") else 0.0
    return {
        "lr": usual_rate(maker) if lr is None else lr,
        "momentum": usual if momentum is None else momentum,
    }


def _resume(run: Path, data: Path | None, processes: Any) -> None:
    from tinygrad_mnist.cli import console
    from tinygrad_mnist.training.checkpoint_files import CheckpointFolder
    from tinygrad_mnist.training.job import require_unfinished, resume_training
    from tinygrad_mnist.training.run_config import read_settings
    from tinygrad_mnist.training.run_data import load_run_data
    from tinygrad_mnist.training.run_folder import CHECKPOINTS

    settings = read_settings(run)
    require_unfinished(settings)  # before data are read
    images = load_run_data(settings, data, settings.counts[1])
    newest = CheckpointFolder(run / CHECKPOINTS).newest_path()
    if processes.rank == 0:
        console.say(f"resuming from {newest.stem if newest else 'the start: there is no checkpoint yet'}")
    _run(processes, images, settings.options.threads, resume_training, run, images)


def _run(processes: Any, images: Any, threads: int, call: Any, *arguments: Any) -> None:
    """Run or resume training; process 0 alone shows it."""
    from tinygrad_mnist.cli import console

    if processes.rank:
        with limit_threads(threads):
            call(*arguments, distributed=processes)
        return
    with limit_threads(threads), console.TrainingProgress(images) as progress:
        result = call(
            *arguments, callbacks=[progress], on_diagnosis=progress.on_diagnosis, distributed=processes
        )
    console.print_result(result)


def _refuse_other_options(context: click.Context, allowed: set[str], run: Path) -> None:
    """Refuse other options on resuming: with new values the result would not be that of the run."""
    for option in context.command.params:
        name = option.name or ""
        given = context.get_parameter_source(name) is ParameterSource.COMMANDLINE
        if given and name not in allowed:
            raise click.UsageError(f"{option.opts[-1]} cannot change on --resume: {_setting_of(run, name)}")


def _setting_of(run: Path, name: str) -> str:
    """Return a setting of the run in words."""
    from tinygrad_mnist.nn.perceptrons import sizes_as_text
    from tinygrad_mnist.training.run_config import read_settings

    settings = read_settings(run)
    layers = sizes_as_text(settings.recipe.sizes(settings.image_shape, settings.classes))
    saved = {**vars(settings.recipe), **vars(settings.options), "layers": layers}
    return f"the run has {saved[name]}" if name in saved else "leave it out, the run's folder has it"
