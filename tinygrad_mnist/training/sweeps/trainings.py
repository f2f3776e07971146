"""Trainings as the objective of a sweep: a run folder per trial, resumed from its checkpoint."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

from optuna import TrialPruned
from optuna.trial import Trial

from tinygrad_mnist.arguments import require_choice
from tinygrad_mnist.datasets import ImageDataset
from tinygrad_mnist.errors import DataError
from tinygrad_mnist.training.callbacks import Callback
from tinygrad_mnist.training.history import History
from tinygrad_mnist.training.job import resume_training, run_training
from tinygrad_mnist.training.recipe import Recipe
from tinygrad_mnist.training.run_config import CONFIG, RunOptions, read_settings
from tinygrad_mnist.training.run_folder import HISTORY
from tinygrad_mnist.training.sweeps.study import Objective, SweepTrial

RUN = "run"


def training_objective(
    recipe: Recipe, dataset: ImageDataset, options: RunOptions | None = None, *, prune: bool = False
) -> Objective:
    """Return the objective of a sweep over a recipe, the lowest validation loss of a training run.

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
    prune
        End a training run whose validation loss is above the median of the other trials after the same epoch.
        Which ones it ends depends on the order in which processes finish.

    Raises
    ------
    DataError
        If there are no validation images.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from tinygrad_mnist.datasets import load_digits
    >>> from tinygrad_mnist.training import Recipe, sweep
    >>> objective = training_objective(Recipe(hidden=(8,), epochs=2), load_digits(validation=100))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     study = sweep(objective, {"lr": [0.0001, 0.1]}, folder)
    ...     report = Path(folder, "trial-0001", "run", "report.html")
    ...     print(report.exists(), "best:", study.best_params)
    True best: {'lr': 0.1}
    """
    if not len(dataset.validation):
        raise DataError(
            f"{dataset.name} has no validation images: expected some to compare the trials on; hold some out "
            "with validation="
        )

    def objective(trial: SweepTrial) -> float:
        folder, callbacks = trial.folder / RUN, [_Reports(trial, prune)]
        if not (folder / CONFIG).exists():
            run_training(recipe_of(recipe, trial.params, trial.number), dataset, folder, options, callbacks)
        elif not read_settings(folder).finished:
            resume_training(folder, dataset, callbacks)
        losses = [epoch.validation_loss for epoch in History.load(folder / HISTORY)]
        return min(loss for loss in losses if loss is not None)

    return objective


def recipe_of(recipe: Recipe, settings: dict[str, Any], number: int) -> Recipe:
    """Return a recipe with the settings and the seed of a trial; hidden layers are text such as "64-32".

    Raises
    ------
    ValueError
        If a setting is none of a recipe.
    """
    for name in settings:
        require_choice("the setting", name, [field.name for field in fields(Recipe)])
    settings = {"seed": recipe.seed + number, **settings}
    if "hidden" in settings:
        sizes = str(settings["hidden"]).split("-")
        if not all(size.isdecimal() for size in sizes):
            raise ValueError(f"hidden is {settings['hidden']!r}: expected sizes of layers; write 64-32")
        settings["hidden"] = tuple(map(int, sizes))
    return replace(recipe, **settings)


class _Reports(Callback):
    """Reports the validation loss after each epoch, and ends a trial that is worse than the others."""

    def __init__(self, trial: Trial, prune: bool) -> None:
        self._trial, self._prune = trial, prune
        self._reported = trial.study.trials[trial.number].intermediate_values  # before it was killed

    def after_epoch(self, training: Any, epoch: Any) -> None:
        if epoch.epoch not in self._reported:
            self._trial.report(epoch.validation_loss, epoch.epoch)
        if self._prune and self._trial.should_prune():
            raise TrialPruned
