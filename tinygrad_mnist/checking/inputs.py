"""The function of a check and the variables it is differentiated with respect to, restored afterwards.

While a problem is open, its variables hold float64 copies.  When it closes, their arrays, serials and flags,
and the state of every reachable random generator, are what they were, byte for byte.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from types import ModuleType
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from tinygrad_mnist.arguments import shown
from tinygrad_mnist.autodiff.backward import pull_back, upstream
from tinygrad_mnist.autodiff.modes import enable_grad, no_grad, promoting
from tinygrad_mnist.autodiff.primitive import array_of
from tinygrad_mnist.autodiff.tensor import Tensor
from tinygrad_mnist.errors import GradientError
from tinygrad_mnist.nn import Module, Parameter
from tinygrad_mnist.typing import Array


class Problem:
    """A scalar function with named float64 variables; made by `open_problem`.

    Attributes
    ----------
    variables : dict of str to Tensor
        The leaves to differentiate with respect to.
    converted : list of str
        The variables that had another dtype, such as float32, and are checked in float64 copies.
    """

    def __init__(
        self, function: Callable[[], Any], variables: dict[str, Tensor], generators: list[Any]
    ) -> None:
        self.function = function
        self.variables = variables
        self.converted: list[str] = []
        self._generators = [(generator, generator.bit_generator.state) for generator in generators]

    def output(self) -> Any:
        """Call the function; every reachable random generator starts from its initial state."""
        for generator, state in self._generators:  # so that dropout draws the same mask each time
            generator.bit_generator.state = state
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

    def value(self) -> Any:
        """Return the function's value: a float, or complex in a complex step.  Nothing is recorded."""
        with no_grad():
            return array_of(self.output()).item()

    def value_or_nan(self) -> float:
        """Return the value, or NaN where the function refuses its argument: h may lead out of its domain."""
        try:
            return float(self.value())
        except (ArithmeticError, ValueError):
            return float("nan")

    def recorded(self) -> Any:
        """Return the function's result with its graph."""
        with enable_grad():
            return self.output()

    @contextmanager
    def moving(self, directions: Sequence[Array]) -> Iterator[Callable[[Any], None]]:
        """Yield a function that moves all variables by ``h * direction``; they are restored afterwards."""
        variables = list(self.variables.values())
        bases = [variable._data for variable in variables]

        def move(h: Any) -> None:
            for variable, base, direction in zip(variables, bases, directions):
                variable._data = base + h * direction

        try:
            yield move
        finally:
            for variable, base in zip(variables, bases):
                variable._data = base

    @contextmanager
    def beside(self, seed: int, distance: float = 1e-3) -> Iterator[None]:
        """Give all variables other values inside the block, near those that are checked."""
        rng = np.random.default_rng(seed)
        sizes = [np.maximum(1, np.abs(variable._data)) for variable in self.variables.values()]
        with self.moving([distance * size * rng.uniform(-1, 1, size.shape) for size in sizes]) as move:
            move(1.0)
            yield

    def gradients(self) -> dict[str, Array | None]:
        """Return each variable's gradient by reverse mode; None where the value does not depend on it."""
        output = self.recorded()
        if not isinstance(output, Tensor) or not output.requires_grad:
            return dict.fromkeys(self.variables)
        return dict(zip(self.variables, pull_back([output], None, list(self.variables.values()))))

    def largest_gradient(self) -> float:
        """Return the largest gradient entry of any tensor: its rounding reaches the variables."""
        output = self.recorded()
        if not isinstance(output, Tensor) or not output.requires_grad:
            return 0.0
        found = pull_back(
            [output], None, upstream([output])[1:]
        )  # the output's own gradient, 1, says nothing about the scale
        return max((float(np.abs(g).max(initial=0.0)) for g in found if g is not None), default=0.0)


class SecondOrder(Problem):
    """The slope of a problem along a fixed random direction; its gradient is the Hessian times that."""

    def __init__(self, first: Problem, seed: int) -> None:
        super().__init__(first.function, first.variables, [])
        self.first, self.converted = first, first.converted
        rng = np.random.default_rng(seed)
        self.directions = [rng.standard_normal(v.shape) for v in first.variables.values()]

    def value(self) -> Any:
        """Return the slope, by reverse mode."""
        found = self.first.gradients().values()
        return sum((g * d).sum() for g, d in zip(found, self.directions) if g is not None)

    def recorded(self) -> Any:
        """Return the first-order function's result with its graph."""
        return self.first.recorded()

    def gradients(self) -> dict[str, Array | None]:
        """Return the slope's gradients by reverse mode over reverse mode."""
        variables = list(self.variables.values())
        with enable_grad():
            output = self.first.output()
            seed = Tensor(np.ones(np.shape(output)))
            inner = pull_back([output], [seed], variables, create_graph=True)
            terms = [(g * d).sum() for g, d in zip(inner, self.directions) if g is not None]
            slope = sum(terms[1:], terms[0]) if terms else None
        if slope is None or not slope.requires_grad:  # a linear function: all second derivatives are 0
            return {name: np.zeros(v.shape) for name, v in self.variables.items()}
        found = pull_back([slope], None, variables)
        return {
            name: np.zeros(v.shape) if g is None else g for (name, v), g in zip(self.variables.items(), found)
        }


