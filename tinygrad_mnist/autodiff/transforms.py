"""Derivatives of functions: gradients, products with Jacobians and Hessians, and the matrices themselves.

Each takes a function of arrays or Tensors (NumPy functions included) and returns what it is given: arrays
for arrays; for Tensors, Tensors that can be differentiated again, so transforms nest. A function that
closes over a Tensor with a gradient also returns Tensors, which depend on it; under ``no_grad()`` it
returns arrays.  An argument is a number, an array, a Tensor, or dicts, lists and tuples of these.

The names and conventions are JAX's.  A function that does not depend on an argument has gradient 0 there.
"""

from __future__ import annotations

import math
from dataclasses import replace
from functools import wraps
from typing import Any

import numpy as np

from tinygrad_mnist.autodiff import ops, trees
from tinygrad_mnist.autodiff.modes import enable_grad
from tinygrad_mnist.autodiff.tensor import Tensor
from tinygrad_mnist.autodiff.tracing import (
    Function,
    Traced,
    as_tensor,
    chosen_positions,
    floating_dtype,
    has_tensors,
    ones_like,
    require_function,
    require_one_each,
    require_scalar,
    trace,
)
from tinygrad_mnist.errors import ShapeError
from tinygrad_mnist.hints import hinted

__all__ = ["grad", "hessian", "hvp", "jacobian", "jvp", "value_and_grad", "vjp"]

Argnums = int | tuple[int, ...] | list[int]


def __dir__() -> list[str]:
    return __all__


@hinted
def value_and_grad(function: Function, argnums: Argnums = 0) -> Function:
    """Return a function that computes a scalar function and its gradient.

    Parameters
    ----------
    function : callable
        As in `grad`.
    argnums : int or tuple of int, default 0
        As in `grad`.

    Returns
    -------
    callable
        Takes the arguments of `function`, returns the pair ``(value, gradient)``.

    Examples
    --------
    >>> value_and_grad(lambda w, x: np.sum(w * x))(np.array([1.0, 2.0]), np.array([3.0, 4.0]))
    (array(11.), array([3., 4.]))
    """
    require_function(function, "value_and_grad")

    @wraps(function)
    def differentiated(*arguments: Any, **keywords: Any) -> Any:
        positions = chosen_positions(argnums, len(arguments))
        traced = trace(function, arguments, positions, keywords)
        require_scalar(traced.output)
        found = traced.pull([ones_like(traced.output)], create_graph=not traced.plain)
        tree = traced.answer(traced.arguments, found)
        return traced.answer(None, [traced.output]), tree[0] if isinstance(argnums, int) else tree

    return differentiated


@hinted
def grad(function: Function, argnums: Argnums = 0) -> Function:
    """Return a function that computes the gradient of a scalar function.

    JAX's ``grad``. For the gradients of a Tensor that is computed already, as in PyTorch, use
    `tinygrad_mnist.autograd.grad`.

    Parameters
    ----------
    function : callable
        Takes numbers, arrays, Tensors, or nested dicts, lists and tuples of them; returns one real number.
    argnums : int or tuple of int, default 0
        Positions of the arguments to differentiate with respect to, negative from the end.

    Returns
    -------
    callable
        Takes the arguments of `function`, returns a gradient shaped like the argument (a tuple for several):
        an array, or a Tensor if an argument is one. It is 0 where the result does not depend on it.

    Raises
    ------
    TypeError
        If `function` is not callable, such as a computed Tensor.
    GradientError
        When called, if the result is not one real floating-point number.
    DTypeError
        When called, if a differentiated argument does not hold floats.

    Examples
    --------
    >>> grad(lambda x: np.sum(x**2))(np.array([1.0, 2.0]))
    array([2., 4.])
    >>> grad(grad(np.sin))(0.5) == -np.sin(0.5)
    np.True_
    """
    require_function(function, "grad")
    both = value_and_grad(function, argnums)

    @wraps(function)
    def differentiated(*arguments: Any, **keywords: Any) -> Any:
        return both(*arguments, **keywords)[1]

    return differentiated


