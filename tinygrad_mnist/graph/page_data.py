"""The data of a page: nodes, groups and steps as JSON, without what is empty."""

from __future__ import annotations

from typing import Any

from tinygrad_mnist.graph.data import GraphData, Node, Rule, Statistics
from tinygrad_mnist.graph.norms import NormScale
from tinygrad_mnist.graph.numbers import (
    comparison,
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
from tinygrad_mnist.graph.typography import formula_lines


def page_data(graph: GraphData, learning_rate: float | None = None) -> dict[str, Any]:
    """Return all that the scripts of a page read.

    Returns
    -------
    dict
        ``nodes``: a dict for each node, its inputs and sources as positions.  ``groups``: title and parent of
        each group, a parent before its children.  ``steps``: the steps of the playback.  ``norms``: places
        and numbers of the legend; the place of a gradient's norm is 0 for the smallest and 1 for the largest.
    """
    scale = NormScale(graph)
    groups: list[dict[str, Any]] = []
    homes: dict[int, int] = {}
    _flatten(outline(graph), None, groups, homes)
    return {
        "nodes": [
            _filled(_node(node, graph, scale), group=homes.get(position))
            for position, node in enumerate(graph.nodes)
        ],
        "groups": groups,
        "steps": [_step(step) for step in playback_steps(graph, learning_rate)],
        "norms": scale.ticks() if graph.has_gradients else [],
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
    return isinstance(value, int | float) and not isinstance(value, bool)


def _node(node: Node, graph: GraphData, scale: NormScale) -> dict[str, Any]:
    sizes = {
        "name": node.name,
        "title": node.title,
        "kind": kind_text(node),
        "role": role(node, graph),
        "op": node.op is not None,
        "shape": "" if node.kind == "error" else node.shape_text,
        "inputs": [graph.positions.get(source) for source in node.inputs],
        "parameters": node.parameters,
        "value": _value(node.value),
        "gradient": _gradient(node.gradient, scale),
        "rules": [
            _rule(rule, at, graph, scale) for rule, at in zip(node.rules, node.rule_positions, strict=True)
        ],
        "facts": [[label, text] for label, text in _facts(node).items() if text],
        "verdict": node.verdict,
        "message": node.message,
        "images": [_filled(vars(image)) for image in node.images],
    }
    return _filled(sizes)


def _rule(rule: Rule, position: int, graph: GraphData, scale: NormScale) -> dict[str, Any]:
    right = rule.right
    return _filled(
        {"input": rule.input, "formula": rule.formula, "verdict": rule.verdict},
        lines=formula_lines(rule.formula) if rule.formula else None,
        right=formula_lines(right.formula) if right and right.formula else None,
        compared=comparison(rule.formula, right) if right else None,
        position=position,
        sent=_gradient(rule.contribution, scale),
        source=graph.positions[rule.source],
    )


def _value(statistics: Statistics | None) -> dict[str, Any] | None:
    """An array in words, and its numbers if they are few."""
    if statistics is None:
        return None
    text = statistics_text(statistics) if statistics.values is not None else spread_text(statistics)
    return _filled({"text": text, "few": values_text(statistics.values) if is_few(statistics) else ""})


def _gradient(statistics: Statistics | None, scale: NormScale) -> dict[str, Any] | None:
    """An array in words, its norm and the place of that, and a word if it is out of the ordinary."""
    if statistics is None:
        return None
    return _filled(
        _value(statistics) or {},
        norm=f"‖g‖ = {short_number(statistics.norm)}",
        place=round(scale.place(statistics.norm) or 0, 3),
        mark=scale.remark(statistics),
        broken=scale.is_broken(statistics),
    )


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
