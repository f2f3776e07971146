"""Names, numbers, arrays and comments as JavaScript."""

from __future__ import annotations

import json
import math
import re
from typing import Any

import numpy as np

from tinygrad_mnist.autodiff.expression import is_identity, is_uniform
from tinygrad_mnist.typing import Array

KINDS = {
    "bool": "Uint8Array",
    "int8": "Int8Array",
    "int16": "Int16Array",
    "int32": "Int32Array",
    "int64": "Float64Array",  # whole numbers, exact below 2**53
    "uint8": "Uint8Array",
    "uint16": "Uint16Array",
    "uint32": "Uint32Array",
    "float32": "Float32Array",
    "float64": "Float64Array",
}
_WORDS = """
arguments async await break case catch class const continue debugger default delete do else enum eval export
extends false finally for function get if implements import in instanceof interface let new null of package
private protected public return set static super switch this throw true try typeof undefined var void while
with yield NaN Infinity Math Number BigInt Array Object Error TypeError RangeError globalThis
"""
_RESERVED = frozenset(_WORDS.split()) | set(KINDS.values())


def name_text(name: str, taken: frozenset[str]) -> str:
    """Return a name of Python as one of JavaScript that means nothing else."""
    return f"{name}$" if name in _RESERVED or name in taken else name


def number_text(number: Any) -> str:
    """Return a number with its bits."""
    if isinstance(number, bool | np.bool):
        return str(int(number))
    if isinstance(number, int | np.integer):
        return str(int(number))
    if math.isnan(number):
        return "NaN"
    if math.isinf(number):
        return "Infinity" if number > 0 else "-Infinity"
    if isinstance(number, np.float32) and np.float32(float(str(number))) == number:
        return str(number).removesuffix(".0")
    return repr(float(number)).removesuffix(".0")


def string_text(text: str) -> str:
    """Return a text in quotes that nothing in it can end, nor the script that it stands in."""
    return json.dumps(text).replace("<", "\\u003c")


def array_text(array: Array) -> str:
    """Return code that makes the elements of a constant, in C order."""
    kind, flat = KINDS[array.dtype.name], array.ravel()
    numbers = [number_text(number) for number in flat[:2]]
    if array.size > 1 and is_uniform(array):
        return f"new {kind}({array.size}).fill({numbers[0]})"
    if array.ndim == 2 and array.size > 1 and is_identity(array):
        rule = f"(_, i) => i % {len(array) + 1} === 0 ? 1 : 0"
        return f"{kind}.from({{ length: {array.size} }}, {rule})"
    if flat.size > 2 and flat.dtype.kind in "iu" and len(set(np.diff(flat).tolist())) == 1:
        rule = f"(_, i) => {numbers[0]} + {int(flat[1]) - int(flat[0])} * i"
        return f"{kind}.from({{ length: {array.size} }}, {rule})"
    return f"{kind}.of({', '.join(map(number_text, flat))})"


def bounds(dtype: np.dtype[Any]) -> tuple[int, int]:
    """Return the lowest and the highest whole number of a dtype that JavaScript has exactly."""
    if dtype.kind == "b":
        return 0, 1
    held, exact = np.iinfo(dtype), 2**53 - 1
    return max(int(held.min), -exact), min(int(held.max), exact)


def shape_text(shape: tuple[int, ...]) -> str:
    """Return whole numbers as a list."""
    return f"[{', '.join(map(str, shape))}]"


def comment(text: str) -> str:
    """Return a line of comment that nothing in the text can end, nor the script that it stands in."""
    readable = "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in text)
    return "// " + re.sub("<(?=[/!sS])", r"\\u003c", readable)  # a tag or a comment of HTML
