"""Derivatives of functions: gradients, products with Jacobians and Hessians, and the matrices themselves.

Each takes a function of arrays or Tensors (NumPy functions included) and speaks the language of its
arguments: arrays in, arrays out; Tensors in, Tensors out that can be differentiated again, so transforms
nest.  A function that closes over a Tensor that requires a gradient gives Tensors too, which depend on it;
under ``no_grad()``, where nothing does, arrays.  An argument is a number, an array, a Tensor, or dicts, lists
and tuples of these.

The names and conventions are JAX's.  A function that does not depend on an argument has gradient 0 there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import wraps
from typing import Any

import numpy as np

from tinygrad_mnist.arguments import shown
from tinygrad_mnist.autodiff import ops, trees
from tinygrad_mnist.autodiff.backward import pull_back, require_connected
from tinygrad_mnist.autodiff.modes import recording
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
from tinygrad_mnist.errors import GradientError, ShapeError
from tinygrad_mnist.hints import hinted


@hinted
def gradients(
    output: Tensor,
    inputs: Sequence[Tensor] | Tensor | None = None,
    *,
    gradient: Any = None,
    create_graph: bool = False,
) -> tuple[Tensor, ...]:
    """The gradients of a computed tensor with respect to tensors it was computed from.

    Exported as ``tinygrad_mnist.grad``, as in ``torch.autograd.grad``; touches no ``.grad``.

    Parameters
    ----------
    output
        A scalar, or a tensor of any shape together with `gradient`.
    inputs
        The tensors to differentiate by, leaves or not: one, or a sequence.
    gradient
        The vector of the vector-Jacobian product, in the output's shape.
    create_graph
        Record the backward pass, so that the results can be differentiated again.

    Returns
    -------
    tuple of Tensor
        One for each input, in its shape and dtype.

    Raises
    ------
    GradientError
        When the output does not depend on an input, or is no scalar and `gradient` is missing.

    Examples
    --------
    >>> x = Tensor(2.0, requires_grad=True)
    >>> (first,) = gradients(x**3, x, create_graph=True)
    >>> (second,) = gradients(first, x)
    >>> first.item(), second.item()
    (12.0, 12.0)
    """
    if not isinstance(output, Tensor):
        raise TypeError(
            f"output is {shown(output)}: expected a computed Tensor; "
            "for the gradient of a function write transforms.grad(f)(x)"
        )
    if inputs is None:
        raise TypeError("inputs is None: expected the Tensors to differentiate by; write grad(y, x)")
    wanted = [inputs] if isinstance(inputs, Tensor) else list(inputs)
    require_connected(output)
    for position, tensor in enumerate(wanted):
        if not isinstance(tensor, Tensor) or not tensor.requires_grad:
            raise GradientError(f"input {position} is no Tensor with requires_grad=True: {shown(tensor)}")
    checked = output._initial_gradient(gradient)
    seed = gradient if isinstance(gradient, Tensor) else Tensor(checked)
    found = pull_back([output], [seed if create_graph else checked], wanted, create_graph=create_graph)
    for position, (tensor, g) in enumerate(zip(wanted, found)):
        if g is None:
            raise GradientError(f"{output._label()} does not depend on input {position}, {tensor._label()}")
    return tuple(g if isinstance(g, Tensor) else Tensor(np.array(g)) for g in found)


@hinted
def value_and_grad(function: Function, argnums: int | tuple[int, ...] | list[int] = 0) -> Function:
    """The function that returns ``(value, gradient)`` of a scalar function.

    Parameters
    ----------
    function
        Any number of arguments, one scalar result.
    argnums
        Which argument to differentiate by, negative from the end; for several, the gradient is a tuple.

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
def grad(function: Function, argnums: int | tuple[int, ...] | list[int] = 0) -> Function:
    """The function that returns the gradient of a scalar function; see `value_and_grad`.

    Examples
    --------
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
    """The value at `primals`, and the function that multiplies a vector with the Jacobian from the left.

    Returns
    -------
    value, pull
        ``pull(v)`` takes a `v` of the value's structure and returns a tuple, one for each primal.

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
    """The leaves of `vectors`, which must have the structure and the shapes of `values`."""
    found = trees.leaves_like(values, vectors, what)
    for vector, value in zip(found, trees.leaves(values)):
        if np.shape(vector) != np.shape(value):
            raise ShapeError(
                f"{what} of shape {np.shape(vector)} does not fit a value of shape {np.shape(value)}"
            )
    return found


def _inner(vectors: list[Any], others: list[Any]) -> Any:
    """The sum of all products of entries."""
    total: Any = 0.0
    for v, w in zip(vectors, others):
        total = total + ops.sum(v * w)
    return total


@hinted
def jvp(function: Function, primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Any, Any]:
    """The value at `primals`, and the Jacobian times `tangents`: the directional derivative.

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
    with recording(True):
        product = _inner(traced.pull(dummies, create_graph=True), directions)
    found = Traced(product, dummies, None, traced.plain).pull(
        [ones_like(product)], create_graph=not traced.plain
    )
    return traced.answer(traced.output, outputs), traced.answer(traced.output, found)


@hinted
def hvp(function: Function, primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Any, ...]:
    """The Hessian of a scalar function times `tangents`, without forming the Hessian.

    Returns
    -------
    tuple
        One product for each primal, in its structure.

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
    with recording(True):
        product = _inner(traced.pull([ones_like(traced.output)], create_graph=True), directions)
    moved = Traced(product, traced.variables, None, traced.plain)
    found = moved.pull([ones_like(product)], create_graph=not traced.plain)
    return traced.answer(traced.arguments, found)  # type: ignore[no-any-return]


@hinted
def jacobian(function: Function, argnum: int = 0) -> Function:
    """The function that returns all partial derivatives of an array function of one array argument.

    The result has shape ``value.shape + argument.shape``; one backward pass for each entry of the value.

    Examples
    --------
    >>> jacobian(lambda x: x * x)(np.array([1.0, 2.0]))
    array([[2., 0.],
           [0., 4.]])
    """
    require_function(function, "jacobian")

    @wraps(function)
    def differentiated(*arguments: Any, **keywords: Any) -> Any:
        traced = trace(function, arguments, chosen_positions(argnum, len(arguments)), keywords)
        if len(traced.variables) != 1 or isinstance(traced.output, dict | list | tuple):
            raise GradientError("jacobian takes one array argument and one array result: use vjp for more")
        shape, dtype = np.shape(traced.output), floating_dtype(traced.output)
        size = int(np.prod(shape))
        basis = np.eye(size, dtype=dtype).reshape(size, *shape)
        if not size:
            empty = np.zeros((*shape, *traced.variables[0].shape), traced.variables[0].dtype)
            return empty if traced.plain else as_tensor(empty)
        rows = [traced.pull([row], create_graph=not traced.plain)[0] for row in basis]
        matrix = np.stack(rows) if traced.plain else ops.stack([as_tensor(row) for row in rows])
        return matrix.reshape((*shape, *traced.variables[0].shape))

    return differentiated


@hinted
def hessian(function: Function, argnum: int = 0) -> Function:
    """The function that returns all second derivatives of a scalar function of one array argument.

    Examples
    --------
    >>> hessian(lambda x: np.sum(x**3))(np.array([1.0, 2.0]))
    array([[ 6.,  0.],
           [ 0., 12.]])
    """
    require_function(function, "hessian")
    return jacobian(grad(function, argnum), argnum)
