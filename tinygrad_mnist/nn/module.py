"""Base class of layers and networks: it finds parameters and submodules among its attributes."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Never, Self, TypeVar

import numpy as np

from tinygrad_mnist.arguments import shown
from tinygrad_mnist.autodiff.modes import CALL
from tinygrad_mnist.autodiff.observed import Observed
from tinygrad_mnist.autodiff.primitive import looked_into
from tinygrad_mnist.autodiff.tensor import Tensor
from tinygrad_mnist.errors import CheckpointError
from tinygrad_mnist.hints import hinted, unknown_keyword
from tinygrad_mnist.hints.networks import NotInModule
from tinygrad_mnist.nn.parameters import Buffer, Parameter
from tinygrad_mnist.typing import Array

AnyTensor = TypeVar("AnyTensor", bound=Tensor)


class Module(Observed, NotInModule):
    """Base class of layers and networks: subclasses set attributes and define `forward`.

    Attributes that are Parameters, Buffers or Modules, or lists, tuples and dicts of them, belong to the
    module, in the order in which they were set.

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
    _forward_hooks: tuple[Hook, ...] = ()  # not a list, which a program would have to compare at each call
    _scope: str = ""  # name in graphs and errors, given by the outermost module at its first call

    def __setattr__(self, name: str, value: Any) -> None:
        try:  # not by vars(), after which reading any attribute takes longer
            before = object.__getattribute__(self, name)
        except AttributeError:
            before = None
        for kind in (Parameter, Buffer):
            if isinstance(before, kind) and not (value is None or isinstance(value, kind)):
                raise TypeError(
                    f"{name} is a {kind.__name__} of {type(self).__name__}, and {shown(value)} would replace "
                    f"it: write module.{name}.data = values, or module.{name} = nn.{kind.__name__}(values)"
                )
        super().__setattr__(name, value)

    def forward(self, *inputs: Any) -> Any:
        """Compute the output; ``module(...)`` calls it."""
        raise TypeError(f"{type(self).__name__} does not define forward(self, ...): add it to the class")

    def __call__(self, *inputs: Any, **settings: Any) -> Any:
        """Run `forward` in the module's scope: graphs and errors name the module.

        Parameters
        ----------
        *inputs, **settings
            Arguments of `forward`; a hook gets those that are given by position.
        """
        if not self._scope:
            self._name_parts()
        token = CALL.set((CALL.get(), self._scope, self, inputs, settings))
        try:  # to merge no settings takes longer than to ask for them
            output = self.forward(*inputs, **settings) if settings else self.forward(*inputs)
            return self._through_hooks(inputs, output) if self._forward_hooks else output
        finally:
            CALL.reset(token)

    def _through_hooks(self, inputs: tuple[Any, ...], output: Any) -> Any:
        for hook in self._forward_hooks:
            looked_into(output, f"a forward hook of {type(self).__name__}")
            changed = hook.function(self, inputs, output)
            output = output if changed is None else changed
        return output

    def register_forward_hook(self, hook: Callable[[Module, tuple[Any, ...], Any], Any]) -> Hook:
        """Call a function after each forward of this module, to look at what goes through it.

        Parameters
        ----------
        hook : callable
            ``hook(module, inputs, output)``; what it returns, unless None, takes the place of the output.

        Returns
        -------
        Hook
            Its ``remove()`` takes the hook away; ``with`` does so at the end of the block.

        Notes
        -----
        A compiled function refuses hooks, since a program would not call them: write ``backend="eager"``.

        Examples
        --------
        >>> from tinygrad_mnist import nn
        >>> layer, shapes = nn.Linear(3, 2), []
        >>> with layer.register_forward_hook(lambda module, inputs, output: shapes.append(output.shape)):
        ...     _ = layer(np.ones((5, 3), np.float32))
        >>> shapes
        [(5, 2)]
        """
        if not callable(hook):
            raise TypeError(f"hook is {shown(hook)}: expected a function of module, inputs and output")
        return Hook(self, hook)

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
        return self._named_tensors(Parameter)

    def parameters(self) -> Iterator[Parameter]:
        """Yield all parameters, each once."""
        return (parameter for _, parameter in self.named_parameters())

    def named_buffers(self) -> Iterator[tuple[str, Buffer]]:
        """Yield all buffers with dotted names, in the order of definition; a shared one appears once."""
        return self._named_tensors(Buffer)

    def buffers(self) -> Iterator[Buffer]:
        """Yield all buffers, each once."""
        return (buffer for _, buffer in self.named_buffers())

    def register_buffer(self, name: str, data: Any) -> None:
        """Set an attribute to a `Buffer` with these initial values."""
        setattr(self, name, Buffer(data))

    def _named_tensors(self, kind: type[AnyTensor]) -> Iterator[tuple[str, AnyTensor]]:
        seen: set[int] = set()
        for prefix, module in self.named_modules():
            for name, part in _parts(vars(module)):
                if isinstance(part, kind) and id(part) not in seen:
                    seen.add(id(part))
                    yield (f"{prefix}.{name}" if prefix else name), part

    def apply(self, function: Callable[[Module], Any]) -> Self:
        """Call a function on all modules below this one, then on this one, and return it.

        Parameters
        ----------
        function : callable
            Takes a module, such as one that sets initial values.
        """
        for child in self.children():
            child.apply(function)
        function(self)
        return self

    # Modes and state

    def train(self, mode: bool = True) -> Self:
        """Switch this module and all modules below it to training (dropout on), and return it.

        Parameters
        ----------
        mode : bool, default True
            If False, switch to evaluation.
        """
        for module in self.modules():
            module.training = mode
        return self

    def eval(self) -> Self:
        """Switch this module and all modules below it to evaluation (dropout off), and return it."""
        return self.train(False)

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Set ``requires_grad`` of all parameters, and return the module: False freezes it."""
        for parameter in self.parameters():
            parameter.requires_grad = requires_grad
        return self

    @hinted
    def zero_grad(self) -> None:
        """Set the gradients of all parameters to None."""
        for parameter in self.parameters():
            parameter.grad = None

    def state_dict(self) -> dict[str, Array]:
        """Return copies of the arrays of all parameters and buffers by dotted name."""
        return {name: tensor.data.copy() for name, tensor in self._state()}

    def _state(self) -> Iterator[tuple[str, Tensor]]:
        yield from self.named_parameters()
        yield from self.named_buffers()

    @hinted
    def load_state_dict(self, state: Mapping[str, Array]) -> None:
        """Load the arrays of a `state_dict`; if any array does not fit, change nothing.

        Parameters
        ----------
        state : mapping of str to ndarray
            One array per parameter and buffer by dotted name; each is converted to the dtype here.  A shared
            parameter may have any of its names, or several.

        Raises
        ------
        TypeError
            If `state` is not a mapping.
        CheckpointError
            If a name is missing or unknown, or an array has another shape, is not real, or is not finite in
            the dtype here.
        """
        if not isinstance(state, Mapping):
            raise TypeError(
                f"state is {shown(state)}: expected a dict of arrays by name; for a file of np.savez write "
                "model.load_state_dict(dict(np.load(path)))"
            )
        own = dict(self._state())
        given = self._by_own_names(state, own)
        _require_same_keys(set(own), set(given))
        fitting = {name: _fitting(name, np.asarray(given[name]), tensor) for name, tensor in own.items()}
        for name, tensor in own.items():
            tensor.data = fitting[name]  # copied one after the other, for the sake of memory

    def _by_own_names(self, state: Mapping[str, Any], own: Mapping[str, Tensor]) -> dict[str, Any]:
        """Return the arrays of a state by the names here: PyTorch gives a shared parameter all its names."""
        first_names = {id(tensor): name for name, tensor in own.items()}
        given: dict[str, Any] = {}
        for name, array in state.items():
            own_name = name if name in own else first_names.get(id(_at(self, name)), name)
            if own_name in given and not np.array_equal(given[own_name], array):
                raise CheckpointError(f"{name} is {own_name} here, and they differ in the saved state")
            given[own_name] = array
        return given

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

    def num_parameters(self) -> int:
        """Return how many numbers the module learns."""
        return sum(math.prod(parameter.shape) for parameter in self.parameters())


class Hook:
    """Registration of a forward hook, made by ``register_forward_hook``."""

    def __init__(self, module: Module, function: Callable[..., Any]) -> None:
        self._module, self.function = module, function
        module._forward_hooks += (self,)

    def remove(self) -> None:
        """Take the hook away; a second call does nothing."""
        kept = tuple(hook for hook in self._module._forward_hooks if hook is not self)
        self._module._forward_hooks = kept

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.remove()


def _parts(attributes: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield attributes with dotted names, including those in lists, tuples and dicts."""
    for name, value in attributes.items():
        if isinstance(value, list | tuple):
            value = dict(enumerate(value))
        if isinstance(value, dict):
            yield from ((f"{name}.{key}", part) for key, part in _parts(value))
        else:
            yield name, value


