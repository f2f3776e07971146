"""Base class of layers and networks: it finds parameters and submodules among its attributes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, Never

import numpy as np
from numpy.typing import DTypeLike

from tinygrad_mnist.arguments import shown
from tinygrad_mnist.autodiff.modes import SCOPE
from tinygrad_mnist.autodiff.observed import Observed
from tinygrad_mnist.autodiff.tensor import Tensor
from tinygrad_mnist.errors import CheckpointError
from tinygrad_mnist.hints import hinted, unknown_keyword
from tinygrad_mnist.hints.networks import NotInModule
from tinygrad_mnist.typing import Array


class Parameter(Tensor):
    """Tensor that a module learns.

    Parameters
    ----------
    data : array_like
        Initial values; they are copied.
    requires_grad : bool, default True
        If False, the parameter belongs to the state of the module but gets no gradient.
    dtype : dtype, optional
        Dtype of the parameter; that of `data` if omitted.
    name : str, optional
        Name in errors and drawings. The first module that is called gives its parameters their dotted names.

    Raises
    ------
    DTypeError
        If `requires_grad` is true and the values are not floating-point numbers.

    Examples
    --------
    >>> Parameter([1.0, 2.0], dtype=np.float32)
    Tensor([1., 2.], shape=(2,), dtype=float32, requires_grad=True)
    """

    __slots__ = ()

    @hinted
    def __init__(
        self,
        data: Any,
        *,
        requires_grad: bool = True,
        dtype: DTypeLike | None = None,
        name: str | None = None,
    ) -> None:
        own = data if requires_grad else Tensor(data, dtype=dtype).detach()  # else Tensor copies
        super().__init__(own, requires_grad=requires_grad, dtype=dtype, name=name)


class Module(Observed, NotInModule):
    """Base class of layers and networks: subclasses set attributes and define `forward`.

    Attributes that are Parameters or Modules, or lists, tuples and dicts of them, belong to the module, in
    the order in which they were set.

    Attributes
    ----------
    training : bool
        True in training, the default; False in evaluation. `train` and `eval` set it.

    Examples
    --------
    >>> from tinygrad_mnist import nn
    >>> class Perceptron(nn.Module):
    ...     def __init__(self):
    ...         self.hidden = nn.Linear(784, 30)
    ...         self.output = nn.Linear(30, 10)
    ...
    ...     def forward(self, x):
    ...         return self.output(self.hidden(x).sigmoid())
    >>> [name for name, _ in Perceptron().named_parameters()]
    ['hidden.weight', 'hidden.bias', 'output.weight', 'output.bias']
    """

    def __init__(self, *inputs: Never, **foreign: Never) -> None:
        kind = type(self).__name__
        if inputs:
            raise TypeError(f"{kind}() takes no arguments: build it, then apply it, {kind}()(...)")
        for name in foreign:
            raise unknown_keyword(kind, name, ())

    training: bool = True
    _scope: str = ""  # name in graphs and errors, given by the outermost module at its first call

    def forward(self, *inputs: Any) -> Any:
        """Compute the output; ``module(...)`` calls it."""
        raise TypeError(f"{type(self).__name__} does not define forward(self, ...): add it to the class")

    def __call__(self, *inputs: Any) -> Any:
        """Run `forward` in the module's scope: graphs and errors name the module."""
        if not self._scope:
            self._name_parts()
        outer = SCOPE.get()
        token = SCOPE.set(f"{outer}/{self._scope}" if outer else self._scope)
        try:
            return self.forward(*inputs)
        finally:
            SCOPE.reset(token)

    def _name_parts(self) -> None:
        """Give modules and parameters the names that graphs and errors show, relative to this module."""
        for name, module in self.named_modules():
            kind = type(module).__name__
            vars(module)["_scope"] = f"{kind}[{name.rpartition('.')[2]}]" if name else kind
        for name, parameter in self.named_parameters():
            parameter.name = name

    # Parts

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """Yield the direct submodules with their names."""
        return ((name, part) for name, part in _parts(vars(self)) if isinstance(part, Module))

    def children(self) -> Iterator[Module]:
        """Yield the direct submodules."""
        return (module for _, module in self.named_children())

    def named_modules(self, prefix: str = "") -> Iterator[tuple[str, Module]]:
        """Yield the module itself, named `prefix`, and all modules below it, each once, with dotted names."""
        seen: set[int] = set()
        stack: list[tuple[str, Module]] = [(prefix, self)]
        while stack:
            name, module = stack.pop()
            if id(module) in seen:
                continue
            seen.add(id(module))
            yield name, module
            below = [(f"{name}.{child}" if name else child, part) for child, part in module.named_children()]
            stack.extend(reversed(below))

    def modules(self) -> Iterator[Module]:
        """Yield the module and all modules below it, each once."""
        return (module for _, module in self.named_modules())

    def named_parameters(self) -> Iterator[tuple[str, Parameter]]:
        """Yield all parameters with dotted names, in the order of definition; a shared one appears once."""
        seen: set[int] = set()
        for prefix, module in self.named_modules():
            for name, part in _parts(vars(module)):
                if isinstance(part, Parameter) and id(part) not in seen:
                    seen.add(id(part))
                    yield (f"{prefix}.{name}" if prefix else name), part

    def parameters(self) -> Iterator[Parameter]:
        """Yield all parameters, each once."""
        return (parameter for _, parameter in self.named_parameters())

    # Modes and state

    def train(self, mode: bool = True) -> Module:
        """Switch this module and all modules below it to training (dropout on), and return it.

        Parameters
        ----------
        mode : bool, default True
            If False, switch to evaluation.
        """
        for module in self.modules():
            module.training = mode
        return self

    def eval(self) -> Module:
        """Switch this module and all modules below it to evaluation (dropout off), and return it."""
        return self.train(False)

    def zero_grad(self) -> None:
        """Set the gradients of all parameters to None."""
        for parameter in self.parameters():
            parameter.grad = None

    def state_dict(self) -> dict[str, Array]:
        """Return copies of the arrays of all parameters by dotted name."""
        return {name: parameter.data.copy() for name, parameter in self.named_parameters()}

    def load_state_dict(self, state: Mapping[str, Array]) -> None:
        """Load the arrays of a `state_dict`; if any array does not fit, change nothing.

        Parameters
        ----------
        state : mapping of str to ndarray
            One array per parameter by dotted name; each is converted to the dtype of its parameter.

        Raises
        ------
        TypeError
            If `state` is not a mapping.
        CheckpointError
            If a name is missing or unknown, or an array has another shape or is not finite.
        """
        if not isinstance(state, Mapping):
            raise TypeError(
                f"state is {shown(state)}: expected a dict of arrays by name; for a file of np.savez write "
                "model.load_state_dict(dict(np.load(path)))"
            )
        own = dict(self.named_parameters())
        _require_same_keys(set(own), set(state))
        for name, parameter in own.items():
            if state[name].shape != parameter.shape:
                raise CheckpointError(
                    f"{name} has shape {state[name].shape} where it was saved and {parameter.shape} here: "
                    "build the model with the layer sizes it was saved with"
                )
            if not np.isfinite(state[name]).all():
                raise CheckpointError(f"{name} holds NaN or infinity in the saved state")
        for name, parameter in own.items():
            parameter.data = state[name].astype(parameter.dtype)

    # Text

    def extra_repr(self) -> str:
        """Return the text between the parentheses of the repr of a layer."""
        return ""

    def __repr__(self) -> str:
        children = [f"  ({name}): {part!r}".replace("\n", "\n  ") for name, part in self.named_children()]
        if not children:
            return f"{type(self).__name__}({self.extra_repr()})"
        return "\n".join([f"{type(self).__name__}(", *children, ")"])

    def _repr_html_(self) -> str:
        from tinygrad_mnist.nn.summary import summary

        return summary(self)._repr_html_()

    def count_parameters(self) -> int:
        """Return how many numbers the module learns."""
        return sum(math.prod(parameter.shape) for parameter in self.parameters())


def _parts(attributes: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield attributes with dotted names, including those in lists, tuples and dicts."""
    for name, value in attributes.items():
        if isinstance(value, list | tuple):
            value = {str(i): part for i, part in enumerate(value)}
        if isinstance(value, dict):
            yield from ((f"{name}.{key}", part) for key, part in _parts(value))
        else:
            yield name, value


def _require_same_keys(own: set[str], given: set[str]) -> None:
    if own == given:
        return
    missing = ", ".join(sorted(own - given)) or "none"
    extra = ", ".join(sorted(given - own)) or "none"
    raise CheckpointError(
        f"the saved state is of another model: missing parameters: {missing}; unknown: {extra}"
    )
