"""Formulas with the numbers in them: ``g * b = 1 * -3 = -3``, and for arrays the shapes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygrad_mnist.autodiff.formula import input_names
from tinygrad_mnist.autodiff.primitive import REGISTRY
from tinygrad_mnist.graph.numbers import FEW, nested, short_number, shown
from tinygrad_mnist.graph.data import Graph, Node, Rule, Statistics

Parts = list[list[str]]  # pieces of an equation: [text, role], to be coloured by role; "joint" is = or →


@dataclass(frozen=True)
class Operand:
    """What a name in a formula stands for; its role is "incoming", "local" or "result"."""

    role: str
    source: str
    shape: tuple[int, ...] = ()
    value: Statistics | None = None

    @property
    def is_small(self) -> bool:
        """Whether its numbers fit into an equation; a number among an op's inputs is its own text."""
        return is_few(self.value) or (self.value is None and not self.shape)

    def text(self, *, shapes: bool) -> str:
        """Its numbers, or where there are too many its shape."""
        if shapes and self.shape:
            return str(self.shape)
        return self.source if self.value is None else shown(self.value, FEW)


def is_few(value: Statistics | None) -> bool:
    """Whether all entries are known and few enough for an equation."""
    return value is not None and value.values is not None and bool(np.size(value.values) <= FEW)


def operands_of(node: Node, graph: Graph) -> dict[str, Operand]:
    """What the names in the rules of an op stand for: g, y and the names of its inputs."""
    primitive = REGISTRY.get(node.op or "")
    names = input_names(primitive, len(node.inputs)) if primitive else []
    found = {rule.input: rule.source for rule in node.rules} | dict(zip(names, node.inputs))
    operands = {name: operand_of(source, graph) for name, source in found.items()}
    return operands | {
        "y": Operand("local", node.name, node.shape, node.value),
        "g": Operand("incoming", "incoming gradient", node.shape, node.gradient),
    }


def operand_of(source: str, graph: Graph) -> Operand:
    """A node, or a number as text, as an operand."""
    node = graph.by_name.get(source)
    return Operand("local", source, node.shape, node.value) if node else Operand("local", source)


def split(formula: str, operands: Mapping[str, Operand]) -> list[tuple[str, Operand | None]]:
    """A formula cut at the names of its operands; a name that is called, or names a setting, is text."""
    names = "|".join(re.escape(name) for name in sorted(operands, key=len, reverse=True) if name)
    if not names:
        return [(formula, None)]
    pieces = re.split(rf"(?<![\w.])({names})(?![\w(=])", formula)
    return [(piece, operands[piece] if i % 2 else None) for i, piece in enumerate(pieces) if piece]


def equation(
    formula: str, operands: Mapping[str, Operand], result: Operand, *, summed: bool = False
) -> Parts:
    """The formula, the formula with numbers (with shapes, where they are large), and what it gives.

    The result stands after an arrow where it is no mere arithmetic: a shape, or a sum over broadcast axes.
    """
    pieces = split(formula, operands)
    shapes = not all(operand.is_small for _, operand in (*pieces, ("", result)) if operand)
    names = [[text, operand.role if operand else ""] for text, operand in pieces]
    numbers = []
    for place, (text, operand) in enumerate(pieces):
        number = _guarded(operand.text(shapes=shapes), pieces, place) if operand else text
        numbers.append([number, operand.role if operand else ""])
    steps = [names] if plain(numbers) == plain(names) else [names, [[" = ", "joint"]], numbers]
    final = result.text(shapes=shapes)
    if not (len(numbers) == 1 and plain(numbers) == final):
        joint = " → " if shapes or summed else " = "
        steps.append([[joint, "joint"], [final, "result"]] if pieces else [[final, "result"]])
    return [part for step in steps for part in step]


def _guarded(number: str, pieces: list[tuple[str, Operand | None]], place: int) -> str:
    """A negative number in parentheses beside an operator that would be misread."""
    before = pieces[place - 1][0].rstrip() if place else ""
    after = pieces[place + 1][0].lstrip() if place + 1 < len(pieces) else ""
    needed = number.startswith("-") and (before.endswith(("-", "**")) or after.startswith("**"))
    return f"({number})" if needed else number


def plain(parts: Parts) -> str:
    """An equation as text alone."""
    return "".join(text for text, _ in parts)


def forward_equation(node: Node, graph: Graph) -> Parts:
    """How an op's value was computed: ``a * b = 2 * -3 = -6``."""
    operands = {source: operand_of(source, graph) for source in node.inputs if source in graph.by_name}
    return equation(node.formula, operands, Operand("result", node.name, node.shape, node.value))


def rule_equation(node: Node, rule: Rule, graph: Graph) -> Parts:
    """What the rule of an input sends on: ``g * b = 1 * -3 = -3``."""
    shape = graph.by_name[rule.source].shape
    result = Operand("result", rule.source, shape, rule.contribution)
    return equation(rule.formula, operands_of(node, graph), result, summed=is_summed(node, rule, graph))


def is_summed(node: Node, rule: Rule, graph: Graph) -> bool:
    """Whether an input was broadcast, so that what flows back to it is summed."""
    shapes = [graph.by_name[source].shape for source in node.inputs if source in graph.by_name]
    source = graph.by_name[rule.source].shape
    try:
        return np.broadcast_shapes(*shapes) == node.shape != source
    except ValueError:  # no elementwise op; the bias of a linear one is broadcast all the same
        return rule.formula == "g" and node.shape != source


def operand_rows(node: Node, rule: Rule, graph: Graph) -> list[list[str]]:
    """Symbol, role, meaning and numbers of what a rule names, where it is too large for an equation."""
    pieces = split(rule.formula, operands_of(node, graph))
    used = {text: operand for text, operand in pieces if operand}
    if all(operand.is_small for operand in used.values()):
        return []
    return [
        [name, operand.role, operand.source, shown(operand.value, FEW) if operand.value else operand.source]
        for name, operand in used.items()
    ]


def spread(value: Statistics | None) -> str:
    """Mean, standard deviation and range in words; nothing where all numbers are shown."""
    if value is None or is_few(value):
        return ""
    low, high = short_number(value.minimum), short_number(value.maximum)
    return f"mean {short_number(value.mean)} ± {short_number(value.std)}, from {low} to {high}"


def sum_equation(before: Any, contribution: Statistics, after: Any) -> str:
    """A running sum, of few entries or of means: ``3 + 4 = 7``; the first contribution alone."""
    few = is_few(contribution)
    terms = [before, contribution.values if few else contribution.mean, after]
    texts = [nested(term if few else np.mean(term)) for term in terms if term is not None]
    text = texts[-1] if before is None else f"{texts[0]} + {texts[1]} = {texts[2]}"
    return text if few else f"mean {text}"
