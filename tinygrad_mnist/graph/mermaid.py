"""The graph in Mermaid's language, which code hosts draw in Markdown pages.

Mermaid draws every edge downwards, so the backward pass stands below the forward pass: it begins at the
gradient of the result and ends at those of the leaves.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

from tinygrad_mnist.graph.build import graph_behind
from tinygrad_mnist.graph.data import GraphData, Node
from tinygrad_mnist.graph.labels import gradient_lines
from tinygrad_mnist.graph.modules import Box, boxes_of
from tinygrad_mnist.graph.style import THEMES, role
from tinygrad_mnist.graph.typography import formula_lines

_BRACKETS = {"op": ("(", ")"), "output": ("([", "])"), "module": ("(", ")"), "error": ("{{", "}}")}


def to_mermaid(graph: Any) -> str:
    """Return a `Graph`, or the graph behind a Tensor, as a flowchart with modules as nested subgraphs.

    If the graph has gradients, the backward pass is a second flow: dashed arrows between gradients, each with
    the rule that sends it.

    Examples
    --------
    >>> from tinygrad_mnist import Tensor, graph
    >>> x = Tensor(2.0, requires_grad=True, name="x")
    >>> graph.to_mermaid(x * x).splitlines()[0]
    'flowchart TB'
    """
    graph = graph_behind(graph)
    lines = ["flowchart TB", *_box_lines(boxes_of(graph), graph, "  ", itertools.count())]
    lines += [f"  n{graph.positions[e.source]} --> n{graph.positions[e.target]}" for e in graph.edges]
    if graph.has_gradients:
        lines += _backward_lines(graph)
    used = {role(node, graph) for node in graph.nodes} | ({"gradient"} if graph.has_gradients else set())
    look = THEMES["light"]
    for name in sorted(used):
        colours = f"fill:{look.fills.get(name, look.ground)},stroke:{look.outlines[name]}"
        lines.append(f"  classDef {name} {colours},color:{look.ink}")
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


def _backward_lines(graph: GraphData) -> Iterator[str]:
    """The gradients, in the order in which a backward pass computes them, and the rules between them."""
    for position, node in reversed(list(enumerate(graph.nodes))):
        if not node.is_sent_back:
            continue
        label = "<br/>".join(map(_escaped, gradient_lines(node)))
        yield f'  g{position}("{label}"):::gradient'
        if node.name in graph.outputs:
            yield f"  n{position} -.- g{position}"
        for rule in node.rules:
            if graph.by_name[rule.source].is_sent_back:
                said = f'|"{_escaped(_on_a_line(rule.formula))}"|' if rule.formula else ""
                yield f"  g{position} -.->{said} g{graph.positions[rule.source]}"


def _on_a_line(formula: str) -> str:
    """The formula as mathematics if that is a line, else as it is."""
    lines = formula_lines(formula)
    return lines[0] if len(lines) == 1 else formula


def _label(node: Node) -> str:
    below = _escaped(node.message) if node.kind == "error" else node.shape_text
    return f"{_escaped(node.title)}<br/>{below}"


def _escaped(text: str) -> str:
    """Text that neither Mermaid nor the HTML it makes reads as markup."""
    return "".join(c if c.isalnum() or c in " ._-()," else f"#{ord(c)};" for c in text)
