"""NumPy's functions on tracers: each notes an instruction, or asks a method of the tracer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from tinygrad_mnist.program.instructions import Value
from tinygrad_mnist.program.operations import Broadcast, Elementwise, Function, Join, Select, Take, Windows
from tinygrad_mnist.program.tracer import Tracer, plain


def _of_shapes(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function that reads shapes and dtypes alone: its answer is the same at every call."""

    def answer(_: Tracer, *args: Any, **kwargs: Any) -> Any:
        return function(*map(plain, args), **{key: plain(value) for key, value in kwargs.items()})

    return answer


def _where(tracer: Tracer, mask: Any, chosen: Any, other: Any) -> Tracer:
    sample = np.where(plain(mask), plain(chosen), plain(other))
    operands = (tracer._operand(mask), tracer._operand(chosen), tracer._operand(other))
    single = not isinstance(operands[1], Value) or operands[1].array.ndim == 0
    by_mask = single and np.shape(plain(mask)) == sample.shape
    return tracer._emit(Select(by_mask), operands, sample)


def _dot(tracer: Tracer, a: Any, b: Any) -> Any:
    sample = np.dot(plain(a), plain(b))
    if np.ndim(plain(a)) == 0 or np.ndim(plain(b)) == 0:
        tracer.recorder.refuse("a product with a number")
    return tracer._product("dot", (tracer._operand(a), tracer._operand(b)), sample)


def _take(
    tracer: Tracer, a: Any, indices: Any, axis: int | None = None, out: Any = None, mode: str = "raise"
) -> Tracer:
    operands = (tracer._operand(a), tracer._operand(indices))
    if out is not None:
        out._require_own()
    taken: Any = np.take(plain(a), plain(indices), axis=axis, out=plain(out), mode=mode)  # type: ignore[call-overload]
    if out is None:
        return tracer._emit(Take(axis, mode), operands, taken)
    out._become(Take(axis, mode), operands)
    return out  # type: ignore[no-any-return]


def _clip(_: Tracer, x: Any, low: Any, high: Any) -> Any:
    if low is None:
        return np.minimum(x, high)
    if high is None:
        return np.maximum(x, low)
    return x._emit(Elementwise("clip"), (x.value, low, high), np.clip(x.array, low, high))


def _join(tracer: Tracer, inputs: Any, axis: int = 0) -> Tracer:
    sample = np.concatenate([plain(x) for x in inputs], axis)
    return tracer._emit(Join(axis), tuple(tracer._operand(x) for x in inputs), sample)


def _broadcast(_: Tracer, x: Tracer, shape: Any) -> Tracer:
    array = np.broadcast_to(x.array, shape)
    return x._look(array, Broadcast(f"np.broadcast_to({{}}, {tuple(shape)})", array.shape))


def _squeeze(_: Tracer, x: Tracer, axis: Any = None) -> Tracer:
    return x.reshape(np.squeeze(x.array, axis).shape)


def _zeros_like(_: Tracer, x: Tracer, dtype: Any = None, shape: Any = None) -> Tracer:
    sample = np.zeros_like(x.array, dtype, shape=shape)
    return Tracer(x.recorder, x.recorder.constant(sample), sample)


def _ones_like(_: Tracer, x: Tracer, dtype: Any = None, shape: Any = None) -> Tracer:
    sample = np.ones_like(x.array, dtype, shape=shape)
    return Tracer(x.recorder, x.recorder.constant(sample), sample)


def _sort(_: Tracer, x: Any, axis: int = -1) -> Any:
    operation = Function(f"np.sort({{}}, axis={axis})", "sort", axis)
    return x._emit(operation, (x.value,), np.sort(x.array, axis))


def _argsort(_: Tracer, x: Any, axis: int = -1, kind: Any = None) -> Any:
    operation = Function(f"np.argsort({{}}, axis={axis}, kind={kind!r})", "argsort", axis)
    return x._emit(operation, (x.value,), np.argsort(x.array, axis, kind))


def _take_along_axis(tracer: Tracer, x: Any, indices: Any, axis: int) -> Any:
    operands = tracer._operand(x), tracer._operand(indices)
    sample = np.take_along_axis(plain(x), plain(indices), axis)
    operation = Function(f"np.take_along_axis({{}}, {{}}, axis={axis})", "take_along_axis", axis)
    return tracer._emit(operation, operands, sample)


def _windows(_: Tracer, x: Any, shape: Any, axis: Any) -> Any:
    code = f"np.lib.stride_tricks.sliding_window_view({{}}, {tuple(shape)}, axis={axis})"
    return x._look(sliding_window_view(x.array, shape, axis), Windows(code, tuple(shape), tuple(axis)))


FUNCTIONS: dict[Callable[..., Any], Callable[..., Any]] = {
    **{f: _of_shapes(f) for f in (np.shape, np.ndim, np.size, np.iscomplexobj, np.result_type)},
    np.where: _where,
    np.dot: _dot,
    np.take: _take,
    np.clip: _clip,
    sliding_window_view: _windows,
    np.sort: _sort,
    np.argsort: _argsort,
    np.take_along_axis: _take_along_axis,
    np.concatenate: _join,
    np.broadcast_to: _broadcast,
    np.squeeze: _squeeze,
    np.zeros_like: _zeros_like,
    np.empty_like: _zeros_like,  # written over by what follows
    np.ones_like: _ones_like,
    np.reshape: lambda _, x, shape: x.reshape(shape),
    np.ravel: lambda _, x: x.ravel(),
    np.transpose: lambda _, x, axes=None: x.transpose(*(() if axes is None else (axes,))),
    np.sum: lambda _, x, axis=None, keepdims=False: x.sum(axis, keepdims),
    np.max: lambda _, x, axis=None, keepdims=False, initial=None: np.maximum.reduce(
        x, axis=axis, keepdims=keepdims, initial=initial
    ),
    np.abs: lambda _, x: np.absolute(x),
}
