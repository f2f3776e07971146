"""What a rule says, as text: obtained by running the rule on named symbols, so it cannot disagree with it.

>>> from tinygrad_mnist.autodiff.ops import sigmoid
>>> import numpy as np
>>> rule_formula(sigmoid, 0, (np.array(0.5),), {})
'g * (y * (1 - y))'
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_mnist.autodiff.operators import Operators
from tinygrad_mnist.autodiff.primitive import Primitive

_INFIX = {
    "add": ("+", 1),
    "subtract": ("-", 1),
    "multiply": ("*", 2),
    "divide": ("/", 2),
    "matmul": ("@", 2),
    "power": ("**", 4),
}
_COMPARISONS = {
    "equal": "==",
    "not_equal": "!=",
    "less": "<",
    "less_equal": "<=",
    "greater": ">",
    "greater_equal": ">=",
}
_UNARY, _ATOM = 3, 5


class Symbol(Operators):
    """A named array: ops applied to it compute, and write down what was computed.

    `text` is the expression so far, `binding` how strongly its outermost operator binds.  The array is there
    because rules look at shapes, and some at values.
    """

    __slots__ = ("_data", "binding", "text")

    def __init__(self, text: str, data: Any, binding: int = _ATOM) -> None:
        self.text, self.binding = text, binding
        self._data = np.asarray(data)

    def apply(self, primitive: Primitive, inputs: tuple[Any, ...], attributes: dict[str, Any]) -> Symbol:
        """Compute the op and compose its text."""
        value = primitive.forward(*(x._data if isinstance(x, Symbol) else x for x in inputs), **attributes)
        text, binding = _expression(primitive.name, inputs, attributes)
        return Symbol(text, value, binding)

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the array."""
        return tuple(self._data.shape)

    @property
    def ndim(self) -> int:
        """Of the array."""
        return int(self._data.ndim)

    @property
    def size(self) -> int:
        """Of the array."""
        return int(self._data.size)

    @property
    def dtype(self) -> Any:
        """Of the array."""
        return self._data.dtype

    @property
    def T(self) -> Any:  # noqa: N802  NumPy's name
        """Written as in NumPy."""
        return Symbol(f"{_inside(self, _ATOM)}.T", self._data.T)

    @property
    def mT(self) -> Any:  # noqa: N802  NumPy's name
        """Written as .T where that is the same."""
        suffix = "T" if self.ndim == 2 else "mT"
        return Symbol(f"{_inside(self, _ATOM)}.{suffix}", self._data.mT)

    def sum(self, axis: Any = None, keepdims: bool = False, dtype: Any = None, **foreign: Any) -> Any:
        """Of a mask too, which is why it takes a dtype."""
        total = self._data.sum(axis=axis, keepdims=keepdims, dtype=dtype)
        said = _settings({"axis": axis, "keepdims": keepdims})
        return Symbol(f"{_inside(self, _ATOM)}.sum({said})", total)

    def _compared(self, comparison: Primitive, plain: Any, other: Any) -> Any:
        return comparison(self, other)


def _inside(value: Any, binding: int) -> str:
    """The text of an operand, in parentheses when its operator binds less than the one around it."""
    if isinstance(value, Symbol):
        return value.text if value.binding >= binding else f"({value.text})"
    if isinstance(value, np.ndarray):
        return f"array{value.shape}"
    return f"{value:g}" if isinstance(value, float) else repr(value)


def _expression(name: str, inputs: tuple[Any, ...], attributes: dict[str, Any]) -> tuple[str, int]:
    """The text of an op applied to operands, and how strongly it binds."""
    if name in _INFIX:
        operator, binding = _INFIX[name]
        left, right = (binding + 1, binding) if name == "power" else (binding, binding + 1)
        return f"{_inside(inputs[0], left)} {operator} {_inside(inputs[1], right)}", binding
    if name in _COMPARISONS:
        return f"{_inside(inputs[0], 1)} {_COMPARISONS[name]} {_inside(inputs[1], 1)}", 0
    if name == "logical_and":
        return f"{_inside(inputs[0], 1)} & {_inside(inputs[1], 1)}", 0
    if name == "negative":
        return f"-{_inside(inputs[0], _UNARY)}", _UNARY
    if name == "getitem":
        return f"{_inside(inputs[0], _ATOM)}[{_index(attributes['index'])}]", _ATOM
    arguments = [_inside(x, 0) for x in inputs]
    settings = _settings(attributes)
    return f"{name}({', '.join([*arguments, settings] if settings else arguments)})", _ATOM


def _settings(attributes: dict[str, Any]) -> str:
    """Settings as keyword arguments, without those that say nothing."""
    said = {key: value for key, value in attributes.items() if value is not None and value is not False}
    return ", ".join(f"{key}={f'[{_index(v)}]' if key == 'index' else v}" for key, v in said.items())


def _index(index: Any) -> str:
    """An index as it is written between brackets."""
    if isinstance(index, tuple):
        return ", ".join(_index(part) for part in index)
    if isinstance(index, slice):
        ends = [index.start, index.stop] + ([index.step] if index.step is not None else [])
        return ":".join("" if end is None else str(end) for end in ends)
    if index is Ellipsis:
        return "..."
    return "indices" if isinstance(index, np.ndarray | list) else str(index)


def input_names(primitive: Primitive, count: int) -> list[str]:
    """The names of a primitive's inputs: its forward's parameters, or x0, x1, ... for any number of them."""
    if primitive.variadic:
        return [f"x{i}" for i in range(count)]
    return list(primitive.forward.__code__.co_varnames[:count])


def forward_formula(name: str, operands: tuple[str, ...], attributes: dict[str, Any]) -> str:
    """An op applied to named operands, as text: ``multiply_1 + a``.  Operands are not looked into."""
    symbols = tuple(Symbol(operand, 0.0) for operand in operands)
    return _expression(name, symbols, attributes)[0]


def rule_formula(
    primitive: Primitive, position: int, inputs: tuple[Any, ...], attributes: dict[str, Any]
) -> str:
    """The rule of one input as an expression in `g`, `y` and the inputs' names.

    Parameters
    ----------
    inputs, attributes
        What the primitive was applied to, as plain arrays and numbers: rules may look at shapes.
    """
    names = input_names(primitive, len(inputs))
    result = primitive.forward(*inputs, **attributes)
    g = Symbol("g", np.ones_like(result))
    symbols = [Symbol(n, x) if isinstance(x, np.ndarray) else x for n, x in zip(names, inputs)]
    rule = primitive.rule(position)
    if rule is None:
        return "no gradient"
    answer = rule(g, Symbol("y", result), *symbols, **attributes)
    if not isinstance(answer, Symbol):
        return _inside(answer, 0)
    axes = _summed_axes(answer.shape, np.shape(inputs[position]))
    return f"{_inside(answer, _ATOM)}.sum(axis={axes})" if axes != () else answer.text


def _summed_axes(shape: tuple[int, ...], target: tuple[int, ...]) -> Any:
    """Over which axes a gradient is summed centrally, because its input was broadcast."""
    lead = len(shape) - len(target)
    stretched = (lead + i for i, n in enumerate(target) if lead >= 0 and n != shape[lead + i])
    axes = (*range(lead), *stretched)
    return axes[0] if len(axes) == 1 else axes
