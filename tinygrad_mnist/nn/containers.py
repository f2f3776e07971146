"""Modules that hold other modules, under PyTorch's names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Self, overload

from tinygrad_mnist.arguments import shown
from tinygrad_mnist.hints import hinted
from tinygrad_mnist.nn.module import Module


class ModuleList(Module):
    """Hold modules in a list, each named by its position; the forward of another module calls them.

    A plain list of modules as an attribute does the same.

    Parameters
    ----------
    modules : iterable of Module, optional
        The first modules; `append` adds more.

    Raises
    ------
    TypeError
        If an item is not a module.

    Examples
    --------
    >>> from tinygrad_mnist import nn
    >>> layers = nn.ModuleList(nn.Linear(n, n) for n in (2, 3))
    >>> [name for name, _ in layers.named_parameters()]
    ['0.weight', '0.bias', '1.weight', '1.bias']
    """

    @hinted
    def __init__(self, modules: Iterable[Module] = ()) -> None:
        if not isinstance(modules, Iterable):
            raise TypeError(f"modules is {shown(modules)}: expected a list of modules; write [module]")
        for module in modules:
            self.append(module)

    def append(self, module: Module) -> ModuleList:
        """Add a module at the end and return the list."""
        _require_module(type(self).__name__, len(self), module)
        setattr(self, str(len(self)), module)
        return self

    def __iter__(self) -> Iterator[Module]:
        return self.children()

    def __len__(self) -> int:
        return sum(1 for _ in self)

    @overload
    def __getitem__(self, position: int) -> Module: ...
    @overload
    def __getitem__(self, position: slice) -> Self: ...
    def __getitem__(self, position: int | slice) -> Module:
        """Return the module at a position, or a container with those of a slice; modules are not copied."""
        modules = list(self)
        return self._of(modules[position]) if isinstance(position, slice) else modules[position]

    def _of(self, modules: list[Module]) -> Self:
        return type(self)(modules)


class Sequential(ModuleList):
    """Apply modules one after the other.

    Parameters
    ----------
    *modules : Module
        In the order in which they are applied.

    Raises
    ------
    TypeError
        If an argument is not a module.

    Examples
    --------
    >>> from tinygrad_mnist import nn
    >>> nn.Sequential(nn.Linear(784, 30), nn.Sigmoid(), nn.Linear(30, 10))
    Sequential(
      (0): Linear(784, 30)
      (1): Sigmoid()
      (2): Linear(30, 10)
    )
    """

    def __init__(self, *modules: Module) -> None:
        super().__init__(modules)

    def forward(self, x: Any) -> Any:
        """Return the output of the last module; each takes the output of the one before."""
        for part in vars(self).values():  # faster than `for module in self`, which searches nested ones
            if isinstance(part, Module):
                x = part(x)
        return x

    def _of(self, modules: list[Module]) -> Self:
        return type(self)(*modules)


def _require_module(owner: str, position: int, module: Any) -> None:
    """Refuse an item of a container that is not a module."""
    if isinstance(module, Module):
        return
    hint = f": did you mean {module.__name__}()?" if isinstance(module, type) else ""
    if isinstance(module, list | tuple):
        hint = f": write {owner}(*modules)"
    elif callable(module) and not hint:
        hint = ": write a Module whose forward calls it"
    raise TypeError(f"{owner} takes modules, and item {position} is {shown(module)}{hint}")
