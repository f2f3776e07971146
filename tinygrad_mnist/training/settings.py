"""The settings that a training run depends on, as text: compared before a checkpoint is resumed."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from tinygrad_mnist.autodiff.source_line import warning_level
from tinygrad_mnist.autodiff.tensor import Tensor
from tinygrad_mnist.datasets import Loader
from tinygrad_mnist.datasets.rows import Rows
from tinygrad_mnist.errors import CheckpointError
from tinygrad_mnist.nn import Module
from tinygrad_mnist.nn.preserved import generators_of
from tinygrad_mnist.training.run_state import Parts

_REPLACED = WEIGHTS, _GENERATORS = "the weights", "the random numbers"  # a checkpoint replaces these


def settings_of(parts: Parts) -> dict[str, str]:
    """Return the settings of model, loss, optimizer and schedule by name.

    The settings of a module are its class and its plain attributes, such as the share of dropout.  Weights
    and generators, which change, are represented by a checksum.
    """
    settings = {"optimizer": type(parts.optimizer).__name__}
    for i, group in enumerate(parts.optimizer.param_groups):
        prefix = f"optimizer.param_groups[{i}]" if i else "optimizer"
        settings |= {f"{prefix}.{key}": _text(value) for key, value in group.settings().items()}
    settings["schedule"] = type(parts.schedule).__name__
    if parts.schedule is not None:
        settings |= _attributes("schedule", {**vars(parts.schedule), "epoch": None})
    bounds = {"clip_norm": parts.clip_norm, "clip_value": parts.clip_value}
    settings |= {name: _text(bound) for name, bound in bounds.items() if bound is not None}
    settings["loss"] = _text(parts.loss)
    for kind, part in parts.modules:
        for path, module in part.named_modules():
            name = f"{kind}.{path}" if path else kind
            settings |= {name: type(module).__name__, **_attributes(name, vars(module))}
    arrays = [array for _, part in parts.modules for array in part.state_dict().values()]
    settings[WEIGHTS] = _checksum(arrays)
    settings[_GENERATORS] = _checksum([str(g.bit_generator.state) for _, g in generators_of(parts.modules)])
    return settings


def settings_of_data(**named: Any) -> dict[str, str]:
    """Return checksums of the values in a `Loader` or in a list of batches; other batches have none."""
    settings = {}
    for name, batches in named.items():
        batches = getattr(batches, "batches", batches)  # a plain list has no attribute
        if isinstance(batches, Loader):
            rest = [str(batches.dtype), str(batches.scale)]
            settings[f"the values of {name}"] = _checksum([batches.input_rows, batches.target_rows, *rest])
        elif isinstance(batches, list | tuple):
            settings[f"the values of {name}"] = _checksum([part for batch in batches for part in batch])
        else:
            settings[f"the values of {name}"] = "unknown" if batches is not None else "none"
    return settings


def are_among(weights: Iterable[Any], kept: Iterable[Any]) -> bool:
    """Return True if each of the weights has the bits of an array that is kept."""
    known = {_checksum([array]) for array in kept}
    return all(_checksum([array]) in known for array in weights)


def require_same(present: Mapping[str, str], start: Mapping[str, str], saved: Mapping[str, str]) -> None:
    """Refuse to resume if a setting equals neither its value at the first step nor its saved value.

    Weights and random numbers are replaced by those of the checkpoint.  Different ones only cause a warning,
    because the same model may be used again after an error within an epoch.

    Raises
    ------
    CheckpointError
        If there is such a setting; names the first one, its present and its saved value.

    Warns
    -----
    RuntimeWarning
        If the weights or random numbers are neither the first nor the saved ones.
    """
    changed = [
        name
        for name in sorted({*present, *start})
        if present.get(name) not in (start.get(name), saved.get(name))
    ]
    for name in changed:
        if name not in _REPLACED:
            raise CheckpointError(
                f"{_difference(name, present.get(name), start.get(name))}; give that, or another folder for "
                "a new training"
            )
    if changed:
        warnings.warn(
            f"{' and '.join(name for name in _REPLACED if name in changed)} given to fit are not those that "
            "this training began with, as with another seed: those of the checkpoint replace them; give "
            "another folder for a new training",
            RuntimeWarning,
            stacklevel=warning_level(),
        )


def _difference(name: str, value: str | None, expected: str | None) -> str:
    if name.startswith("the values of"):
        return f"{name} have changed: expected those of its first step"
    return f"{name} is {value or 'missing'}: expected {expected or 'none'}, as at its first step"


def _attributes(name: str, attributes: Mapping[str, Any]) -> dict[str, str]:
    """Return the plain attributes by dotted name."""
    return {
        f"{name}.{key}": _text(value)
        for key, value in attributes.items()
        if not key.startswith("_") and key not in ("training", "name") and _is_plain(value)
    }


def _is_plain(value: Any) -> bool:
    if isinstance(value, tuple | list):
        return all(map(_is_plain, value))
    if isinstance(value, Module | Tensor | np.random.Generator):
        return False
    kinds = (bool, int, float, str, type(None), np.generic, np.ndarray, np.dtype)
    return isinstance(value, kinds) or callable(value)


def _text(value: Any) -> str:
    if isinstance(value, tuple | list):
        return f"({', '.join(map(_text, value))})"
    if isinstance(value, np.ndarray):
        return f"an array with the checksum {_checksum([value])}"
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, bool | int | float | str | type(None) | np.dtype):
        return str(value)
    return str(getattr(value, "__qualname__", type(value).__name__))


def _checksum(parts: list[Any]) -> str:
    digest = hashlib.blake2b(digest_size=8)
    for piece in _pieces(parts):
        digest.update(piece)
    return digest.hexdigest()


def _pieces(parts: list[Any]) -> Iterator[Any]:
    for part in parts:
        if isinstance(part, str):
            yield part.encode()
            continue
        array = part.data if isinstance(part, Tensor) else part
        rows = array if isinstance(array, Rows) else Rows(np.atleast_1d(array))
        yield f"{rows.dtype} {rows.shape}".encode()
        if rows.dtype != object:
            for piece in rows.pieces():
                yield piece.reshape(-1).view(np.uint8).data
