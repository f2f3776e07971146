"""Checks of the inputs of layers."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_mnist.arguments import shown
from tinygrad_mnist.errors import DTypeError


def require_array(layer: str, x: Any, what: str = "input") -> None:
    """Refuse an input of a layer, or its initial state, that is neither a Tensor nor an array."""
    if not hasattr(x, "shape"):
        raise TypeError(f"{layer} got {shown(x)} for its {what}: pass Tensor(x) or np.asarray(x)")


def require_dtype(layer: str, x: Any, own: np.dtype[Any]) -> None:
    """Refuse an input that was given another dtype than that of the layer's arrays.

    Whole numbers and what was made of Python's numbers have no dtype of their own: they take the layer's.
    """
    if x.dtype != own and x.dtype.kind not in "iub" and not getattr(x, "weak_dtype", False):
        raise DTypeError(f"{layer} has {own} weights, the input is {x.dtype}: pass x.astype(np.{own})")
