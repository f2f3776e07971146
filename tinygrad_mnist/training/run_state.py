"""The state of a training run apart from its data: copied, and restored bit for bit."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Annotated, Any

import numpy as np

from tinygrad_mnist.errors import CheckpointError
from tinygrad_mnist.nn import Module
from tinygrad_mnist.nn.preserved import generators_of
from tinygrad_mnist.optim import LRScheduler, Optimizer
from tinygrad_mnist.training.totals import COUNT, Totals
from tinygrad_mnist.typing import Array


@dataclass(frozen=True)
class Parts:
    """The objects that change while a network is trained, and the bounds of the gradients, as in `fit`."""

    model: Module
    loss: Any  # a module, or any function of (output, target)
    optimizer: Optimizer
    schedule: LRScheduler | None = None
    clip_norm: float | None = None
    clip_value: float | None = None

    @property
    def modules(self) -> list[tuple[str, Module]]:
        """Return the model, and the loss if it is a module, with their names."""
        named = (("model", self.model), ("loss", self.loss))
        return [(name, part) for name, part in named if isinstance(part, Module)]


@dataclass
class Position:
    """Position in a training run: the current epoch, and its progress.

    Attributes
    ----------
    epoch, step
        The epoch, counted from 1, and the number of its completed steps.
    steps
        Number of updates in all epochs.
    seconds
        Seconds that this epoch has taken so far.
    loader_epoch
        Epoch of the ``Loader``, counted from 0; None for other batches.
    totals
        Sums over the epoch's examples so far.
    """

    epoch: Annotated[int, COUNT] = 1
    step: Annotated[int, COUNT] = 0
    steps: Annotated[int, COUNT] = 0
    seconds: float = 0.0
    loader_epoch: Annotated[int | None, COUNT] = None
    totals: Totals = field(default_factory=Totals)

    def copy(self) -> Position:
        """Return a copy, so that a position can be resumed from twice."""
        return replace(self, totals=replace(self.totals))


@dataclass(frozen=True)
class RunState:
    """Snapshot of a training run.

    Attributes
    ----------
    arrays
        Copies of the parameters (``model.`` and ``loss.`` before their names) and of the optimizer's arrays,
        such as ``velocity.0`` (the parameter's position).
    numbers
        Plain JSON data: the optimizer's settings and counts, the schedule's epoch, the state of each random
        generator.
    """

    arrays: dict[str, Array]
    numbers: dict[str, Any]

    @classmethod
    def of(cls, parts: Parts) -> RunState:
        """Return a snapshot of the parts."""
        optimizer = parts.optimizer.state_dict()
        arrays = {
            f"{group}.{name}": array
            for group, module in parts.modules
            for name, array in module.state_dict().items()
        }
        steps = {}
        for i, kept in optimizer["state"].items():
            if "steps" in kept:
                steps[str(i)] = kept.pop("steps")
            arrays |= {f"{name}.{i}": array for name, array in kept.items()}
        numbers = {
            "optimizer": {"param_groups": optimizer["param_groups"], "steps": steps},
            "schedule": parts.schedule.state_dict() if parts.schedule else None,
            "generators": {
                name: _to_json(generator.bit_generator.state)
                for name, generator in generators_of(parts.modules)
            },
        }
        return cls(arrays, numbers)

    def put_back(self, parts: Parts) -> None:
        """Restore the snapshot into the same network or one of the same structure.

        Raises
        ------
        CheckpointError
            If it is the state of another network, optimizer or schedule.
        """
        kinds = ("model", "loss", *parts.optimizer.STATES)
        named: dict[str, dict[str, Array]] = {kind: {} for kind in kinds}
        for name, array in self.arrays.items():
            group, _, rest = name.partition(".")
            if group not in named:
                raise CheckpointError(
                    f"{name} is neither a parameter nor kept by {type(parts.optimizer).__name__}"
                )
            named[group][rest] = array
        for group, module in parts.modules:
            module.load_state_dict(named[group])
        kept: dict[Any, dict[str, Any]] = {}
        for kind in parts.optimizer.STATES:
            for position, array in named[kind].items():
                if position not in map(str, range(len(parts.optimizer.params))):
                    raise CheckpointError(f"there is no parameter for {kind}.{position}")
                kept.setdefault(int(position), {})[kind] = array
        try:
            optimizer = self.numbers["optimizer"]
            for position, steps in optimizer["steps"].items():
                kept.setdefault(int(position), {})["steps"] = steps
            parts.optimizer.load_state_dict({"state": kept, "param_groups": optimizer["param_groups"]})
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
        """True if all parameters and arrays of the optimizer are finite."""
        return all(np.isfinite(array).all() for array in self.arrays.values())


def _to_json(value: Any) -> Any:
    """Return the state of a bit generator as JSON data: nested dicts of text, integers and lists of them."""
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
