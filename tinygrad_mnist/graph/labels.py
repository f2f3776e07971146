"""Lines of text in the boxes of a picture, and along its edges."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from tinygrad_mnist.graph.data import GraphData, Node, Rule, Statistics
from tinygrad_mnist.graph.numbers import FEW, is_few, short_count, short_number, statistics_text, values_text
from tinygrad_mnist.graph.typography import formula_lines

_LONGEST_LINE = 46
_LEAST_FLOPS = 1000  # fewer are not worth a line


def node_lines(node: Node, *, values: bool) -> list[str]:
    """Return name, shape and learned numbers of a node; with `values` also its value and its cost."""
    if node.kind == "error":
        return textwrap.wrap(node.message, _LONGEST_LINE)
    lines = [*_wrapped(node.title), node.shape_text]
    if node.kind == "module" and node.parameters:
        lines.append(f"{node.parameters:,} parameters")
    if values and node.value:
        lines.append(f"= {statistics_text(node.value, FEW)}")
    if values and node.flops >= _LEAST_FLOPS:
        lines.append(f"{short_count(node.flops, 'FLOP')}, {short_count(node.bytes, 'B')}")
    return lines


def _wrapped(title: str) -> list[str]:
    return [title] if len(title) <= _LONGEST_LINE else textwrap.wrap(title, _LONGEST_LINE)


def gradient_lines(node: Node, remark: str = "") -> list[str]:
    """Return the gradient of a node, as numbers if they are few, else as its norm, and a remark behind it."""
    title = _wrapped(f"∂ {node.title}")
    if node.gradient is None:
        return title
    return [*title, ", ".join(filter(None, [_amount(node.gradient), remark]))]


def _amount(gradient: Statistics) -> str:
    return f"= {values_text(gradient.values)}" if is_few(gradient) else f"‖g‖ = {short_number(gradient.norm)}"


def rule_lines(rule: Rule) -> Iterator[str]:
    """Yield the input that a rule sends a gradient to and its formula; below a wrong one the right one."""
    mark = "✗ " if rule.verdict == "wrong" else ""
    yield from _equation(f"{mark}→ {rule.input}", rule.formula)
    if rule.right is None:
        return
    if rule.right.formula:
        yield from _equation("  right", rule.right.formula)
    if rule.right.entry is not None and rule.right.sent_there is not None:
        place = f"at {list(rule.right.entry)} " if rule.right.entry else ""
        there = rule.right.expected_there
        expected = "" if there is None else f", right is {short_number(there)}"
        yield f"  {place}sends {short_number(rule.right.sent_there)}{expected}"


def _equation(lead: str, formula: str) -> Iterator[str]:
    """A formula behind its lead; one on several lines keeps its columns."""
    if not formula:
        yield lead
        return
    lines = formula_lines(formula)
    if len(lines) == 1:
        line = f"{lead}: {lines[0]}"
        yield from (
            [line]
            if len(line) <= _LONGEST_LINE
            else textwrap.wrap(line, _LONGEST_LINE, drop_whitespace=False)
        )
        return
    yield f"{lead}:"
    yield from (f"    {line}" for line in lines)


def flow_text(rule: Rule, graph: GraphData) -> str:
    """Return the gradient along an edge; at a fan-out, as a summand."""
    sent = rule.contribution
    if sent is None:
        return ""
    if not is_few(sent):
        return _amount(sent)
    flow = values_text(sent.values)
    return f"+ {flow}" if len(graph.readers[rule.source]) > 1 and not flow.startswith("-") else flow
