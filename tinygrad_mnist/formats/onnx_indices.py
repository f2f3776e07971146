"""Indices as nodes of ONNX: slices, whole numbers, arrays of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tinygrad_mnist.errors import ExportError
from tinygrad_mnist.formats.onnx_graph import OnnxGraph
from tinygrad_mnist.formats.open_batch import Batch, Length
from tinygrad_mnist.program.instructions import Value
from tinygrad_mnist.program.operations import PLACE, Function, Index, Pick, Put, Take, Windows

_END = 2**63 - 1  # beyond the end of an axis of any length
_INT64 = np.dtype(np.int64)


def index(operation: Index, graph: OnnxGraph, operands: Sequence[Any], result: Value) -> str:
    """Add a view of some elements: slices, then removed and added axes."""
    x = operands[0]
    slices: list[tuple[int, int, int, int]] = []  # start, end, axis, step
    removed, added = [], []
    axis = place = 0
    for part in _spelled_out(operation.index, x.array.ndim):
        if part is None:
            added.append(place)
        elif not isinstance(part, slice):
            slices.append((int(part), _END if part == -1 else int(part) + 1, axis, 1))
            removed.append(axis)
        elif part != slice(None):
            start, end, step = _ends(part, graph.shapes.of(x)[axis])
            slices.append((start, end, axis, step))
        place += part is None or isinstance(part, slice)
        axis += part is not None
    found = graph.of(x)
    if slices:
        found = graph.node("Slice", found, *(graph.whole_numbers(*numbers) for numbers in zip(*slices)))
    if removed:
        found = graph.node("Squeeze", found, graph.whole_numbers(*removed))
    return graph.node("Unsqueeze", found, graph.whole_numbers(*added)) if added else found


def _ends(part: slice, length: Length) -> tuple[int, int, int]:
    """Return start, end and step of a slice, for an axis of known or open length."""
    if not isinstance(length, Batch):
        start, end, step = part.indices(length)
        return start, -_END if end < 0 else end, step
    step = 1 if part.step is None else int(part.step)
    start = part.start if part.start is not None else 0 if step > 0 else _END
    end = part.stop if part.stop is not None else _END if step > 0 else -_END
    return int(start), int(end), step


def _spelled_out(parts: tuple[Any, ...], ndim: int) -> list[Any]:
    """Return an index with a full slice for each axis that it leaves out."""
    used = sum(part is not None and part is not Ellipsis for part in parts)
    rest = [slice(None)] * (ndim - used)
    at = next((i for i, part in enumerate(parts) if part is Ellipsis), None)
    return [*parts, *rest] if at is None else [*parts[:at], *rest, *parts[at + 1 :]]


def windows(operation: Windows, graph: OnnxGraph, operands: Sequence[Any], result: Value) -> str:
    """Add all windows along axes, by the places of their elements."""
    x, spans = operands[0], dict(zip(operation.axes, operation.lengths))
    found = graph.of(x)
    for axis in sorted(spans, reverse=True):
        length = graph.shapes.of(x)[axis]
        if isinstance(length, Batch):
            raise ExportError("windows along the examples have no form in ONNX: write dynamic_batch=False")
        starts = np.arange(length - spans[axis] + 1)[:, None]
        found = graph.node("Gather", found, graph.constant(starts + np.arange(spans[axis])), axis=axis)
    # Behind each of those axes now lie the places in its windows: they go to the end.
    axes = [(is_place, axis) for axis in range(x.array.ndim) for is_place in range(1 + (axis in spans))]
    wanted = [*((0, axis) for axis in range(x.array.ndim)), *((1, axis) for axis in operation.axes)]
    return graph.node("Transpose", found, perm=[axes.index(key) for key in wanted])


def take(operation: Take, graph: OnnxGraph, operands: Sequence[Any], result: Value) -> str:
    """Add a choice of elements along an axis."""
    x, indices = operands
    given = graph.of(x)
    if operation.axis is None:
        given = graph.node("Reshape", given, graph.whole_numbers(-1))
    return graph.node("Gather", given, graph.in_dtype(indices, _INT64), axis=operation.axis or 0)


def along_axis(operation: Function, graph: OnnxGraph, operands: Sequence[Any], result: Value) -> str:
    """Add a running sum or product, an order, or a choice of elements along an axis."""
    x, axis, name = operands[0], operation.axis, operation.name
    given, length = graph.in_dtype(x, x.dtype), graph.shapes.of(x)[axis]
    if name == "add.accumulate":
        return graph.node("CumSum", given, graph.constant(np.array(axis)))
    if name == "take_along_axis":
        return graph.node("GatherElements", given, graph.in_dtype(operands[1], _INT64), axis=axis)
    if isinstance(length, Batch):
        raise ExportError(f"np.{name} along the examples has no form in ONNX: write dynamic_batch=False")
    if name == "multiply.accumulate":
        return _running_product(graph, given, axis, length)
    if name in ("sort", "argsort"):
        values, places = graph.results_of("TopK", 2, given, graph.whole_numbers(length), axis=axis, largest=0)
        return values if name == "sort" else places
    raise ExportError(f"np.{name} has no form in ONNX: leave it out of what is exported")


def _running_product(graph: OnnxGraph, x: str, axis: int, length: int) -> str:
    """Add a running product, by doubling: ONNX has none."""

    def part(start: int, end: int) -> str:
        return graph.node("Slice", x, *(graph.whole_numbers(n) for n in (start, end, axis)))

    step = 1
    while step < length:
        later = graph.node("Mul", part(step, _END), part(0, -step))
        x = graph.node("Concat", part(0, step), later, axis=axis)
        step *= 2
    return x


def pick(operation: Pick, graph: OnnxGraph, operands: Sequence[Any], result: Value) -> str:
    """Add a choice of elements by arrays, which are constants."""
    x, *arrays = operands
    picked = graph.node("Gather", _flat(graph, x), _positions(graph, x, operation.index, arrays), axis=0)
    return graph.reshape(picked, graph.shapes.of(result))


def put(operation: Put, graph: OnnxGraph, operands: Sequence[Any], result: Value) -> str:
    """Add values written, or added, at an index."""
    base, value, *arrays = operands
    positions = _positions(graph, base, operation.index, arrays)
    rows = graph.node("Reshape", positions, graph.whole_numbers(-1, 1))
    written = np.broadcast_to(np.empty(()), base.shape)[_filled(operation.index, arrays)].shape
    values = graph.node("Expand", graph.in_dtype(value, result.dtype), graph.whole_numbers(*written))
    values = graph.node("Reshape", values, graph.whole_numbers(-1))
    reduction = "add" if operation.added else "none"
    changed = graph.node("ScatterND", _flat(graph, base), rows, values, reduction=reduction)
    return graph.reshape(changed, graph.shapes.of(result))


def _flat(graph: OnnxGraph, x: Value) -> str:
    return graph.node("Reshape", graph.of(x), graph.whole_numbers(-1))


def _positions(graph: OnnxGraph, x: Value, parts: tuple[Any, ...], arrays: Sequence[Value]) -> str:
    """Return the positions in the flat array that an index selects."""
    if any(isinstance(length, Batch) for length in graph.shapes.of(x)):
        raise ExportError("an index by arrays takes batches of one length: write dynamic_batch=False")
    if parts == (PLACE,) and x.array.ndim == 1:
        return graph.in_dtype(arrays[0], _INT64)
    if any(array.origin != "constant" for array in arrays):
        raise ExportError("an index by computed arrays has no form in ONNX: write ops.where or ops.one_hot")
    places = np.arange(x.array.size).reshape(x.shape)[_filled(parts, arrays)]
    return graph.constant(places.ravel())


def _filled(parts: tuple[Any, ...], arrays: Sequence[Value]) -> tuple[Any, ...]:
    """Return an index with its arrays; zeros for computed ones, of which a trace keeps the shape alone."""
    known = (x.array if x.origin == "constant" else np.zeros(x.shape, x.dtype) for x in arrays)
    return tuple(next(known) if part is PLACE else part for part in parts)
