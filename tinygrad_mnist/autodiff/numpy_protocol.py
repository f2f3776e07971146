"""The op that answers when a NumPy function meets a Tensor: ``np.exp(tensor)`` is differentiable."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from tinygrad_mnist.autodiff import ops, trees
from tinygrad_mnist.autodiff.conversions import needs_gradient
from tinygrad_mnist.autodiff.primitive import ANSWERS, Recordable, peeled
from tinygrad_mnist.hints import numpy_functions, unknown_keyword


def _clip(x: Any, a_min: Any = None, a_max: Any = None, *, min: Any = None, max: Any = None) -> Any:
    """np.clip with numbers as bounds."""
    low, high = min if a_min is None else a_min, max if a_max is None else a_max
    if any(isinstance(bound, Recordable) for bound in (low, high)):
        raise TypeError("the bounds of a clip are numbers: for Tensors use np.maximum and np.minimum")
    return ops.clip(x, min=low, max=high)


def _absolute(x: Any) -> Any:
    """|x| of real numbers: ops.abs extends it analytically, which is not the modulus."""
    if np.iscomplexobj(x):
        raise TypeError("np.abs of a complex Tensor has no gradient rule here: use tensor.data")
    return ops.abs(x)


def _concatenate(inputs: Any, axis: int | None = 0) -> Any:
    """np.concatenate; axis=None joins the flattened inputs."""
    if axis is None:
        return ops.concatenate(*(ops.flatten(x) for x in inputs))
    return ops.concatenate(*inputs, axis=axis)


def _where(condition: Any, *choices: Any) -> Any:
    """np.where, of lists too; without choices it gives positions."""
    if not choices:
        return np.where(peeled(condition))
    return ops.where(*(np.asarray(x) if isinstance(x, list | tuple) else x for x in (condition, *choices)))


_SAME_NAME = """
square reciprocal dot inner outer tensordot einsum expand_dims squeeze swapaxes moveaxis matrix_transpose
stack vstack hstack split take repeat tile pad roll flip tril triu diag diagonal trace astype
"""

# NumPy functions that are compositions, or whose arguments are not those of an op; the others stand on the
# ops, as ``numpy=``.
_ADAPTED: dict[Callable[..., Any], Callable[..., Any]] = {
    **{getattr(np, name): getattr(ops, name) for name in _SAME_NAME.split()},
    np.absolute: _absolute,
    np.clip: _clip,
    np.where: _where,
    np.ravel: lambda x: ops.flatten(x),
    np.concatenate: _concatenate,
    np.linalg.norm: ops.norm,
}
if np.amax is not np.max:
    _ADAPTED |= {np.amax: ops.max, np.amin: ops.min}


ANSWERS.update(_ADAPTED)

_CONSTANT = """
greater greater_equal less less_equal equal not_equal logical_and logical_or logical_not isfinite isinf
isnan signbit ceil rint argmax argmin argsort any all isclose allclose array_equal shape ndim size
zeros_like ones_like iscomplexobj array_repr
"""
# Piecewise constant, or about shapes: they answer with plain arrays, and no gradient passes.
PLAIN: frozenset[Callable[..., Any]] = frozenset(getattr(np, name) for name in _CONSTANT.split())


def call(function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Answer a NumPy function called with a Tensor, or say in a TypeError what to use instead."""
    if function in PLAIN:
        return function(*trees.replace(args, _plain), **trees.replace(kwargs, _plain))
    if kwargs.get("out") is not None:
        raise TypeError(
            f"{_name(function)} cannot write a Tensor into an array or back (out=, array += tensor)"
        )
    ours = ANSWERS.get(function)
    if ours is None and not _needs_gradient(args, kwargs):
        return function(*trees.replace(args, _plain), **trees.replace(kwargs, _plain))
    if ours is None:
        name = _name(function)
        advice = numpy_functions.advice(name.removeprefix("np."), is_numpy=name.startswith("np."))
        raise TypeError(f"{name} has no gradient rule here: {advice}")
    try:
        unset = {key for key in ("out", "dtype", "order") if kwargs.get(key, "") is None}
        return ours(*args, **{key: value for key, value in kwargs.items() if key not in unset})
    except TypeError as error:
        narrower = _narrower(_name(function), ours, kwargs, error)
        if narrower is None:
            raise
        raise narrower from error


def _narrower(
    name: str, ours: Callable[..., Any], keywords: dict[str, Any], error: TypeError
) -> TypeError | None:
    """Return the error for arguments that NumPy's function takes and ours does not; None for another one."""
    known = list(inspect.signature(ours).parameters)
    unknown = next((word for word in keywords if word not in known), None)
    if unknown is None and "argument" not in str(error):
        return None
    if unknown is None:
        said = str(error).replace("<lambda>()", f"{name} on a Tensor")
        return TypeError(f"{name} on a Tensor takes fewer arguments than NumPy's: {said}")
    return TypeError(f"on a Tensor {unknown_keyword(name, unknown, known)}")


def _name(function: Callable[..., Any]) -> str:
    """As it is written: ``np.linalg.norm``, ``np.add.reduce``; one of another library by its bare name."""
    of = getattr(function, "__self__", None)
    if isinstance(of, np.ufunc):
        return f"{_name(of)}.{function.__name__}"
    module = (getattr(function, "__module__", "") or "").removeprefix("numpy").lstrip(".")
    name = str(getattr(function, "__name__", function))
    if isinstance(function, np.ufunc) and getattr(np, name, None) is not function:
        return name
    return f"np.{module}.{name}" if module and not module.startswith("_") else f"np.{name}"


def _plain(value: Any) -> Any:
    """Return the array of a Tensor, read-only; while a function is compiled, its tracer."""
    array = peeled(value)
    if isinstance(value, Recordable) and isinstance(array, np.ndarray):
        array = array.view()
        array.flags.writeable = False
    return array


def _needs_gradient(*arguments: Any) -> bool:
    return any(isinstance(x, Recordable) and needs_gradient(x) for x in trees.leaves(list(arguments)))
