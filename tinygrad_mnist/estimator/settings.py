"""Checks of the settings of an estimator, when it is fitted."""

from __future__ import annotations

from numbers import Integral
from typing import Any

import numpy as np

from tinygrad_mnist.errors import DataError
from tinygrad_mnist.training import Recipe

_OF_RECIPE = (  # settings that a recipe has too, and checks
    *("lr", "momentum", "weight_decay", "optimizer", "schedule"),
    *("decay_biases", "clip_norm", "clip_value", "ema_decay"),
)


def require_settings(network: Any) -> None:
    """Refuse counts that are not whole numbers, and settings of the training that a recipe refuses.

    Raises
    ------
    DataError
        If a setting cannot be used.
    """
    for name, least in (("epochs", 1), ("verbose", 0), ("batch_size", 1), ("n_iter_no_change", 1)):
        value = getattr(network, name)
        if name == "batch_size" and value is None:
            continue
        if not isinstance(value, Integral) or value < least:
            raise DataError(f"{name} is {value!r}: expected a whole number, at least {least}")
    if not isinstance(network.early_stopping, bool | np.bool_):
        raise DataError(f"early_stopping is {network.early_stopping!r}: expected True or False")
    settings = {name: getattr(network, name) for name in _OF_RECIPE}
    named = {name: value for name, value in settings.items() if not callable(value)}
    try:
        Recipe(**named, epochs=network.epochs)
    except (TypeError, ValueError) as error:
        raise DataError(str(error)) from error


def chosen(setting: str, known: Any, value: Any) -> Any:
    """Return the value of a setting: the entry with this name, or the callable itself."""
    if callable(value):
        return value
    if value not in known:
        raise DataError(f"{setting} is {value!r}: expected one of {', '.join(known)}")
    return known[value]
