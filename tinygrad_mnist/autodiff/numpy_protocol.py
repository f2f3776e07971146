"""Which op answers when a NumPy function meets a Tensor: ``np.exp(tensor)`` is differentiable."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tinygrad_mnist.autodiff import ops
from tinygrad_mnist.autodiff.primitive import Recordable

DIFFERENTIABLE: dict[Callable[..., Any], Callable[..., Any]] = {
    np.add: ops.add,
    np.subtract: ops.subtract,
    np.multiply: ops.multiply,
    np.divide: ops.divide,
    np.negative: ops.negative,
    np.positive: ops.identity,
    np.power: ops.power,
    np.float_power: ops.power,
    np.square: ops.square,
    np.exp: ops.exp,
    np.log: ops.log,
    np.log1p: ops.log1p,
    np.sqrt: ops.sqrt,
    np.sin: ops.sin,
    np.cos: ops.cos,
    np.tanh: ops.tanh,
    np.absolute: ops.abs,
    np.maximum: ops.maximum,
    np.minimum: ops.minimum,
    np.matmul: ops.matmul,
    np.dot: lambda a, b: ops.matmul(a, b) if np.ndim(a) and np.ndim(b) else ops.multiply(a, b),
    np.where: ops.where,
    np.clip: lambda x, a_min=None, a_max=None, *, min=None, max=None: ops.clip(
        x, low=min if a_min is None else a_min, high=max if a_max is None else a_max
    ),
    np.sum: lambda x, axis=None, keepdims=False: ops.sum(x, axis=axis, keepdims=keepdims),
    np.mean: lambda x, axis=None, keepdims=False: ops.mean(x, axis=axis, keepdims=keepdims),
    np.max: lambda x, axis=None, keepdims=False: ops.max(x, axis=axis, keepdims=keepdims),
    np.min: lambda x, axis=None, keepdims=False: ops.min(x, axis=axis, keepdims=keepdims),
    np.reshape: lambda x, shape: ops.reshape(x, shape=shape),
    np.ravel: ops.flatten,
    np.transpose: lambda x, axes=None: ops.transpose(x, axes=axes),
    np.matrix_transpose: ops.matrix_transpose,
    np.broadcast_to: lambda x, shape: ops.broadcast_to(x, shape=shape),
    np.expand_dims: ops.expand_dims,
    np.squeeze: ops.squeeze,
    np.concatenate: lambda inputs, axis=0: ops.concatenate(*inputs, axis=axis),
    np.stack: ops.stack,
}

# Piecewise constant, or about shapes: they answer with plain arrays, and no gradient passes.
PLAIN: frozenset[Callable[..., Any]] = frozenset(
    {
        np.greater,
        np.greater_equal,
        np.less,
        np.less_equal,
        np.equal,
        np.not_equal,
        np.logical_and,
        np.logical_or,
        np.logical_not,
        np.isfinite,
        np.isinf,
        np.isnan,
        np.signbit,
        np.sign,
        np.floor,
        np.ceil,
        np.rint,
        np.argmax,
        np.argmin,
        np.argsort,
        np.any,
        np.all,
        np.isclose,
        np.allclose,
        np.array_equal,
        np.shape,
        np.ndim,
        np.size,
        np.zeros_like,
        np.ones_like,
        np.iscomplexobj,
        np.array_repr,
    }
)


def call(function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Answer a NumPy function called with a Tensor, or say in a TypeError what to use instead."""
    name = getattr(function, "__name__", str(function))
    if function in PLAIN:
        return function(*(_plain(x) for x in args), **{key: _plain(x) for key, x in kwargs.items()})
    if kwargs.get("out") is not None:
        raise TypeError(f"np.{name} cannot write a Tensor into an array (out=, or array += tensor)")
    ours = DIFFERENTIABLE.get(function)
    if ours is None:
        raise TypeError(
            f"np.{name} has no gradient rule here; on a Tensor use tensor.data for its plain array, "
            "or compose the function of those in tinygrad_mnist.ops"
        )
    try:
        return ours(*args, **kwargs)
    except TypeError as error:
        error.add_note(f"while np.{name} was called on a Tensor")
        raise


def _plain(value: Any) -> Any:
    return value._data if isinstance(value, Recordable) else value
