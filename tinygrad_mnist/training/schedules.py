"""Schedules of the learning rate by name, for the command line, recipes and the estimator."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tinygrad_mnist import optim
from tinygrad_mnist.training.named import Call, read_call

Made = Callable[[optim.Optimizer, int], optim.LRScheduler | None]


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
    parts = [_build(each, optimizer, length) for each, length in zip(schedulers, lengths)]
    surplus: list[Any] = schedulers[len(parts) :]  # refused below
    return optim.SequentialLR(optimizer, [*parts, *surplus], milestones)


_Usual = dict[str, Callable[[optim.Optimizer, int], Any]]
SCHEDULES: dict[str, tuple[Callable[..., optim.LRScheduler], _Usual]] = {  # with settings by default
    "constant": (optim.LRScheduler, {}),
    "cosine": (optim.CosineAnnealingLR, {"T_max": lambda optimizer, epochs: epochs}),
    "warm-up": (_warm_up, {"epochs": lambda optimizer, epochs: epochs}),
    "one-cycle": (
        optim.OneCycleLR,
        {
            "max_lr": lambda optimizer, epochs: optimizer.param_groups[0].lr,
            "total_steps": lambda optimizer, epochs: max(epochs, 2),
            "per_step": lambda optimizer, epochs: False,
        },
    ),
    "plateau": (optim.ReduceLROnPlateau, {"patience": lambda optimizer, epochs: 2}),
    "step": (optim.StepLR, {}),
    "exponential": (optim.ExponentialLR, {}),
    "linear": (optim.LinearLR, {}),
    "sequential": (_sequential, {"epochs": lambda optimizer, epochs: epochs}),
}


def named_schedule(text: str) -> Made:
    """Return a function of optimizer and epochs that makes a schedule, given its name and settings.

    The settings are those of the class in `optim`.  "cosine", "warm-up" and "one-cycle" need none: they suit
    the number of epochs.  The function returns None for "constant".

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
    return lambda optimizer, epochs: None if str(call) == "constant" else _build(call, optimizer, epochs)


def _build(call: Call, optimizer: optim.Optimizer, epochs: int) -> optim.LRScheduler:
    maker, usual = SCHEDULES[call.name]
    settings = {name: suiting(optimizer, epochs) for name, suiting in usual.items()}
    if call.settings.get("per_step"):  # the number of epochs says nothing of steps
        settings.pop("total_steps", None)
    settings |= call.settings
    named = {name: value for name, value in settings.items() if name != "epochs" or name in call.settings}
    Call(call.name, named).require_fit(maker, ("optimizer", "epochs"))
    return maker(optimizer, **settings)
