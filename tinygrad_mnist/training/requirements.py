"""Checks of the arguments of training, before its first step: one sentence each."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_mnist.arguments import require_number, shown
from tinygrad_mnist.errors import DataError
from tinygrad_mnist.nn.requirements import refuse_class, require_loss, require_model
from tinygrad_mnist.optim import LRScheduler, Optimizer
from tinygrad_mnist.training.run_state import Parts

ORDER = "fit(model, loss, optimizer, train, ...)"


def require_separate_arrays(call: str, separate: tuple[Any, ...]) -> None:
    """Refuse targets that are passed as a separate argument."""
    if separate:
        raise TypeError(
            f"{call} takes inputs and targets as one argument: write {call}(..., (inputs, targets))"
        )


def require_parts(parts: Parts) -> None:
    """Refuse swapped arguments, classes, and parts that do not belong together.

    Raises
    ------
    TypeError
        If a part is of the wrong kind.
    ValueError
        If the optimizer has no parameter of the model, the schedule belongs to another optimizer, or
        `clip_norm` or `clip_value` is not above 0.
    DataError
        If a parameter is not finite before the first step.
    """
    require_model(parts.model, ORDER)
    require_loss(parts.loss, ORDER)
    _require_instance("optimizer", parts.optimizer, Optimizer, ORDER)
    if parts.schedule is not None:
        example = "optim.CosineAnnealingLR(optimizer, epochs)"
        _require_instance("schedule", parts.schedule, LRScheduler, example)
        if parts.schedule.optimizer is not parts.optimizer:
            raise ValueError("schedule belongs to another optimizer: build it with the one passed to fit")
    for name in ("clip_norm", "clip_value"):
        bound = getattr(parts, name)
        if bound is not None:
            require_number(name, bound, above=0)
    held = {id(parameter) for parameter in parts.optimizer.params}
    own = [p for _, module in parts.modules for p in module.parameters()]
    if own and not any(id(parameter) in held for parameter in own):
        raise ValueError(
            "optimizer holds none of the model's parameters: expected some of them; write "
            "SGD(model.parameters(), lr=...) with the model that is trained"
        )


def require_finite_parameters(parts: Parts) -> None:
    """Refuse initial weights that are not finite, which no learning rate can repair."""
    for _, module in parts.modules:
        for name, parameter in module.named_parameters():
            if not np.isfinite(parameter.data).all():
                what = "NaN" if np.isnan(parameter.data).any() else "infinity"
                raise DataError(f"{name} holds {what} before the first step: build the model again")


def _require_instance(name: str, value: Any, kind: type, instead: str) -> None:
    refuse_class(name, value)
    if not isinstance(value, kind):
        expected = {Optimizer: "an optimizer", LRScheduler: "an optim.LRScheduler"}[kind]
        raise TypeError(f"{name} is {shown(value)}: expected {expected}; write {instead}")