@contextmanager
def open_problem(
    function: Callable[..., Any], *inputs: Any, order: int = 1, seed: int = 0
) -> Iterator[Problem]:
    """Open a problem; restore everything when it closes, also after an error.

    Parameters
    ----------
    function : callable or Module
        Called with the inputs; or a model, followed by a loss and a batch ``(inputs, targets)``.
    inputs
        Tensors, arrays, numbers, modules (their parameters count), or dicts, lists and tuples of these.
        Integer arrays are passed on and not differentiated.
    order : {1, 2}
        2 for second derivatives along a random direction drawn from `seed`.

    Raises
    ------
    GradientError
        If there is nothing to differentiate, or the function is not scalar, finite and deterministic.
    """
    if order not in (1, 2):
        raise GradientError(f"order is {order}: expected 1 (gradients) or 2 (second derivatives)")
    if not callable(function):
        write = "write check_gradients(lambda x: (x**2).sum(), x)"
        instead = "for a computed Tensor y write diagnose(y)" if isinstance(function, Tensor) else write
        raise TypeError(f"function is {shown(function)}: expected a function or a model; {instead}")
    generators = _generators_in_reach(function, inputs)
    if isinstance(function, Module):
        function, inputs = _training_loss(function, *inputs), (function,)
    variables: dict[str, Tensor] = {}
    arguments = tuple(
        _collected(value, name, variables)
        for name, value in zip(_argument_names(function, len(inputs)), inputs)
    )
    if not variables:
        raise GradientError(
            "there is nothing to differentiate with respect to: pass float arrays, Tensors or modules"
        )
    with ExitStack() as stack:
        stack.enter_context(_preserved(variables.values(), generators))
        stack.enter_context(promoting())
        stack.enter_context(threadpool_limits(1))  # thousands of small products: threads would only wait
        stack.enter_context(np.errstate(all="ignore"))  # h may lead out of a function's domain
        problem = Problem(lambda: function(*arguments), variables, generators)
        problem.converted = [name for name, v in variables.items() if v.dtype != np.float64]
        for name, variable in variables.items():
            variable.name = name
            variable._data = np.array(variable._data, np.float64, order="C")  # so that flat views are views
            variable._requires_grad = True
        _require_sound(problem)
        yield SecondOrder(problem, seed) if order == 2 else problem


@contextmanager
def _preserved(variables: Iterable[Tensor], generators: list[Any]) -> Iterator[None]:
    """Restore the variables and generators after the block."""
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
            f"the function is not deterministic: called twice it gave {first!r} and {second!r}; draw its "
            "random numbers from a generator passed as an argument, or fix them"
        )


# Arguments


def _training_loss(model: Module, loss: Any = None, batch: Any = None, *more: Any) -> Callable[[Any], Any]:
    """Return the loss of a model on a batch as a function of the model."""
    write = "write check_gradients(model, loss, (inputs, targets))"
    if isinstance(loss, type) and issubclass(loss, Module):
        raise TypeError(f"loss is {shown(loss)}: did you mean {loss.__name__}()?")
    if not callable(loss):
        raise TypeError(f"loss is {shown(loss)}: expected a function of output and targets; {write}")
    if more or not isinstance(batch, tuple | list) or len(batch) != 2:
        raise TypeError(f"batch is {shown(batch)}: expected one pair, inputs and targets; {write}")
    return lambda network: loss(network(batch[0]), batch[1])


def _argument_names(function: Callable[..., Any], count: int) -> list[str]:
    """Return the names of the function's parameters if Python can read its signature."""
    try:
        parameters = inspect.signature(function).parameters.values()
        names = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    except (TypeError, ValueError):
        names = []
    return [names[i] if i < len(names) else f"input {i}" for i in range(count)]


def _collected(value: Any, name: str, variables: dict[str, Tensor]) -> Any:
    """Replace the float arrays in `value` by Tensors; add these, Tensors and parameters to `variables`."""
    if isinstance(value, Module):
        for parameter_name, parameter in value.named_parameters():
            _add(variables, parameter_name, parameter)
        return value
    if isinstance(value, dict):
        return {key: _collected(part, f"{name}.{key}", variables) for key, part in value.items()}
    if isinstance(value, list | tuple):
        parts = [_collected(part, f"{name}.{i}", variables) for i, part in enumerate(value)]
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
    """Add a variable under its name, numbered if another has that name; the same tensor once."""
    if not any(tensor is known for known in variables.values()):
        number, free = 1, name
        while free in variables:
            number += 1
            free = f"{name} ({number})"
        variables[free] = tensor
    return tensor


def _generators_in_reach(function: Any, inputs: tuple[Any, ...]) -> list[np.random.Generator]:
    """Return the random generators among the inputs, in what the function can name, and in modules there."""
    code, known = getattr(function, "__code__", None), getattr(function, "__globals__", {})
    cells = [cell.cell_contents for cell in getattr(function, "__closure__", None) or ()]
    globally = [known[name] for name in getattr(code, "co_names", ()) if name in known]
    defaults = (getattr(function, "__defaults__", None), getattr(function, "__kwdefaults__", None))
    applied = (getattr(function, "args", None), getattr(function, "keywords", None))  # of a partial
    method_of = getattr(function, "__self__", None)
    found: dict[int, np.random.Generator] = {}
    _look_inside([function, method_of, *inputs, *cells, *globally, *defaults, *applied], found, depth=4)
    return list(found.values())


def _look_inside(values: Sequence[Any], found: dict[int, np.random.Generator], depth: int) -> None:
    """Add to `found` the generators among `values`, in containers, and in the attributes of objects."""
    for value in values:
        if isinstance(value, np.random.Generator):
            found[id(value)] = value
        elif depth and isinstance(value, dict):
            _look_inside(list(value.values()), found, depth - 1)
        elif depth and isinstance(value, list | tuple):
            _look_inside(value, found, depth - 1)
        elif depth and not isinstance(value, type | ModuleType | Tensor) and hasattr(value, "__dict__"):
            _look_inside(list(vars(value).values()), found, depth - 1)
