"""The main job: train by a recipe, test, and leave a run folder with its report."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tinygrad_mnist import nn, optim
from tinygrad_mnist.datasets import ImageDataset
from tinygrad_mnist.doctor import Doctor, TrainingDiagnosis
from tinygrad_mnist.errors import CheckpointError, DataError, ProcessError
from tinygrad_mnist.training.chance import near_chance, share_of_largest_class
from tinygrad_mnist.training.checkpoints import Checkpoints
from tinygrad_mnist.training.distributed import (
    MICRO_BATCHES,
    Processes,
    require_alike,
    require_shares,
    require_unwatched,
)
from tinygrad_mnist.training.early_stopping import EarlyStopping
from tinygrad_mnist.training.evaluation import evaluate_together
from tinygrad_mnist.training.fit import fit
from tinygrad_mnist.training.history import History
from tinygrad_mnist.training.recipe import Recipe
from tinygrad_mnist.training.run_config import RunConfig, RunOptions, read_settings, save_config
from tinygrad_mnist.training.run_folder import (
    CHECKPOINTS,
    REPORT,
    locked,
    make_folder,
    require_no_run,
    require_own_checkpoints,
    save_results,
)
from tinygrad_mnist.training.run_report import write_run_report
from tinygrad_mnist.training.totals import Evaluation


@dataclass(frozen=True)
class RunResult:
    """Results of a run; `test` is measured once, after training.

    `chance` is the share of the largest class among the test images, the accuracy of always naming it.
    """

    history: History
    test: Evaluation
    report: Path
    chance: float

    @property
    def near_chance(self) -> bool:
        """True if the accuracy is within its noise of chance, or less than a tenth of the way to 100 %."""
        accuracy = self.test.accuracy
        return accuracy is not None and near_chance(accuracy, self.chance, self.test.examples)


def run_training(
    recipe: Recipe,
    dataset: ImageDataset,
    folder: Path,
    options: RunOptions | None = None,
    callbacks: Iterable[Any] = (),
    on_diagnosis: Callable[[TrainingDiagnosis], Any] | None = None,
    distributed: Processes | None = None,
) -> RunResult:
    """Train the recipe's perceptron on a data set and write everything about it into `folder`.

    The same recipe on the same machine with the same number of threads gives the same files, byte for byte,
    except for the seconds in times.json; with the doctor or with ``backend="eager"`` the same weights.

    Parameters
    ----------
    recipe : Recipe
    dataset : ImageDataset
    folder : Path
        Created if missing.
    options : RunOptions, optional
    callbacks : list of callbacks
        As in `fit`; the run adds its checkpoints, and the doctor if the options enable it.
    on_diagnosis : callable, optional
        As in `Doctor`.
    distributed : MPI, optional
        As in `fit`: process 0 alone writes, and the files do not depend on the number of processes.

    Raises
    ------
    CheckpointError
        If the folder contains a run, or another process trains into it.
    DataError
        If there are no test images, or fewer than two classes.
    ProcessError
        If several processes or threads train by a recipe that does not allow for them.
    """
    options, processes = options or RunOptions(), distributed or Processes()
    require_no_run(folder)  # in all processes: none of them makes the folder before all have compared
    _require_shared(recipe, options, dataset, processes)
    _require_measurable(dataset)
    if recipe.early_stopping and not len(dataset.validation):
        raise DataError(
            f"early_stopping is {recipe.early_stopping} and {dataset.name} has no validation images: "
            "expected some to measure on; hold some out with --validation"
        )
    model = recipe.build_model(dataset.image_shape, dataset.classes)  # may be too large: before the folder
    if processes.rank:
        return _train(folder, recipe, options, model, dataset, callbacks, on_diagnosis, processes)
    make_folder(folder)
    with locked(folder):
        make_folder(folder)  # checked again under the lock: another process may have finished a run
        save_config(folder, recipe, options, dataset)
        return _train(folder, recipe, options, model, dataset, callbacks, on_diagnosis, processes)


def _require_measurable(dataset: ImageDataset) -> None:
    """Refuse a data set on which no accuracy can be measured, before the first step."""
    if not len(dataset.test):
        raise DataError(
            f"{dataset.name} has no test images: expected one or more to measure on; move some training "
            "images into the test files"
        )
    if dataset.classes < 2:
        raise DataError(
            f"{dataset.name} has {dataset.classes} class: expected two or more; add images of another class"
        )


def resume_training(
    folder: Path,
    dataset: ImageDataset,
    callbacks: Iterable[Any] = (),
    on_diagnosis: Callable[[TrainingDiagnosis], Any] | None = None,
    distributed: Processes | None = None,
) -> RunResult:
    """Resume a stopped run from its newest checkpoint, with the same result as without the stop.

    The number of processes may be another one than before.

    Raises
    ------
    CheckpointError
        If the folder contains no run, a finished run, or damaged files.
    DataError
        If `dataset` is not the one that the run was trained on.
    """
    processes = distributed or Processes()
    own = read_settings(folder).folder
    with nullcontext() if processes.rank else locked(own):
        settings = read_settings(folder)
        require_unfinished(settings)
        require_own_checkpoints(settings)
        if dataset.checksum() != settings.data_sha256:
            raise DataError(
                f"{folder} was trained on other data than {dataset!r} from {dataset.origin}: pass the "
                "right folder with --data"
            )
        recipe, options = settings.recipe, settings.options
        _require_shared(recipe, options, dataset, processes)
        model = recipe.build_model(dataset.image_shape, dataset.classes)
        return _train(folder, recipe, options, model, dataset, callbacks, on_diagnosis, processes)


def _require_shared(recipe: Recipe, options: RunOptions, dataset: ImageDataset, processes: Processes) -> None:
    """Refuse processes that differ, whole batches for several, and threads besides micro-batches."""
    if processes.size > 1:
        own = {name: str(value) for name, value in recipe.to_dict().items()}
        data = {"data": repr(dataset), "the values of the data": dataset.checksum()}
        require_alike(processes, {**own, **data, "backend": options.backend, "threads": str(options.threads)})
    if recipe.micro_batches is None and processes.size > 1:
        raise ProcessError(
            f"micro_batches is None: expected a number with {processes.size} processes, since whole batches "
            f"cannot be shared; write micro_batches={MICRO_BATCHES} in a new recipe"
        )
    if recipe.micro_batches is not None:
        require_shares(recipe.micro_batches, processes.size)
        require_unwatched(options.detect_anomaly)
    if recipe.micro_batches is not None and options.threads > 1:
        raise ProcessError(
            f"threads is {options.threads}: expected 1 with micro-batches, whose sums do not depend on the "
            "number of processes; leave it out and start more processes"
        )


def require_unfinished(settings: RunConfig) -> None:
    """Raise a CheckpointError if the run is finished."""
    if settings.finished:
        why = "early stopping ended it, or " if settings.recipe.early_stopping else ""
        raise CheckpointError(
            f"{settings.folder} is finished: {why}it has been through all its {settings.recipe.epochs} epochs"
        )


def _train(
    folder: Path,
    recipe: Recipe,
    options: RunOptions,
    model: nn.Sequential,
    dataset: ImageDataset,
    callbacks: Iterable[Any],
    on_diagnosis: Callable[[TrainingDiagnosis], Any] | None,
    processes: Processes,
) -> RunResult:
    loss = recipe.build_loss()
    loader = dataset.train.loader(
        recipe.batch_size, shuffle=True, seed=recipe.seed, transform=recipe.build_transform()
    )
    optimizer, schedule = recipe.build_optimizer(model, len(loader))
    checkpoints = Checkpoints(
        folder / CHECKPOINTS,
        every_steps=options.checkpoint_steps,
        every_seconds=options.checkpoint_seconds,
        keep=options.keep,
    )
    watching: list[Any] = [Doctor(on_diagnosis)] if options.doctor else []
    if recipe.ema_decay is not None:
        watching.append(optim.EMA(model.parameters(), recipe.ema_decay))
    if recipe.early_stopping:
        watching.append(EarlyStopping(recipe.early_stopping))
    history = fit(
        model,
        loss,
        optimizer,
        loader,
        dataset.validation.loader(1000) if len(dataset.validation) else None,
        epochs=recipe.epochs,
        schedule=schedule,
        backend=options.backend,
        detect_anomaly=options.detect_anomaly,
        callbacks=[*watching, *callbacks, checkpoints],
        clip_norm=recipe.clip_norm,
        clip_value=recipe.clip_value,
        micro_batches=recipe.micro_batches,
        distributed=processes if recipe.micro_batches else None,
    )
    test = evaluate_together(model, loss, dataset.test.loader(1000), processes)
    result = RunResult(history, test, folder / REPORT, share_of_largest_class(dataset.test.labels))
    if processes.rank:
        return result
    try:
        save_results(folder, model, history)
        write_run_report(folder, recipe, model, dataset, history, test)
        save_config(folder, recipe, options, dataset, history, test)  # last: it marks the run as complete
    except OSError as error:
        error.add_note(f"when there is room again, continue with `train --resume {folder}`")
        raise
    return result
