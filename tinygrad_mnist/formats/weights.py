"""Weights of a model in a safetensors file, which PyTorch reads with the same names and shapes."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

import numpy as np

from tinygrad_mnist.arguments import shown
from tinygrad_mnist.errors import CheckpointError
from tinygrad_mnist.files.tensors import MOST_HEADER_BYTES, load_tensors, save_tensors
from tinygrad_mnist.hints import hinted
from tinygrad_mnist.nn import Module
from tinygrad_mnist.typing import Array

AnyModule = TypeVar("AnyModule", bound=Module)


@hinted
def save(model: Module, path: str | os.PathLike[str]) -> None:
    """Write the parameters of a model into a safetensors file.

    Parameters
    ----------
    model : Module
        Its ``state_dict()`` is written: names, shapes and dtypes are those of the same model in PyTorch.
    path : str or path
        Ends in ``.safetensors``; an existing file is replaced.

    Raises
    ------
    TypeError
        If `model` is not a Module.
    ValueError
        If `path` ends otherwise.
    CheckpointError
        If a parameter or buffer holds NaN or infinity.

    Notes
    -----
    PyTorch loads the file with ``model.load_state_dict(safetensors.torch.load_file(path))``, and `load`
    reads a file of ``safetensors.torch.save_file(model.state_dict(), path)``.  Keras keeps the weight
    of a dense layer transposed, as (in, out), and that of a convolution as (height, width, in, out).

    Examples
    --------
    >>> from tinygrad_mnist import nn
    >>> path = getfixture("tmp_path") / "model.safetensors"
    >>> save(nn.Linear(3, 2, rng=0), path)
    >>> load(nn.Linear(3, 2), path).weight.shape
    (2, 3)
    """
    _require_module(model, "save")
    state = model.state_dict()
    infinite = [name for name, array in state.items() if not np.isfinite(array).all()]
    if infinite:
        raise CheckpointError(
            f"{infinite[0]} holds NaN or infinity, which `load` refuses: train again with a smaller lr; a "
            "mask of -inf that is not saved is a plain array as an attribute, in place of a buffer"
        )
    save_tensors(_tensors_path(path), state)


@hinted
def load(model: AnyModule, path: str | os.PathLike[str]) -> AnyModule:
    """Read the parameters of a model from a safetensors file, and return the model.

    Parameters
    ----------
    model : Module
        Built with the sizes of the one that was saved.  It is changed only if everything fits.
    path : str or path
        A file written by `save` or ``safetensors.torch.save_file``.

    Raises
    ------
    CheckpointError
        If the file is missing, damaged, far larger than the model, or does not fit it by names and shapes.
    TypeError, ValueError
        If `model` is not a Module, or `path` does not end in ``.safetensors``.

    Examples
    --------
    >>> import tempfile
    >>> import tinygrad_mnist as tm
    >>> from tinygrad_mnist import nn
    >>> layer = nn.Linear(3, 2, rng=0)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     tm.save(layer, f"{folder}/layer.safetensors")
    ...     again = tm.load(nn.Linear(3, 2), f"{folder}/layer.safetensors")
    >>> bool((again.weight.data == layer.weight.data).all())
    True
    """
    _require_module(model, "load")
    path = _tensors_path(path)
    bytes_of_model = sum(array.nbytes for array in model.state_dict().values())
    tensors, _ = load_tensors(path, max_bytes=2 * bytes_of_model + MOST_HEADER_BYTES)
    try:
        _require_kinds(tensors, model)
        model.load_state_dict(tensors)
    except CheckpointError as error:
        raise CheckpointError(f"{path}: {error}") from error
    return model


def _require_kinds(tensors: Mapping[str, Array], model: Module) -> None:
    """Refuse whole numbers for what is fractions here, and the reverse: such a file is damaged."""
    own = dict(model._state())
    for name, array in model._by_own_names(tensors, own).items():
        if name in own and array.dtype.kind != own[name].dtype.kind:
            raise CheckpointError(f"{name} is {array.dtype} in the file and {own[name].dtype} here")


def _require_module(model: object, function: str) -> None:
    if not isinstance(model, Module):
        raise TypeError(
            f"model is {shown(model)}: expected a Module; write {function}(model, 'model.safetensors')"
        )


def _tensors_path(path: str | os.PathLike[str]) -> Path:
    if not isinstance(path, str | os.PathLike):
        raise TypeError(f"path is {shown(path)}: expected a path; write 'model.safetensors'")
    found = Path(path)
    if found.suffix != ".safetensors":
        raise ValueError(f"path is {shown(str(path))}: expected a name that ends in .safetensors")
    return found
