"""The graph in Mermaid's language, which code hosts draw in Markdown pages."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

from tinygrad_mnist.graph.build import graph_behind
from tinygrad_mnist.graph.data import GraphData, Node
from tinygrad_mnist.graph.modules import Box, boxes_of
from tinygrad_mnist.graph.style import NODE_STYLES, role

_BRACKETS = {"op": ("(", ")"), "output": ("([", "])"), "module": ("(", ")"), "error": ("{{", "}}")}


def to_mermaid(graph: Any) -> str:
    """Return a `Graph`, or the graph behind a Tensor, as a flowchart with modules as nested subgraphs."""
    graph = graph_behind(graph)
    lines = ["flowchart TB", *_box_lines(boxes_of(graph), graph, "  ", itertools.count())]
    lines += [f"  n{graph.positions[e.source]} --> n{graph.positions[e.target]}" for e in graph.edges]
    used = {role(node, graph) for node in graph.nodes}
    lines += [
        f"  classDef {name} fill:{style['fillcolor']},stroke:{style['color']},color:#111111"
        for name, style in NODE_STYLES.items()
        if name in used
    ]
    return "\n".join(lines) + "\n"


def _box_lines(box: Box, graph: GraphData, indent: str, numbers: Iterator[int]) -> Iterator[str]:
    for position in box.nodes:
        style = role(graph.nodes[position], graph)
        left, right = _BRACKETS.get(style, ("[", "]"))
        yield f'{indent}n{position}{left}"{_label(graph.nodes[position])}"{right}:::{style}'
    for inner in box.boxes:
        yield f'{indent}subgraph s{next(numbers)}["{_escaped(inner.title)}"]'
        yield from _box_lines(inner, graph, indent + "  ", numbers)
        yield f"{indent}end"


def _label(node: Node) -> str:
    below = _escaped(node.message) if node.kind == "error" else node.shape_text
    return f"{_escaped(node.title)}<br/>{below}"


def _escaped(text: str) -> str:
    """Text that neither Mermaid nor the HTML it makes reads as markup."""
    return "".join(c if c.isalnum() or c in " ._-()," else f"#{ord(c)};" for c in text)
