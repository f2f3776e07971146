"""Conversions of a Tensor to a plain number or array: silent, with a warning, or refused.

The rule is PyTorch's. Explicit conversions are silent: ``item``, ``tolist``, ``numpy``, ``data``,
``detach``, printing, ``bool``. Conversions that other code may call warn if they cut a gradient: ``float``,
``int`` and ``complex``, which math.exp calls, and a new Tensor made from one. ``np.asarray`` of a computed
Tensor is refused; of a parameter, or of elements of one, it warns. Under ``no_grad()``, and for a Tensor
without gradient, everything is silent.
"""

from __future__ import annotations

import sys
import warnings
from typing import Any

import numpy as np

from tinygrad_mnist.autodiff.modes import RECORDING, TRANSFORMING
from tinygrad_mnist.autodiff.primitive import Box, Recordable, looked_into, peeled
from tinygrad_mnist.autodiff.source_line import warning_level
from tinygrad_mnist.errors import GradientError, GraphCutWarning, ShapeError
from tinygrad_mnist.typing import Array

_MOVES_ELEMENTS = frozenset({"identity", "getitem", "reshape", "transpose", "broadcast_to"})


def needs_gradient(tensor: Any) -> bool:
    """Return True if a result computed from the tensor now would send a gradient back to it."""
    return tensor._requires_grad and RECORDING.get()


def warn_of_cut(tensor: Any, conversion: str, instead: str) -> None:
    """Warn if a conversion cuts the graph; refuse it in a function under a transform."""
    if not needs_gradient(tensor):
        return
    if TRANSFORMING.get():
        raise GradientError(
            f"{conversion} of a value that a transform differentiates would cut the graph silently: "
            "compute with it as it is (np.sin rather than math.sin), or say tensor.data when it is meant"
        )
    warnings.warn(
        # Without the tensor's name: Python shows the same text once per line.
        f"{conversion} of a Tensor that requires a gradient: what is computed from the result "
        "sends no gradient back. Compute with the Tensor as it is (np.exp, not math.exp), or write "
        f"{instead} where the plain value is meant",
        GraphCutWarning,
        stacklevel=warning_level(),
    )


def looked_at(tensor: Any, what: str) -> Array:
    """Return the plain array, read-only; `what` names the conversion in a tracer's refusal."""
    view: Array = looked_into(tensor, what).view()
    view.flags.writeable = False
    return view


def _looks_at_a_leaf(tensor: Any) -> bool:
    """Return True for a leaf, or elements of one in another order."""
    while tensor.inputs and tensor.primitive.name in _MOVES_ELEMENTS:
        tensor = tensor.inputs[0]
    return not tensor.inputs


class Conversions(Recordable):
    """Conversions such as ``float(tensor)``, ``tensor.item()`` and ``np.asarray(tensor)``."""

    __slots__ = ()

    def item(self) -> Any:
        """Return the only element as a Python number."""
        self._require_single("item()")
        number = peeled(self).item()
        if TRANSFORMING.get():
            warn_of_cut(self, "item()", "tensor.data")
        return number

    def tolist(self) -> Any:
        """Return the elements as nested lists of Python numbers."""
        if TRANSFORMING.get():
            warn_of_cut(self, "tolist()", "tensor.data")
        return looked_into(self, "tolist()").tolist()

    def __format__(self, specification: str) -> str:
        return format(self._single("format()"), specification) if specification else str(self)

    def __bool__(self) -> bool:
        return bool(self._single("bool()"))

    def __float__(self) -> float:
        return float(self._number("float()"))

    def __int__(self) -> int:
        return int(self._number("int()"))

    def __complex__(self) -> complex:
        return complex(self._number("complex()"))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        array = looked_at(self, "np.asarray()")
        if needs_gradient(self) and not _looks_at_a_leaf(self):
            raise TypeError(
                f"{self._label()} is a Tensor that requires a gradient, and turning it into an array would "
                "cut the graph: write tensor.data for its array, use it in NumPy functions and operators as "
                "it is, or join several with ops.stack([a, b]) or ops.concatenate(a, b)"
            )
        warn_of_cut(self, "np.asarray()", "ops.stack([a, b]) to join Tensors, tensor.data")
        return np.array(array, dtype, copy=copy)

    @property
    def _mask(self) -> Any:
        """Refuse operations of numpy.ma: a masked array on the left reads ``_data``, then this."""
        made = sys._getframe(1).f_code.co_name == "__new__"  # a masked array of it, by way of __array__
        if not made and (needs_gradient(self) or isinstance(peeled(self), Box)):
            raise TypeError(
                f"an operand of {self._label()} is a masked array, or numpy.ma computes with it, which "
                "would cut the graph: expected an array; write array.filled(0.0), or "
                "leave the masked rows out"
            )
        return np.False_  # numpy.ma.nomask, without loading numpy.ma

    def _number(self, conversion: str) -> Any:
        """Return the only element, by a conversion that other code may call, such as math.exp."""
        number = self._single(conversion)
        warn_of_cut(self, conversion, "tensor.item()")
        return number

    def _single(self, conversion: str) -> Any:
        """Return the only element, for a branch or for display."""
        self._require_single(conversion)
        return looked_into(self, conversion).item()

    def _require_single(self, conversion: str) -> None:
        if self._data.size != 1:
            raise ShapeError(
                f"{conversion} needs a single element, and {self._label()} has shape {self._data.shape}: "
                "reduce it first, or work element by element"
            )
