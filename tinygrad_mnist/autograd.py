"""Gradients of computed tensors, as in ``torch.autograd``; `tinygrad_mnist.grad` is for functions."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import wraps
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import numpy as np

from tinygrad_mnist.arguments import shown
from tinygrad_mnist.autodiff.backward import pull_back, require_connected
from tinygrad_mnist.autodiff.modes import is_compiling
from tinygrad_mnist.autodiff.tensor import Tensor
from tinygrad_mnist.errors import GradientError, ShapeError
from tinygrad_mnist.hints import hinted
from tinygrad_mnist.hints import lookups as _lookups
from tinygrad_mnist.hints import rooms as _rooms

__all__ = ["grad"]

P = ParamSpec("P")
R = TypeVar("R")

if not TYPE_CHECKING:
    __dir__, __getattr__ = _lookups("autograd", _rooms.AUTOGRAD, __all__)


def _refuse_functions(function: Callable[P, R]) -> Callable[P, R]:
    """Return `function` that names the transform if a function is its first argument."""

    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        outputs = args[0] if args else kwargs.get("outputs")
        if callable(outputs):
            raise TypeError(
                f"outputs is {shown(outputs)}: expected a computed Tensor; for the gradient of a function "
                "write tm.grad(f)(x)"
            )
        return function(*args, **kwargs)

    return call


@_refuse_functions
@hinted
def grad(
    outputs: Tensor | Iterable[Tensor],
    inputs: Tensor | Iterable[Tensor],
    grad_outputs: Any = None,
    *,
    create_graph: bool = False,
) -> tuple[Tensor, ...]:
    """Return the gradients of computed tensors with respect to tensors that they were computed from.

    As ``torch.autograd.grad``: it reads the recorded graph and leaves every ``.grad`` as it is.

    Parameters
    ----------
    outputs : Tensor or iterable of Tensor
        Real scalars, or tensors of any shape together with `grad_outputs`. The gradients of several outputs
        are added.
    inputs : Tensor or iterable of Tensor
        Tensors to differentiate with respect to, leaves or computed ones.
    grad_outputs : Tensor, ndarray or sequence of them, optional
        Vector of the vector-Jacobian product, one per output, in its shape. None stands for 1.
    create_graph : bool, default False
        If True, record the backward pass, so that the results can be differentiated again.

    Returns
    -------
    tuple of Tensor
        One gradient per input, in its shape and dtype.

    Raises
    ------
    TypeError
        If an output is not a Tensor, such as a function: that is `tinygrad_mnist.grad`.
    GradientError
        If the outputs do not depend on an input, or one is not a scalar and has no entry in `grad_outputs`.
    ShapeError
        If an entry of `grad_outputs` does not have the shape of its output.

    Examples
    --------
    >>> x = Tensor(2.0, requires_grad=True)
    >>> (first,) = grad(x**3, x, create_graph=True)
    >>> (second,) = grad(first, x)
    >>> first.item(), second.item()
    (12.0, 12.0)
    """
    ys, wanted = _tensors("outputs", outputs), _tensors("inputs", inputs)
    given = [grad_outputs] if isinstance(outputs, Tensor) else _one_each(grad_outputs, len(ys))
    for y in ys:
        require_connected(y)
    for position, x in enumerate(wanted):
        if not x.requires_grad:
            raise GradientError(f"input {position} is not a Tensor with requires_grad=True: {shown(x)}")
    seeds: list[Any] = [y._initial_gradient(g) for y, g in zip(ys, given)]
    if create_graph:
        seeds = [g if isinstance(g, Tensor) else Tensor(seed) for g, seed in zip(given, seeds)]
    found = pull_back(ys, seeds, wanted, create_graph=create_graph)
    for position, (x, g) in enumerate(zip(wanted, found)):
        if g is None:
            names = " and ".join(y._label() for y in ys)
            raise GradientError(f"{names} does not depend on input {position}, {x._label()}")
    copied = (lambda g: g) if is_compiling() else np.array  # a program copies its results itself
    return tuple(g if isinstance(g, Tensor) else Tensor(copied(g)) for g in found)


def _tensors(name: str, given: Any) -> list[Tensor]:
    """Return one Tensor or several as a list; refuse anything else."""
    tensors = [given] if isinstance(given, Tensor) else given
    if not isinstance(tensors, Iterable) or isinstance(tensors, str | np.ndarray):
        raise TypeError(f"{name} is {shown(given)}: expected a computed Tensor, or several; write grad(y, x)")
    tensors = list(tensors)
    if not tensors:
        raise TypeError(f"{name} is empty: expected a Tensor, or several; write grad(y, x)")
    for each in tensors:
        if not isinstance(each, Tensor):
            raise TypeError(f"{name} has {shown(each)}: expected Tensors alone; write grad(y, [x, w])")
    return tensors


def _one_each(grad_outputs: Any, count: int) -> list[Any]:
    """Return one entry per output; None stands for 1."""
    if grad_outputs is None:
        return [None] * count
    if not isinstance(grad_outputs, list | tuple) or len(grad_outputs) != count:
        raise ShapeError(f"grad_outputs is {shown(grad_outputs)}: expected a list with one entry per output")
    return list(grad_outputs)
