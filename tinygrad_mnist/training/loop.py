"""The training loop, and the evaluation of a model."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator, Sized
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinygrad_mnist.autodiff.modes import no_grad
from tinygrad_mnist.errors import DataError, DivergenceError
from tinygrad_mnist.nn import Module
from tinygrad_mnist.optim import SGD, Schedule
from tinygrad_mnist.training.doctor.attendant import Attendant
from tinygrad_mnist.training.doctor.finding import Diagnosis
from tinygrad_mnist.training.history import Epoch, History
from tinygrad_mnist.training.interrupt import ctrl_c
from tinygrad_mnist.training.step import Step

Array = NDArray[Any]
Batches = Iterable[tuple[Any, Any]]


@dataclass(frozen=True)
class Evaluation:
    """Means over examples; `accuracy` is a fraction of 1, None for targets that are no classes."""

    loss: float
    accuracy: float | None
    examples: int


@dataclass(frozen=True)
class Progress:
    """Where a run is: epoch and step counted from 1, the number of steps in the epoch, the batch's loss."""

    epoch: int
    step: int
    steps: int | None
    loss: float


@dataclass
class _Totals:
    loss: float = 0.0
    correct: int | None = 0
    examples: int = 0

    def add(self, loss: float, output: Any, targets: Array) -> None:
        self.loss += loss * len(targets)
        self.examples += len(targets)
        correct = _correct(output, targets)
        self.correct = None if correct is None or self.correct is None else self.correct + correct

    def evaluation(self) -> Evaluation:
        if not self.examples:
            raise DataError("there is no batch to work on: the data set or the split is empty")
        accuracy = None if self.correct is None else self.correct / self.examples
        return Evaluation(self.loss / self.examples, accuracy, self.examples)


def _correct(output: Any, targets: Array) -> int | None:
    """How many rows of the output are largest at the target's class; None when there are no classes."""
    if output.ndim != 2 or output.shape[1] < 2:
        return None
    labels = targets.argmax(axis=1) if targets.ndim == 2 else targets
    if labels.dtype.kind not in "iu" or (targets.ndim == 2 and not _are_probabilities(targets, output)):
        return None
    return int(np.count_nonzero(output.argmax(axis=1) == labels))


def _are_probabilities(targets: Array, output: Any) -> bool:
    """Whether rows of numbers say how likely each class is, and are not just numbers to be met."""
    if targets.shape != output.shape or targets.min() < 0:
        return False
    return bool(np.abs(targets.sum(axis=1) - 1).max() < 1e-3)


def fit(
    model: Module,
    loss: Module,
    optimizer: SGD,
    train: Batches,
    validation: Batches | None = None,
    *,
    epochs: int,
    schedule: Schedule | None = None,
    on_step: Callable[[Progress], None] | None = None,
    on_epoch: Callable[[Epoch], None] | None = None,
    eager: bool = False,
    doctor: bool = False,
    on_diagnosis: Callable[[Diagnosis], None] | None = None,
) -> History:
    """Train a model.

    Parameters
    ----------
    model, loss, optimizer
        The loss is called as ``loss(model(inputs), targets)``; the optimizer holds the model's parameters.
    train, validation
        Iterables of ``(inputs, targets)`` batches, such as a ``Loader``; gone through once an epoch.
    epochs
        How often to go through the training data.
    schedule
        Stepped after each epoch.
    on_step, on_epoch
        Called after every update and every epoch, to show progress.
    eager
        Run each step op by op.  By default the step is captured as a program, which is faster and gives the
        same bits; a model that cannot be captured is trained op by op, with a warning.
    doctor
        Let `diagnose_training` look at the first batches before the first step, again when the loss has not
        fallen, and for the origin of a NaN.  What it finds is in ``history.findings`` (after a divergence in
        ``error.findings``); the training itself is the same to the last bit.
    on_diagnosis
        Called after each such look.

    Returns
    -------
    History
        The epochs; ``history.interrupted`` says that Ctrl-C ended the run (a first Ctrl-C ends the epoch
        early and keeps what was learned, a second one raises KeyboardInterrupt).

    Raises
    ------
    DivergenceError
        When the loss of a batch is NaN or infinite.
    DataError
        When there is no batch.
    """
    history = History()
    take_step = Step(model, loss, optimizer, eager=eager)
    attendant = Attendant(model, loss, optimizer, history, on_diagnosis) if doctor else None
    with ctrl_c() as stopped, np.errstate(over="ignore", invalid="ignore"):  # a divergence is an error below
        for number in range(1, epochs + 1):
            epoch = _train_epoch(
                take_step, model, loss, optimizer, train, validation, number, on_step, stopped, attendant
            )
            if epoch is not None:
                history.epochs.append(epoch)
                if on_epoch:
                    on_epoch(epoch)
                if attendant:
                    attendant.after_epoch(epoch)
            if stopped():
                history.interrupted = True
                break
            if schedule:
                schedule.step()
    return history


