"""The graph in Mermaid's language, which README pages draw."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

from tinygrad_mnist.graph.boxes import Box, boxes_of
from tinygrad_mnist.graph.data import Graph, Node
from tinygrad_mnist.graph.style import NODE_STYLES, role

_BRACKETS = {"op": ("(", ")"), "output": ("([", "])"), "module": ("(", ")"), "error": ("{{", "}}")}


def to_mermaid(graph: Any) -> str:
    """A flowchart of a graph, or of the one behind a Tensor; modules as nested subgraphs."""
    graph = Graph.behind(graph)
    keys = {node.name: f"n{position}" for position, node in enumerate(graph.nodes)}
    lines = ["flowchart TB", *_box_lines(boxes_of(graph), graph, "  ", itertools.count())]
    for node in graph.nodes:
        lines += [f"  {keys[source]} --> {keys[node.name]}" for source in node.inputs if source in keys]
    used = {role(node, graph) for node in graph.nodes}
    lines += [
        f"  classDef {name} fill:{style['fillcolor']},stroke:{style['color']},color:#111111"
        for name, style in NODE_STYLES.items()
        if name in used
    ]
    return "\n".join(lines) + "\n"


def _box_lines(box: Box, graph: Graph, indent: str, numbers: Iterator[int]) -> Iterator[str]:
    for position in box.nodes:
        style = role(graph.nodes[position], graph)
        left, right = _BRACKETS.get(style, ("[", "]"))
        yield f'{indent}n{position}{left}"{_label(graph.nodes[position])}"{right}:::{style}'
    for inner in box.boxes:
        yield f'{indent}subgraph s{next(numbers)}["{_escaped(inner.title)}"]'
        yield from _box_lines(inner, graph, indent + "  ", numbers)
        yield f"{indent}end"


def _label(node: Node) -> str:
    numbered = node.op is not None and node.name.startswith(f"{node.op}_")
    first = str(node.op) if numbered or node.kind in ("module", "error") else node.name
    shape = " × ".join(map(str, node.shape)) or "scalar"
    return f"{_escaped(first)}<br/>{_escaped(node.message) if node.kind == 'error' else shape}"


def _escaped(text: str) -> str:
    """Text that Mermaid and the HTML it makes both take as text."""
    return "".join(c if c.isalnum() or c in " ._-()," else f"#{ord(c)};" for c in text)