def vjp(function: Function, *primals: Any) -> tuple[Any, Function]:
    """Return the value at `primals`, and a function that multiplies a vector by the Jacobian from the left.

    Parameters
    ----------
    function : callable
        Takes and returns floating-point arrays, Tensors, or nested dicts, lists and tuples of them.
    *primals
        Arguments of `function`; all are differentiated.

    Returns
    -------
    value, pull
        ``pull(v)`` takes a `v` of the structure and shapes of the value and returns a tuple with one
        gradient per primal.

    Raises
    ------
    ShapeError
        When `pull` is called, if `v` does not have the structure and shapes of the value.

    Examples
    --------
    >>> value, pull = vjp(lambda x: x * x, np.array([1.0, 2.0]))
    >>> pull(np.array([1.0, 10.0]))
    (array([ 2., 40.]),)
    """
    require_function(function, "vjp")
    traced = trace(function, primals, tuple(range(len(primals))), {})

    def pull(vector: Any) -> tuple[Any, ...]:
        seeds = _matched("the vector", vector, traced.output)
        plain = traced.plain and not has_tensors(vector)
        answering = replace(traced, plain=plain)
        return answering.answer(traced.arguments, traced.pull(seeds, create_graph=not plain))  # type: ignore[no-any-return]

    return traced.answer(traced.output, trees.leaves(traced.output)), pull


def _matched(what: str, vectors: Any, values: Any) -> list[Any]:
    """Return the leaves of `vectors`, which must have the structure and the shapes of `values`."""
    found = trees.leaves_like(values, vectors, what)
    for vector, value in zip(found, trees.leaves(values)):
        if np.shape(vector) != np.shape(value):
            raise ShapeError(
                f"{what} of shape {np.shape(vector)} does not fit a value of shape {np.shape(value)}"
            )
    return found


def _inner(vectors: list[Any], others: list[Any]) -> Any:
    """Return the sum of all products of entries."""
    total: Any = 0.0
    for v, w in zip(vectors, others):
        total = total + ops.sum(v * w)
    return total


@hinted
def jvp(function: Function, primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Any, Any]:
    """Return the value at `primals`, and the directional derivative: the Jacobian times `tangents`.

    Parameters
    ----------
    function : callable
        As in `vjp`.
    primals, tangents : tuple
        Arguments of `function`, and a direction for each, in its structure and shapes.

    Returns
    -------
    value, tangent
        In the structure and shapes of the function's result.

    Raises
    ------
    TypeError
        If `primals` or `tangents` is not a tuple with one entry per argument.
    ShapeError
        If a tangent does not have the structure and shapes of its primal.

    Notes
    -----
    The vjp is linear in its vector, so its own vjp is the Jacobian the other way round (the double-vjp
    trick of J. Townsend, 2017): reverse mode alone gives forward derivatives.

    Examples
    --------
    >>> jvp(np.exp, (np.array([0.0, 1.0]),), (np.array([1.0, 0.0]),))[1]
    array([1., 0.])
    """
    require_function(function, "jvp")
    require_one_each("jvp", primals, tangents)
    traced = trace(function, primals, tuple(range(len(primals))), {}, tangents)
    directions = _matched("the tangent", tangents, traced.arguments)
    outputs = trees.leaves(traced.output)
    dummies = [Tensor(np.zeros(np.shape(y), floating_dtype(y)), requires_grad=True) for y in outputs]
    with enable_grad():
        product = _inner(traced.pull(dummies, create_graph=True), directions)
    found = Traced(product, dummies, None, traced.plain).pull(
        [ones_like(product)], create_graph=not traced.plain
    )
    return traced.answer(traced.output, outputs), traced.answer(traced.output, found)


