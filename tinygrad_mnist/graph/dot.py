"""The graph in Graphviz's language.  The same graph gives the same text."""

from __future__ import annotations

import itertools
import math
import textwrap
from collections.abc import Iterator
from typing import Any, Literal, get_args

from tinygrad_mnist.arguments import require_choice
from tinygrad_mnist.graph.build import graph_behind
from tinygrad_mnist.graph.data import GraphData, Node, Rule
from tinygrad_mnist.graph.modules import Box, boxes_of
from tinygrad_mnist.graph.numbers import FEW, short_count, statistics_text
from tinygrad_mnist.graph.style import BACKWARD, FONT, NODE_STYLES, role

Detail = Literal["modules", "ops", "values"]
DETAILS: tuple[Detail, ...] = get_args(Detail)
_LONGEST_LINE = 48
_LEAST_FLOPS = 1000  # fewer are not worth a line


def to_dot(graph: Any, *, detail: Detail = "ops") -> str:
    """Return a graph as DOT text: modules as nested boxes, the backward pass, if there is one, next to it.

    Parameters
    ----------
    graph
        A `Graph` (a forward pass, or forward and backward), or a Tensor for the graph behind it.
    detail
        "values" adds values, gradients, costs and the gradients along the edges; "ops" and "modules" (for
        which `draw` collapses the graph) leave them out.

    Raises
    ------
    ValueError
        If `detail` is none of these.

    Notes
    -----
    Node number K of the graph has the SVG id ``node-K``, its input number P the edge ``edge-K-P``; the
    gradient of node K is ``grad-K``, the gradient along edge-K-P is ``gradedge-K-P``.
    """
    require_choice("detail", detail, DETAILS)
    graph = graph_behind(graph)
    lines = [
        "digraph {",
        f'  graph [rankdir=TB, fontname="{FONT}", nodesep=0.28, ranksep=0.34, bgcolor=white]',
        f'  node [fontname="{FONT}", fontsize=11, margin="0.13,0.06", height=0.3]',
        f'  edge [fontname="{FONT}", fontsize=9, color="#555555", fontcolor="#555555", arrowsize=0.7]',
    ]
    lines += _box_lines(boxes_of(graph), graph, detail, "  ", itertools.count())
    lines += _edge_lines(graph, detail)
    return "\n".join([*lines, "}", ""])


def _quoted(text: str) -> str:
    """A DOT string with backslashes, quotes and line breaks escaped, so that a name cannot be code."""
    plain = text.replace("\\", "\\\\").replace('"', '\\"').replace("\r", " ").replace("&", "&amp;")
    return '"' + plain.replace("\n", "\\n") + '"'


def _box_lines(
    box: Box, graph: GraphData, detail: Detail, indent: str, numbers: Iterator[int]
) -> Iterator[str]:
    """The nodes of a module, and the boxes of the modules inside it."""
    for position in box.nodes:
        yield from (indent + line for line in _node_lines(graph, position, detail))
    for inner in box.boxes:
        yield f"{indent}subgraph cluster_{next(numbers)} {{"
        # No edge leaves a result downwards, so a title below it crosses no edge.
        ends = any(graph.nodes[position].name in graph.outputs for position in inner.nodes)
        justified = f"labeljust=r labelloc={'b' if ends else 't'}"
        yield f"{indent}  label={_quoted(inner.title)} {justified} fontsize=11 style=rounded"
        yield f'{indent}  color="#bbbbbb" fontcolor="#555555"'
        yield from _box_lines(inner, graph, detail, indent + "  ", numbers)
        yield f"{indent}}}"


def _node_lines(graph: GraphData, position: int, detail: Detail) -> Iterator[str]:
    node = graph.nodes[position]
    label = _quoted("\n".join(_label(node, detail)))
    yield f'n{position} [id="node-{position}" label={label} {_attributes(role(node, graph))}]'
    if node.gradient is None:
        return
    text = _quoted("\n".join(_gradient_label(node, detail)))
    yield f'g{position} [id="grad-{position}" class="gradient" label={text} {_attributes("gradient")}]'
    if node.inputs:  # next to its op; Graphviz places the gradient of a leaf well by itself
        yield f"{{rank=same; n{position}; g{position}}}"
        look = 'style=dotted arrowhead=none color="#bbbbbb" weight=3'
        yield f'n{position} -> g{position} [id="link-{position}" {look}]'


def _attributes(style: str) -> str:
    return " ".join(f'{key}="{value}"' for key, value in NODE_STYLES[style].items())


def _label(node: Node, detail: Detail) -> list[str]:
    if node.kind == "error":
        return textwrap.wrap(node.message, 46)
    lines = [node.title, node.shape_text]
    if node.kind == "module" and node.parameters:
        lines.append(f"{node.parameters:,} parameters")
    if detail == "values":
        lines += [f"= {statistics_text(node.value, FEW)}"] if node.value else []
    if detail == "values" and node.flops >= _LEAST_FLOPS:
        lines += [f"{short_count(node.flops, 'FLOP')}, {short_count(node.bytes, 'B')}"]
    return lines


def _gradient_label(node: Node, detail: Detail) -> list[str]:
    """The gradient of a node, and the rules that send it on."""
    lines = [f"∂ {node.title}"]
    if node.gradient is not None and (detail == "values" or math.prod(node.shape) <= FEW):
        lines.append(f"= {statistics_text(node.gradient, FEW)}")
    return lines + [line for rule in node.rules for line in _arrow(rule)]


def _arrow(rule: Rule) -> list[str]:
    """The input that a rule sends a gradient to, and its formula; a long one on several lines."""
    return textwrap.wrap(f"→ {rule.input}: {rule.formula}", _LONGEST_LINE)


def _edge_lines(graph: GraphData, detail: Detail) -> Iterator[str]:
    for k, node in enumerate(graph.nodes):
        rules = dict(zip(node.rule_positions, node.rules))
        for p, source in enumerate(node.inputs):
            start = graph.positions.get(source)
            if start is None:  # a number among the inputs is not a node
                continue
            yield f'  n{start} -> n{k} [id="edge-{k}-{p}"]'
            rule = rules.get(p)
            if rule and node.gradient and graph.nodes[start].gradient:
                yield f"  g{start} -> g{k} [{_back(f'{k}-{p}', rule, graph, detail)}]"


def _back(number: str, rule: Rule, graph: GraphData, detail: Detail) -> str:
    """The attributes of a backward edge: laid out like the forward one, pointing the other way."""
    label = f" label={_quoted('  ' + _flow(rule, graph))}" if detail == "values" else ""
    look = f'dir=back style=dashed color="{BACKWARD}" fontcolor="{BACKWARD}"'
    return f'id="gradedge-{number}" class="gradedge" {look}{label}'


def _flow(rule: Rule, graph: GraphData) -> str:
    """The gradient along an edge; at a fan-out, as a summand."""
    if rule.contribution is None:
        return ""
    flow = statistics_text(rule.contribution, FEW)
    return f"+ {flow}" if len(graph.readers[rule.source]) > 1 and not flow.startswith("-") else flow
