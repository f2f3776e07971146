"""Formulas with the numbers in them, ``g * b = 1 * -3 = -3``, or for arrays with the shapes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygrad_mnist.graph.data import GraphData, Node, Rule, Statistics
from tinygrad_mnist.graph.numbers import FEW, is_few, statistics_text, values_text

Parts = list[list[str]]  # pieces of an equation: [text, role], to be coloured by role; "joint" is = or →


@dataclass(frozen=True)
class Operand:
    """The value behind a name in a formula.

    Attributes
    ----------
    role
        "incoming", "local" or "result".
    source
        The name of its node; a number among an op's inputs as text; a description.
    shape, value
        Shape and statistics, if it is a node.
    """

    role: str
    source: str
    shape: tuple[int, ...] = ()
    value: Statistics | None = None

    @property
    def is_small(self) -> bool:
        """True if its numbers fit into an equation."""
        return is_few(self.value) or (self.value is None and not self.shape)

    def text(self, *, shapes: bool) -> str:
        """Return its numbers, or with `shapes` its shape."""
        if shapes and self.shape:
            return str(self.shape)
        return self.source if self.value is None else statistics_text(self.value, FEW)


def forward_equation(node: Node, graph: GraphData) -> Parts:
    """Return the computation of an op's value: ``a * b = 2 * -3 = -6``."""
    nodes = [graph.by_name[source] for source in node.inputs if source in graph.by_name]
    operands = {source.title: _operand(source.name, graph) for source in nodes}
    return equation(node.formula, operands, Operand("result", node.name, node.shape, node.value))


def rule_equation(node: Node, rule: Rule, graph: GraphData) -> Parts:
    """Return the computation of the gradient that a rule sends to its input: ``g * b = 1 * -3 = -3``."""
    shape = graph.by_name[rule.source].shape
    result = Operand("result", rule.source, shape, rule.contribution)
    return equation(rule.formula, _operands_of(node, graph), result, summed=rule.summed)


def operand_rows(node: Node, rule: Rule, graph: GraphData) -> list[list[str]]:
    """Return symbol, role, source and numbers of each operand of a rule; none if the equation shows them."""
    pieces = _split(rule.formula, _operands_of(node, graph))
    used = {text: operand for text, operand in pieces if operand}
    if all(operand.is_small for operand in used.values()):
        return []
    return [
        [name, operand.role, operand.source, operand.text(shapes=False)] for name, operand in used.items()
    ]


def sum_equation(before: Any, contribution: Statistics, after: Any) -> str:
    """Return a running sum, of few entries or of means: ``3 + 4 = 7``; the first contribution alone."""
    few = is_few(contribution)
    terms = [before, contribution.values if few else contribution.mean, after]
    texts = [values_text(term if few else np.mean(term)) for term in terms if term is not None]
    text = texts[-1] if before is None else f"{texts[0]} + {texts[1]} = {texts[2]}"
    return text if few else f"mean {text}"


def equation(
    formula: str, operands: Mapping[str, Operand], result: Operand, *, summed: bool = False
) -> Parts:
    """Return the formula, the formula with numbers (or shapes, if they are many), and the result.

    An arrow instead of ``=`` stands before a shape, and before a sum over broadcast axes.
    """
    pieces = _split(formula, operands)
    shapes = not all(operand.is_small for _, operand in (*pieces, ("", result)) if operand)
    names = [[text, operand.role if operand else ""] for text, operand in pieces]
    numbers = []
    for position, (text, operand) in enumerate(pieces):
        number = _guarded(operand.text(shapes=shapes), pieces, position) if operand else text
        numbers.append([number, operand.role if operand else ""])
    steps = [names] if plain(numbers) == plain(names) else [names, [[" = ", "joint"]], numbers]
    final = result.text(shapes=shapes)
    if not (len(numbers) == 1 and plain(numbers) == final):
        joint = " → " if shapes or summed else " = "
        steps.append([[joint, "joint"], [final, "result"]] if pieces else [[final, "result"]])
    return [part for step in steps for part in step]


def plain(parts: Parts) -> str:
    """Return an equation as text alone."""
    return "".join(text for text, _ in parts)


def _operands_of(node: Node, graph: GraphData) -> dict[str, Operand]:
    """The operands in the rules of an op: g, y and its inputs, by the names that the rules use."""
    sources = {rule.input: rule.source for rule in node.rules} | dict(zip(node.input_names, node.inputs))
    return {
        **{name: _operand(source, graph) for name, source in sources.items()},
        "y": Operand("local", node.name, node.shape, node.value),
        "g": Operand("incoming", "incoming gradient", node.shape, node.gradient),
    }


def _operand(source: str, graph: GraphData) -> Operand:
    """A node, or a number as text, as an operand."""
    node = graph.by_name.get(source)
    return Operand("local", source, node.shape, node.value) if node else Operand("local", source)


def _split(formula: str, operands: Mapping[str, Operand]) -> list[tuple[str, Operand | None]]:
    """A formula cut at the names of its operands; a name that is called, or names a setting, is text."""
    names = "|".join(re.escape(name) for name in sorted(operands, key=len, reverse=True) if name)
    if not names:
        return [(formula, None)]
    pieces = re.split(rf"(?<![\w.])({names})(?![\w(=])", formula)
    return [(piece, operands[piece] if i % 2 else None) for i, piece in enumerate(pieces) if piece]


def _guarded(number: str, pieces: list[tuple[str, Operand | None]], position: int) -> str:
    """A negative number in parentheses where the operator next to it would be misread."""
    before = pieces[position - 1][0].rstrip() if position else ""
    after = pieces[position + 1][0].lstrip() if position + 1 < len(pieces) else ""
    needed = number.startswith("-") and (before.endswith(("-", "**")) or after.startswith("**"))
    return f"({number})" if needed else number