def _at(module: Module, name: str) -> Any:
    """Return the part of a module with a dotted name, or None."""
    for first, part in _parts(vars(module)):
        if first == name:
            return part
        if isinstance(part, Module) and name.startswith(f"{first}."):
            return _at(part, name.removeprefix(f"{first}."))
    return None


def _fitting(name: str, array: Array, tensor: Tensor) -> Array:
    """Return a saved array in the dtype of its tensor; refuse one that does not fit."""
    if array.shape != tensor.shape:
        raise CheckpointError(
            f"{name} has shape {array.shape} where it was saved and {tensor.shape} here: "
            "build the model with the layer sizes it was saved with"
        )
    if array.dtype.kind in "cSUO":
        raise CheckpointError(f"{name} is {array.dtype} in the saved state: expected real numbers")
    if not np.isfinite(array).all():
        raise CheckpointError(f"{name} holds NaN or infinity in the saved state")
    with np.errstate(over="ignore"):
        fitting = array.astype(tensor.dtype, copy=False)
    if not np.isfinite(fitting).all():
        raise CheckpointError(f"{name} holds numbers beyond {tensor.dtype} in the saved state")
    return fitting


def _require_same_keys(own: set[str], given: set[str]) -> None:
    if own == given:
        return
    missing = ", ".join(sorted(own - given)) or "none"
    extra = ", ".join(sorted(given - own)) or "none"
    raise CheckpointError(f"the saved state is of another model: missing: {missing}; unknown: {extra}")
