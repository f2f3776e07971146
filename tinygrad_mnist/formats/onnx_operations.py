"""Each kind of instruction as nodes of ONNX."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import singledispatch
from typing import Any

import numpy as np

from tinygrad_mnist.errors import ExportError
from tinygrad_mnist.formats import onnx_indices, onnx_windows
from tinygrad_mnist.formats.onnx_graph import OnnxGraph
from tinygrad_mnist.program.instructions import Instruction, Value
from tinygrad_mnist.program.operations import (
    Broadcast,
    Call,
    Copy,
    Draw,
    Elementwise,
    Function,
    Index,
    Join,
    Operation,
    Pick,
    Product,
    Put,
    Reduction,
    Reshape,
    Select,
    Take,
    Transpose,
    Windows,
)

# NumPy's ufuncs that are one operator, which gives the operands' dtype.
_ALIKE = {
    "absolute": "Abs", "add": "Add", "arccos": "Acos", "arccosh": "Acosh", "arcsin": "Asin",
    "arcsinh": "Asinh", "arctan": "Atan", "arctanh": "Atanh", "ceil": "Ceil", "cos": "Cos", "cosh": "Cosh",
    "divide": "Div", "exp": "Exp", "fabs": "Abs", "floor": "Floor", "log": "Log", "maximum": "Max",
    "minimum": "Min", "multiply": "Mul", "negative": "Neg", "positive": "Identity", "power": "Pow",
    "reciprocal": "Reciprocal", "rint": "Round", "sign": "Sign", "sin": "Sin", "sinh": "Sinh", "sqrt": "Sqrt",
    "subtract": "Sub", "tan": "Tan", "tanh": "Tanh", "true_divide": "Div",
}  # fmt: skip
_COMPARISONS = {
    "equal": "Equal", "greater": "Greater", "greater_equal": "GreaterOrEqual", "less": "Less",
    "less_equal": "LessOrEqual",
}  # fmt: skip
_LOGICAL = {"logical_and": "And", "logical_or": "Or", "logical_xor": "Xor", "logical_not": "Not"}
_REDUCTIONS = {"add": "ReduceSum", "multiply": "ReduceProd", "maximum": "ReduceMax", "minimum": "ReduceMin"}


def add(graph: OnnxGraph, instruction: Instruction) -> None:
    """Add an instruction to a graph.

    Raises
    ------
    ExportError
        If ONNX has no operator for it.
    """
    graph.scope = instruction.scope
    operation, result = instruction.operation, instruction.result
    if result is None:  # a check of values: ONNX leaves the refused ones undefined
        return
    graph.call(result, translated(operation, graph, instruction.operands, result))


@singledispatch
def translated(operation: Operation, graph: OnnxGraph, operands: Sequence[Any], result: Value) -> str:
    """Add an operation to a graph, and return the name of its result."""
    if isinstance(operation, Draw):
        raise ExportError(
            "random numbers cannot be repeated in ONNX: write model.eval() for a model with dropout"
        )
    op = result.primitive or type(operation).__name__.lower()
    raise ExportError(f"{op} has no form in ONNX: leave it out of what is exported")


# Elements


@translated.register
def _(operation: Elementwise, graph: OnnxGraph, operands: Sequence[Any], result: Value) -> str:
    name = operation.name
    if name in _LOGICAL or (name == "multiply" and result.dtype.kind == "b"):
        return graph.node(_LOGICAL.get(name, "And"), *(graph.in_dtype(x, np.dtype(bool)) for x in operands))
    dtype = np.result_type(*(x.array if isinstance(x, Value) else x for x in operands))
    dtype = dtype if result.dtype.kind == "b" else result.dtype
    if name in _COMPARISONS:
        dtype = np.dtype(np.uint8) if dtype.kind == "b" and name != "equal" else dtype
        return graph.node(_COMPARISONS[name], *(graph.in_dtype(x, dtype) for x in operands))
    given = [graph.in_dtype(x, dtype) for x in operands]
    if name in _ALIKE:
        return graph.node(_ALIKE[name], *given)
    if name in _COMPOSED:
        one = graph.constant(np.ones((), dtype))
        return _COMPOSED[name](graph, one, *given)
    raise ExportError(f"np.{name} has no form in ONNX: leave it out of what is exported")


def _clip(graph: OnnxGraph, one: str, x: str, low: str, high: str) -> str:
    return graph.node("Min", graph.node("Max", x, low), high)


def _log_of(base: float) -> Callable[..., str]:
    def log(graph: OnnxGraph, one: str, x: str) -> str:
        dtype = _dtype(graph, one)
        return graph.node("Mul", graph.node("Log", x), graph.constant(np.array(1 / np.log(base), dtype)))

    return log


def _dtype(graph: OnnxGraph, name: str) -> np.dtype[Any]:
    from onnx import helper

    tensor = next(each for each in graph.initializers if each.name == name)
    return np.dtype(helper.tensor_dtype_to_np_dtype(tensor.data_type))


def _logaddexp(graph: OnnxGraph, one: str, a: str, b: str) -> str:
    distance = graph.node("Neg", graph.node("Abs", graph.node("Sub", a, b)))
    rest = graph.node("Log", graph.node("Add", one, graph.node("Exp", distance)))
    return graph.node("Add", graph.node("Max", a, b), rest)


def _arctan2(graph: OnnxGraph, one: str, y: str, x: str) -> str:
    """Add the angle of a point: that of its slope, and half a turn more or less on the left."""
    zero, half_turn = graph.node("Sub", one, one), graph.constant(np.array(np.pi, _dtype(graph, one)))
    up = graph.node("Where", graph.node("Less", y, zero), graph.node("Neg", half_turn), half_turn)
    more = graph.node("Where", graph.node("Less", x, zero), up, zero)
    return graph.node("Add", graph.node("Atan", graph.node("Div", y, x)), more)


def _isfinite(graph: OnnxGraph, one: str, x: str) -> str:
    either = graph.node("Or", graph.node("IsNaN", x), graph.node("IsInf", x))
    return graph.node("Not", either)


# Ufuncs of several nodes; the second argument is the name of a one in the operands' dtype.
_COMPOSED: dict[str, Callable[..., str]] = {
    "arctan2": _arctan2,
    "clip": _clip,
    "exp2": lambda graph, one, x: graph.node("Pow", graph.node("Add", one, one), x),
    "expm1": lambda graph, one, x: graph.node("Sub", graph.node("Exp", x), one),
    "isfinite": _isfinite,
    "isinf": lambda graph, one, x: graph.node("IsInf", x),
    "isnan": lambda graph, one, x: graph.node("IsNaN", x),
    "log10": _log_of(10),
    "log1p": lambda graph, one, x: graph.node("Log", graph.node("Add", x, one)),
    "log2": _log_of(2),
    "logaddexp": _logaddexp,
    "not_equal": lambda graph, one, a, b: graph.node("Not", graph.node("Equal", a, b)),
    "square": lambda graph, one, x: graph.node("Mul", x, x),
}


@translated.register
def _(operation: Select, graph: OnnxGraph, operands: Sequence[Any], result: Value) -> str:
    mask, *chosen = operands
    return graph.node(
        "Where", graph.in_dtype(mask, np.dtype(bool)), *(graph.in_dtype(x, result.dtype) for x in chosen)
    )


@translated.register
def _(operation: Copy, graph: OnnxGraph, operands: Sequence[Any], result: Value) -> str:
    x = graph.in_dtype(operands[0], result.dtype)
    return x if operation.reshaped is None else graph.reshape(x, graph.shapes.of(result))


# Products and sums


@translated.register
def _(operation: Product, graph: OnnxGraph, operands: Sequence[Any], result: Value) -> str:
    a, b = operands
    if operation.name == "dot" and b.array.ndim > 2:
        raise ExportError("np.dot of stacks of matrices has no form in ONNX: write a @ b")
    return graph.node("MatMul", graph.in_dtype(a, result.dtype), graph.in_dtype(b, result.dtype))


@translated.register
def _(operation: Reduction, graph: OnnxGraph, operands: Sequence[Any], result: Value) -> str:
    x, axis = operands[0], operation.axis
    if operation.name not in _REDUCTIONS:
        raise ExportError(f"np.{operation.name}.reduce has no form in ONNX")
    axes = range(x.array.ndim) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    given = graph.in_dtype(x, result.dtype)
    if not x.array.ndim:
        return given
    reduced = graph.node(_REDUCTIONS[operation.name], given, graph.whole_numbers(*axes), keepdims=0)
    if operation.initial is None or (operation.name == "add" and operation.initial == 0):
        return reduced
    kind = {"add": "Add", "multiply": "Mul", "maximum": "Max", "minimum": "Min"}[operation.name]
    return graph.node(kind, reduced, graph.constant(np.array(operation.initial, result.dtype)))


# Shapes


@translated.register
def _(operation: Transpose, graph: OnnxGraph, operands: Sequence[Any], result: Value) -> str:
    return graph.node("Transpose", graph.of(operands[0]), perm=list(operation.axes))


@translated.register
def _(operation: Reshape, graph: OnnxGraph, operands: Sequence[Any], result: Value) -> str:
    return graph.reshape(graph.of(operands[0]), graph.shapes.of(result))


@translated.register
def _(operation: Broadcast, graph: OnnxGraph, operands: Sequence[Any], result: Value) -> str:
    before, after = graph.shapes.of(operands[0]), graph.shapes.of(result)
    before = (1,) * (len(after) - len(before)) + before
    needed = [1 if a == b else a for a, b in zip(after, before)]  # 1 keeps an equal length
    return graph.node("Expand", graph.of(operands[0]), graph.vector(needed))


@translated.register
def _(operation: Join, graph: OnnxGraph, operands: Sequence[Any], result: Value) -> str:
    return graph.node("Concat", *(graph.in_dtype(x, result.dtype) for x in operands), axis=operation.axis)


# Indices


translated.register(Function)(onnx_indices.along_axis)
translated.register(Index)(onnx_indices.index)
translated.register(Take)(onnx_indices.take)
translated.register(Windows)(onnx_indices.windows)
translated.register(Pick)(onnx_indices.pick)
translated.register(Put)(onnx_indices.put)


# Ops noted as a whole


@translated.register
def _(operation: Call, graph: OnnxGraph, operands: Sequence[Any], result: Value) -> str:
    name = result.primitive
    if name not in WHOLE:
        raise ExportError(f"{name} has no form in ONNX: leave it out of what is exported")
    given = [None if x is None else graph.in_dtype(x, result.dtype) for x in operands]
    return WHOLE[name](graph, operands, given, **dict(operation.settings))


def _linear(graph: OnnxGraph, operands: Sequence[Any], given: Sequence[Any]) -> str:
    x, weight, bias = given
    if operands[0].array.ndim == 2:
        return graph.node("Gemm", x, weight, *([] if bias is None else [bias]), transB=1)
    product = graph.node("MatMul", x, graph.node("Transpose", weight, perm=[1, 0]))
    return product if bias is None else graph.node("Add", product, bias)


def _one_node(kind: str) -> Callable[..., str]:
    return lambda graph, operands, given, **settings: graph.node(kind, *given, **settings)


# Ops with their own operator in ONNX; all others are traced.
WHOLE: dict[str, Callable[..., str]] = {
    "convolution": onnx_windows.convolution,
    "convolution_input": onnx_windows.convolution_input,
    "convolution_weight": onnx_windows.convolution_weight,
    "linear": _linear,
    "max_pool": onnx_windows.max_pool,
    "relu": _one_node("Relu"),
    "sigmoid": _one_node("Sigmoid"),
    "softmax": _one_node("Softmax"),
    "sum_pool": onnx_windows.sum_pool,
}
