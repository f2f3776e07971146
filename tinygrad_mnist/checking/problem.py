"""What is checked: a scalar function and the named tensors it is differentiated by, put back afterwards.

While a problem is open its variables hold float64 copies; when it closes, their arrays, serials and flags,
and the state of every random generator in reach, are what they were, byte for byte.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinygrad_mnist.autodiff.backward import pull_back
from tinygrad_mnist.autodiff.modes import no_grad, promoting, recording
from tinygrad_mnist.autodiff.tensor import Tensor
from tinygrad_mnist.errors import GradientError
from tinygrad_mnist.nn import Module

Array = NDArray[Any]


class Problem:
    """A scalar function with named float64 variables; made by `open_problem`.

    Attributes
    ----------
    variables : dict of str to Tensor
        What is differentiated by.
    converted : list of str
        The variables that were float32 (or another float) and are checked in float64 copies.
    """

    def __init__(
        self, function: Callable[[], Any], variables: dict[str, Tensor], generators: list[Any]
    ) -> None:
        self.function = function
        self.variables = variables
        self.converted: list[str] = []
        self._generators = [(generator, generator.bit_generator.state) for generator in generators]

    def output(self) -> Any:
        """What the function returns, every random generator in reach as it was at the start."""
        self.rewind()
        output = self.function()
        if np.size(output) != 1:
            raise GradientError(
                f"a gradient check needs a function with a scalar result, and this one returns shape "
                f"{np.shape(output)}: reduce it, with sum() or a loss"
            )
        return output

    def rewind(self) -> None:
        """Put the random generators back, so that dropout draws the same mask each time."""
        for generator, state in self._generators:
            generator.bit_generator.state = state

    def value(self) -> Any:
        """The function's value now, a float (or complex in a complex step); nothing is recorded."""
        with no_grad():
            output = self.output()
        return output._data.item() if isinstance(output, Tensor) else np.asarray(output).item()

    def gradients(self) -> dict[str, Array | None]:
        """Reverse mode: a gradient for each variable, None where the value does not depend on it."""
        with recording(True):
            output = self.output()
        if not isinstance(output, Tensor) or not output.requires_grad:
            return dict.fromkeys(self.variables)
        seed = np.ones(output.shape, output.dtype)
        return dict(zip(self.variables, pull_back([output], [seed], list(self.variables.values()))))


class SecondOrder(Problem):
    """The slope of a problem along a fixed random direction; its gradient is the Hessian times that."""

    def __init__(self, first: Problem, seed: int) -> None:
        super().__init__(first.function, first.variables, [])
        self.first, self.converted = first, first.converted
        rng = np.random.default_rng(seed)
        self.directions = [rng.standard_normal(v.shape) for v in first.variables.values()]

    def value(self) -> Any:
        """The slope, by reverse mode."""
        found = self.first.gradients().values()
        return sum((g * d).sum() for g, d in zip(found, self.directions) if g is not None)

    def gradients(self) -> dict[str, Array | None]:
        """Reverse mode over reverse mode."""
        variables = list(self.variables.values())
        with recording(True):
            output = self.first.output()
            seed = Tensor(np.ones(np.shape(output)))
            inner = pull_back([output], [seed], variables, create_graph=True)
            terms = [(g * d).sum() for g, d in zip(inner, self.directions) if g is not None]
            slope = sum(terms[1:], terms[0]) if terms else None
        if slope is None or not slope.requires_grad:  # a linear function: all second derivatives are 0
            return {name: np.zeros(v.shape) for name, v in self.variables.items()}
        found = pull_back([slope], [np.ones(())], variables)
        return {
            name: np.zeros(v.shape) if g is None else g for (name, v), g in zip(self.variables.items(), found)
        }


