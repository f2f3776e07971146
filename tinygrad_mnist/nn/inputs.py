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


def require_dtype(layer: str, x: Any, own: np.dtype[Any], what: str = "weights") -> None:
    """Refuse an input whose dtype was chosen and is not that of the layer's arrays.

    Integers, booleans and Tensors made from Python's numbers take the dtype of the layer.
    """
    if x.dtype != own and x.dtype.kind not in "iub" and not getattr(x, "weak_dtype", False):
        raise DTypeError(f"{layer} has {own} {what}, the input is {x.dtype}: pass x.astype(np.{own})")
