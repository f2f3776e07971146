"""Text of a rule, obtained by running the rule on named symbols: it cannot disagree with the rule.

>>> from tinygrad_mnist.autodiff.ops import sigmoid
>>> import numpy as np
>>> rule_formula(sigmoid, 0, (np.array(0.5),), {}).text
'g * (y * (1 - y))'
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, NoReturn

import numpy as np

from tinygrad_mnist.autodiff.expression import (
    ATOM,
    Expression,
    applied,
    index_text,
    literal,
    literal_text,
    named,
)
from tinygrad_mnist.autodiff.operators import Operators
from tinygrad_mnist.autodiff.primitive import Primitive, peeled

_LONGEST_ARRAY = 8  # an array of more elements is named in a formula, not written out


class Symbol(Operators):
    """Named array: ops on it compute, and also compose their text.

    `expression` is the text so far. The array is needed because rules read shapes, and some read values.
    """

    __slots__ = ("_data", "expression")
    __array_ufunc__ = None  # an array or number of NumPy on the left leaves the operation to the symbol

    def __init__(self, text: str, data: Any, binding: int = ATOM) -> None:
        self._data = np.asarray(data)
        self.expression = Expression(text, binding, self._data)

    def _apply(self, primitive: Primitive, inputs: tuple[Any, ...], attributes: dict[str, Any]) -> Symbol:
        """Compute the op and compose its text."""
        value = primitive.forward(*(x._data if isinstance(x, Symbol) else x for x in inputs), **attributes)
        found = _applied(primitive, [_operand(x) for x in inputs], attributes)
        return Symbol(found.text, value, found.binding)

    def _method(self, code: str, value: Any) -> Symbol:
        """An attribute of the array, or a call of one."""
        return Symbol(f"{self.expression.inside(ATOM)}.{code}", value)

    def __bool__(self) -> bool:
        raise TypeError(f"{self.expression.text} is a symbol: a rule that asks for its truth has no formula")

    def __array__(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise TypeError(
            f"{self.expression.text} is a symbol: a rule that takes it as a plain array has no formula"
        )

    @property
    def size(self) -> int:
        """The same of the array."""
        return int(self._data.size)

    @property
    def T(self) -> Any:  # noqa: N802  NumPy's name
        """Written as in NumPy."""
        return self._method("T", self._data.T)

    @property
    def mT(self) -> Any:  # noqa: N802  NumPy's name
        """Return the exchange of the last two axes, written as .T for a matrix."""
        return self._method("T" if self.ndim == 2 else "mT", self._data.mT)

    def sum(  # type: ignore[override]
        self, axis: Any = None, keepdims: bool = False, dtype: Any = None, **foreign: Any
    ) -> Any:
        """The sum; of a mask too, which is why it takes a dtype."""
        said = {"axis": axis, "keepdims": keepdims, "dtype": dtype}
        return self._method(f"sum({_settings(said, _SUM)})", self._data.sum(**said))

    def _compared(self, ufunc: np.ufunc, other: Any) -> Symbol:
        found = applied(ufunc.__name__, [_operand(self), _operand(other)], module="np.")
        return Symbol(found.text, ufunc(self._data, peeled(other)), found.binding)

    def __eq__(self, other: Any) -> Any:
        return self._compared(np.equal, other)

    def __ne__(self, other: Any) -> Any:
        return self._compared(np.not_equal, other)

    def __lt__(self, other: Any) -> Any:
        return self._compared(np.less, other)

    def __le__(self, other: Any) -> Any:
        return self._compared(np.less_equal, other)

    def __gt__(self, other: Any) -> Any:
        return self._compared(np.greater, other)

    def __ge__(self, other: Any) -> Any:
        return self._compared(np.greater_equal, other)

    def __and__(self, other: Any) -> Any:
        return self._compared(np.logical_and, other)

    __hash__ = object.__hash__


_SUM = {"axis": None, "keepdims": False, "dtype": None}


def _operand(value: Any) -> Expression:
    """Return an operand as code; a long array without a name is named by its shape."""
    if isinstance(value, Symbol):
        return value.expression
    if isinstance(value, np.ndarray) and value.size > _LONGEST_ARRAY:
        return Expression(f"array{value.shape}", ATOM, value)
    return literal(value)


def _applied(primitive: Primitive, operands: list[Expression], attributes: dict[str, Any]) -> Expression:
    """Return a primitive on operands, with its operator if Python has one."""
    if primitive.name == "getitem":
        return Expression(f"{operands[0].inside(ATOM)}[{_index(attributes['index'])}]")
    return applied(primitive.name, operands, _settings(attributes, primitive.defaults))


def _settings(attributes: dict[str, Any], defaults: dict[str, Any]) -> str:
    """Return settings as keyword arguments, without trivial ones."""
    said = {
        key: value
        for key, value in attributes.items()
        if not (value is None or value is False) or defaults.get(key, value) is not value
    }
    return ", ".join(
        f"{key}={f'np.s_[{_index(value)}]' if key == 'index' else literal_text(value)}"
        for key, value in said.items()
    )


def _index(index: Any) -> str:
    """Return an index as written between brackets; long arrays are called indices."""

    def array(part: Any) -> str:
        return "indices" if np.size(part) > _LONGEST_ARRAY else repr(np.asarray(part).tolist())

    return index_text(index, array)


def input_names(primitive: Primitive, count: int) -> list[str]:
    """Return the names of a primitive's inputs: parameters of its forward, or x0, x1, ... for any number."""
    if primitive.variadic:
        return [f"x{i}" for i in range(count)]
    return list(primitive.forward.__code__.co_varnames[:count])


