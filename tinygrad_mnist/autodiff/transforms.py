"""Derivatives of functions: gradients, products with Jacobians and Hessians, and the matrices themselves.

Each takes a function of arrays or Tensors (NumPy functions included) and speaks the language of its
arguments: arrays in, arrays out; Tensors in, Tensors out that can be differentiated again, so transforms
nest.  An argument is a number, an array, a Tensor, or dicts, lists and tuples of these.

The names and conventions are JAX's.  A function that does not depend on an argument has gradient 0 there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Any

import numpy as np

from tinygrad_mnist.autodiff import ops, trees
from tinygrad_mnist.autodiff.backward import pull_back, require_connected
from tinygrad_mnist.autodiff.modes import recording
from tinygrad_mnist.autodiff.tensor import Tensor
from tinygrad_mnist.errors import GradientError, ShapeError

Function = Callable[..., Any]


def gradients(
    output: Tensor, inputs: Sequence[Tensor] | Tensor, *, gradient: Any = None, create_graph: bool = False
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
        raise GradientError(
            "grad(output, inputs) differentiates a computed Tensor; "
            "for the gradient of a function use transforms.grad(function)"
        )
    wanted = [inputs] if isinstance(inputs, Tensor) else list(inputs)
    require_connected(output)
    seed = gradient if create_graph and isinstance(gradient, Tensor) else output.seed(gradient)
    found = pull_back([output], [Tensor(seed) if create_graph else seed], wanted, create_graph=create_graph)
    for position, (tensor, g) in enumerate(zip(wanted, found)):
        if g is None:
            raise GradientError(f"{output.label()} does not depend on input {position}, {tensor.label()}")
    return tuple(g if isinstance(g, Tensor) else Tensor(g) for g in found)


@dataclass(frozen=True)
class _Traced:
    """A function's result, and the variables it was called with."""

    output: Any
    variables: list[Tensor]
    arguments: Any
    plain: bool  # no Tensor among the arguments: answer with arrays, and keep no graph

    def pull(self, seeds: list[Any], create_graph: bool) -> list[Any]:
        """The vector-Jacobian product for each variable, zeros where nothing depends on it."""
        outputs = trees.leaves(self.output)
        pairs = [(y, s) for y, s in zip(outputs, seeds) if isinstance(y, Tensor) and y.requires_grad]
        found = pull_back(
            [y for y, _ in pairs], [s for _, s in pairs], self.variables, create_graph=create_graph
        )
        zeros = (np.zeros(v.shape, v.dtype) for v in self.variables)
        return [zero if g is None else g for g, zero in zip(found, zeros)]

    def answer(self, tree: Any, values: list[Any]) -> Any:
        """`values` in the structure of `tree`, in the language of the arguments."""
        return trees.refill(tree, [_plain(v) if self.plain else _tensor(v) for v in values])


def _plain(value: Any) -> Any:
    return value.data if isinstance(value, Tensor) else np.asarray(value)


def _tensor(value: Any) -> Tensor:
    return value if isinstance(value, Tensor) else Tensor(value)


def _variable(value: Any) -> Tensor:
    """A tensor to differentiate by: apart from `value`, which the function may also hold by other ways."""
    if isinstance(value, Tensor) and value.requires_grad:
        return ops.identity(value)  # type: ignore[no-any-return]
    array = value.data if isinstance(value, Tensor) else value
    return Tensor(float(array) if isinstance(array, int) else array, requires_grad=True)


def _trace(
    function: Function, arguments: tuple[Any, ...], positions: tuple[int, ...], keywords: dict[str, Any]
) -> _Traced:
    chosen = tuple(arguments[position] for position in positions)
    plain = not any(isinstance(leaf, Tensor) for leaf in trees.leaves(chosen))
    variables = [_variable(leaf) for leaf in trees.leaves(chosen)]
    filled = dict(zip(positions, trees.refill(chosen, variables)))
    output = function(*(filled.get(i, argument) for i, argument in enumerate(arguments)), **keywords)
    return _Traced(output, variables, chosen, plain)


def _require_scalar(output: Any) -> None:
    if np.size(output) != 1:
        raise GradientError(
            f"grad needs a function with a scalar result, and this one has shape {np.shape(output)}: "
            "reduce it (sum, mean), or use vjp or jacobian"
        )


def value_and_grad(function: Function, argnums: int | tuple[int, ...] = 0) -> Function:
    """The function that returns ``(value, gradient)`` of a scalar function.

    Parameters
    ----------
    function
        Any number of arguments, one scalar result.
    argnums
        Which argument to differentiate by; for a tuple, the gradient is a tuple.

    Examples
    --------
    >>> value_and_grad(lambda w, x: np.sum(w * x))(np.array([1.0, 2.0]), np.array([3.0, 4.0]))
    (array(11.), array([3., 4.]))
    """

    @wraps(function)
    def differentiated(*arguments: Any, **keywords: Any) -> Any:
        positions = argnums if isinstance(argnums, tuple) else (argnums,)
        with recording(True):
            traced = _trace(function, arguments, positions, keywords)
            _require_scalar(traced.output)
            ones = np.ones(np.shape(traced.output), getattr(traced.output, "dtype", float))
            found = traced.pull([ones if traced.plain else Tensor(ones)], create_graph=not traced.plain)
        tree = traced.answer(traced.arguments, found)
        value = traced.answer(None, [traced.output])
        return value, tree if isinstance(argnums, tuple) else tree[0]

    return differentiated


