"""Arguments of a layer as text: the parentheses of its repr."""

from __future__ import annotations

import inspect
from collections.abc import Collection
from typing import Any, ClassVar

import numpy as np

from tinygrad_mnist.nn.module import Module
from tinygrad_mnist.nn.parameters import Parameter

# What only the initial values depend on: it is over once the layer is built.
_OF_INITIAL_VALUES = frozenset({"rng", "dtype", "weight_init", "bias_init"})


class Configured(Module):
    """Base of the layers and losses whose repr shows their settings.

    Attributes
    ----------
    SHOWN_BY_NAME : tuple of str
        Settings that the repr shows by name even if they have no default, or their default.
    """

    SHOWN_BY_NAME: ClassVar[tuple[str, ...]] = ()

    def extra_repr(self) -> str:
        """Return the settings."""
        return settings_of(self, *self.SHOWN_BY_NAME)


def settings_of(layer: Any, *named: str, without: Collection[str] = ()) -> str:
    """Return the arguments that build a layer again, in PyTorch's manner.

    An argument without a default stands there by its value, one that differs from its default by name and
    value.

    Parameters
    ----------
    layer : Module
        Has each argument as an attribute of the same name; a parameter or None stands for True or False.
    named : str
        Arguments that are shown in any case, by name.
    without
        Arguments that have no effect here.
    """
    parts = []
    for name, parameter in inspect.signature(type(layer)).parameters.items():
        if name in _OF_INITIAL_VALUES or name in without:
            continue
        usual = parameter.default
        value = getattr(layer, name, usual)
        if isinstance(usual, bool) and (value is None or isinstance(value, Parameter)):
            value = value is not None
        if usual is parameter.empty and name not in named:
            parts.append(_shown(value))
        elif name in named or _shown(value) not in (_shown(usual), _shown((usual, usual))):
            parts.append(f"{name}={_shown(value)}")
    return ", ".join(parts)


def _shown(setting: Any) -> str:
    """Return a setting as it was written."""
    return repr(setting.tolist() if isinstance(setting, np.ndarray) else setting)
