"""The training of an estimator: its network, optimizer, batches and epochs."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state

from tinygrad_mnist import nn, optim
from tinygrad_mnist.autodiff.source_line import warning_level
from tinygrad_mnist.datasets import Loader
from tinygrad_mnist.errors import DataError
from tinygrad_mnist.estimator.description import Trace
from tinygrad_mnist.estimator.examples import Examples, Reader, WeightedLoss
from tinygrad_mnist.estimator.formula import INTERCEPT
from tinygrad_mnist.estimator.heads import Classes, Head, deviations
from tinygrad_mnist.estimator.settings import chosen
from tinygrad_mnist.nn.perceptrons import layer_sizes
from tinygrad_mnist.training import EarlyStopping, History, evaluate, fit
from tinygrad_mnist.training.optimizers import build_optimizer, named_optimizer
from tinygrad_mnist.training.recipe import ACTIVATIONS
from tinygrad_mnist.training.schedules import named_schedule
from tinygrad_mnist.typing import Array

UNLEARNED = 10.0  # far above the loss of guessing: 1 for standardized numbers, log(n) for n classes


class Learner(Reader):
    """Base of an estimator that trains a perceptron on examples, at once or bit by bit."""

    _head: Head
    hidden: int | tuple[int, ...]
    activation: Any
    lr: float
    momentum: float
    weight_decay: float
    schedule: Any
    batch_size: int | None
    epochs: int
    standardize: bool
    n_iter_no_change: int
    random_state: Any
    verbose: int
    optimizer: Any
    decay_biases: bool
    clip_norm: float | None
    clip_value: float | None
    ema_decay: float | None

    def _draw_seed(self) -> None:
        self._seed = int(check_random_state(self.random_state).randint(2**31 - 1))

    def _begin(self, examples: Examples) -> None:
        """Measure the inputs, and build network, optimizer and schedule."""
        inputs, weights = examples.inputs, examples.weights
        self._mean, self._deviation = np.zeros(inputs.shape[1]), np.ones(inputs.shape[1])
        if self.standardize:
            self._mean, self._deviation = np.average(inputs, 0, weights), deviations(inputs, weights)
        self.model_ = self._build(inputs.shape[1])
        self._build_optimizer()
        self._ema = None if self.ema_decay is None else optim.EMA(self.model_.parameters(), self.ema_decay)
        self.history_ = History()
        if isinstance(self._head, Classes):
            self.classes_ = self._head.labels

    def _build_optimizer(self) -> None:
        """Build the optimizer and its schedule, each from a name with settings or by a callable."""
        optimizer, schedule = self.optimizer, self.schedule
        self._optimizer = build_optimizer(
            optimizer if callable(optimizer) else named_optimizer(optimizer),
            self.model_.parameters(),
            lr=self.lr,
            momentum=self.momentum,
            weight_decay=self.weight_decay,
            decay_biases=self.decay_biases,
        )
        build_schedule = schedule if callable(schedule) else named_schedule(schedule)
        self._schedule = build_schedule(self._optimizer, self.epochs)

    def _learn(self, examples: Examples, epochs: int, held_out: Examples | None = None) -> None:
        """Train on the examples, and measure the loss."""
        loss = self._head.loss if examples.weights is None else WeightedLoss(self._head.loss)
        loader = self._loader(examples)
        loader.epoch = done = len(self.history_)
        callbacks: list[Any] = [Trace(self.verbose)] if self.verbose else []
        callbacks += [] if self._ema is None else [self._ema]
        if held_out is not None:
            callbacks.append(EarlyStopping(self.n_iter_no_change))
        history = fit(
            self.model_,
            loss,
            self._optimizer,
            loader,
            None if held_out is None else self._loader(held_out),
            epochs=epochs,
            schedule=self._schedule,
            callbacks=callbacks,
            progress=False,
            clip_norm=self.clip_norm,
            clip_value=self.clip_value,
        )
        later = [replace(epoch, epoch=epoch.epoch + done) for epoch in history]
        history.epochs = [*self.history_, *later]
        self.history_ = history
        measured = evaluate(self.model_, loss, loader).loss
        self._warn_of_divergence(measured)
        self.loss_ = measured + sum(map(_penalty, self._optimizer.param_groups))

    def _standardized(self, inputs: Array) -> Array:
        return np.asarray((inputs - self._mean) / self._deviation)

    def _loader(self, examples: Examples) -> Loader:
        inputs, targets = self._standardized(examples.inputs), self._head.targets(examples.response)
        if examples.weights is not None:
            targets = np.column_stack([self._head.rows(targets), examples.weights])
        size = len(inputs) if self.batch_size is None else min(self.batch_size, len(inputs))
        shuffle = size < len(inputs)
        return Loader(inputs, targets, size, shuffle=shuffle, seed=self._seed, dtype=np.float64)

    def _build(self, fan_in: int) -> nn.Sequential:
        """Return the network with initial weights from the seed."""
        try:
            sizes = layer_sizes((fan_in, *_hidden_sizes(self.hidden), self._head.width))
        except (TypeError, ValueError) as error:
            expected = "expected the size of a layer, or a tuple of sizes"
            raise DataError(f"hidden is {self.hidden!r}: {expected}") from error
        intercept = self.formula is None or INTERCEPT in self.design_.names
        return nn.perceptron(
            sizes,
            chosen("activation", ACTIVATIONS, self.activation),
            bias=[intercept, *[True] * (len(sizes) - 2)],
            rng=self._seed,
            dtype=np.float64,
        )

    def _warn_of_divergence(self, loss: float) -> None:
        """Warn if the loss grew far above that of guessing but stayed finite."""
        if loss > UNLEARNED:
            warnings.warn(
                f"the loss ended at {loss:.3g}, and guessing gives about 1: training diverged at the "
                f"learning rate {self.lr}; use a lower one",
                ConvergenceWarning,
                stacklevel=warning_level(),
            )


def _penalty(group: Any) -> float:
    """Return the loss whose gradient is a group's weight decay."""
    squares = sum(float(np.sum(parameter.data**2)) for parameter in group.params)
    return float(group.settings().get("weight_decay", 0.0)) / 2 * squares


def _hidden_sizes(hidden: Any) -> tuple[Any, ...]:
    if isinstance(hidden, (tuple, list, np.ndarray)):
        return tuple(hidden)
    return (hidden,) if hidden else ()
