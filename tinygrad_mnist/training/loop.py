"""The training loop: epochs, steps, callbacks and the search for a first NaN."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from typing import Any, NoReturn

from tinygrad_mnist.datasets.batches import Batch, Batches, read
from tinygrad_mnist.errors import DataError, DivergenceError
from tinygrad_mnist.nn import Module
from tinygrad_mnist.optim import Optimizer
from tinygrad_mnist.training.distributed import Processes
from tinygrad_mnist.training.epoch_batches import EpochBatches
from tinygrad_mnist.training.evaluation import evaluate, evaluate_together
from tinygrad_mnist.training.history import Epoch, History
from tinygrad_mnist.training.micro_batches import MicroBatchStep
from tinygrad_mnist.training.run_state import Parts, Position, RunState
from tinygrad_mnist.training.step import (
    Anomaly,
    Step,
    explain,
    require_counted,
    require_finite,
    watched_step,
)
from tinygrad_mnist.training.totals import Evaluation, PerExample, Totals

REMEMBERED_SECONDS = 0.1  # at least an epoch or this much is repeated to find a NaN
Hooks = Mapping[str, Sequence[Callable[..., Any]]]


class Training:
    """A running training, as passed to callbacks.

    Attributes
    ----------
    history : History
        The completed epochs; ``history.findings`` is for the findings of a callback.
    last_loss : float
        Loss of the last step's batch, before its update.
    epochs : int
        Number of the last epoch.
    resumed : bool
        True if it goes on from a checkpoint.
    processes : Processes
        Processes that train together.
    stopping : bool
        True once an end was requested by Ctrl-C, SIGTERM, or a callback that called `stop`.

    Examples
    --------
    >>> import numpy as np
    >>> from tinygrad_mnist import nn, optim
    >>> from tinygrad_mnist.training import fit
    >>> class Watch:
    ...     def after_step(self, training):
    ...         print(f"epoch {training.epoch}, step {training.step}: loss {training.last_loss}")
    ...         if training.last_loss < 0.1:
    ...             training.stop("good enough")
    >>> model = nn.Linear(1, 1, bias=False, weight_init=nn.init.ones)
    >>> optimizer = optim.SGD(model.parameters(), lr=0.25)
    >>> data = np.ones((1, 1), np.float32), np.zeros((1, 1), np.float32)
    >>> history = fit(model, nn.MSELoss(), optimizer, data, epochs=10, callbacks=[Watch()])
    epoch 1, step 1: loss 1.0
    epoch 2, step 1: loss 0.25
    epoch 3, step 1: loss 0.0625
    >>> history.stopped
    'good enough'
    """

    def __init__(
        self,
        parts: Parts,
        train: Iterable[Batch],
        validation: Iterable[Batch] | None,
        epochs: int,
        step: Step | None,
        signalled: Callable[[], bool],
    ) -> None:
        self.parts, self.train, self.validation, self.epochs = parts, train, validation, epochs
        self.history, self.last_loss = History(), math.nan
        self.resumed = self.stopping = False
        self.callbacks: dict[str, Any] = {}  # by their names in a checkpoint
        self._step, self._signalled = step, signalled  # without a `step`, each step is watched
        schedule = parts.schedule
        self._per_step = schedule if schedule is not None and schedule.per_step else None
        # Native code rounds differently: a resumed training keeps the arithmetic of its start.
        self.arithmetic = {"backend": "native"} if step and step.backend == "native" else {}
        self._micro_batches = step if isinstance(step, MicroBatchStep) else None
        self.processes: Processes = Processes()
        if shared := self._micro_batches:
            self.arithmetic["micro_batches"] = str(shared.micro_batches)
            self.processes, shared.stop_requested = shared.processes, signalled
            self._signalled = lambda: shared.stopping  # a signal to one process stops all at the same step
        self.batches = EpochBatches(train, together=self.processes.size > 1)
        self.position = Position(loader_epoch=self.batches.first_loader_epoch)
        self._per_example = PerExample(parts.loss)
        self._around: Sequence[Callable[..., Any]] = ()  # the hooks `evaluating`
        self._since = self._remembered_at = 0.0  # the seconds of an epoch are counted from the first
        self._known: tuple[RunState, Position] | None = None  # the last state that is known to be good

    # For callbacks to read and call

    @property
    def model(self) -> Module:
        """The network."""
        return self.parts.model

    @property
    def loss(self) -> Any:
        """The loss, called as ``loss(output, targets)``."""
        return self.parts.loss

    @property
    def optimizer(self) -> Optimizer:
        """The optimizer."""
        return self.parts.optimizer

    @property
    def epoch(self) -> int:
        """Number of the current epoch, counted from 1."""
        return self.position.epoch

    @property
    def step(self) -> int:
        """Number of steps done in this epoch."""
        return self.position.step

    @property
    def steps(self) -> int | None:
        """Number of steps in an epoch; None for batches without a length."""
        return self.batches.length

    @property
    def all_steps(self) -> int:
        """Number of steps done in all epochs."""
        return self.position.steps

    def stop(self, reason: str) -> None:
        """End the run after this step or epoch, and note the reason in ``history.stopped``.

        The history of an epoch that is cut short covers the steps done.
        """
        self.stopping, self.history.stopped = True, reason

    def first_batches(self, examples: int, most: int = 16) -> list[Batch]:
        """Return the first batches of the training; the training uses them as usual.

        Parameters
        ----------
        examples : int
            Number of examples to reach.
        most : int
            Number of batches at most.
        """
        return self.batches.first(self.position, examples, most, resumed=self.resumed)

    def evaluate(self, batches: Batches) -> Evaluation:
        """Return mean loss and accuracy on `batches`, as `evaluate`; the training is not affected."""
        return evaluate(self.model, self.loss, batches)

    def evaluating(self) -> ExitStack:
        """Return a context manager, entered: the weights in it are those for the validation data."""
        with ExitStack() as stack:
            for hook in self._around:
                stack.enter_context(hook(self))
            return stack.pop_all()

    # Epochs and steps

    def run(self, hooks: Hooks, last: Hooks) -> None:
        """Train until the last epoch is done, or an end is requested.

        Parameters
        ----------
        hooks, last
            Methods of callbacks by the names of `Callback`; `last` are those of checkpoints.
        """
        self._around = hooks["evaluating"]
        after_step = [*hooks["after_step"], Training._note_signal, *last["after_step"]]
        has_hooks = len(after_step) > 1
        while self.position.epoch <= self.epochs and not self.stopping:
            self._since = time.perf_counter()
            is_old = self._since - self._remembered_at > REMEMBERED_SECONDS
            if self._known is None or is_old or self._micro_batches:  # processes act alike, not by the clock
                self.remember()
            for inputs, targets in self._batches():
                self._take_step(inputs, targets)
                for hook in after_step:
                    hook(self)
                if self.stopping:
                    break
                if has_hooks:
                    self._since = time.perf_counter()  # the time of callbacks is not counted
            self._end_epoch(hooks, last)
        self.remember()  # the last weights are checked too

    def _note_signal(self) -> None:
        if self._signalled():
            self.stopping = True

    def _batches(self) -> Iterator[Batch]:
        """Return the batches of this epoch that are not trained on yet, for a model that is set to train."""
        batches = self.batches.rest(self.position)
        self.model.train()
        return batches

    def go_on(self, position: Position, epochs: list[Epoch]) -> None:
        """Continue from a position of a run with these completed epochs."""
        self.resumed, self.position, self.history.epochs = True, position, epochs
        self.batches.loader_epoch = position.loader_epoch

    def _take_step(self, inputs: Any, targets: Any) -> None:
        position = self.position
        if self._step is None:
            done = watched_step(self.parts, inputs, targets, self._when())
            if isinstance(done, Anomaly):
                self._diverge("a number became NaN or infinite", position.step + 1, (inputs, targets), done)
            value, output = done
        else:
            value, output = self._step(inputs, targets)
            if not math.isfinite(value):
                self._diverge(f"the loss became {value}", position.step + 1, (inputs, targets))
        position.step, position.steps, self.last_loss = position.step + 1, position.steps + 1, value
        if self._per_step is not None:
            self._per_step.step()
        if isinstance(output, Totals):
            position.totals.include(output)
        else:
            position.totals.add(*self._per_example(value, output, targets))
        now = time.perf_counter()
        position.seconds, self._since = position.seconds + now - self._since, now

    def _end_epoch(self, hooks: Hooks, last: Hooks) -> None:
        """Measure, call the callbacks, step the schedule; only measure an epoch that was cut short."""
        position = self.position
        if not position.totals.examples and position.epoch > 1:
            raise DataError(
                f"train has no batch in epoch {position.epoch}: it is exhausted after one pass; give a "
                "Loader or a list"
            )
        is_cut_short = self.stopping and position.step != self.steps
        epoch = self._measured()
        self.history.epochs.append(epoch)
        for hook in hooks["after_epoch"]:
            hook(self, epoch)
        if not is_cut_short:
            self._next_epoch(epoch)
            self._note_signal()
            for hook in last["after_epoch"]:
                hook(self, epoch)
        ended_by_signal = self.stopping and self.history.stopped is None
        self.history.interrupted = ended_by_signal and self.position.epoch <= self.epochs

    def _measured(self) -> Epoch:
        parts, trained = self.parts, self.position.totals.evaluation()
        with self.evaluating():
            held_out = self.validation and evaluate_together(
                self.model, self.loss, self.validation, self.processes
            )
        if held_out and not math.isfinite(held_out.loss):
            self._diverge(f"the validation loss became {held_out.loss}", self.position.step)
        return Epoch(
            epoch=self.position.epoch,
            learning_rate=parts.optimizer.param_groups[0].lr,
            train_loss=trained.loss,
            train_accuracy=trained.accuracy,
            validation_loss=held_out.loss if held_out else None,
            validation_accuracy=held_out.accuracy if held_out else None,
            examples=trained.examples,
            seconds=self.position.seconds,
        )

    def _next_epoch(self, done: Epoch) -> None:
        if self.parts.schedule:
            held_out = done.validation_loss
            self.parts.schedule.after_epoch(done.train_loss if held_out is None else held_out)
        steps, loader_epoch = self.position.steps, self.batches.loader_epoch
        self.position = Position(self.position.epoch + 1, steps=steps, loader_epoch=loader_epoch)

    # Divergence: the end of a training run with a number that is not finite

    def remember(self) -> RunState:
        """Return the state, and keep it as the start of a search for the origin of a NaN.

        Raises
        ------
        DivergenceError
            If a parameter or an array of the optimizer is not finite.
        """
        state = RunState.of(self.parts)
        if not state.finite:
            self._diverge("a parameter became NaN or infinite", self.position.step)
        self._known, self._remembered_at = (state, self.position.copy()), time.perf_counter()
        return state

    def _when(self) -> str:
        return f" in epoch {self.position.epoch}, step {self.position.step + 1}"

    def _diverge(
        self, what: str, step: int, batch: Batch | None = None, anomaly: Anomaly | None = None
    ) -> NoReturn:
        """Raise a DivergenceError, with the origin if it is known or can be reproduced."""
        if batch is not None:
            require_finite(batch[0], self.position.epoch, step)
            require_counted(self.loss, batch[1], self.position.epoch, step)
        lr = self.parts.optimizer.param_groups[0].lr
        when = f"in epoch {self.position.epoch}, step {step}, at the learning rate {lr:g}"
        anomaly = anomaly or self._watch_again()
        error = DivergenceError(f"{what} {when}" + ("" if anomaly else ": lower it, or scale the inputs"))
        if anomaly:
            explain(error, anomaly, self.position, self.train)
        raise error

    def _watch_again(self) -> Anomaly | None:
        """Repeat the steps since the last known state, watched; None if they cannot be reproduced."""
        if self._known is None:
            return None
        state, position = self._known
        failed = self.position.steps
        watched = self._micro_batches.watched if self._micro_batches else partial(watched_step, self.parts)
        state.put_back(self.parts)
        self.position = position.copy()
        while self.position.steps <= failed:
            before = self.position.steps
            for inputs, targets in map(read, self._batches()):
                done = watched(inputs, targets, self._when())
                if isinstance(done, Anomaly):
                    return done
                self.position.step, self.position.steps = self.position.step + 1, self.position.steps + 1
                if self._per_step is not None:
                    self._per_step.step()
            if self.position.steps == before:  # batches that cannot be iterated again
                return None
            if self.position.epoch > len(self.history.epochs):
                return None
            self._next_epoch(self.history.epochs[self.position.epoch - 1])
        return None
