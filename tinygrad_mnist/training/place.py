"""How far a training is."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from tinygrad_mnist.training.totals import Totals


@dataclass
class Place:
    """The epoch under way, and what there is of it.

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

    def copy(self) -> Place:
        """The same place, to go on from twice."""
        return replace(self, totals=replace(self.totals))

    @classmethod
    def from_dict(cls, place: dict[str, Any]) -> Place:
        """Of what `asdict` gave; a KeyError, TypeError or ValueError from anything else."""
        totals = Totals(**place["totals"])
        made = cls(**{**place, "totals": totals})
        maybe = [count for count in (made.loader_epoch, totals.correct) if count is not None]
        counts = [made.epoch, made.step, made.steps, totals.examples, *maybe]
        if not all(type(count) is int and 0 <= count < 2**53 for count in counts):
            raise ValueError(f"counts have to be whole numbers from 0 on, and these are {counts}")
        if not all(type(number) in (int, float) for number in (made.seconds, totals.loss)):
            raise TypeError("seconds and loss have to be numbers")
        return made
