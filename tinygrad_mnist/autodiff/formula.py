"""The text of a rule: obtained by running the rule on named symbols, so it cannot disagree with it.

>>> from tinygrad_mnist.autodiff.ops import sigmoid
>>> import numpy as np
>>> rule_formula(sigmoid, 0, (np.array(0.5),), {}).text
'g * (y * (1 - y))'
"""

from __future__ import annotations

from collections.abc import Sequence
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
    """A named array: ops applied to it compute, and write down what was computed.

    `expression` is what was computed so far.  The array is there because rules look at shapes, and some at
    values.
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
    def shape(self) -> tuple[int, ...]:
        """The same of the array."""
        return tuple(self._data.shape)

    @property
    def ndim(self) -> int:
        """The same of the array."""
        return int(self._data.ndim)

    @property
    def size(self) -> int:
        """The same of the array."""
        return int(self._data.size)

    @property
    def dtype(self) -> Any:
        """The same of the array."""
        return self._data.dtype

    @property
    def T(self) -> Any:  # noqa: N802  NumPy's name
        """Written as in NumPy."""
        return self._method("T", self._data.T)

    @property
    def mT(self) -> Any:  # noqa: N802  NumPy's name
        """Written as .T where that is the same."""
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
    """An operand as code: an array without a name that is long is called by its shape."""
    if isinstance(value, Symbol):
        return value.expression
    if isinstance(value, np.ndarray) and value.size > _LONGEST_ARRAY:
        return Expression(f"array{value.shape}", ATOM, value)
    return literal(value)


def _applied(primitive: Primitive, operands: list[Expression], attributes: dict[str, Any]) -> Expression:
    """A primitive applied to operands, with its sign where Python has one."""
    if primitive.name == "getitem":
        return Expression(f"{operands[0].inside(ATOM)}[{_index(attributes['index'])}]")
    return applied(primitive.name, operands, _settings(attributes, primitive.defaults))


def _settings(attributes: dict[str, Any], defaults: dict[str, Any]) -> str:
    """Settings as keyword arguments, without those that say nothing."""
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
    """An index as it is written between brackets; long arrays are called indices."""

    def array(part: Any) -> str:
        return "indices" if np.size(part) > _LONGEST_ARRAY else repr(np.asarray(part).tolist())

    return index_text(index, array)


def input_names(primitive: Primitive, count: int) -> list[str]:
    """The names of a primitive's inputs: its forward's parameters, or x0, x1, ... for any number of them."""
    if primitive.variadic:
        return [f"x{i}" for i in range(count)]
    return list(primitive.forward.__code__.co_varnames[:count])


def forward_formula(primitive: Primitive, operands: tuple[str, ...], attributes: dict[str, Any]) -> str:
    """An op applied to named operands, as text: ``multiply_1 + a``.  Operands are not looked into."""
    return _applied(primitive, [named(operand) for operand in operands], attributes).text


class RuleFormula(NamedTuple):
    """The text of a rule; `summed` is True if the input was broadcast, so that the text ends in a sum."""

    text: str
    summed: bool = False


def rule_formula(
    primitive: Primitive, position: int, inputs: tuple[Any, ...], attributes: dict[str, Any]
) -> RuleFormula:
    """The rule of one input as an expression in `g`, `y` and the inputs' names.

    Parameters
    ----------
    inputs, attributes
        What the primitive was applied to, as plain arrays and numbers: rules may look at shapes.

    Notes
    -----
    A rule that writes into arrays cannot be run on symbols; its text is its attribute ``formula``.
    """
    names = input_names(primitive, len(inputs))
    result = primitive.forward(*inputs, **attributes)
    g = Symbol("g", np.ones_like(result))
    symbols = [Symbol(n, x) if isinstance(x, np.ndarray) else x for n, x in zip(names, inputs)]
    rule = primitive.rule(position)
    if rule is None:
        return RuleFormula("no gradient")
    said: str | None = getattr(rule, "formula", None)
    if said is not None:
        return RuleFormula(said)
    answer = rule(g, Symbol("y", result), *symbols, **attributes)
    if not isinstance(answer, Symbol):
        return RuleFormula(_operand(answer).text)
    shape = np.shape(inputs[position])
    return RuleFormula(_summed(answer, shape).expression.text, answer.shape != shape)


def _summed(gradient: Symbol, target: tuple[int, ...]) -> Symbol:
    """A gradient as it is summed centrally, because its input was broadcast."""
    lead = gradient.ndim - len(target)
    if lead > 0:
        gradient = gradient.sum(_one_or_all(range(lead)))
    stretched = [i for i, length in enumerate(target) if lead >= 0 and length != gradient.shape[i]]
    return gradient.sum(_one_or_all(stretched), keepdims=True) if stretched else gradient


def _one_or_all(axes: Sequence[int]) -> Any:
    return axes[0] if len(axes) == 1 else tuple(axes)
