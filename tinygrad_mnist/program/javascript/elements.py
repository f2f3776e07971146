"""Functions of each element, and reductions, as formulas in JavaScript."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from typing import Any, NoReturn

import numpy as np

from tinygrad_mnist.errors import CaptureError
from tinygrad_mnist.program.instructions import Operand, Value
from tinygrad_mnist.program.javascript.library import library
from tinygrad_mnist.program.javascript.text import KINDS
from tinygrad_mnist.program.operations import Elementwise

_COMPARISONS = {
    "equal": "u === v ? 1 : 0",
    "not_equal": "u !== v ? 1 : 0",
    "less": "u < v ? 1 : 0",
    "less_equal": "u <= v ? 1 : 0",
    "greater": "u > v ? 1 : 0",
    "greater_equal": "u >= v ? 1 : 0",
}
_LOGICAL = {  # NaN is true
    "logical_and": "u !== 0 && v !== 0 ? 1 : 0",
    "logical_or": "u !== 0 || v !== 0 ? 1 : 0",
    "logical_not": "u === 0 ? 1 : 0",
    "logical_xor": "(u !== 0) !== (v !== 0) ? 1 : 0",
}
_BOTH = {
    "add": "u + v",
    "subtract": "u - v",
    "maximum": "u > v || u !== u ? u : v",
    "minimum": "u < v || u !== u ? u : v",
    "absolute": "Math.abs(u)",
    "positive": "u",
    "sign": "Math.sign(u)",
    "clip": "Math.min(Math.max(u, v), w)",
}
_FLOATS = {
    **{f"arc{name}": f"Math.a{name}(u)" for name in ("sin", "cos", "tan", "sinh", "cosh", "tanh")},
    **{
        name: f"Math.{name}(u)"
        for name in (
            *("cbrt", "ceil", "cos", "cosh", "exp", "expm1", "floor", "log", "log10", "log1p", "log2", "sin"),
            *("sinh", "sqrt", "tan", "tanh", "trunc"),
        )
    },
    "arctan2": "Math.atan2(u, v)",
    "divide": "u / v",
    "exp2": "2 ** u",
    "logaddexp": "u === v ? u + Math.LN2 : Math.max(u, v) + Math.log1p(Math.exp(-Math.abs(u - v)))",
    "isfinite": "Number.isFinite(u) ? 1 : 0",
    "isinf": "Math.abs(u) === Infinity ? 1 : 0",
    "isnan": "u !== u ? 1 : 0",
    "multiply": "u * v",
    "negative": "-u",
    "power": "u === 1 || (u === -1 && Math.abs(v) === Infinity) ? 1 : u ** v",  # as in IEEE 754
    "reciprocal": "1 / u",
    "square": "u * u",
}
# Whole numbers have no zero below 0, and those of at most 32 bits keep the last bits of a product.
_WHOLE = {
    "multiply": ("multiplyWhole", "u * v + 0"),
    "negative": ("negativeWhole", "0 - u"),
    "power": ("powerWhole", "Number(BigInt.asIntN(64, BigInt(u) ** BigInt(v)))"),
    "square": ("square", "u * u"),
}
_WORDS = {
    "multiply": ("multiplyWords", "Math.imul(u, v)"),
    "power": ("powerWords", "Number(BigInt.asIntN(32, BigInt(u) ** BigInt(v)))"),
    "square": ("squareWords", "Math.imul(u, u)"),
}
_BOOL = {"add": "logical_or", "multiply": "logical_and", "maximum": "logical_or", "minimum": "logical_and"}
_COPIES = {"copyTruncated": "Math.trunc(u) + 0", "copyTruth": "u !== 0 ? 1 : 0", "where": "u !== 0 ? v : w"}
_REDUCTIONS = {
    "add": ("sum", "u + v", "0"),
    "multiply": ("product", "u * v", "1"),
    "maximum": ("max", "v > u || v !== v ? v : u", "-Infinity"),
    "minimum": ("min", "v < u || v !== v ? v : u", "Infinity"),
    "logical_and": ("all", "u !== 0 && v !== 0 ? 1 : 0", "1"),
    "logical_or": ("any", "u !== 0 || v !== 0 ? 1 : 0", "0"),
}
_FORMULAS = {
    **_FLOATS,
    **_BOTH,
    **_COMPARISONS,
    **_LOGICAL,
    **_COPIES,
    **dict([*_WHOLE.values(), *_WORDS.values()]),
}
ACCUMULATIONS = {"add": "cumsum", "multiply": "cumprod", "maximum": "cummax", "minimum": "cummin"}
# The models of elementwise functions, the line that changes, and the last letter in it.
_MODELS = (
    ("ternary", "z[k] = u ? v : w;", "w"),
    ("binary", "z[k] = u + v;", "v"),
    ("unary", "z[k] = u;", "u"),
)


@cache
def made() -> dict[str, str]:
    """Return the functions that are made of the models in the .js files, each with its formula."""
    found = {name: _element(name, formula) for name, formula in sorted(_FORMULAS.items())}
    for of, (name, formula, initial) in _REDUCTIONS.items():
        changes = {"v = u + v;": f"v = {formula};", "initial = 0": f"initial = {initial}"}
        found[name] = _copied("reduction", name, changes)
        if of in ACCUMULATIONS:
            found[ACCUMULATIONS[of]] = _copied("accumulation", ACCUMULATIONS[of], changes)
    return found


def element_function(
    operation: Elementwise, operands: Sequence[Operand], result: np.dtype[Any]
) -> tuple[str, np.dtype[Any]]:
    """Return the name of the function of an elementwise operation, and the dtype that it computes in.

    Raises
    ------
    CaptureError
        If there is none.
    """
    name, kinds = operation.name, [x.dtype if isinstance(x, Value) else type(x) for x in operands]
    loop = result if name == "clip" else _loop(name, kinds)
    if loop.name not in KINDS:
        _refuse(f"np.{name} computes in {loop}", "float32 or float64; convert with astype(np.float64)")
    if name in _COMPARISONS or name in _LOGICAL:
        return name, loop
    if loop == np.bool and name in _BOOL:
        return _BOOL[name], loop
    if loop.kind in "iu" and loop.itemsize <= 4 and name in _WORDS:
        return _WORDS[name][0], loop
    if loop.kind in "iu" and name in _WHOLE:
        return _WHOLE[name][0], loop
    if name not in _BOTH and (loop.kind != "f" or name not in _FLOATS):
        _refuse(f"np.{name} of {loop} is called", "an operation of ops; leave it out of the function")
    return name, loop


def reduction_function(name: str, dtype: np.dtype[Any]) -> str:
    """Return the name of the function of a reduction.

    Raises
    ------
    CaptureError
        If there is none.
    """
    if dtype == np.bool and name in _BOOL:
        name = _BOOL[name] if name != "add" else name  # the sum of truth values is their count
    if name not in _REDUCTIONS:
        _refuse(f"np.{name}.reduce is called", "a sum, product, maximum or minimum")
    return _REDUCTIONS[name][0]


def _loop(name: str, kinds: list[Any]) -> np.dtype[Any]:
    kinds = [np.dtype(bool) if kind is bool else kind for kind in kinds]
    ufunc = getattr(np, name)
    if ufunc.nin + 1 != ufunc.nargs or ufunc.nin != len(kinds):
        _refuse(f"np.{name} is called", "a function with one result")
    loop: np.dtype[Any] = ufunc.resolve_dtypes((*kinds, None))[0]
    return loop


def _element(name: str, formula: str) -> str:
    letters = re.findall(r"\b[uvw]\b", formula)
    model, own = next((model, own) for model, own, last in _MODELS if last in letters or last == "u")
    return _copied(model, name, {own: f"z[k] = {formula};"})


def _copied(model: str, name: str, changes: dict[str, str]) -> str:
    """Return a model of the .js files under another name, with changes."""
    text = library()[model].replace(f"function {model}(", f"function {name}(", 1)
    for old, new in changes.items():
        text = text.replace(old, new, 1)
    return text


def _refuse(found: str, expected: str) -> NoReturn:
    raise CaptureError(f"{found}: expected {expected}")
