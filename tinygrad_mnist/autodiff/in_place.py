"""Changes in place: ``w -= step`` updates a parameter under ``no_grad()``; elements cannot be assigned."""

from __future__ import annotations

from typing import Any, NoReturn, Self

import numpy as np

from tinygrad_mnist.autodiff.modes import RECORDING
from tinygrad_mnist.autodiff.operators import Operators
from tinygrad_mnist.autodiff.primitive import peeled
from tinygrad_mnist.errors import GradientError


class InPlace(Operators):
    """``+=``, ``-=``, ``*=``, ``/=`` and ``tensor[...] = value``."""

    __slots__ = ()

    _is_state = False  # a buffer is changed in place without being learned

    def __setitem__(self, index: Any, value: Any) -> NoReturn:
        raise TypeError(
            "a Tensor's elements cannot be assigned: the graph would not record it. Build the result with "
            "ops.where, ops.concatenate or ops.stack, or fill a NumPy array first and wrap it"
        )

    def __iadd__(self, other: Any) -> Self:
        return self._change_in_place(np.add, other) if self._changes_in_place() else self + other

    def __isub__(self, other: Any) -> Self:
        return self._change_in_place(np.subtract, other) if self._changes_in_place() else self - other

    def __imul__(self, other: Any) -> Self:
        return self._change_in_place(np.multiply, other) if self._changes_in_place() else self * other

    def __itruediv__(self, other: Any) -> Self:
        return self._change_in_place(np.divide, other) if self._changes_in_place() else self / other

    def _changes_in_place(self) -> bool:
        """Return True if ``x -= y`` updates the array: of what is learned, under no_grad, and of buffers.

        Else it means x = x - y.
        """
        learned = not self.inputs and self._requires_grad
        if learned and RECORDING.get():
            raise GradientError(
                f"{self._label()} requires a gradient: change it in place under no_grad() only"
            )
        return learned or self._is_state

    def _change_in_place(self, ufunc: Any, other: Any) -> Self:
        """Write ``ufunc(self, other)`` into the tensor's array; graphs that already used it become stale."""
        array = peeled(self)
        ufunc(array, peeled(other), out=array)
        self._mark_changed()
        return self
