"""A tracer of the number that a captured function takes out of a Tensor."""

from __future__ import annotations

from typing import Any, NoReturn

from tinygrad_mnist.autodiff.primitive import Box, Primitive
from tinygrad_mnist.program.instructions import Value
from tinygrad_mnist.program.recorder import refuse


class Item(Box):
    """The result of ``tensor.item()`` while a program is captured: it can only be returned."""

    def __init__(self, value: Value) -> None:
        self.value = value

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        """Class of the number: isinstance gives the same result as in the uncompiled function."""
        return type(self.value.array.item())

    def __getattr__(self, name: str) -> NoReturn:
        refuse("a number from item()")

    def _apply(self, primitive: Primitive, inputs: tuple[Any, ...], attributes: dict[str, Any]) -> NoReturn:
        """Refuse to be an operand."""
        refuse("a number from item()")

    def _refuse(self, *others: Any) -> NoReturn:
        refuse("a number from item()")


# All special methods of a number: called by operators, str, sorted, math, a dict, copy or NumPy.
_QUESTIONS = (
    "eq ne lt le gt ge hash bool str repr format bytes reduce_ex array "
    "int float complex index round trunc floor ceil neg pos abs invert "
    "add sub mul truediv floordiv mod divmod pow matmul and or xor lshift rshift "
    "radd rsub rmul rtruediv rfloordiv rmod rdivmod rpow rmatmul rand ror rxor rlshift rrshift"
)
for _name in _QUESTIONS.split():
    setattr(Item, f"__{_name}__", Item._refuse)
