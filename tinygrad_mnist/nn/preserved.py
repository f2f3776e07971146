"""Restoring of everything that a trial step or pass changes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from tinygrad_mnist.autodiff.tensor import Tensor
from tinygrad_mnist.nn.module import Module


@contextmanager
def preserved(model: Any, loss: Any, optimizer: Any) -> Iterator[None]:
    """Run a block, then restore parameters, buffers, gradients, modes, generators and the optimizer.

    The arrays of parameters and of the optimizer stay the same objects, because programs keep references to
    them.

    Parameters
    ----------
    model, loss : Module or object
        Only modules have a state to restore.
    optimizer : Optimizer or None

    Examples
    --------
    >>> from tinygrad_mnist import nn
    >>> layer = nn.Linear(2, 1, rng=0)
    >>> before = layer.weight.data.copy()
    >>> with nn.preserved(layer, None, None):
    ...     layer.weight.data[...] = 0
    >>> bool((layer.weight.data == before).all())
    True
    """
    modules = [m for part in (model, loss) if isinstance(part, Module) for m in part.modules()]
    leaves = {id(t): t for m in modules for t in (*m.parameters(), *m.buffers())}
    leaves |= {id(p): p for p in getattr(optimizer, "params", ())}
    tensors = [_of_tensor(p) for p in leaves.values()]
    modes = [(m, m.training) for m in modules]
    generators = [(g, g.bit_generator.state) for _, g in generators_of((("model", model), ("loss", loss)))]
    groups = getattr(optimizer, "param_groups", ())
    parts = [part for group in groups for part in (group, *group.states)]
    attributes = [(part, {name: _of_array(x) for name, x in vars(part).items()}) for part in parts]
    try:
        yield
    finally:
        for state in tensors:
            _put_back(*state)
        for module, training in modes:
            module.training = training
        for generator, stream in generators:
            generator.bit_generator.state = stream
        for part, before in attributes:
            for name, pair in before.items():
                setattr(part, name, _restored(*pair))


def _of_tensor(tensor: Tensor) -> tuple[Any, ...]:
    return tensor, tensor.serial, _of_array(tensor._data), _of_array(tensor._grad)


def _put_back(tensor: Tensor, serial: int, data: tuple[Any, Any], gradient: tuple[Any, Any]) -> None:
    tensor._data, tensor._grad, tensor.serial = _restored(*data), _restored(*gradient), serial


def _of_array(array: Any) -> tuple[Any, Any]:
    """Return the array itself and a copy of its values."""
    return array, array.copy() if isinstance(array, np.ndarray) else None


def _restored(array: Any, values: Any) -> Any:
    """Return the same array with its old values."""
    if values is not None and array.flags.writeable:
        np.copyto(array, values)
    return array


def generators_of(parts: Iterable[tuple[str, Any]]) -> Iterator[tuple[str, np.random.Generator]]:
    """Yield the generators of modules, such as dropout's, named by part, module and attribute."""
    for group, part in parts:
        if not isinstance(part, Module):
            continue
        for path, module in part.named_modules():
            for attribute, value in vars(module).items():
                if isinstance(value, np.random.Generator):
                    yield ".".join(filter(None, (group, path, attribute))), value
