"""The problem to check: a scalar function and the named tensors it is differentiated by, put back afterwards.

While a problem is open its variables hold float64 copies; when it closes, their arrays, serials and flags,
and the state of every random generator in reach, are what they were, byte for byte.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from tinygrad_mnist.arguments import shown
from tinygrad_mnist.autodiff.backward import pull_back, upstream
from tinygrad_mnist.autodiff.modes import no_grad, promoting, recording
from tinygrad_mnist.autodiff.tensor import Tensor
from tinygrad_mnist.checking.arguments import argument_names, collected, generators_in_reach, training_loss
from tinygrad_mnist.errors import GradientError
from tinygrad_mnist.nn import Module, Parameter
from tinygrad_mnist.typing import Array


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
        """Return what the function returns, every random generator in reach as it was at the start."""
        self.rewind()
        try:
            output = self.function()
        except Exception as error:
            error.add_note("raised inside the function that is checked, at the inputs it was given")
            raise
        if not isinstance(output, Tensor | np.ndarray | np.generic | int | float | complex):
            hint = ": does it lack a return?" if output is None else ""
            raise GradientError(
                f"a gradient check needs a function with a scalar result, and this one returns "
                f"{'None' if output is None else type(output).__name__}{hint}"
            )
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

    def value_or_nan(self) -> float:
        """The value, and NaN where the function refuses its argument: a step may leave its domain."""
        try:
            return float(self.value())
        except (ArithmeticError, ValueError):
            return float("nan")

    def recorded(self) -> Any:
        """Return what the function returns, with its graph."""
        with recording(True):
            return self.output()

    @contextmanager
    def beside(self, seed: int, distance: float = 1e-3) -> Iterator[None]:
        """Inside the block all variables have other values, near those that are checked."""
        rng = np.random.default_rng(seed)
        variables = list(self.variables.values())
        bases = [variable._data for variable in variables]
        try:
            for variable, base in zip(variables, bases):
                variable._data = base + distance * np.maximum(1, np.abs(base)) * rng.uniform(
                    -1, 1, base.shape
                )
            yield
        finally:
            for variable, base in zip(variables, bases):
                variable._data = base

    def gradients(self) -> dict[str, Array | None]:
        """Reverse mode: a gradient for each variable, None where the value does not depend on it."""
        output = self.recorded()
        if not isinstance(output, Tensor) or not output.requires_grad:
            return dict.fromkeys(self.variables)
        seed = np.ones(output.shape, output.dtype)
        return dict(zip(self.variables, pull_back([output], [seed], list(self.variables.values()))))

    def largest_gradient(self) -> float:
        """The largest gradient entry on the way back, of any tensor: its rounding reaches the variables."""
        output = self.recorded()
        if not isinstance(output, Tensor) or not output.requires_grad:
            return 0.0
        seed = np.ones(output.shape, output.dtype)
        found = pull_back([output], [seed], upstream([output])[1:])  # the seed itself says nothing of scale
        return max((float(np.abs(g).max(initial=0.0)) for g in found if g is not None), default=0.0)


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

    def recorded(self) -> Any:
        """The first-order function's result, with its graph."""
        return self.first.recorded()

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
    if not callable(function):
        write = "write check_gradients(lambda x: (x**2).sum(), x)"
        instead = "for a computed Tensor y write diagnose(y)" if isinstance(function, Tensor) else write
        raise TypeError(f"function is {shown(function)}: expected a function or a model; {instead}")
    generators = generators_in_reach(function, inputs)
    if isinstance(function, Module):
        function, inputs = training_loss(function, *inputs), (function,)
    variables: dict[str, Tensor] = {}
    arguments = tuple(
        collected(value, name, variables)
        for name, value in zip(argument_names(function, len(inputs)), inputs)
    )
    if not variables:
        raise GradientError("there is nothing to differentiate by: pass float arrays, Tensors or modules")
    with ExitStack() as stack:
        stack.enter_context(_put_back(variables.values(), generators))
        stack.enter_context(promoting())
        stack.enter_context(threadpool_limits(1))  # thousands of small products: threads would only wait
        stack.enter_context(np.errstate(all="ignore"))  # a step may leave a function's domain: reported below
        problem = Problem(lambda: function(*arguments), variables, generators)
        problem.converted = [name for name, v in variables.items() if v.dtype != np.float64]
        for name, variable in variables.items():
            variable.name = name
            variable._data = np.array(variable._data, np.float64, order="C")  # so that flat views are views
            variable._requires_grad = True
        _require_sound(problem)
        yield SecondOrder(problem, seed) if order == 2 else problem


@contextmanager
def _put_back(variables: Any, generators: list[Any]) -> Iterator[None]:
    """Restore what a check touches."""
    tensors = [(v, v._data, v._requires_grad, v.serial, v.name, v.grad) for v in variables]
    states = [(generator, generator.bit_generator.state) for generator in generators]
    global_state = np.random.get_state()  # noqa: NPY002  a function may draw from it
    try:
        yield
    finally:
        for tensor, data, requires_grad, serial, name, grad in tensors:
            tensor._data, tensor._requires_grad, tensor.serial = data, requires_grad, serial
            tensor.grad = grad
            if not isinstance(tensor, Parameter) or name:  # a module names its parameters when it is called
                tensor.name = name
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
