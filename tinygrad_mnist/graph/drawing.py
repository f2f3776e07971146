"""Draw a graph into a file; the suffix selects the format."""

from __future__ import annotations

from pathlib import Path
from typing import Any, overload

from tinygrad_mnist.arguments import require_choice
from tinygrad_mnist.errors import GraphvizMissingError
from tinygrad_mnist.files import write_atomically
from tinygrad_mnist.graph.build import build
from tinygrad_mnist.graph.data import GraphData
from tinygrad_mnist.graph.dot import DETAILS, Detail, to_dot
from tinygrad_mnist.graph.folding import collapse, readable
from tinygrad_mnist.graph.graph import Graph
from tinygrad_mnist.graph.html import to_html
from tinygrad_mnist.graph.mermaid import to_mermaid
from tinygrad_mnist.graph.svg import image_of
from tinygrad_mnist.graph.text import to_text

_IMAGES = ("svg", "png", "pdf")
_SUFFIXES = (*_IMAGES, "html", "dot", "mmd", "txt")


@overload
def draw(
    output: Any, path: None = None, *, detail: Detail = "ops", backward: bool = False, whole: bool = False
) -> Graph: ...
@overload
def draw(
    output: Any, path: str | Path, *, detail: Detail = "ops", backward: bool = False, whole: bool = False
) -> Path: ...
def draw(
    output: Any,
    path: str | Path | None = None,
    *,
    detail: Detail = "ops",
    backward: bool = False,
    whole: bool = False,
) -> Path | Graph:
    """Draw the graph behind a tensor into a file, and return its path; or show it in a notebook.

    Parameters
    ----------
    output
        A Tensor, a `Graph`, or an error that an op raised.
    path
        Ends in .svg, .png or .pdf (drawn by Graphviz), .html (with playback), .dot, .mmd (Mermaid) or .txt.
        Without it the graph is returned, which a notebook shows.
    detail
        "modules", "ops" or "values".
    backward
        Also run and draw the backward pass; no ``.grad`` changes.  A `Graph` must have its gradients already.
    whole
        Draw a graph of more than 400 nodes as it is, instead of collapsing it to modules.

    Raises
    ------
    GraphvizMissingError
        If an image needs Graphviz and it is not installed; the DOT is then written next to it.
    ValueError
        If suffix or detail are unknown, if a graph has no gradients for `backward`, or if it is too large to
        draw and has no modules to collapse.
    """
    path = None if path is None else Path(path)
    suffix = "html" if path is None else require_suffix(path)
    require_choice("detail", detail, DETAILS)
    graph = output if isinstance(output, GraphData) else build(output, backward=backward)
    if backward and graph is output and not graph.has_gradients:
        raise ValueError(
            "backward is True and the graph has no gradients: expected one with gradients; "
            "write Graph(output, backward=True)"
        )
    if detail == "modules":
        graph = collapse(graph, 2)
    if suffix in _IMAGES and not whole:
        graph = readable(graph)
    if path is None:
        return Graph.of_data(graph)
    try:
        write_atomically(path, _rendered(graph, suffix, detail))
    except GraphvizMissingError as error:
        beside = path.with_suffix(".dot")
        write_atomically(beside, to_dot(graph, detail=detail))
        raise GraphvizMissingError(f"{error} (the DOT of {path.name} is in {beside.name})") from error
    return path


def require_suffix(path: Path) -> str:
    """Return the suffix of a file that `draw` can write, without its dot.

    Raises
    ------
    ValueError
        If no format has this suffix.
    """
    suffix = path.suffix.lstrip(".").lower()
    if suffix not in _SUFFIXES:
        raise ValueError(f"path is {path.name}: expected a name that ends in .{', .'.join(_SUFFIXES)}")
    return suffix


def _rendered(graph: GraphData, suffix: str, detail: Detail) -> bytes:
    if suffix in _IMAGES:
        return image_of(to_dot(graph, detail=detail), suffix)
    if suffix == "dot":
        return to_dot(graph, detail=detail).encode()
    return {"html": to_html, "mmd": to_mermaid, "txt": to_text}[suffix](graph).encode()
