"""The random generators that a training draws from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from tinygrad_mnist.nn import Module


def generators_of(parts: Iterable[tuple[str, Any]]) -> Iterator[tuple[str, np.random.Generator]]:
    """Generators that modules draw from, as dropout does, by the names of part, module and attribute."""
    for group, part in parts:
        if not isinstance(part, Module):
            continue
        for path, module in part.named_modules():
            for attribute, value in vars(module).items():
                if isinstance(value, np.random.Generator):
                    yield ".".join(filter(None, (group, path, attribute))), value
