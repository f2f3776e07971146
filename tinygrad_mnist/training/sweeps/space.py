"""Spaces of settings, and the setting that a trial's number stands for: the same in every process and run."""

from __future__ import annotations

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
_PRIMES = (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37)


def require_space(space: Space, sampler: str) -> dict[str, list[Any] | Range]:
    """Return a space with its choices as lists; refuse one that cannot be searched.

    Raises
    ------
    ValueError
        If it is empty, a setting has no choice or one that is not plain data, a range is empty, or a grid or
        a quasi-random sequence cannot cover it.
    """
    if not space:
        raise ValueError("space is empty: expected settings; write {'lr': [0.01, 0.1]}")
    found: dict[str, list[Any] | Range] = {}
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
            _require_plain(name, values)
        found[name] = values if isinstance(values, Range) else list(values)
    if sampler == "quasi-random" and len(found) > len(_PRIMES):
        raise ValueError(f"space has {len(found)} settings: expected at most {len(_PRIMES)} for this sampler")
    return found


def _require_plain(name: str, choices: Sequence[Any]) -> None:
    """Refuse choices that processes cannot share through a file."""
    for choice in choices:
        parts = choice if isinstance(choice, list | tuple) else [choice]
        if not all(map(_is_plain, parts)):
            raise ValueError(
                f"{name} has the choice {shown(choice)}: expected finite numbers, text, truth values, "
                "None or lists of these, which processes share; give a name, and look it up in the objective"
            )


def _is_plain(value: Any) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    return value is None or isinstance(value, int | str)


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
    found = {}
    for base, (name, values) in zip(_PRIMES, space.items()):
        share = _mirrored(number + 1, base)
        found[name] = values.at(share) if isinstance(values, Range) else values[int(share * len(values))]
    return found


def _mirrored(number: int, base: int) -> float:
    share, digit = 0.0, 1.0
    while number:
        digit /= base
        number, remainder = divmod(number, base)
        share += remainder * digit
    return share
