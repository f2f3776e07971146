"""Long formulas as mathematics on several lines: fractions, sums and powers in place of calls.

A formula is Python, and can be evaluated; this is how a picture shows one that is too long for a line.  What
only serves shapes and dtypes (reshape, keepdims, cast) is left out, and so are guards against NaN.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from typing import Any, NamedTuple

LONGEST_LINE = 34
_WIDEST = 46
_SHORT_FRACTION = 8
_TALLEST = 5
_SUBSCRIPTS = str.maketrans("0123456789-", "₀₁₂₃₄₅₆₇₈₉₋", ",() ")
_SUPERSCRIPTS = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")
_SHAPE_ONLY = frozenset({"reshape", "broadcast_to", "cast", "expand_dims", "squeeze"})
_UNSEEN_SETTINGS = frozenset({"shape", "dtype", "keepdims", "classes", "axis", "back"})
_BINARY: dict[type[ast.AST], tuple[str, int]] = {
    ast.Add: (" + ", 2), ast.Sub: (" - ", 2), ast.Mult: (" · ", 3), ast.MatMult: (" @ ", 3),
    ast.BitAnd: (" ∧ ", 0),
}  # fmt: skip
_COMPARED: dict[type[ast.AST], str] = {
    ast.Eq: " = ", ast.NotEq: " ≠ ", ast.Lt: " < ", ast.LtE: " ≤ ", ast.Gt: " > ", ast.GtE: " ≥ ",
}  # fmt: skip
_OPPOSITE: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Lt: ast.GtE, ast.GtE: ast.Lt, ast.Gt: ast.LtE, ast.LtE: ast.Gt,
}  # fmt: skip
_UNREADABLE = re.compile(rf"\d\.\d{{6}}|{'|'.join(_SHAPE_ONLY)}")  # however short it is
_FRACTION, _ATOM = 8, 9


class Block(NamedTuple):
    """Rows of text of one width; `base` is the main one, `binding` the rank of the loosest operator."""

    rows: tuple[str, ...]
    base: int = 0
    binding: int = _ATOM

    @property
    def width(self) -> int:
        """The number of columns."""
        return len(self.rows[0])


def formula_lines(formula: str) -> list[str]:
    r"""Return a formula as lines: itself if it is short, else as mathematics, or a note if that is too large.

    Examples
    --------
    >>> print(*formula_lines("g * (y * (1 - y))"))
    g * (y * (1 - y))
    >>> print(*formula_lines("reshape(g, shape=(3, 1)) / sum((x - 1) ** 2, axis=1)"), sep="\n")
          g
    ─────────────
     Σ₁ (x - 1)²
    """
    if len(formula) <= LONGEST_LINE and not _UNREADABLE.search(formula):
        return [formula]
    try:
        tree = ast.parse(formula, mode="eval").body
    except SyntaxError:  # the words of a rule that fails
        return [formula]
    block = _block(tree)
    if block.width > _WIDEST or len(block.rows) > _TALLEST:
        calls = sum(isinstance(node, ast.Call) for node in ast.walk(tree))
        return [f"{calls} calls, too long to print"]
    return [row.rstrip() for row in block.rows]


def _block(node: ast.AST) -> Block:
    found = next((make for kind, make in _MAKERS.items() if isinstance(node, kind)), None)
    return found(node) if found else _text(ast.unparse(node))


def _text(text: str, binding: int = _ATOM) -> Block:
    return Block((text,), 0, binding)


def _beside(*blocks: Block, binding: int = _ATOM) -> Block:
    """Blocks side by side on one main line."""
    above = max(block.base for block in blocks)
    below = max(len(block.rows) - block.base for block in blocks)
    rows = []
    for row in range(above + below):
        parts = []
        for block in blocks:
            own = row - above + block.base
            parts.append(block.rows[own] if 0 <= own < len(block.rows) else " " * block.width)
        rows.append("".join(parts))
    return Block(tuple(rows), above, binding)


def _in_parentheses(block: Block, least: int) -> Block:
    return block if block.binding >= least else _beside(_text("("), block, _text(")"))


def _fraction(above: Block, below: Block) -> Block:
    if len(above.rows) == len(below.rows) == 1 and above.width + below.width <= _SHORT_FRACTION:
        return _beside(_in_parentheses(above, 3), _text(" / "), _in_parentheses(below, 4), binding=3)
    width = max(above.width, below.width) + 2
    rows = [row.center(width) for row in above.rows]
    return Block((*rows, "─" * width, *(row.center(width) for row in below.rows)), len(rows), _FRACTION)


def _binary(node: Any) -> Block:
    if isinstance(node.op, ast.Div):
        return _fraction(_block(node.left), _block(node.right))
    if isinstance(node.op, ast.Pow):
        return _power(node)
    if isinstance(node.op, ast.BitAnd) and _is_no_nan(node.right):
        return _block(node.left)
    sign, binding = _BINARY[type(node.op)]
    left, right = (
        _in_parentheses(_block(node.left), binding),
        _in_parentheses(_block(node.right), binding + 1),
    )
    return _beside(left, _text(sign), right, binding=binding)


def _is_no_nan(node: ast.AST) -> bool:
    """True for ``x == x``."""
    return (
        isinstance(node, ast.Compare)
        and isinstance(node.ops[0], ast.Eq)
        and ast.unparse(node.left) == ast.unparse(node.comparators[0])
    )


def _power(node: Any) -> Block:
    base, exponent = _in_parentheses(_block(node.left), _ATOM), ast.unparse(node.right)
    if set(exponent) <= set("0123456789-"):
        raised = "" if exponent == "1" else exponent.translate(_SUPERSCRIPTS)
    else:
        raised = f"^({exponent})" if len(exponent) > 1 else f"^{exponent}"
    return _beside(base, _text(raised))


def _unary(node: Any) -> Block:
    if isinstance(node.op, ast.USub):
        return _beside(_text("-"), _in_parentheses(_block(node.operand), 3), binding=3)
    return _text(ast.unparse(node), 2)


def _compared(node: Any) -> Block:
    sign = _COMPARED.get(type(node.ops[0]))
    if sign is None or len(node.ops) > 1:
        return _text(ast.unparse(node), 1)
    return _beside(_block(node.left), _text(sign), _block(node.comparators[0]), binding=1)


def _constant(node: Any) -> Block:
    is_long = isinstance(node.value, float) and len(repr(node.value)) > 6
    return _text(f"{node.value:.4g}" if is_long else repr(node.value))


def _attribute(node: Any) -> Block:
    if node.attr in ("T", "mT"):
        return _beside(_in_parentheses(_block(node.value), _ATOM), _text("ᵀ"))
    return _text({"np.inf": "∞", "np.nan": "NaN"}.get(ast.unparse(node), node.attr))


def _subscript(node: Any) -> Block:
    index = ast.unparse(node.slice)
    if "None" in index:  # a new axis
        return _block(node.value)
    return _beside(_in_parentheses(_block(node.value), _ATOM), _text(f"[{index.strip('()')}]"))


def _call(node: Any) -> Block:
    is_method = isinstance(node.func, ast.Attribute) and ast.unparse(node.func.value) != "np"
    name = node.func.attr if isinstance(node.func, ast.Attribute) else ast.unparse(node.func)
    arguments = [node.func.value, *node.args] if is_method else list(node.args)
    if name in _SHAPE_ONLY:
        return _block(arguments[0])
    if name == "sum":
        return _sum(arguments[0], node, is_method)
    if name == "where":
        return _where(*arguments)
    blocks = [_block(argument) for argument in arguments]
    settings = [f"{k.arg}={ast.unparse(k.value)}" for k in node.keywords if k.arg not in _UNSEEN_SETTINGS]
    blocks += [_text(text) for text in settings] if len(" ".join(settings)) < 16 else [_text("…")]
    separated = [part for block in blocks for part in (_text(", "), block)][1:]
    return _beside(_text(f"{name}("), *separated, _text(")"))


def _sum(summed: ast.AST, node: Any, is_method: bool) -> Block:
    axes = [k.value for k in node.keywords if k.arg == "axis"] + list(node.args[0 if is_method else 1 :])
    below = ast.unparse(axes[0]).translate(_SUBSCRIPTS) if axes else ""
    return _beside(_text(f"Σ{below} "), _in_parentheses(_terms(summed), _FRACTION), binding=3)


def _terms(summed: Any) -> Block:
    """The terms of a sum; ``1 - condition`` counts where it fails."""
    is_count = isinstance(summed, ast.BinOp) and isinstance(summed.op, ast.Sub)
    if is_count and ast.unparse(summed.left) == "1" and ast.unparse(summed.right).startswith("cast("):
        return _beside(_text("["), _opposite(summed.right.args[0]), _text("]"))
    return _block(summed)


def _where(condition: Any, chosen: ast.AST, other: ast.AST) -> Block:
    """One of two values; 0 in one place is left to Iverson's bracket, a guard against it is left out."""
    said, first, second = map(ast.unparse, (condition, chosen, other))
    if "np.inf" in said or said.startswith(f"{second} == "):
        return _block(other)
    if said.startswith(f"{first} != "):
        return _block(chosen)
    if first == "0.0":
        return _chosen(_opposite(condition), other)
    if second == "0.0":
        return _chosen(_block(condition), chosen)
    return _beside(
        _text("("),
        _block(chosen),
        _text(" if "),
        _block(condition),
        _text(" else "),
        _block(other),
        _text(")"),
    )


def _chosen(condition: Block, value: ast.AST) -> Block:
    """A value under a condition, and 0 without it: Iverson's bracket."""
    return _beside(_text("["), condition, _text("] · "), _in_parentheses(_block(value), 3), binding=3)


def _opposite(condition: Any) -> Block:
    if (
        isinstance(condition, ast.BinOp)
        and isinstance(condition.op, ast.BitAnd)
        and _is_no_nan(condition.right)
    ):
        return _opposite(condition.left)
    if isinstance(condition, ast.Compare) and type(condition.ops[0]) in _OPPOSITE:
        opposite = _OPPOSITE[type(condition.ops[0])]()
        return _block(ast.Compare(condition.left, [opposite], condition.comparators))
    return _beside(_text("not "), _in_parentheses(_block(condition), 4))


_MAKERS: dict[type[ast.AST], Callable[[Any], Block]] = {
    ast.BinOp: _binary,
    ast.UnaryOp: _unary,
    ast.Compare: _compared,
    ast.Constant: _constant,
    ast.Attribute: _attribute,
    ast.Subscript: _subscript,
    ast.Call: _call,
}
