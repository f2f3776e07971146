"""All that the rest of a training depends on, beside its data: taken, and put back to the last bit."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from tinygrad_mnist.errors import CheckpointError
from tinygrad_mnist.nn import Module
from tinygrad_mnist.nn.preserved import generators_of
from tinygrad_mnist.optim import SGD, LRScheduler
from tinygrad_mnist.training.totals import Totals
from tinygrad_mnist.typing import Array


@dataclass(frozen=True)
class Parts:
    """State that changes while a network is trained."""

    model: Module
    loss: Any  # a module, or any function of (output, target)
    optimizer: SGD
    schedule: LRScheduler | None = None

    @property
    def modules(self) -> list[tuple[str, Module]]:
        """The model, and the loss if it is a module, with their names."""
        named = (("model", self.model), ("loss", self.loss))
        return [(name, part) for name, part in named if isinstance(part, Module)]


@dataclass
class Position:
    """Position in a training: the epoch under way, and what is done of it.

    Attributes
    ----------
    epoch, step
        The epoch, counted from 1, and how many of its steps are done.
    steps
        How many updates there were in all epochs.
    seconds
        That this epoch has taken so far.
    loader_epoch
        Which of a ``Loader``'s epochs it is, counted from 0; None for other batches.
    totals
        Of the epoch's examples so far.
    """

    epoch: int = 1
    step: int = 0
    steps: int = 0
    seconds: float = 0.0
    loader_epoch: int | None = None
    totals: Totals = field(default_factory=Totals)

    def copy(self) -> Position:
        """Return the same position, to go on from twice."""
        return replace(self, totals=replace(self.totals))

    @classmethod
    def from_dict(cls, position: dict[str, Any]) -> Position:
        """Return the state from the result of `asdict`; raise KeyError, TypeError or ValueError otherwise."""
        totals = Totals(**position["totals"])
        made = cls(**{**position, "totals": totals})
        maybe = [count for count in (made.loader_epoch, totals.correct) if count is not None]
        counts = [made.epoch, made.step, made.steps, totals.examples, *maybe]
        if not all(type(count) is int and 0 <= count < 2**53 for count in counts):
            raise ValueError(f"counts have to be whole numbers from 0 on, and these are {counts}")
        if not all(type(number) in (int, float) for number in (made.seconds, totals.loss)):
            raise TypeError("seconds and loss have to be numbers")
        return made


@dataclass(frozen=True)
class RunState:
    """A moment of a training.

    Attributes
    ----------
    arrays
        Copies of the parameters (``model.`` and ``loss.`` before their names) and of the optimizer's
        velocities (``velocity.`` and the parameter's position).
    numbers
        Plain JSON data: the optimizer's settings, the schedule's epoch, the state of each random generator.
    """

    arrays: dict[str, Array]
    numbers: dict[str, Any]

    @classmethod
    def of(cls, parts: Parts) -> RunState:
        """Take it."""
        optimizer = parts.optimizer.state_dict()
        velocities = optimizer.pop("velocities")
        arrays = {
            f"{group}.{name}": array
            for group, module in parts.modules
            for name, array in module.state_dict().items()
        }
        arrays |= {f"velocity.{i}": v for i, v in enumerate(velocities) if v is not None}
        numbers = {
            "optimizer": optimizer,
            "schedule": parts.schedule.state_dict() if parts.schedule else None,
            "generators": {
                name: _to_json(generator.bit_generator.state)
                for name, generator in generators_of(parts.modules)
            },
        }
        return cls(arrays, numbers)

    def put_back(self, parts: Parts) -> None:
        """Go on from it, in the same network or in one that was built alike.

        Raises
        ------
        CheckpointError
            When it is the state of another network, optimizer or schedule.
        """
        named: dict[str, dict[str, Array]] = {"model": {}, "loss": {}, "velocity": {}}
        for name, array in self.arrays.items():
            group, _, rest = name.partition(".")
            if group not in named:
                raise CheckpointError(f"{name} is neither a parameter nor a velocity")
            named[group][rest] = array
        for group, module in parts.modules:
            module.load_state_dict(named[group])
        positions = range(len(parts.optimizer.params))
        velocities = [named["velocity"].pop(str(i), None) for i in positions]
        if named["velocity"]:
            raise CheckpointError(f"there is no parameter for velocity.{min(named['velocity'])}")
        try:
            parts.optimizer.load_state_dict({**self.numbers["optimizer"], "velocities": velocities})
            if (self.numbers["schedule"] is None) != (parts.schedule is None):
                raise CheckpointError("one has a learning-rate schedule and the other has none")
            if parts.schedule:
                parts.schedule.load_state_dict(self.numbers["schedule"])
            self._put_generators_back(parts)
        except (LookupError, TypeError, ValueError, AttributeError, OverflowError) as error:
            if isinstance(error, CheckpointError):
                raise
            raise CheckpointError(f"the numbers of the state are damaged: {error!r}") from error

    def _put_generators_back(self, parts: Parts) -> None:
        saved, own = dict(self.numbers["generators"]), dict(generators_of(parts.modules))
        if set(saved) != set(own):
            raise CheckpointError(
                f"random numbers are drawn by {sorted(own) or 'nothing'} here, and were by "
                f"{sorted(saved) or 'nothing'}"
            )
        for name, generator in own.items():
            generator.bit_generator.state = _from_json(saved[name])

    @property
    def finite(self) -> bool:
        """Return True if all parameters and velocities are finite."""
        return all(np.isfinite(array).all() for array in self.arrays.values())


def _to_json(value: Any) -> Any:
    """A bit generator's state: nested dicts of text and integers, in some kinds arrays of integers."""
    if isinstance(value, dict):
        return {key: _to_json(part) for key, part in value.items()}
    return {"dtype": str(value.dtype), "values": value.tolist()} if isinstance(value, np.ndarray) else value


def _from_json(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    if set(value) == {"dtype", "values"}:
        if value["dtype"] not in ("uint32", "uint64"):
            raise ValueError(f"a generator's state has no array of {value['dtype']}")
        return np.array(value["values"], value["dtype"])
    return {key: _from_json(part) for key, part in value.items()}
