"""The graph in Graphviz's language: the same graph gives the same text."""

from __future__ import annotations

import itertools
import math
import textwrap
from collections.abc import Iterator
from typing import Any, Literal

from tinygrad_mnist.graph.boxes import Box, boxes_of
from tinygrad_mnist.graph.numbers import FEW, short_count, shown
from tinygrad_mnist.graph.data import Graph, Node, Rule
from tinygrad_mnist.graph.style import FONT, NODE_STYLES, PURPLE, role

Detail = Literal["modules", "ops", "values"]
_LONGEST_LINE = 48
_WORTH_SAYING = 1000  # FLOPs


def to_dot(graph: Any, *, detail: Detail = "ops") -> str:
    """The graph as DOT text: modules as nested boxes, the backward pass (when there is one) beside it.

    Parameters
    ----------
    graph
        A `Graph` (a forward pass, or forward and backward), or a Tensor for the graph behind it.
    detail
        "values" adds values, gradients, work and the numbers that flow; "modules" (for which `draw`
        collapses the graph) and "ops" do without.

    Notes
    -----
    Node number K of the graph has the SVG id ``node-K``, its input number P the edge ``edge-K-P``; the
    gradient of node K is ``grad-K``, what flows back along edge-K-P is ``gradedge-K-P``.
    """
    graph = Graph.behind(graph)
    lines = [
        "digraph {",
        f'  graph [rankdir=TB, fontname="{FONT}", nodesep=0.28, ranksep=0.34, bgcolor=white]',
        f'  node [fontname="{FONT}", fontsize=11, margin="0.13,0.06", height=0.3]',
        f'  edge [fontname="{FONT}", fontsize=9, color="#555555", fontcolor="#555555", arrowsize=0.7]',
    ]
    lines += _boxes(graph, detail)
    lines += _edges(graph, detail)
    return "\n".join([*lines, "}", ""])


def quoted(text: str) -> str:
    """A DOT string: backslashes, quotes and line breaks escaped, so that a name is only ever a name."""
    plain = text.replace("\\", "\\\\").replace('"', '\\"').replace("\r", " ").replace("&", "&amp;")
    return '"' + plain.replace("\n", "\\n") + '"'


def _boxes(graph: Graph, detail: Detail) -> Iterator[str]:
    """All nodes, those of a module inside its box."""
    numbers = itertools.count()

    def lines(box: Box, indent: str) -> Iterator[str]:
        for position in box.nodes:
            yield from (indent + line for line in _node_lines(graph, position, detail))
        for inner in box.boxes:
            yield f"{indent}subgraph cluster_{next(numbers)} {{"
            # No edge leaves a result downwards: below it the title is in nobody's way.
            ends = any(graph.nodes[position].name in graph.outputs for position in inner.nodes)
            place = f"labeljust=r labelloc={'b' if ends else 't'}"
            yield f"{indent}  label={quoted(inner.title)} {place} fontsize=11 style=rounded"
            yield f'{indent}  color="#bbbbbb" fontcolor="#555555"'
            yield from lines(inner, indent + "  ")
            yield f"{indent}}}"

    yield from lines(boxes_of(graph), "  ")


def _node_lines(graph: Graph, position: int, detail: Detail) -> Iterator[str]:
    node = graph.nodes[position]
    label = quoted("\n".join(_label(node, detail)))
    yield f'n{position} [id="node-{position}" label={label} {_attributes(role(node, graph))}]'
    if node.gradient is None:
        return
    text = quoted("\n".join(_gradient_label(node, detail)))
    yield f'g{position} [id="grad-{position}" class="gradient" label={text} {_attributes("gradient")}]'
    if node.inputs:  # beside the op it belongs to; the gradient of a leaf finds its place by itself
        yield f"{{rank=same; n{position}; g{position}}}"
        look = 'style=dotted arrowhead=none color="#bbbbbb" weight=3'
        yield f'n{position} -> g{position} [id="link-{position}" {look}]'


def _attributes(style: str) -> str:
    return " ".join(f'{key}="{value}"' for key, value in NODE_STYLES[style].items())


def _title(node: Node) -> str:
    """A tensor's own name, else its op: the numbers are for looking things up."""
    numbered = node.op is not None and node.name.startswith(f"{node.op}_")
    return str(node.op) if numbered or node.kind in ("module", "error") else node.name


def _label(node: Node, detail: Detail) -> list[str]:
    if node.kind == "error":
        return textwrap.wrap(node.message, 46)
    lines = [_title(node), f"{' × '.join(map(str, node.shape)) or 'scalar'}"]
    if node.kind == "module" and node.parameters:
        lines.append(f"{node.parameters:,} parameters")
    if detail == "values":
        lines += [f"= {shown(node.value, FEW)}"] if node.value else []
    if detail == "values" and node.flops >= _WORTH_SAYING:
        lines += [f"{short_count(node.flops, 'FLOP')}, {short_count(node.bytes, 'B')}"]
    return lines


def _gradient_label(node: Node, detail: Detail) -> list[str]:
    """The gradient of a node, and the rules that send it on."""
    lines = [f"∂ {_title(node)}"]
    if node.gradient is not None and (detail == "values" or math.prod(node.shape) <= FEW):
        lines.append(f"= {shown(node.gradient, FEW)}")
    return lines + [line for rule in node.rules for line in _arrow(rule)]


def _arrow(rule: Rule) -> list[str]:
    """Where a gradient is sent on to, by which formula; a long one on several lines."""
    return textwrap.wrap(f"→ {rule.input}: {rule.formula}", _LONGEST_LINE)


def _edges(graph: Graph, detail: Detail) -> Iterator[str]:
    keys = {node.name: position for position, node in enumerate(graph.nodes)}
    for k, node in enumerate(graph.nodes):
        rules = dict(zip(node.places, node.rules))
        for p, source in enumerate(node.inputs):
            if source not in keys:  # a number among the inputs is no node
                continue
            yield f'  n{keys[source]} -> n{k} [id="edge-{k}-{p}"]'
            rule = rules.get(p)
            if rule and node.gradient and graph.nodes[keys[source]].gradient:
                yield f"  g{keys[source]} -> g{k} [{_back(f'{k}-{p}', rule, graph, detail)}]"


def _back(number: str, rule: Rule, graph: Graph, detail: Detail) -> str:
    """The attributes of a backward edge: laid out like the forward one, pointing the other way."""
    label = f" label={quoted('  ' + _flow(rule, graph, rule.source))}" if detail == "values" else ""
    look = f'dir=back style=dashed color="{PURPLE}" fontcolor="{PURPLE}"'
    return f'id="gradedge-{number}" class="gradedge" {look}{label}'


def _flow(rule: Rule, graph: Graph, source: str) -> str:
    """What flows back along an edge; at a fan-out, as a summand."""
    if rule.contribution is None:
        return ""
    flow = shown(rule.contribution, FEW)
    return f"+ {flow}" if len(graph.readers[source]) > 1 and not flow.startswith("-") else flow
