"""The arguments of a check: variables to differentiate by, and random generators to put back."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np

from tinygrad_mnist.arguments import shown
from tinygrad_mnist.autodiff.tensor import Tensor
from tinygrad_mnist.errors import GradientError
from tinygrad_mnist.nn import Module


def training_loss(model: Module, loss: Any = None, batch: Any = None, *more: Any) -> Callable[[Any], Any]:
    """A model, its loss and a batch as a function of the model."""
    write = "write check_gradients(model, loss, (inputs, targets))"
    if isinstance(loss, type) and issubclass(loss, Module):
        raise TypeError(f"loss is {shown(loss)}: did you mean {loss.__name__}()?")
    if not callable(loss):
        raise TypeError(f"loss is {shown(loss)}: expected a function of output and targets; {write}")
    if more or not isinstance(batch, tuple | list) or len(batch) != 2:
        raise TypeError(f"batch is {shown(batch)}: expected one pair, inputs and targets; {write}")
    return lambda network: loss(network(batch[0]), batch[1])


def argument_names(function: Callable[..., Any], count: int) -> list[str]:
    """The names of the function's parameters, where Python knows them."""
    try:
        parameters = inspect.signature(function).parameters.values()
        names = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    except (TypeError, ValueError):
        names = []
    return [names[i] if i < len(names) else f"input {i}" for i in range(count)]


def collected(value: Any, name: str, variables: dict[str, Tensor]) -> Any:
    """`value` with arrays replaced by Tensors, and all that can be differentiated by added to `variables`."""
    if isinstance(value, Module):
        for parameter_name, parameter in value.named_parameters():
            _add(variables, parameter_name, parameter)
        return value
    if isinstance(value, dict):
        return {key: collected(part, f"{name}.{key}", variables) for key, part in value.items()}
    if isinstance(value, list | tuple):
        parts = [collected(part, f"{name}.{i}", variables) for i, part in enumerate(value)]
        return type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)
    if isinstance(value, Tensor):
        if value.inputs:
            raise GradientError(
                f"{value._label()} was computed: check with respect to leaves, or detach() it"
            )
        if value.dtype.kind == "f":
            _add(variables, value.name or name, value)
        return value
    array = np.asarray(value) if isinstance(value, float | np.floating) else value
    if isinstance(array, np.ndarray) and array.dtype.kind == "f":
        return _add(variables, name, Tensor(array))
    return value


def _add(variables: dict[str, Tensor], name: str, tensor: Tensor) -> Tensor:
    """Note a variable under its name, with a number where another has that name; the same tensor once."""
    if not any(tensor is known for known in variables.values()):
        number, free = 1, name
        while free in variables:
            number += 1
            free = f"{name} ({number})"
        variables[free] = tensor
    return tensor


def generators_in_reach(function: Any, inputs: tuple[Any, ...]) -> list[np.random.Generator]:
    """Random generators in reach: among the inputs, in what the function can name, and in modules there."""
    code, known = getattr(function, "__code__", None), getattr(function, "__globals__", {})
    cells = [cell.cell_contents for cell in getattr(function, "__closure__", None) or ()]
    globally = [known[name] for name in getattr(code, "co_names", ()) if name in known]
    defaults = (getattr(function, "__defaults__", None), getattr(function, "__kwdefaults__", None))
    applied = (getattr(function, "args", None), getattr(function, "keywords", None))  # of a partial
    method_of = getattr(function, "__self__", None)
    found: dict[int, np.random.Generator] = {}
    _look_inside([function, method_of, *inputs, *cells, *globally, *defaults, *applied], found, depth=4)
    return list(found.values())


def _look_inside(values: list[Any], found: dict[int, np.random.Generator], depth: int) -> None:
    """Add the generators among values, in containers, and in the attributes of objects, to `found`."""
    for value in values:
        if isinstance(value, np.random.Generator):
            found[id(value)] = value
        elif depth and isinstance(value, dict):
            _look_inside(list(value.values()), found, depth - 1)
        elif depth and isinstance(value, list | tuple):
            _look_inside(list(value), found, depth - 1)
        elif depth and not isinstance(value, type | ModuleType | Tensor) and hasattr(value, "__dict__"):
            _look_inside(list(vars(value).values()), found, depth - 1)
