"""Spaces of settings, and the settings that a trial's number stands for in every process and run."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice, product
from typing import Any

import numpy as np
from optuna.distributions import BaseDistribution, CategoricalDistribution
from scipy.stats.qmc import Halton

from tinygrad_mnist.arguments import require_whole, shown

Space = Mapping[str, Sequence[Any] | BaseDistribution]


def distributions(space: Space) -> dict[str, BaseDistribution]:
    """Return a distribution for each setting of a space; refuse one that cannot be searched.

    Raises
    ------
    ValueError
        If the space names no settings, or one has no choice, one that is not plain data, or two that Optuna
        does not tell apart.
    """
    if not space or not isinstance(space, Mapping) or not all(isinstance(name, str) for name in space):
        raise ValueError(f"space is {shown(space)}: expected settings by name; write {{'lr': [0.01, 0.1]}}")
    return {name: _distribution(name, values) for name, values in space.items()}


def _distribution(name: str, values: Any) -> BaseDistribution:
    if isinstance(values, CategoricalDistribution):
        values = values.choices
    if isinstance(values, BaseDistribution):
        return values
    if isinstance(values, str) or not isinstance(values, Sequence) or not values:
        raise ValueError(
            f"{name} is {shown(values)}: expected a list of choices, or a distribution of Optuna"
        )
    values = [value.item() if isinstance(value, np.generic) else value for value in values]
    for choice in values:
        is_plain = isinstance(choice, str | int | float | None)
        if not is_plain or (isinstance(choice, float) and not math.isfinite(choice)):
            raise ValueError(
                f"{name} has the choice {shown(choice)}: expected finite numbers, text, truth values or "
                "None, which processes share; give a name, and look it up in the objective"
            )
        if any(other == choice and type(other) is not type(choice) for other in values):
            raise ValueError(
                f"{name} has choices that equal {choice!r} and are of other kinds, such as 1 and True: "
                "expected one of them; give names, and look them up in the objective"
            )
    return CategoricalDistribution(values)


def described(space: Mapping[str, BaseDistribution]) -> dict[str, Any]:
    """Return what two spaces are compared by: the names, and for each name its choices or range."""
    values = {name: getattr(each, "choices", each) for name, each in space.items()}
    return {"settings": ", ".join(space), **{f"values of {name}": each for name, each in values.items()}}


def planned(space: Mapping[str, Any], sampler: str, trials: int | None) -> list[dict[str, Any]]:
    """Return the settings of each trial by its number; none for "tpe", which draws them later.

    A quasi-random sequence is Halton's.  Each setting has a prime base, in which the digits of the number
    behind the point are mirrored: J. H. Halton, On the efficiency of certain quasi-random sequences of
    points, 1960.

    Raises
    ------
    ValueError
        If the number of trials is missing, or a grid has a range.

    Examples
    --------
    >>> from optuna.distributions import FloatDistribution, IntDistribution
    >>> space = {"x": CategoricalDistribution([1, 2]), "kind": CategoricalDistribution(["a", "b"])}
    >>> [tuple(settings.values()) for settings in planned(space, "grid", None)]
    [(1, 'a'), (1, 'b'), (2, 'a'), (2, 'b')]
    >>> planned({"x": FloatDistribution(0, 8), "n": IntDistribution(1, 3)}, "quasi-random", 2)
    [{'x': 4.0, 'n': 2}, {'x': 2.0, 'n': 3}]
    """
    if trials is not None:
        require_whole("trials", trials)
    elif sampler != "grid":
        raise ValueError(f"trials is None and the sampler is {sampler}: expected their number")
    points: Iterable[Iterable[Any]]
    if sampler == "grid":
        ranges = [name for name, each in space.items() if not isinstance(each, CategoricalDistribution)]
        if ranges:
            raise ValueError(
                f"{ranges[0]} is a range, which a grid cannot cover: give its values as a list, or take the "
                "sampler quasi-random"
            )
        points = islice(product(*(each.choices for each in space.values())), trials)
    elif sampler == "quasi-random":
        shares = Halton(len(space), scramble=False).fast_forward(1).random(trials).tolist()
        points = [map(_at, space.values(), row) for row in shares]
    else:
        return [{}] * (trials or 0)
    return [dict(zip(space, point)) for point in points]


def _at(values: Any, share: float) -> Any:
    """Return the value at a share of the way through a distribution, from 0 to below 1."""
    if isinstance(values, CategoricalDistribution):
        return values.choices[int(share * len(values.choices))]
    low, step = values.low, values.step or 0  # of whole numbers 1 or more
    end = values.high + step
    value = low * (end / low) ** share if values.log else low + share * (end - low)
    return low + step * math.floor((value - low) / step) if step else value
