"""What a check is given: variables to differentiate by, and random generators to put back."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from tinygrad_mnist.autodiff.tensor import Tensor
from tinygrad_mnist.errors import GradientError
from tinygrad_mnist.nn import Module


def training_loss(model: Module, loss: Any = None, batch: Any = None) -> Callable[[Any], Any]:
    """A model, its loss and a batch as a function of the model."""
    if not callable(loss) or not isinstance(batch, tuple | list) or len(batch) != 2:
        raise GradientError(
            "to check a model give it with its loss and a batch: (model, loss, (inputs, targets))"
        )
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
            variables[parameter_name if parameter_name not in variables else f"{name}.{parameter_name}"] = (
                parameter
            )
        return value
    if isinstance(value, dict):
        return {key: collected(part, f"{name}.{key}", variables) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(collected(part, f"{name}.{i}", variables) for i, part in enumerate(value))
    if isinstance(value, Tensor):
        if value.inputs:
            raise GradientError(f"{value.label()} was computed: check with respect to leaves, or detach() it")
        if value.dtype.kind == "f":
            variables[value.name or name] = value
        return value
    array = np.asarray(value) if isinstance(value, float | np.floating) else value
    if isinstance(array, np.ndarray) and array.dtype.kind == "f":
        variables[name] = Tensor(array)
        return variables[name]
    return value


def generators_in_reach(function: Any, inputs: tuple[Any, ...]) -> list[np.random.Generator]:
    """Random generators in reach: among the inputs, in what the function can name, and in modules there."""
    code, method_of = getattr(function, "__code__", None), getattr(function, "__self__", None)
    known = getattr(function, "__globals__", {})
    cells = [cell.cell_contents for cell in getattr(function, "__closure__", None) or ()]
    globally = [known[name] for name in getattr(code, "co_names", ()) if name in known]
    found: list[np.random.Generator] = []
    for value in (function, method_of, *inputs, *cells, *globally):
        modules = value.modules() if isinstance(value, Module) else ()
        held = [part for module in modules for part in vars(module).values()]
        if value is method_of:
            held += list(getattr(value, "__dict__", {}).values())
        found += [g for g in (value, *held) if isinstance(g, np.random.Generator) and g not in found]
    return found
