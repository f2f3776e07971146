"""Pictures of a graph: DOT, an image drawn by Graphviz, and plain text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tinygrad_mnist.autodiff.tensor import Tensor
from tinygrad_mnist.errors import TinygradMnistError
from tinygrad_mnist.graph.graph import Graph, Node

_FONT = "Helvetica"
_STYLES = {
    "data": {"shape": "box", "style": "filled", "fillcolor": "#eeeeee", "color": "#777777"},
    "parameter": {"shape": "box", "style": "filled,bold", "fillcolor": "#cfe6f5", "color": "#0072b2"},
    "op": {"shape": "box", "style": "filled,rounded", "fillcolor": "#ffffff", "color": "#333333"},
    "output": {"shape": "box", "style": "filled,rounded,bold", "fillcolor": "#fbe3c2", "color": "#b35c00"},
}


class GraphvizMissingError(TinygradMnistError, RuntimeError):
    """The program ``dot`` of Graphviz, which lays out images, is not installed."""


def to_dot(graph: Graph) -> str:
    """The graph in Graphviz's language, modules as nested boxes; the same graph gives the same text."""
    import graphviz

    dot = graphviz.Digraph(
        graph_attr={"rankdir": "TB", "fontname": _FONT, "nodesep": "0.3", "ranksep": "0.35"},
        node_attr={"fontname": _FONT, "fontsize": "11", "margin": "0.12,0.06"},
        edge_attr={"color": "#555555", "arrowsize": "0.7"},
    )
    _add_scope(dot, graph, "", _home_scopes(graph))
    for node in graph.nodes:
        for source in node.inputs:
            if source in {n.name for n in graph.nodes}:
                dot.edge(_key(graph, source), _key(graph, node.name))
    return str(dot.source)


def _home_scopes(graph: Graph) -> dict[str, str]:
    """The box each node is drawn in: a leaf stands with the first op that reads it."""
    homes = {node.name: node.scope for node in graph.nodes}
    for node in reversed(graph.nodes):
        for source in node.inputs:
            if source in homes and _is_leaf(graph, source):
                homes[source] = node.scope
    return homes


def _is_leaf(graph: Graph, name: str) -> bool:
    return next(node for node in graph.nodes if node.name == name).kind == "parameter"


def _key(graph: Graph, name: str) -> str:
    """A DOT identifier without special characters."""
    return f"n{[node.name for node in graph.nodes].index(name)}"


def _add_scope(dot: Any, graph: Graph, scope: str, homes: dict[str, str]) -> None:
    """Add the nodes of a scope, and below them the scopes inside it as boxes."""
    import graphviz

    for node in graph.nodes:
        if homes[node.name] == scope:
            style = _STYLES["output" if node.name in graph.outputs else node.kind]
            dot.node(_key(graph, node.name), graphviz.escape(_label(node)), **style)
    for inner in _scopes_inside(scope, homes):
        title = graphviz.escape(inner.rpartition("/")[2])
        with dot.subgraph(name=f"cluster_{inner}") as box:
            box.attr(label=title, labeljust="l", fontsize="11", color="#bbbbbb", style="rounded")
            _add_scope(box, graph, inner, homes)


def _scopes_inside(scope: str, homes: dict[str, str]) -> list[str]:
    """The scopes one level below, in the order of computation."""
    depth = scope.count("/") + 1 if scope else 0
    inside = [home for home in homes.values() if home and (not scope or home.startswith(scope + "/"))]
    return list(dict.fromkeys("/".join(home.split("/")[: depth + 1]) for home in inside))


def _label(node: Node) -> str:
    shape = " x ".join(map(str, node.shape)) or "scalar"
    first = node.op if node.op and node.name.startswith(f"{node.op}_") else node.name
    return f"{first}\n{shape}"


def to_text(graph: Graph) -> str:
    """One line a node: name, how it was made, shape and scope."""
    lines = []
    for node in graph.nodes:
        made = f"{node.op}({', '.join(node.inputs)})" if node.op else node.kind
        place = f"  in {node.scope}" if node.scope else ""
        lines.append(f"{node.name} = {made}  {node.shape} {node.dtype}{place}")
    return "\n".join(lines) + "\n"


def draw(output: Tensor | Graph, path: str | Path) -> Path:
    """Draw the graph behind a tensor into a file; the suffix says how: .svg, .png, .pdf, .dot or .txt.

    Raises
    ------
    GraphvizMissingError
        When an image is wanted and Graphviz is not installed; the DOT is then written beside it.
    """
    import graphviz

    path = Path(path)
    graph = output if isinstance(output, Graph) else Graph.of(output)
    suffix = path.suffix.lstrip(".")
    if suffix in ("dot", "txt"):
        path.write_text(to_dot(graph) if suffix == "dot" else to_text(graph), encoding="utf-8")
        return path
    try:
        path.write_bytes(graphviz.Source(to_dot(graph)).pipe(format=suffix))
    except graphviz.ExecutableNotFound as error:
        beside = path.with_suffix(".dot")
        beside.write_text(to_dot(graph), encoding="utf-8")
        raise GraphvizMissingError(
            f"drawing {path.name} needs the program dot of Graphviz (its source is in {beside.name}): install it "
            "with `apt install graphviz`, `brew install graphviz`, `winget install graphviz` or "
            "`conda install graphviz`"
        ) from error
    return path
