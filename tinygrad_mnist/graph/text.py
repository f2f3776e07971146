"""The graph as a tree in the terminal: results at the top.

A node is computed from the branches below it and, unless its chain ends, from the next line at its own level.
A chain of ops runs straight down; only side inputs are indented.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tinygrad_mnist.graph.build import graph_behind
from tinygrad_mnist.graph.data import GraphData, Node
from tinygrad_mnist.graph.numbers import statistics_text


def to_text(graph: Any) -> str:
    """Return a `Graph`, or the graph behind a Tensor, as text; a node that was shown before is only named.

    Examples
    --------
    >>> from tinygrad_mnist import Tensor, graph
    >>> x = Tensor(2.0, requires_grad=True, name="x")
    >>> print(graph.to_text(x * x + 1), end="")
    add_2  = multiply_1 + 1  [scalar]
    ├─ 1
    multiply_1  = x * x  [scalar]
    ├─ x  [scalar]  parameter
    """
    graph = graph_behind(graph)
    shown_before: set[str] = set()
    lines: list[str] = []
    for output in graph.outputs:
        lines += _tree(graph, output, shown_before)
    return "\n".join(lines) + "\n"


def _tree(graph: GraphData, root: str, shown_before: set[str]) -> Iterator[str]:
    """Depth first without recursion, so that a chain of any length is drawn."""
    stack: list[tuple[str, str, str]] = [(root, "", "")]
    while stack:
        name, lead, below = stack.pop()
        node = graph.by_name.get(name)
        if node is None:
            yield lead + name
            continue
        if name in shown_before and node.inputs:
            yield f"{lead}{name} (as above)".replace("\n", " ")
            continue
        shown_before.add(name)
        yield lead + _line(node).replace("\n", " ")
        sides, main = _sides_and_main(graph, node)
        stack.extend((name, below, below) for name in main)
        stack.extend((side, below + "├─ ", below + "│  ") for side in reversed(sides))


def _sides_and_main(graph: GraphData, node: Node) -> tuple[list[str], list[str]]:
    """The inputs that are branches, and the computed one that the chain continues with (none at its end)."""
    inputs = dict.fromkeys(node.inputs)
    computed = [name for name in inputs if name in graph.by_name and graph.by_name[name].inputs]
    main = max(computed, key=graph.positions.__getitem__, default=None)
    return [name for name in inputs if name != main], [main] if main is not None else []


def _line(node: Node) -> str:
    facts = [node.name]
    if node.kind == "error":
        return f"{node.name} FAILED: {node.message}"
    if node.formula and node.kind == "op":
        facts.append(f"= {node.formula}")
    facts.append(f"[{node.shape_text}]")
    if node.kind in ("parameter", "data"):
        facts.append(node.kind)
    if node.parameters and node.kind == "module":
        facts.append(f"{node.parameters:,} parameters")
    if node.gradient is not None:
        facts.append(f"gradient {statistics_text(node.gradient)}")
    if node.verdict == "wrong":
        facts.append("WRONG RULE")
    if node.scope and node.kind != "module":
        facts.append(f"in {node.scope}")
    return "  ".join(facts)
