"""Computations as code that runs: operators with their precedence, numbers, arrays, indices and settings.

The formulas of rules and the printed forms of programs are written by this file alone.

>>> difference = applied("subtract", [Expression("a"), Expression("b")])
>>> applied("power", [difference, literal(-2)]).text
'(a - b) ** -2'
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

# From the weakest to the strongest, in the order of Python's language reference (6.17, operator precedence).
COMPARISON, CONJUNCTION, SUM, PRODUCT, UNARY, POWER, ATOM = range(1, 8)


class Sign(NamedTuple):
    """An operator: its precedence, and the precedence that its operands need at least."""

    text: str
    binding: int
    left: int
    right: int


def _comparison(text: str) -> Sign:
    """Python reads ``a < b < c`` as two comparisons joined by `and`, so each comparison needs parentheses."""
    return Sign(text, COMPARISON, COMPARISON + 1, COMPARISON + 1)


def _from_the_left(text: str, binding: int) -> Sign:
    """``a - b - c`` is ``(a - b) - c``."""
    return Sign(text, binding, binding, binding + 1)


SIGNS = {
    "less": _comparison("<"),
    "less_equal": _comparison("<="),
    "greater": _comparison(">"),
    "greater_equal": _comparison(">="),
    "equal": _comparison("=="),
    "not_equal": _comparison("!="),
    "logical_and": _from_the_left("&", CONJUNCTION),
    "add": _from_the_left("+", SUM),
    "subtract": _from_the_left("-", SUM),
    "multiply": _from_the_left("*", PRODUCT),
    "divide": _from_the_left("/", PRODUCT),
    "matmul": _from_the_left("@", PRODUCT),
    "power": Sign("**", POWER, POWER + 1, UNARY),  # from the right; a minus may stand in its exponent
}


@dataclass(frozen=True)
class Expression:
    """A piece of code.

    Attributes
    ----------
    text
        The code.
    binding
        Precedence of its outermost operator.
    array
        Its value, for dtype and axes: an array, a number, or None if unknown.
    """

    text: str
    binding: int = ATOM
    array: Any = None

    def inside(self, binding: int) -> str:
        """Return the text as an operand of at least this precedence, in parentheses if needed."""
        return self.text if self.binding >= binding else f"({self.text})"

    def is_of(self, kinds: str) -> bool:
        """Return True where the dtype is of one of these kinds, or is not known."""
        return self.array is None or np.asarray(self.array).dtype.kind in kinds


def applied(name: str, operands: Sequence[Expression], settings: str = "", module: str = "") -> Expression:
    """Return a function of arrays applied to operands: with its operator if Python has one, else as a call.

    Parameters
    ----------
    name
        NumPy's name of the function.
    settings
        Keyword arguments as code.
    module
        Stands before the name of a call: ``np.``
    """
    if name == "negative":
        return Expression(f"-{operands[0].inside(UNARY)}", UNARY)
    conjoins = name == "logical_and" and not all(operand.is_of("b") for operand in operands)
    if name in SIGNS and not settings and not conjoins:  # & is logical_and for masks only
        sign = SIGNS[name]
        left, right = operands
        return Expression(f"{left.inside(sign.left)} {sign.text} {right.inside(sign.right)}", sign.binding)
    return called(f"{module}{name}", operands, settings)


def named(text: str) -> Expression:
    """Return a name, or a number given as text, as an operand."""
    return Expression(text, UNARY if text.startswith("-") else ATOM)


def called(name: str, operands: Sequence[Expression], settings: str = "") -> Expression:
    """Return ``name(operands, settings)``."""
    arguments = [operand.text for operand in operands]
    return Expression(f"{name}({', '.join([*arguments, settings] if settings else arguments)})")


# Literals


def literal(value: Any) -> Expression:
    """Return code that makes the value again: a number, an array, a dtype, or a container of these."""
    text = literal_text(value)
    return Expression(text, UNARY if text.startswith("-") else ATOM, value)


def literal_text(value: Any) -> str:
    """Return the code of `literal`."""
    if isinstance(value, np.generic):  # it has a dtype, unlike a Python number
        return f"np.{value.dtype.name}({number_text(value)})"
    if isinstance(value, bool | int | float | complex):
        return number_text(value)
    if isinstance(value, np.ndarray):
        return array_text(value)
    if isinstance(value, np.dtype) or (isinstance(value, type) and issubclass(value, np.generic)):
        return f"np.{np.dtype(value).name}"
    if isinstance(value, slice):
        return f"slice({', '.join(map(literal_text, (value.start, value.stop, value.step)))})"
    if isinstance(value, list):
        return f"[{', '.join(map(literal_text, value))}]"
    if isinstance(value, tuple):
        return f"({', '.join(map(literal_text, value))}{',' if len(value) == 1 else ''})"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{literal_text(k)}: {literal_text(v)}' for k, v in value.items())}}}"
    return repr(value)


def is_literal(value: Any) -> bool:
    """Return True where `literal_text` gives code that can be run; an object of a class has none."""
    try:
        eval(literal_text(value), {"np": np})
    except Exception:
        return False
    return True


def number_text(value: Any) -> str:
    """Return a number as code, as short as its dtype allows.

    Infinities and NaN have no literals, and the sum that Python writes for a complex number loses signs.
    """
    if isinstance(value, complex | np.complexfloating):
        return f"complex({number_text(value.real)}, {number_text(value.imag)})"
    if isinstance(value, float | np.floating) and not np.isfinite(value):
        return "np.nan" if np.isnan(value) else ("np.inf" if value > 0 else "-np.inf")
    if isinstance(value, np.longdouble):
        return repr(value)  # more digits than a literal has
    if isinstance(value, np.generic | bool):
        return str(value)
    return repr(float(value) if isinstance(value, float) else int(value))  # also of their subclasses


def number_beside(number: Any, others: Sequence[Any]) -> Expression:
    """Return a NumPy number in its shortest form for an operation with `others`: 1 for 1.0, 1 / 128.

    A Python number takes the dtype of the arrays next to it (NEP 50).  The shortest one is used that
    changes neither the dtype nor the bits; if there is none, NumPy's number stays: ``np.float64(0.1)``.

    Parameters
    ----------
    number
        A scalar of NumPy.
    others
        The dtypes and Python numbers of the other operands.
    """
    together = np.result_type(number.dtype, *others)
    for text, value in _written(number):
        if np.result_type(value, *others) == together and _same_bits(value, number, together):
            return Expression(text, _binding(text), number)
    return literal(number)


def _binding(text: str) -> int:
    return PRODUCT if "/" in text else UNARY if text.startswith("-") else ATOM


def _written(number: Any) -> list[tuple[str, Any]]:
    """Ways to write a number, the shortest first, each with its Python number."""
    value = number.item()
    if not isinstance(value, float) or not math.isfinite(value):
        return [(number_text(number), value)]
    ways: list[tuple[str, Any]] = []
    if value.is_integer() and abs(value) < 1e6:
        ways.append((str(int(value)), int(value)))
    short = number_text(number)
    if len(short) > 5 and 1e-6 < abs(value) < 1:
        ways.append((f"1 / {round(1 / value)}", 1 / round(1 / value)))
    return [*ways, (short, float(short)), (repr(value), value)]


def _same_bits(value: Any, number: Any, dtype: Any) -> bool:
    with np.errstate(over="ignore"):
        first, second = np.asarray(value, dtype), np.asarray(number, dtype)
    return first.tobytes() == second.tobytes() or bool(first != first and second != second)


# Arrays and indices


def array_text(array: Any) -> str:
    """Return code that makes an array of the same shape, dtype and bits."""
    dtype = f"np.{array.dtype.name}"
    if array.ndim == 0:
        return f"np.asarray({number_text(array[()])}, {dtype})"
    if array.ndim == 2 and array.size > 1 and is_identity(array):
        return f"np.eye({array.shape[0]}, dtype={dtype})"
    flat = array.ravel()
    if is_uniform(array):
        if array.ndim == 1 and flat[0] == 1:
            return f"np.ones({array.size}, {dtype})"
        return f"np.full({array.shape}, {number_text(flat[0])}, {dtype})"
    shape = "" if array.ndim == 1 else f".reshape({array.shape})"
    if _counts_up(flat):
        start, step = int(flat[0]), int(flat[1]) - int(flat[0])
        stop = start + step * flat.size
        bounds = f"{stop}" if (start, step) == (0, 1) else f"{start}, {stop}, {step}"
        return f"np.arange({bounds}{'' if dtype == 'np.int64' else f', dtype={dtype}'}){shape}"
    return f"np.array([{', '.join(map(number_text, flat))}], {dtype}){shape}"


def is_uniform(array: Any) -> bool:
    """Return True where all elements have the same bits: 0 and -0 differ."""
    return bool(array.size) and array.tobytes() == array[(0,) * array.ndim].tobytes() * array.size


def is_identity(array: Any) -> bool:
    """Return True for an identity matrix, to the bit."""
    rows, columns = array.shape
    return rows == columns and array.tobytes() == np.eye(rows, dtype=array.dtype).tobytes()  # type: ignore[no-any-return]


def _counts_up(flat: Any) -> bool:
    """Return True for integers in equal steps upwards."""
    if flat.dtype.kind not in "iu" or flat.size < 2:
        return False
    steps = {after - before for before, after in pairwise(flat.tolist())}
    return len(steps) == 1 and min(steps) > 0


def index_text(index: Any, array: Callable[[Any], str]) -> str:
    """Return an index as it is written between brackets, its arrays and lists by `array`."""

    def part(value: Any) -> str:
        if isinstance(value, np.ndarray | list | tuple):
            return array(value)
        if isinstance(value, slice):
            ends = [value.start, value.stop, *([] if value.step is None else [value.step])]
            return ":".join("" if end is None else str(int(end)) for end in ends)
        if value is None or value is Ellipsis:
            return "None" if value is None else "..."
        return str(bool(value) if isinstance(value, bool | np.bool) else int(value))

    return ", ".join(map(part, index if isinstance(index, tuple) else (index,))) or "()"