def forward_formula(primitive: Primitive, operands: tuple[str, ...], attributes: dict[str, Any]) -> str:
    """Return an op on named operands as text: ``multiply_1 + a``. Operands are not expanded."""
    return _applied(primitive, [named(operand) for operand in operands], attributes).text


class RuleFormula(NamedTuple):
    """Return the text of a rule; with `summed` (the input was broadcast) it ends in a sum."""

    text: str
    summed: bool = False


def rule_formula(
    primitive: Primitive,
    position: int,
    inputs: tuple[Any, ...],
    attributes: dict[str, Any],
    symbols: Callable[[], list[Any]] | None = None,
) -> RuleFormula:
    """Return the rule of one input as an expression in `g`, `y` and the names of the inputs.

    Parameters
    ----------
    inputs, attributes
        Inputs and settings of the op as plain arrays and numbers: rules may read shapes.
    symbols
        Returns what `symbols_of` does; for the rules of an op of many inputs, which share them.

    Notes
    -----
    A rule that writes into arrays cannot be run on symbols; its text is its attribute ``formula``.
    """
    rule = primitive.rule(position)
    if rule is None:
        return RuleFormula("no gradient")
    said: str | None = getattr(rule, "formula", None)
    if said is not None:
        return RuleFormula(said)
    answer = rule(*(symbols() if symbols else symbols_of(primitive, inputs, attributes)), **attributes)
    if not isinstance(answer, Symbol):
        return RuleFormula(_operand(answer).text)
    shape = np.shape(inputs[position])
    return RuleFormula(_summed(answer, shape).expression.text, answer.shape != shape)


def symbols_of(primitive: Primitive, inputs: tuple[Any, ...], attributes: dict[str, Any]) -> list[Any]:
    """Return `g`, `y` and the inputs of an op as symbols; an input that is a number stays one."""
    names = input_names(primitive, len(inputs))
    result = primitive.forward(*inputs, **attributes)
    read = (Symbol(n, x) if isinstance(x, np.ndarray) else x for n, x in zip(names, inputs))
    return [Symbol("g", np.ones_like(result)), Symbol("y", result), *read]


def _summed(gradient: Symbol, target: tuple[int, ...]) -> Symbol:
    """Return a gradient summed as for a broadcast input."""
    lead = gradient.ndim - len(target)
    if lead > 0:
        gradient = gradient.sum(_one_or_all(range(lead)))
    stretched = [i for i, length in enumerate(target) if lead >= 0 and length != gradient.shape[i]]
    return gradient.sum(_one_or_all(stretched), keepdims=True) if stretched else gradient


def _one_or_all(axes: Sequence[int]) -> Any:
    return axes[0] if len(axes) == 1 else tuple(axes)