@hinted
def hvp(function: Function, primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return the Hessian of a scalar function times `tangents`, without forming the Hessian.

    Parameters
    ----------
    function : callable
        As in `grad`.
    primals, tangents : tuple
        Arguments of `function`, and a direction for each, in its structure and shapes.

    Returns
    -------
    tuple
        One product per primal, in its structure and shapes.

    Raises
    ------
    TypeError, ShapeError
        As in `jvp`.

    Examples
    --------
    >>> hvp(lambda x: np.sum(x**3), (np.array([1.0, 2.0]),), (np.array([1.0, 1.0]),))
    (array([ 6., 12.]),)
    """
    require_function(function, "hvp")
    require_one_each("hvp", primals, tangents)
    traced = trace(function, primals, tuple(range(len(primals))), {}, tangents)
    require_scalar(traced.output)
    directions = _matched("the tangent", tangents, traced.arguments)
    with enable_grad():
        product = _inner(traced.pull([ones_like(traced.output)], create_graph=True), directions)
    moved = Traced(product, traced.variables, None, traced.plain)
    found = moved.pull([ones_like(product)], create_graph=not traced.plain)
    return traced.answer(traced.arguments, found)  # type: ignore[no-any-return]


@hinted
def jacobian(function: Function, argnums: Argnums = 0) -> Function:
    """Return a function that computes all partial derivatives of a function of arrays.

    Parameters
    ----------
    function : callable
        Takes and returns floating-point arrays, Tensors, or nested dicts, lists and tuples of them.
    argnums : int or tuple of int, default 0
        Positions of the arguments to differentiate with respect to, negative from the end.

    Returns
    -------
    callable
        Takes the arguments of `function`. For an array result and one array argument it returns an array of
        shape ``result.shape + argument.shape``. In general it returns the structure of the result, with the
        structure of the argument (a tuple for several) in place of each array.

    Notes
    -----
    One backward pass for each entry of the result.

    Examples
    --------
    >>> jacobian(lambda x: x * x)(np.array([1.0, 2.0]))
    array([[2., 0.],
           [0., 4.]])
    """
    require_function(function, "jacobian")

    @wraps(function)
    def differentiated(*arguments: Any, **keywords: Any) -> Any:
        traced = trace(function, arguments, chosen_positions(argnums, len(arguments)), keywords)
        tree = traced.arguments if isinstance(argnums, tuple | list) else traced.arguments[0]
        blocks = [
            trees.refill(tree, _jacobian_blocks(replace(traced, output=y)))
            for y in trees.leaves(traced.output)
        ]
        return trees.refill(traced.output, blocks)

    return differentiated


def _jacobian_blocks(traced: Traced) -> list[Any]:
    """Return the Jacobian of an array result with respect to each variable."""
    shape, dtype = np.shape(traced.output), floating_dtype(traced.output)
    size = math.prod(shape)
    if not size:
        empty = [np.zeros((*shape, *v.shape), v.dtype) for v in traced.variables]
        return empty if traced.plain else [as_tensor(block) for block in empty]
    basis = np.eye(size, dtype=dtype).reshape(size, *shape)
    rows = [traced.pull([row], create_graph=not traced.plain) for row in basis]
    blocks = []
    for variable, column in zip(traced.variables, zip(*rows)):
        block: Any = np.stack(column) if traced.plain else ops.stack([as_tensor(row) for row in column])
        blocks.append(block.reshape((*shape, *variable.shape)))
    return blocks


@hinted
def hessian(function: Function, argnums: Argnums = 0) -> Function:
    """Return a function that computes all second derivatives of a scalar function.

    Parameters
    ----------
    function : callable
        As in `grad`.
    argnums : int or tuple of int, default 0
        Positions of the arguments to differentiate with respect to; for several, the result is a
        tuple of tuples.

    Returns
    -------
    callable
        Takes the arguments of `function`. For one array argument it returns an array of shape
        ``argument.shape + argument.shape``.

    Examples
    --------
    >>> hessian(lambda x: np.sum(x**3))(np.array([1.0, 2.0]))
    array([[ 6.,  0.],
           [ 0., 12.]])
    """
    require_function(function, "hessian")
    return jacobian(grad(function, argnums), argnums)
