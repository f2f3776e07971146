"""Callbacks: code that runs next to training, such as progress, early stopping, checkpoints, the doctor."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from tinygrad_mnist.arguments import shown
from tinygrad_mnist.training.history import Epoch
from tinygrad_mnist.training.loop import Training

HOOKS = ("before_training", "after_step", "evaluating", "after_epoch", "on_error", "at_end")


class Callback:
    """The methods that `fit` calls on each of its callbacks; each does nothing by default.

    Any object with one or more of these methods is a callback: subclass this class, or write only what you
    need.  `training` is the running `Training`: model, loss, optimizer, history, position, and
    ``training.stop(reason)``, which ends it.

    Notes
    -----
    Callbacks are called in the order in which `fit` is given them, with two exceptions.  `Checkpoints`
    restore before the others begin, and save after them, once the schedule has been stepped.  `at_end` of
    callbacks with `evaluating` comes first: an EMA leaves its averages, then early stopping puts back the
    best ones.  The time that callbacks take is not counted in ``epoch.seconds``.  A callback with
    ``state_dict()`` and ``load_state_dict(state)`` is resumed too: a checkpoint keeps its state under the
    name of its class.  The state is plain JSON data, and under the key "arrays" NumPy arrays by name.

    Examples
    --------
    >>> class Goal:
    ...     def after_epoch(self, training, epoch):
    ...         if epoch.train_accuracy >= 0.9:
    ...             training.stop("nine of ten are right")
    """

    def before_training(self, training: Training) -> None:
        """Called once before the first step; ``training.first_batches(examples)`` looks at the data."""

    def after_step(self, training: Training) -> None:
        """Called after each update; ``training.last_loss`` is the loss before it."""

    def evaluating(self, training: Training) -> AbstractContextManager[Any]:
        """Return the context in which the validation data are evaluated: ``ema.swapped_in()``."""
        return nullcontext()

    def after_epoch(self, training: Training, epoch: Epoch) -> None:
        """Called after each epoch, an epoch that was cut short included, before the schedule is stepped."""

    def on_error(self, training: Training, error: Exception) -> None:
        """Called when the training ends in an error, which is raised afterwards."""

    def at_end(self, training: Training) -> None:
        """Called once after the last epoch, and when the training was stopped."""


def named_callbacks(callbacks: Iterable[Any]) -> dict[str, Any]:
    """Return callbacks by the name of their class, numbered if a class occurs twice.

    Raises
    ------
    TypeError
        If `callbacks` is not a list, or one of them has none of the methods of `Callback`.
    """
    if not isinstance(callbacks, Iterable) or isinstance(callbacks, str):
        raise TypeError(f"callbacks is {shown(callbacks)}: expected a list of callbacks; write [callback]")
    named: dict[str, Any] = {}
    for position, callback in enumerate(callbacks):
        name = f"callbacks[{position}] is {shown(callback)}"
        if isinstance(callback, type):
            raise TypeError(f"{name}: expected an object; did you mean {callback.__name__}()?")
        if not any(callable(getattr(callback, hook, None)) for hook in HOOKS):
            raise TypeError(f"{name}: expected an object with one of the methods {', '.join(HOOKS)}")
        kind = type(callback).__name__
        number = 1 + sum(type(other).__name__ == kind for other in named.values())
        named[kind if number == 1 else f"{kind} {number}"] = callback
    return named


def hooks_of(callbacks: Iterable[Any]) -> dict[str, list[Callable[..., Any]]]:
    """Return the methods to call by name; those that do nothing are left out, and so cost nothing."""
    callbacks = list(callbacks)
    at_end = sorted(callbacks, key=lambda c: not _does(c, "evaluating"))
    return {
        name: [getattr(c, name) for c in (at_end if name == "at_end" else callbacks) if _does(c, name)]
        for name in HOOKS
    }


def _does(callback: Any, name: str) -> bool:
    return getattr(type(callback), name, None) is not getattr(Callback, name) and callable(
        getattr(callback, name, None)
    )
