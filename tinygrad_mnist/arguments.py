"""Checks of single arguments: `<argument> is <value>: expected <what>`."""

from __future__ import annotations

import math
import numbers
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

import numpy as np

from tinygrad_mnist.similar import similar

Value = TypeVar("Value")

_NUMBER, _WHOLE, _TRUTH = "a number", "a whole number", "True or False"
_SEVERAL = "a whole number or a tuple of them"
# The words of a message for the annotation of a setting.  Annotations are texts, and `Axis` includes None.
EXPECTED = {
    "bool": _TRUTH,
    "float": _NUMBER,
    "int": _WHOLE,
    "Axis": _SEVERAL,
    "Shape": _SEVERAL,
    "int | Shape": _SEVERAL,
    "int | Sequence[int]": _SEVERAL,
}
_KINDS = {_TRUTH: "b", _NUMBER: "fiub", _WHOLE: "iub", _SEVERAL: "iub"}


def shown(value: Any) -> str:
    """Return `value` as a message shows it: functions and classes by name, the rest cut to 60 characters."""
    name = getattr(
        value, "__qualname__", getattr(value, "__name__", None)
    )  # NumPy's older ufuncs have the second
    if callable(value) and name is not None:
        return f"the {'class' if isinstance(value, type) else 'function'} {name}"
    if getattr(value, "shape", ()) or hasattr(value, "_label"):  # a Tensor's number may not be looked at
        kind = "array" if isinstance(value, np.ndarray) else type(value).__name__
        return f"{'an' if kind == 'array' else 'a'} {kind} of shape {tuple(value.shape)}"
    text = " ".join(repr(value).split())
    return text if len(text) <= 60 else f"{text[:57]}..."


def require_unmasked(name: str, value: Any, error: type[Exception] = TypeError) -> None:
    """Refuse an array with masked entries, in lists too: NumPy would drop the mask and compute with them.

    Raises
    ------
    error
        If an entry is masked; a mask that hides nothing is accepted.
    """
    if type(value) is not np.ndarray and "numpy.ma" in sys.modules and _hides(value):  # loaded at first use
        raise error(
            f"{name} is a masked array with masked entries: expected an array without; write "
            "array.filled(0.0), or leave the masked rows out"
        )


def _hides(value: Any) -> bool:
    if isinstance(value, np.ma.MaskedArray):
        return bool(np.ma.is_masked(value))
    return isinstance(value, list | tuple) and any(map(_hides, value))


def require_number(
    name: str,
    value: Value,
    *,
    low: float = -math.inf,
    high: float = math.inf,
    above: float = -math.inf,
    below: float = math.inf,
) -> Value:
    """Return `value` if it is a finite number, ``low <= value <= high`` and ``above < value < below``.

    Raises
    ------
    TypeError
        If `value` is not a real number; booleans are not numbers here.
    ValueError
        If it is infinite, NaN, or outside the bounds.
    """
    bounds = [f">= {low:g}"] if low > -math.inf else []
    bounds += [f"> {above:g}"] if above > -math.inf else []
    bounds += [f"<= {high:g}"] if high < math.inf else []
    bounds += [f"< {below:g}"] if below < math.inf else []
    expected = " and ".join(["expected a finite number", *bounds]).replace("number and", "number", 1)
    if isinstance(value, bool | np.bool_) or not isinstance(value, numbers.Real):
        raise TypeError(f"{name} is {shown(value)}: {expected}")
    if not (math.isfinite(value) and low <= float(value) <= high and above < float(value) < below):
        raise ValueError(f"{name} is {value}: {expected}")
    return value


def require_whole(name: str, value: Value, *, low: int | None = 1) -> Value:
    """Return `value` if it is a whole number of at least `low`; any if `low` is None.

    Raises
    ------
    TypeError
        If `value` is not an integer; booleans are not numbers here.
    ValueError
        If it is below `low`.
    """
    expected = "expected a whole number" + ("" if low is None else f" >= {low}")
    if isinstance(value, bool | np.bool_) or not isinstance(value, numbers.Integral):
        raise TypeError(f"{name} is {shown(value)}: {expected}")
    if low is not None and int(value) < low:
        raise ValueError(f"{name} is {value}: {expected}")
    return value


def require_bool(name: str, value: Value, instead: str = "") -> Value:
    """Return `value` if it is True or False; `instead` says what to write."""
    if not isinstance(value, bool | np.bool_):
        raise TypeError(f"{name} is {shown(value)}: expected True or False{instead and f'; {instead}'}")
    return value


def require_choice(name: str, value: Value, choices: Iterable[str]) -> Value:
    """Return `value` if it is one of `choices`; a near miss is named."""
    known = list(choices)
    if not isinstance(value, str) or value not in known:
        near = similar(str(value), known)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise ValueError(f"{name} is {shown(value)}: expected one of {', '.join(map(repr, known))}{hint}")
    return value


def misfit(
    function: Callable[..., Any], settings: Mapping[str, Any], error: BaseException
) -> TypeError | None:
    """Return the error for a setting that is not what its annotation says; None if all are.

    Called after a failure, so that correct calls cost nothing.

    Parameters
    ----------
    function : callable
        Its module has ``from __future__ import annotations``.
    settings : mapping of str to object
        The settings of the call by name.
    error : Exception
        The failure; a list in place of a tuple shows in its text alone.
    """
    for name, value in settings.items():
        if str(error).startswith(f"{name} is "):  # it says more, such as a limit
            return None
        annotation = str(function.__annotations__.get(name, ""))
        expected = EXPECTED.get(annotation.removesuffix(" | None"))
        if expected is None or (value is None and (annotation == "Axis" or annotation.endswith("None"))):
            continue
        is_list = isinstance(value, list) and "'list' object cannot be" in str(error)
        if is_list or not _is_made_of(_KINDS[expected], value, several=expected == _SEVERAL):
            instead = f"; write {name}={tuple(value)}" if is_list else ""
            return TypeError(f"{name} is {shown(value)}: expected {expected}{instead}")
    return None


def _is_made_of(kinds: str, value: Any, *, several: bool) -> bool:
    """Return True for a number of one of NumPy's kinds, or with `several` for a row of them."""
    if hasattr(value, "_label"):  # a Tensor
        return False
    try:
        array = np.asarray(value)
    except ValueError:  # rows of different lengths
        return False
    return array.ndim <= several and (array.dtype.kind in kinds or not array.size)