def _train_epoch(
    take_step: Step,
    model: Module,
    loss: Module,
    optimizer: SGD,
    train: Batches,
    validation: Batches | None,
    number: int,
    on_step: Callable[[Progress], None] | None,
    stopped: Callable[[], bool],
    attendant: Attendant | None,
) -> Epoch | None:
    """One epoch; None when it was stopped before its first step."""
    model.train()
    totals = _Totals()
    steps = len(train) if isinstance(train, Sized) else None
    start = time.perf_counter()
    for step, (inputs, targets) in enumerate(attendant.beside(train) if attendant else train, 1):
        if stopped():
            break
        value, output = take_step(inputs, targets)
        if not math.isfinite(value):
            _require_finite(inputs, number, step)
            error = DivergenceError(
                f"the loss became {value} in epoch {number}, step {step}: lower the learning rate "
                f"(it is {optimizer.lr:g}), or scale the inputs"
            )
            if attendant:
                attendant.explain(error, number, step)
            raise error
        totals.add(value, output, targets)
        if on_step:
            on_step(Progress(number, step, steps, value))
    seconds = time.perf_counter() - start
    if stopped() and not totals.examples:
        return None
    trained = totals.evaluation()
    held_out = evaluate(model, loss, validation) if validation is not None else None
    return Epoch(
        epoch=number,
        learning_rate=optimizer.lr,
        train_loss=trained.loss,
        train_accuracy=trained.accuracy,
        validation_loss=held_out.loss if held_out else None,
        validation_accuracy=held_out.accuracy if held_out else None,
        examples=trained.examples,
        seconds=seconds,
    )


def _require_finite(inputs: Any, epoch: int, step: int) -> None:
    """Blame the data where it is at fault, and not the learning rate."""
    finite = np.isfinite(inputs.data if hasattr(inputs, "backward") else np.asarray(inputs))
    if not finite.all():
        example = int(np.flatnonzero(~finite.reshape(len(finite), -1).all(axis=1))[0])
        raise DataError(
            f"example {example} of the batch in epoch {epoch}, step {step} holds NaN or infinity: "
            "remove or repair it"
        )


def evaluate(model: Module, loss: Module, batches: Batches) -> Evaluation:
    """Mean loss and accuracy without training: dropout off, nothing recorded, all modes put back after."""
    totals = _Totals()
    for output, inputs_targets in _outputs(model, batches):
        targets = inputs_targets[1]
        with no_grad():
            totals.add(float(loss(output, targets).item()), output, targets)
    return totals.evaluation()


def predict(model: Module, batches: Batches) -> tuple[Array, Array]:
    """All outputs and all targets, (n, classes) and (n, ...), in the order of the batches."""
    outputs, targets = [], []
    for output, (_, target) in _outputs(model, batches):
        outputs.append(output.data)
        targets.append(target)
    if not outputs:
        raise DataError("there is no batch to predict on: the data set or the split is empty")
    return np.concatenate(outputs), np.concatenate(targets)


def _outputs(model: Module, batches: Batches) -> Iterator[tuple[Any, tuple[Any, Any]]]:
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        for inputs, targets in batches:
            with no_grad():
                output = model(inputs)
            yield output, (inputs, targets)
    finally:
        for module, was_training in modes:
            module.training = was_training
