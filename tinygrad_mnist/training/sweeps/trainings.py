"""Trainings as the objective of a sweep: a run folder per trial, resumed from its checkpoint."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from tinygrad_mnist.arguments import require_choice
from tinygrad_mnist.datasets import ImageDataset
from tinygrad_mnist.errors import DataError
from tinygrad_mnist.training.callbacks import Callback
from tinygrad_mnist.training.history import History
from tinygrad_mnist.training.job import resume_training, run_training
from tinygrad_mnist.training.recipe import Recipe
from tinygrad_mnist.training.run_config import CONFIG, RunOptions, read_settings
from tinygrad_mnist.training.run_folder import HISTORY
from tinygrad_mnist.training.sweeps.study import Stopped, Trial

RUN = "run"


def training_objective(
    recipe: Recipe, dataset: ImageDataset, options: RunOptions | None = None
) -> Callable[[Trial], float]:
    """Return the objective of a sweep over a recipe, the lowest validation loss of a training.

    The run of a trial is in the folder ``run`` of the trial's, with its report.  Its seed is the recipe's
    plus the trial's number.  A run that was killed goes on from its newest checkpoint to the same result.

    Parameters
    ----------
    recipe
        The settings that do not vary.
    dataset
        Must have validation images.
    options
        As in `run_training`.

    Raises
    ------
    DataError
        If there are no validation images.

    Examples
    --------
    >>> import tempfile
    >>> from tinygrad_mnist.datasets import load_digits
    >>> from tinygrad_mnist.training import Recipe, sweep
    >>> objective = training_objective(Recipe(hidden=(8,), epochs=2), load_digits(validation=100))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     found = sweep(objective, {"lr": [0.0001, 0.1]}, folder)
    ...     report = found[0].folder / "run" / "report.html"
    ...     print(report.exists(), "best:", min(found, key=lambda outcome: outcome.value).words)
    True best: lr 0.1
    """
    if not len(dataset.validation):
        raise DataError(
            f"{dataset.name} has no validation images: expected some to compare the trials on; hold some out "
            "with validation="
        )

    def objective(trial: Trial) -> float:
        folder = trial.folder / RUN
        if not (folder / CONFIG).exists():
            ours = recipe_of(recipe, trial.settings, trial.number)
            run_training(ours, dataset, folder, options, [_Reports(trial)])
        elif not read_settings(folder).finished:
            resume_training(folder, dataset, [_Reports(trial)])
        return lowest_loss(folder)

    return objective


def recipe_of(recipe: Recipe, settings: dict[str, Any], number: int) -> Recipe:
    """Return a recipe with the settings and the seed of a trial; hidden layers may be text such as "64-32".

    Raises
    ------
    ValueError
        If a setting is none of a recipe.
    """
    for name in settings:
        require_choice("the setting", name, [field.name for field in fields(Recipe)])
    settings = {"seed": recipe.seed + number, **settings}
    if "hidden" in settings:
        settings["hidden"] = _sizes(settings["hidden"])
    return replace(recipe, **settings)


def _sizes(hidden: Any) -> tuple[int, ...]:
    return tuple(map(int, str(hidden).split("-"))) if isinstance(hidden, int | str) else tuple(hidden)


def lowest_loss(folder: Path) -> float:
    """Return the lowest validation loss of a finished run; infinite if none is a number."""
    losses = [epoch.validation_loss for epoch in History.load(folder / HISTORY)]
    return min((loss for loss in losses if loss is not None and not math.isnan(loss)), default=math.inf)


class _Reports(Callback):
    """Reports the validation loss after each epoch, and ends a trial that is to be stopped."""

    def __init__(self, trial: Trial) -> None:
        self._trial = trial

    def after_epoch(self, training: Any, epoch: Any) -> None:
        self._trial.report(epoch.validation_loss, epoch.epoch)
        if self._trial.should_stop():
            raise Stopped
