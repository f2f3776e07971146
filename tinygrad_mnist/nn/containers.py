"""Modules that hold other modules, under PyTorch's names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
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

    def append(self, module: Any) -> Self:
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

    def __setitem__(self, position: int, module: Any) -> None:
        """Replace the module at a position; the name stays."""
        _require_module(type(self).__name__, position, module)
        name, _ = list(self.named_children())[position]
        setattr(self, name, module)

    def _of(self, modules: list[Module]) -> Self:
        return type(self)(modules)


class Sequential(ModuleList):
    """Apply modules one after the other.

    Parameters
    ----------
    *modules : Module
        In the order in which they are applied; or one dict of modules, whose keys are their names.

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

    def __init__(self, *modules: Module | Mapping[str, Module]) -> None:
        super().__init__()
        if len(modules) == 1 and isinstance(modules[0], Mapping):
            for key, module in modules[0].items():
                _set_named(self, key, module)
            return
        for part in modules:
            self.append(part)

    def forward(self, x: Any) -> Any:
        """Return the output of the last module; each takes the output of the one before."""
        for part in vars(self).values():  # faster than `for module in self`, which searches nested ones
            if isinstance(part, Module):
                x = part(x)
        return x

    def _of(self, modules: list[Module]) -> Self:
        return type(self)(*modules)


class ModuleDict(Module):
    """Hold modules in a dict, each under its key; the forward of another module calls them.

    A plain dict of modules as an attribute does the same.

    Parameters
    ----------
    modules : mapping of str to Module, optional
        The first modules; ``modules[key] = module`` adds more.

    Raises
    ------
    TypeError
        If a value is not a module.
    ValueError
        If a key is not a text without dots, or the name of an attribute.

    Examples
    --------
    >>> from tinygrad_mnist import nn
    >>> heads = nn.ModuleDict({"digit": nn.Linear(30, 10), "parity": nn.Linear(30, 2)})
    >>> [name for name, _ in heads.named_parameters()]
    ['digit.weight', 'digit.bias', 'parity.weight', 'parity.bias']
    >>> heads["parity"]
    Linear(30, 2)
    """

    @hinted
    def __init__(self, modules: Mapping[str, Module] | None = None) -> None:
        modules = {} if modules is None else modules
        if not isinstance(modules, Mapping):
            raise TypeError(
                f"modules is {shown(modules)}: expected a dict of modules; write {{'name': module}}"
            )
        for key, module in modules.items():
            self[key] = module

    def __getitem__(self, key: str) -> Module:
        return dict(self.items())[key]

    def __setitem__(self, key: str, module: Module) -> None:
        _set_named(self, key, module)

    def __delitem__(self, key: str) -> None:
        delattr(self, key) if key in self.keys() else self[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.keys())

    def __len__(self) -> int:
        return len(self.keys())

    def __contains__(self, key: object) -> bool:
        return key in self.keys()

    def keys(self) -> list[str]:
        """Return the keys, in the order in which they were set."""
        return [name for name, _ in self.named_children()]

    def values(self) -> list[Module]:
        """Return the modules."""
        return list(self.children())

    def items(self) -> list[tuple[str, Module]]:
        """Return the pairs of key and module."""
        return list(self.named_children())


def _set_named(owner: Module, key: Any, module: Any) -> None:
    """Set a module under a key; refuse a key that means something else."""
    _require_module(type(owner).__name__, key, module)
    if not isinstance(key, str) or not key or "." in key or hasattr(type(owner), key):
        instead = re.sub(r"\W", "_", str(key)[:20])
        raise ValueError(
            f"key is {shown(key)}: expected a text without dots that is not the name of an attribute of "
            f"{type(owner).__name__}; write {instead}_"
        )
    setattr(owner, key, module)


def _require_module(owner: str, position: int | str, module: Any) -> None:
    """Refuse an item of a container that is not a module."""
    if isinstance(module, Module):
        return
    hint = f": did you mean {module.__name__}()?" if isinstance(module, type) else ""
    if isinstance(module, list | tuple):
        hint = f": write {owner}(*modules)"
    elif callable(module) and not hint:
        hint = ": write a Module whose forward calls it"
    raise TypeError(f"{owner} takes modules, and item {position} is {shown(module)}{hint}")