def grad(function: Function, argnums: int | tuple[int, ...] = 0) -> Function:
    """The function that returns the gradient of a scalar function; see `value_and_grad`.

    Examples
    --------
    >>> grad(grad(np.sin))(0.5) == -np.sin(0.5)
    np.True_
    """
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
    with recording(True):
        traced = _trace(function, primals, tuple(range(len(primals))), {})

    def pull(vector: Any) -> tuple[Any, ...]:
        seeds = trees.leaves(vector)
        _require_fit("a vector", seeds, trees.leaves(traced.output))
        seeds = [_plain(s) if traced.plain else _tensor(s) for s in seeds]
        return traced.answer(traced.arguments, traced.pull(seeds, create_graph=not traced.plain))  # type: ignore[no-any-return]

    return traced.answer(traced.output, trees.leaves(traced.output)), pull


def _require_fit(what: str, vectors: list[Any], values: list[Any]) -> None:
    shapes = [np.shape(v) for v in vectors], [np.shape(v) for v in values]
    if shapes[0] != shapes[1]:
        raise ShapeError(f"{what} of shapes {shapes[0]} does not fit values of shapes {shapes[1]}")


def _inner(vectors: list[Any], others: list[Any]) -> Any:
    """The sum of all products of entries."""
    total: Any = 0.0
    for v, w in zip(vectors, others):
        total = total + ops.sum(v * w)
    return total


def jvp(function: Function, primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Any, Any]:
    """The value at `primals`, and the Jacobian times `tangents`: the directional derivative.

    The vjp is linear in its vector, so its own vjp is the Jacobian the other way round (the double-vjp
    trick of J. Townsend, 2017): reverse mode alone gives forward derivatives.

    Examples
    --------
    >>> jvp(np.exp, (np.array([0.0, 1.0]),), (np.array([1.0, 0.0]),))[1]
    array([1., 0.])
    """
    with recording(True):
        traced = _trace(function, primals, tuple(range(len(primals))), {})
        directions = trees.leaves(tangents)
        _require_fit("tangents", directions, traced.variables)
        outputs = trees.leaves(traced.output)
        dummies = [Tensor(np.zeros(np.shape(y), _plain(y).dtype), requires_grad=True) for y in outputs]
        pulled = traced.pull(dummies, create_graph=True)
        product = _inner(pulled, directions)
        moved = _Traced(product, dummies, None, traced.plain)
        found = moved.pull([_one(product, traced.plain)], create_graph=not traced.plain)
    return traced.answer(traced.output, outputs), traced.answer(traced.output, found)


def _one(scalar: Any, plain: bool) -> Any:
    one = np.ones((), getattr(scalar, "dtype", float))
    return one if plain else Tensor(one)


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
    with recording(True):
        traced = _trace(function, primals, tuple(range(len(primals))), {})
        _require_scalar(traced.output)
        directions = trees.leaves(tangents)
        _require_fit("tangents", directions, traced.variables)
        ones = np.ones(np.shape(traced.output), getattr(traced.output, "dtype", float))
        product = _inner(traced.pull([Tensor(ones)], create_graph=True), directions)
        moved = _Traced(product, traced.variables, None, traced.plain)
        found = moved.pull([_one(product, traced.plain)], create_graph=not traced.plain)
    return traced.answer(traced.arguments, found)  # type: ignore[no-any-return]


def jacobian(function: Function, argnum: int = 0) -> Function:
    """The function that returns all partial derivatives of an array function of one array argument.

    The result has shape ``value.shape + argument.shape``; one backward pass for each entry of the value.

    Examples
    --------
    >>> jacobian(lambda x: x * x)(np.array([1.0, 2.0]))
    array([[2., 0.],
           [0., 4.]])
    """

    @wraps(function)
    def differentiated(*arguments: Any, **keywords: Any) -> Any:
        with recording(True):
            traced = _trace(function, arguments, (argnum,), keywords)
            if len(traced.variables) != 1 or len(trees.leaves(traced.output)) != 1:
                raise GradientError(
                    "jacobian takes one array argument and one array result: use vjp for more"
                )
            value = _plain(traced.output)
            basis = np.eye(value.size, dtype=value.dtype).reshape(value.size, *value.shape)
            rows = [
                traced.pull([row if traced.plain else Tensor(row)], create_graph=not traced.plain)[0]
                for row in basis
            ]
            matrix = np.stack(rows) if traced.plain else ops.stack([_tensor(row) for row in rows])
            return matrix.reshape((*value.shape, *traced.variables[0].shape))

    return differentiated


def hessian(function: Function, argnum: int = 0) -> Function:
    """The function that returns all second derivatives of a scalar function of one array argument.

    Examples
    --------
    >>> hessian(lambda x: np.sum(x**3))(np.array([1.0, 2.0]))
    array([[ 6.,  0.],
           [ 0., 12.]])
    """
    return jacobian(grad(function, argnum), argnum)
