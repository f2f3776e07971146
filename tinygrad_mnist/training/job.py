"""The main job: train by a recipe, test, and leave a run folder with its report."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tinygrad_mnist.datasets import ImageDataset
from tinygrad_mnist.training.doctor import Diagnosis
from tinygrad_mnist.training.history import Epoch, History
from tinygrad_mnist.training.loop import Evaluation, Progress, evaluate, fit
from tinygrad_mnist.training.recipe import Recipe
from tinygrad_mnist.training.run import make_folder, save_run
from tinygrad_mnist.training.run_report import write_run_report


@dataclass(frozen=True)
class Result:
    """What came of a run; `test` is measured once, after training."""

    history: History
    test: Evaluation
    report: Path


def run_training(
    recipe: Recipe,
    dataset: ImageDataset,
    folder: Path,
    on_step: Callable[[Progress], None] | None = None,
    on_epoch: Callable[[Epoch], None] | None = None,
    *,
    eager: bool = False,
    doctor: bool = False,
    on_diagnosis: Callable[[Diagnosis], None] | None = None,
) -> Result:
    """Train the recipe's perceptron on a data set and write everything about it into `folder`.

    The same recipe on the same machine with the same number of threads gives the same weights, bit for bit;
    with the `doctor` too, whose findings are in the history and in the report.
    """
    make_folder(folder)
    model = recipe.build_model(dataset.image_shape, dataset.classes)
    loss = recipe.build_loss()
    optimizer, schedule = recipe.build_optimizer(model)
    history = fit(
        model,
        loss,
        optimizer,
        dataset.train.loader(recipe.batch_size, shuffle=True, seed=recipe.seed),
        dataset.validation.loader(1000) if len(dataset.validation) else None,
        epochs=recipe.epochs,
        schedule=schedule,
        on_step=on_step,
        on_epoch=on_epoch,
        eager=eager,
        doctor=doctor,
        on_diagnosis=on_diagnosis,
    )
    test = evaluate(model, loss, dataset.test.loader(1000))
    save_run(folder, recipe, model, dataset, history, test)
    return Result(history, test, write_run_report(folder, recipe, model, dataset, history, test))
