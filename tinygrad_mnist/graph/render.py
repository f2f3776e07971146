"""Pictures of a graph: DOT, an image drawn by Graphviz, and plain text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tinygrad_mnist.autodiff.tensor import Tensor
from tinygrad_mnist.errors import TinygradMnistError
from tinygrad_mnist.graph.graph import Graph, Node

_FONT = "Helvetica"
_SUFFIXES = ("svg", "png", "pdf", "dot", "txt")
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
    keys = {node.name: f"n{position}" for position, node in enumerate(graph.nodes)}
    boxes: dict[str, list[Node]] = {"": []}
    for node, home in zip(graph.nodes, _home_scopes(graph)):
        steps = home.split("/") if home else []
        for depth in range(len(steps) + 1):  # outer scopes get a box even when no node is directly inside
            boxes.setdefault("/".join(steps[:depth]), [])
        boxes[home].append(node)
    _add_box(dot, "", boxes, keys, graph)
    for node in graph.nodes:
        for source in node.inputs:
            if source in keys:  # a number among the inputs is no node
                dot.edge(keys[source], keys[node.name])
    return str(dot.source)


def _home_scopes(graph: Graph) -> list[str]:
    """The scope each node is drawn in: a parameter stands with the first op that reads it."""
    homes = {node.name: node.scope for node in graph.nodes}
    parameters = {node.name for node in graph.nodes if node.kind == "parameter"}
    for node in reversed(graph.nodes):
        homes.update((source, node.scope) for source in node.inputs if source in parameters)
    return list(homes.values())


def _add_box(dot: Any, scope: str, boxes: dict[str, list[Node]], keys: dict[str, str], graph: Graph) -> None:
    """Add the nodes of a scope, and the scopes one level below as boxes inside it."""
    for node in boxes[scope]:
        style = _STYLES["output" if node.name in graph.outputs else node.kind]
        dot.node(keys[node.name], _literal(_label(node)), **style)
    for number, inner in enumerate(boxes):
        if inner and inner.rpartition("/")[0] == scope:
            title = _literal(inner.rpartition("/")[2])
            with dot.subgraph(name=f"cluster_{number}") as box:
                box.attr(label=title, labeljust="l", fontsize="11", color="#bbbbbb", style="rounded")
                _add_box(box, inner, boxes, keys, graph)


def _literal(text: str) -> str:
    """A label that is shown as it stands: no escapes, no HTML entities."""
    import graphviz

    return str(graphviz.escape(text.replace("&", "&amp;")))


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
    suffix = path.suffix.lstrip(".").lower()
    if suffix not in _SUFFIXES:
        raise ValueError(f"a graph is drawn as one of .{', .'.join(_SUFFIXES)}, and not as {path.name}")
    if suffix in ("dot", "txt"):
        path.write_text(to_dot(graph) if suffix == "dot" else to_text(graph), encoding="utf-8")
        return path
    try:
        path.write_bytes(graphviz.Source(to_dot(graph)).pipe(format=suffix))
    except graphviz.ExecutableNotFound as error:
        beside = path.with_suffix(".dot")
        beside.write_text(to_dot(graph), encoding="utf-8")
        raise GraphvizMissingError(
            f"drawing {path.name} needs the program dot of Graphviz (the source is in {beside.name}): "
            "install it with `apt install graphviz`, `brew install graphviz`, `winget install graphviz` or "
            "`conda install graphviz`"
        ) from error
    return path
