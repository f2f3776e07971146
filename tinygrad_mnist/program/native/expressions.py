"""Operations on one element as code, and which operations have such code."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tinygrad_mnist.autodiff.expression import number_text
from tinygrad_mnist.program.instructions import Instruction, Operand, Value
from tinygrad_mnist.program.operations import Copy, Elementwise, Reduction, Select, Take

DTYPES = frozenset(map(np.dtype, ("bool", "int32", "int64", "float32", "float64")))
LABELS = frozenset(map(np.dtype, ("int8", "int16", "int32", "int64")))
_FLOATS = frozenset(map(np.dtype, ("float32", "float64")))
EXPRESSIONS = {
    "absolute": "abs({0})",
    "add": "({0} + {1})",
    "clip": "smaller(larger({0}, {1}), {2})",
    "divide": "({0} / {1})",
    "equal": "({0} == {1})",
    "exp": "exp_{dtype}({0})",
    "greater": "({0} > {1})",
    "greater_equal": "({0} >= {1})",
    "less": "({0} < {1})",
    "less_equal": "({0} <= {1})",
    "log": "log_{dtype}({0})",
    "log1p": "log1p_{dtype}({0})",
    "logical_and": "({0} & {1})",
    "logical_not": "(not {0})",
    "logical_or": "({0} | {1})",
    "maximum": "larger({0}, {1})",
    "minimum": "smaller({0}, {1})",
    "multiply": "({0} * {1})",
    "negative": "(-{0})",
    "not_equal": "({0} != {1})",
    "power": "({0} ** {1})",
    "reciprocal": "({dtype}(1) / {0})",
    "square": "({0} * {0})",
    "subtract": "({0} - {1})",
    "tanh": "tanh_{dtype}({0})",
}
# Functions that native code takes from NumPy, as numba compiles them.
NUMPY_FUNCTIONS = (
    *("sqrt", "expm1", "exp2", "log2", "log10", "sin", "cos", "tan", "arcsin", "arccos", "arctan", "sinh"),
    *("cosh", "arcsinh", "arccosh", "arctanh", "floor", "sign"),
)
EXPRESSIONS |= {name: f"{name}({{0}})" for name in NUMPY_FUNCTIONS}
_ALSO_INTEGERS = frozenset({"add", "multiply", "subtract"})
_COMPARISONS = frozenset({"equal", "greater", "greater_equal", "less", "less_equal", "not_equal"})
REDUCTIONS = {"add": "add_to_sum({0}, {1})", "maximum": "larger({0}, {1})", "minimum": "smaller({0}, {1})"}


def loop_dtype(operation: Elementwise, operands: Sequence[Operand], result: Value) -> np.dtype[Any] | None:
    """The dtype that an elementwise operation computes in; None where native code would use another."""
    if operation.name not in EXPRESSIONS:
        return None
    if operation.name == "clip":
        return result.dtype if result.dtype in _FLOATS else None
    kinds = [x.dtype if isinstance(x, Value) else type(x) for x in operands]
    resolved = getattr(np, operation.name).resolve_dtypes((*kinds, None))
    found: np.dtype[Any] = resolved[0]
    if any(dtype != found for dtype in resolved[:-1]):
        return None
    allowed = found in _FLOATS
    allowed |= found == np.int64 and operation.name in _ALSO_INTEGERS | _COMPARISONS
    allowed |= found == np.bool and (operation.name in _COMPARISONS or operation.name.startswith("logical"))
    return found if allowed else None


def is_loop(instruction: Instruction) -> bool:
    """Return True if there is native code for an instruction other than a product."""
    operation, result = instruction.operation, instruction.result
    values = [*instruction.reads, *([] if result is None else [result])]
    if result is None or any(value.dtype not in DTYPES or not value.array.size for value in values):
        return False
    if isinstance(operation, Elementwise):
        return loop_dtype(operation, instruction.operands, result) is not None
    if isinstance(operation, Reduction):
        same = instruction.reads[0].dtype == result.dtype
        return operation.name in REDUCTIONS and same and result.dtype in _FLOATS
    if isinstance(operation, Copy):
        return operation.reshaped is None
    if isinstance(operation, Select):
        return all(value.dtype == result.dtype for value in instruction.reads[1:])
    return isinstance(operation, Take) and operation.mode == "clip"


def read(element: str, dtype: np.dtype[Any]) -> str:
    """An element of memory as a number; a truth value is a byte there."""
    return f"bool({element})" if dtype == np.bool else element


def typed(number: Any, dtype: np.dtype[Any]) -> str:
    """A number as code that has a dtype."""
    if isinstance(number, np.generic):
        number = number.item()
    return f"{dtype.name}({number_text(number).removeprefix('np.').replace('-np.', '-')})"
