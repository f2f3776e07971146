"""Spaces of settings, and the setting that a trial's number stands for: the same in every process and run."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from tinygrad_mnist.arguments import shown


class Range(NamedTuple):
    """Numbers from `low` to `high`, whole if both are, evenly spread over their logarithms with ``log=True``.

    Examples
    --------
    >>> [Range(0.0, 8.0).at(share) for share in (0, 0.5, 0.75)]
    [0.0, 4.0, 6.0]
    >>> [Range(1, 1000, log=True).at(share) for share in (0, 1 / 3, 2 / 3)]
    [1, 10, 100]
    """

    low: float
    high: float
    log: bool = False

    @property
    def is_whole(self) -> bool:
        """True if all numbers are whole."""
        return isinstance(self.low, int) and isinstance(self.high, int)

    def at(self, share: float) -> float:
        """Return the number at a share of the way, from 0 to below 1."""
        if self.log:
            number = math.exp(math.log(self.low) + share * math.log(self.high / self.low))
            return round(number) if self.is_whole else number
        number = self.low + share * (self.high - self.low + self.is_whole)
        return math.floor(number) if self.is_whole else number


Space = Mapping[str, Sequence[Any] | Range]


def require_space(space: Space, sampler: str) -> dict[str, list[Any] | Range]:
    """Return a space with its choices as lists; refuse one that cannot be searched.

    Raises
    ------
    ValueError
        If it is empty, a setting has no choice or one that is not plain data, a range is empty, or a grid
        cannot cover it.
    """
    if not space:
        raise ValueError("space is empty: expected settings; write {'lr': [0.01, 0.1]}")
    for name, values in space.items():
        if isinstance(values, Range):
            low = 0.0 if values.log else -math.inf
            if not low < values.low < values.high < math.inf:
                raise ValueError(f"{name} is {values}: expected low below high, above 0 with log")
            if sampler == "grid":
                raise ValueError(f"{name} is a range, which a grid cannot cover: give its values as a list")
        elif isinstance(values, str) or not isinstance(values, Sequence) or not len(values):
            raise ValueError(f"{name} is {shown(values)}: expected a list of choices or a Range")
        else:
            for choice in values:
                _require_plain(name, choice)
    return {name: values if isinstance(values, Range) else list(values) for name, values in space.items()}


def _require_plain(name: str, choice: Any) -> None:
    """Refuse a choice that processes cannot share through a file."""
    try:
        json.dumps(choice, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"{name} has the choice {shown(choice)}: expected finite numbers, text, truth values, None or "
            "lists of these, which processes share; give a name, and look it up in the objective"
        ) from error


def cells(space: Mapping[str, list[Any] | Range]) -> int:
    """Return the number of combinations of a space of choices."""
    return math.prod(len(values) for values in space.values() if not isinstance(values, Range))


def grid_settings(space: Mapping[str, list[Any] | Range], number: int) -> dict[str, Any]:
    """Return the combination with this number; the last setting changes from one to the next.

    Examples
    --------
    >>> [grid_settings({"lr": [1, 2], "seed": [0, 1, 2]}, number) for number in (0, 1, 3)]
    [{'lr': 1, 'seed': 0}, {'lr': 1, 'seed': 1}, {'lr': 2, 'seed': 0}]
    """
    places = np.unravel_index(number, [len(values) for values in space.values()])
    return {name: values[place] for (name, values), place in zip(space.items(), places)}


def quasi_random_settings(space: Mapping[str, list[Any] | Range], number: int) -> dict[str, Any]:
    """Return the point with this number of a Halton sequence, which fills the space evenly at any length.

    Each setting has a prime base, in which the digits of the number behind the point are mirrored: J. H.
    Halton, On the efficiency of certain quasi-random sequences of points, 1960.
    """
    from scipy.stats.qmc import Halton

    (shares,) = Halton(len(space), scramble=False).fast_forward(number + 1).random()
    return {
        name: values.at(share) if isinstance(values, Range) else values[int(share * len(values))]
        for share, (name, values) in zip(shares.tolist(), space.items())
    }
