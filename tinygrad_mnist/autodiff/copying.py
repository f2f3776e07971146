"""Copies and pickles of a Tensor with its graph, without recursion at any depth.

Both `copy.deepcopy` and `pickle` follow references by recursion. A computed tensor therefore passes them
the tensors behind it first, earliest first: each then finds its inputs copied already. Both remember their
copies, so a tensor that several others share remains one tensor.
"""

from __future__ import annotations

import copy
import copyreg
from contextvars import ContextVar
from typing import Any

from tinygrad_mnist.autodiff.backward import upstream
from tinygrad_mnist.autodiff.modes import call_at, path_of
from tinygrad_mnist.autodiff.primitive import Recordable, looked_into

_LEFT_OUT = ("__weakref__", "_call", "_site")

# Ids of the tensors that a pickle of another tensor already contains in order.
_IN_ORDER: ContextVar[frozenset[int]] = ContextVar("in_order", default=frozenset())


class _Mark:
    """Mark in a pickle: these tensors follow in order until the next mark."""

    def __init__(self, tensors: list[Any]) -> None:
        self.ids = frozenset(map(id, tensors))

    def __reduce__(self) -> tuple[Any, ...]:
        _IN_ORDER.set(self.ids)
        return bool, ()


class Copied(Recordable):
    """Base class of Tensor: copies and pickles with the graph behind it."""

    __slots__ = ()

    _call: Any
    _site: Any

    def _behind(self) -> list[Any]:
        """Return the computed tensors that it depends on, earliest first."""
        return [tensor for tensor in upstream((self,))[::-1] if tensor.inputs and tensor is not self]

    def __getstate__(self) -> dict[str, Any]:
        looked_into(self, "a copy by copy or pickle")
        slots = (slot for kind in type(self).__mro__ for slot in getattr(kind, "__slots__", ()))
        state = {slot: getattr(self, slot) for slot in slots if slot not in _LEFT_OUT}
        state["scope"] = path_of(self._call)  # its modules and what they were given are not copied
        state["stale"] = [x for x in self.inputs if isinstance(x, Recordable) and x.serial > self.serial]
        return state | getattr(self, "__dict__", {})

    def __setstate__(self: Any, state: dict[str, Any]) -> None:
        for name, value in state.items():
            if name not in ("behind", "scope", "stale"):
                setattr(self, name, value)
        self._call = call_at(state["scope"])
        self._site = None
        self._mark_changed()  # a copy is a new node
        for x in state["stale"]:  # inputs that changed after the op read them remain changed
            x._mark_changed()

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        for tensor in [*self._behind(), self]:
            if id(tensor) not in memo:
                result: Any = object.__new__(type(tensor))
                memo[id(tensor)] = result
                result.__setstate__({key: copy.deepcopy(v, memo) for key, v in tensor.__getstate__().items()})
        return memo[id(self)]

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        behind = [] if id(self) in _IN_ORDER.get() else self._behind()
        in_order = [_Mark(behind), *behind, _Mark([])] if behind else []
        state = {"behind": in_order, **self.__getstate__()}  # first: the inputs then exist already
        return copyreg.__newobj__, (type(self),), state  # type: ignore[attr-defined]
