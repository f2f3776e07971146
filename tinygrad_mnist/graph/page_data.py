"""The data of a page: nodes, groups and steps as JSON, without what is empty."""

from __future__ import annotations

import math
from typing import Any

from tinygrad_mnist.graph.data import GraphData, Node, Right, Rule, Statistics
from tinygrad_mnist.graph.numbers import (
    is_few,
    short_count,
    short_number,
    spread_text,
    statistics_text,
    values_text,
)
from tinygrad_mnist.graph.outline import Group, outline
from tinygrad_mnist.graph.playback import Step, playback_steps
from tinygrad_mnist.graph.style import role

HUGE = 1e6  # a gradient of this norm ends most trainings


def page_data(graph: GraphData, learning_rate: float | None = None) -> dict[str, Any]:
    """Return all that the scripts of a page read.

    Returns
    -------
    dict
        ``nodes``: a dict for each node, its inputs and sources as positions.  ``groups``: title and parent of
        each group, a parent before its children.  ``steps``: the steps of the playback.
    """
    groups: list[dict[str, Any]] = []
    homes: dict[int, int] = {}
    _flatten(outline(graph), None, groups, homes)
    return {
        "nodes": [
            _filled(_node(node, graph), group=homes.get(position))
            for position, node in enumerate(graph.nodes)
        ],
        "groups": groups,
        "steps": [_step(step) for step in playback_steps(graph, learning_rate)],
    }


def kind_text(node: Node) -> str:
    """Return the kind of a node in words: "op linear"."""
    return {"op": f"op {node.op}", "module": f"module {node.op}", "error": f"failed op {node.op}"}.get(
        node.kind, node.kind
    )


def _flatten(group: Group, number: int | None, groups: list[dict[str, Any]], homes: dict[int, int]) -> None:
    for child in group.children:
        if isinstance(child, Group):
            groups.append({"title": child.title, "parent": number})
            _flatten(child, len(groups) - 1, groups, homes)
        elif number is not None:
            homes[child] = number


def _filled(data: dict[str, Any], **more: Any) -> dict[str, Any]:
    """The data without what is empty."""
    return {key: value for key, value in (data | more).items() if value or _is_zero(value)}


def _is_zero(value: Any) -> bool:
    return isinstance(value, int) and value is not False


def _node(node: Node, graph: GraphData) -> dict[str, Any]:
    sizes = {
        "name": node.name,
        "title": node.title,
        "kind": kind_text(node),
        "role": role(node, graph),
        "op": node.op is not None,
        "shape": "" if node.kind == "error" else node.shape_text,
        "inputs": [graph.positions.get(source) for source in node.inputs],
        "parameters": node.parameters,
        "value": _array(node.value),
        "gradient": _array(node.gradient),
        "rules": [_rule(rule, at, graph) for rule, at in zip(node.rules, node.rule_positions, strict=True)],
        "facts": [[label, text] for label, text in _facts(node).items() if text],
        "verdict": node.verdict,
        "message": node.message,
        "images": [vars(image) for image in node.images],
    }
    return _filled(sizes)


def _rule(rule: Rule, position: int, graph: GraphData) -> dict[str, Any]:
    return _filled(
        {"input": rule.input, "formula": rule.formula, "verdict": rule.verdict},
        right=rule.right.formula if rule.right else None,
        numbers=_compared(rule.right) if rule.right else None,
        position=position,
        sent=_array(rule.contribution),
        source=graph.positions[rule.source],
    )


def _compared(right: Right) -> str:
    """The numbers of a wrong rule and of the right one where they differ most; "" if they are not known."""
    if right.sent_there is None or right.expected_there is None:
        return ""
    place = f" at {list(right.entry)}" if right.entry else ""
    given = f" for {right.given}" if right.given else ""
    return f"{short_number(right.sent_there)}, right is {short_number(right.expected_there)}{place}{given}"


def _array(statistics: Statistics | None) -> dict[str, Any] | None:
    """An array in words, its few numbers, its norm, and a word for a norm that is out of the ordinary."""
    if statistics is None:
        return None
    text = statistics_text(statistics) if statistics.values is not None else spread_text(statistics)
    few = values_text(statistics.values) if is_few(statistics) else ""
    return _filled({"text": text, "few": few, "mark": _mark(statistics.norm)}) | {
        "norm": statistics.norm if math.isfinite(statistics.norm) else None,
        "length": f"‖∂‖ = {short_number(statistics.norm)}",
    }


def _mark(norm: float) -> str:
    """A word for a norm that is zero, not a number, or huge."""
    if math.isnan(norm):
        return "NaN"
    return "zero" if norm == 0 else "infinite" if math.isinf(norm) else "huge" if norm >= HUGE else ""


def _facts(node: Node) -> dict[str, str]:
    return {
        "shape": "" if node.kind == "error" else f"{node.shape_text}, {node.dtype}",
        "inside": node.scope,
        "formula": node.formula,
        "inside it": node.contents,
        "learned numbers": f"{node.parameters:,}" if node.parameters else "",
        "work": short_count(node.flops, "FLOP") if node.flops else "",
        "memory traffic": short_count(node.bytes, "B") if node.bytes else "",
        "recorded at": node.line,
    }


def _step(step: Step) -> dict[str, Any]:
    return _filled(
        {
            "title": step.title,
            "lines": [_filled(vars(line)) for line in step.lines],
            "computed": step.computed,
            "flows": step.flows,
            "gradients": {position: _filled(vars(sum)) for position, sum in step.gradients.items()},
            "phase": step.phase,
        },
        node=step.node,
    )
