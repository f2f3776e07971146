"""Schedules of the learning rate by name, for the command line, recipes and the estimator."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

from tinygrad_mnist import optim
from tinygrad_mnist.training.named import Call, read_call


class Made(Protocol):
    """A function that makes schedules."""

    def __call__(
        self, optimizer: optim.Optimizer, epochs: int, steps_per_epoch: int | None = None
    ) -> optim.LRScheduler | None:
        """Make a schedule for an optimizer; None for a constant rate."""


class Span(NamedTuple):
    """Length of a training run; without the number of steps, a schedule goes by epochs."""

    epochs: int
    steps_per_epoch: int | None = None


def _warm_up(
    optimizer: optim.Optimizer, epochs: int, start_factor: float = 0.1, total_iters: int | None = None
) -> optim.LRScheduler:
    """Raise the learning rate in the first tenth of the epochs, then lower it along a cosine."""
    rising = max(1, epochs // 10) if total_iters is None else total_iters
    first = Call("linear", {"start_factor": start_factor, "total_iters": rising})
    return _sequential(optimizer, epochs, [first, Call("cosine", {})], [rising])


def _sequential(
    optimizer: optim.Optimizer, epochs: int, schedulers: list[Call], milestones: list[int]
) -> optim.LRScheduler:
    """Chain schedules: each has the epochs up to the milestone where the next one begins."""
    if not isinstance(schedulers, list) or not all(isinstance(each, Call) for each in schedulers):
        raise ValueError(f"schedulers is {schedulers!r}: expected a list; write schedulers=[linear, cosine]")
    if not isinstance(milestones, list) or not all(type(each) is int for each in milestones):
        raise ValueError(f"milestones is {milestones!r}: expected a list of epochs; write milestones=[5]")
    ends = [*milestones, epochs]
    lengths = [max(1, end - start) for start, end in zip([0, *ends], ends)]
    parts = [_build(each, optimizer, Span(length)) for each, length in zip(schedulers, lengths)]
    surplus: list[Any] = schedulers[len(parts) :]  # refused below
    return optim.SequentialLR(optimizer, [*parts, *surplus], milestones)


_Usual = dict[str, Callable[[optim.Optimizer, Span], Any]]
SCHEDULES: dict[str, tuple[Callable[..., optim.LRScheduler], _Usual]] = {  # with settings by default
    "constant": (optim.LRScheduler, {}),
    "cosine": (optim.CosineAnnealingLR, {"T_max": lambda optimizer, span: span.epochs}),
    "warm-up": (_warm_up, {"epochs": lambda optimizer, span: span.epochs}),
    "one-cycle": (
        optim.OneCycleLR,
        {
            "max_lr": lambda optimizer, span: optimizer.param_groups[0].lr,
            "total_steps": lambda optimizer, span: max(span.epochs * (span.steps_per_epoch or 1), 2),
            "per_step": lambda optimizer, span: span.steps_per_epoch is not None,
        },
    ),
    "plateau": (optim.ReduceLROnPlateau, {"patience": lambda optimizer, span: 2}),
    "step": (optim.StepLR, {}),
    "exponential": (optim.ExponentialLR, {}),
    "linear": (optim.LinearLR, {}),
    "sequential": (_sequential, {"epochs": lambda optimizer, span: span.epochs}),
}


def named_schedule(text: str) -> Made:
    """Return a function of optimizer, epochs and steps per epoch that makes a schedule, by name and settings.

    The settings are those of the class in `optim`.  "cosine", "warm-up" and "one-cycle" need none: they suit
    the number of epochs, and "one-cycle" that of steps, if it is given.  The function returns None for
    "constant".

    Raises
    ------
    ValueError
        If the text cannot be read, or names a schedule that does not exist.

    Examples
    --------
    >>> from tinygrad_mnist import nn
    >>> optimizer = optim.SGD(nn.Linear(2, 3).parameters(), lr=0.1)
    >>> type(named_schedule("step(step_size=4)")(optimizer, 10)).__name__
    'StepLR'
    >>> chained = named_schedule("sequential(schedulers=[linear(total_iters=3), cosine], milestones=[3])")
    >>> chained(optimizer, 10).schedulers[1].T_max
    7
    """
    call = read_call("schedule", text, SCHEDULES)

    def made(
        optimizer: optim.Optimizer, epochs: int, steps_per_epoch: int | None = None
    ) -> optim.LRScheduler | None:
        span = Span(epochs, steps_per_epoch)
        return None if str(call) == "constant" else _build(call, optimizer, span)

    return made


def _build(call: Call, optimizer: optim.Optimizer, span: Span) -> optim.LRScheduler:
    maker, usual = SCHEDULES[call.name]
    if call.settings.get("per_step") is False:
        span = Span(span.epochs)
    settings = {name: suiting(optimizer, span) for name, suiting in usual.items()}
    if call.settings.get("per_step") and span.steps_per_epoch is None:
        settings.pop("total_steps", None)  # the number of epochs says nothing of steps
    settings |= call.settings
    named = {name: value for name, value in settings.items() if name != "epochs" or name in call.settings}
    Call(call.name, named).require_fit(maker, ("optimizer", "epochs"))
    return maker(optimizer, **settings)