@contextmanager
def open_problem(
    function: Callable[..., Any], *inputs: Any, order: int = 1, seed: int = 0
) -> Iterator[Problem]:
    """Open a problem, and put everything back when it closes, also after an error.

    Parameters
    ----------
    function
        Called with the inputs; or a model, followed by a loss and a batch ``(inputs, targets)``.
    inputs
        Tensors, arrays, numbers, modules (their parameters count), or dicts, lists and tuples of these.
        Integer arrays are passed on and not differentiated by.
    order
        2 for the second derivatives, along a random direction drawn from `seed`.
    """
    if order not in (1, 2):
        raise GradientError(f"order is 1 (gradients) or 2 (second derivatives), not {order}")
    generators = _generators(function, inputs)
    if isinstance(function, Module):
        function, inputs = _training_loss(function, *inputs), (function,)
    variables: dict[str, Tensor] = {}
    arguments = tuple(
        _collected(value, name, variables)
        for name, value in zip(_argument_names(function, len(inputs)), inputs)
    )
    if not variables:
        raise GradientError("there is nothing to differentiate by: pass float arrays, Tensors or modules")
    with ExitStack() as stack:
        stack.enter_context(_put_back(variables.values(), generators))
        stack.enter_context(promoting())
        stack.enter_context(np.errstate(all="ignore"))  # a step may leave a function's domain: reported below
        problem = Problem(lambda: function(*arguments), variables, generators)
        problem.converted = [name for name, v in variables.items() if v.dtype != np.float64]
        for variable in variables.values():
            variable._data = variable._data.astype(np.float64)
            variable._requires_grad = True
        _require_sound(problem)
        yield SecondOrder(problem, seed) if order == 2 else problem


def _training_loss(model: Module, loss: Any = None, batch: Any = None) -> Callable[[Any], Any]:
    if not callable(loss) or not isinstance(batch, tuple | list) or len(batch) != 2:
        raise GradientError(
            "to check a model give it with its loss and a batch: (model, loss, (inputs, targets))"
        )
    return lambda network: loss(network(batch[0]), batch[1])


def _argument_names(function: Callable[..., Any], count: int) -> list[str]:
    """The names of the function's parameters, where Python knows them."""
    try:
        parameters = inspect.signature(function).parameters.values()
        names = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    except (TypeError, ValueError):
        names = []
    return [names[i] if i < len(names) else f"input {i}" for i in range(count)]


def _collected(value: Any, name: str, variables: dict[str, Tensor]) -> Any:
    """`value` with arrays replaced by Tensors, and all that can be differentiated by added to `variables`."""
    if isinstance(value, Module):
        for parameter_name, parameter in value.named_parameters():
            variables[parameter_name if parameter_name not in variables else f"{name}.{parameter_name}"] = (
                parameter
            )
        return value
    if isinstance(value, dict):
        return {key: _collected(part, f"{name}.{key}", variables) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_collected(part, f"{name}.{i}", variables) for i, part in enumerate(value))
    if isinstance(value, Tensor):
        if value.inputs:
            raise GradientError(f"{value.label()} was computed: check with respect to leaves, or detach() it")
        if value.dtype.kind == "f":
            variables[value.name or name] = value
        return value
    array = np.asarray(value, float) if isinstance(value, int | float) else value
    if isinstance(array, np.ndarray) and array.dtype.kind == "f":
        variables[name] = Tensor(array)
        return variables[name]
    return value


def _generators(function: Any, inputs: tuple[Any, ...]) -> list[np.random.Generator]:
    """Random generators in reach: in modules, among the inputs, and in what the function closes over."""
    cells = [cell.cell_contents for cell in getattr(function, "__closure__", None) or ()]
    found: list[np.random.Generator] = []
    for value in (function, *inputs, *cells):
        modules = value.modules() if isinstance(value, Module) else ()
        held = [part for module in modules for part in vars(module).values()]
        found += [g for g in (value, *held) if isinstance(g, np.random.Generator) and g not in found]
    return found


@contextmanager
def _put_back(variables: Any, generators: list[Any]) -> Iterator[None]:
    """Restore what a check touches."""
    tensors = [(v, v._data, v._requires_grad, v.serial) for v in variables]
    states = [(generator, generator.bit_generator.state) for generator in generators]
    global_state = np.random.get_state()  # noqa: NPY002  a function may draw from it
    try:
        yield
    finally:
        for tensor, data, requires_grad, serial in tensors:
            tensor._data, tensor._requires_grad, tensor.serial = data, requires_grad, serial
        for generator, state in states:
            generator.bit_generator.state = state
        np.random.set_state(global_state)  # noqa: NPY002


def _require_sound(problem: Problem) -> None:
    """Refuse a function whose value is not finite, or not the same twice."""
    first, second = problem.value(), problem.value()
    if isinstance(first, complex) or not np.isfinite(first):
        raise GradientError(
            f"the function returns {first} at these inputs: a check needs a finite real value"
        )
    if first != second:
        raise GradientError(
            f"the function is not deterministic: called twice it gave {first!r} and {second!r}; let its "
            "random numbers come from a generator that it is given, or fix them"
        )
