"""Draw a graph into a file; the suffix selects the format."""

from __future__ import annotations

from pathlib import Path
from typing import Any, overload

from tinygrad_mnist.arguments import require_choice, require_whole
from tinygrad_mnist.errors import GraphvizMissingError
from tinygrad_mnist.files import write_atomically
from tinygrad_mnist.graph.build import build
from tinygrad_mnist.graph.data import GraphData
from tinygrad_mnist.graph.dot import DETAILS, Detail, to_dot
from tinygrad_mnist.graph.folding import collapse, fold_repeats, readable
from tinygrad_mnist.graph.graph import Graph
from tinygrad_mnist.graph.html import to_html
from tinygrad_mnist.graph.mermaid import to_mermaid
from tinygrad_mnist.graph.style import THEME_NAMES, ThemeName
from tinygrad_mnist.graph.svg import image_of
from tinygrad_mnist.graph.text import to_text

_MOST_DPI = 1200  # more pixels are gigabytes
_IMAGES = ("svg", "png", "pdf")
_SUFFIXES = (*_IMAGES, "html", "dot", "mmd", "txt")


@overload
def draw(
    output: Any,
    path: None = None,
    *,
    detail: Detail = "ops",
    backward: bool = False,
    depth: int | None = None,
    repeats: bool = False,
    whole: bool = False,
    theme: ThemeName = "light",
    dpi: int | None = None,
    images: Any = None,
    labels: Any = None,
    learning_rate: float | None = None,
) -> Graph: ...
@overload
def draw(
    output: Any,
    path: str | Path,
    *,
    detail: Detail = "ops",
    backward: bool = False,
    depth: int | None = None,
    repeats: bool = False,
    whole: bool = False,
    theme: ThemeName = "light",
    dpi: int | None = None,
    images: Any = None,
    labels: Any = None,
    learning_rate: float | None = None,
) -> Path: ...
def draw(
    output: Any,
    path: str | Path | None = None,
    *,
    detail: Detail = "ops",
    backward: bool = False,
    depth: int | None = None,
    repeats: bool = False,
    whole: bool = False,
    theme: ThemeName = "light",
    dpi: int | None = None,
    images: Any = None,
    labels: Any = None,
    learning_rate: float | None = None,
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
    depth
        Draw each module at this depth as one box; 1 is the outermost, and 2 that of ``detail="modules"``.
    repeats
        Draw calls and ops that repeat in a row as one box: ``Cell × 10``.
    whole
        Draw a graph of more than 100 nodes as it is, instead of folding it.
    theme
        "light", "dark" or "print", for .svg, .png, .pdf and .dot; a page follows the reader's own setting.
    dpi
        Pixels per inch of a .png; 96 if omitted.
    images, labels
        As in `Graph`: a page shows these digits, and weights, units and gradients as pictures.
    learning_rate
        A page then ends with the update of gradient descent, ``W -= learning_rate * ∂W``.

    Raises
    ------
    GraphvizMissingError
        If an image needs Graphviz and it is not installed; the DOT is then written next to it.
    ValueError
        If suffix, detail or theme are unknown, if `dpi` is given for another format than .png, or if a graph
        has no gradients for `backward`.

    Examples
    --------
    >>> from tinygrad_mnist import Tensor, graph
    >>> x = Tensor(2.0, requires_grad=True, name="x")
    >>> print(graph.draw(x * x), end="")
    multiply_1  = x * x  [scalar]
    ├─ x  [scalar]  parameter
    """
    path = None if path is None else Path(path)
    suffix = "html" if path is None else require_suffix(path)
    require_choice("detail", detail, DETAILS)
    require_choice("theme", theme, THEME_NAMES)
    _require_dpi(dpi, path)
    if isinstance(output, GraphData):
        graph = output
    else:
        graph = build(output, backward=backward, images=images, labels=labels)
    if backward and graph is output and not graph.has_gradients:
        raise ValueError(
            "backward is True and the graph has no gradients: expected one with gradients; "
            "write Graph(output, backward=True)"
        )
    if depth is None and detail == "modules":
        depth = 2
    if depth is not None:
        graph = collapse(graph, depth)
    if repeats:
        graph = fold_repeats(graph)
    if suffix in _IMAGES and not whole:
        graph = readable(graph)
    if path is None:
        return Graph.of_data(graph)
    try:
        write_atomically(path, _rendered(graph, suffix, detail, theme, dpi, learning_rate))
    except GraphvizMissingError as error:
        beside = path.with_suffix(".dot")
        write_atomically(beside, to_dot(graph, detail=detail, theme=theme).encode())
        raise GraphvizMissingError(f"{error} (the DOT of {path.name} is in {beside.name})") from error
    return path


def _require_dpi(dpi: int | None, path: Path | None) -> None:
    if dpi is None:
        return
    require_whole("dpi", dpi)
    if dpi > _MOST_DPI:
        raise ValueError(f"dpi is {dpi}: expected at most {_MOST_DPI}; write dpi=300 for print")
    if path is None or path.suffix.lower() != ".png":
        where = "no path" if path is None else path.name
        raise ValueError(f"dpi is {dpi} and the picture is {where}: expected a .png; leave dpi out")


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


def _rendered(
    graph: GraphData,
    suffix: str,
    detail: Detail,
    theme: ThemeName,
    dpi: int | None,
    learning_rate: float | None,
) -> bytes:
    if suffix == "html":
        return to_html(graph, learning_rate=learning_rate).encode()
    if suffix in _IMAGES:
        return image_of(to_dot(graph, detail=detail, theme=theme), suffix, dpi)
    if suffix == "dot":
        return to_dot(graph, detail=detail, theme=theme).encode()
    return {"mmd": to_mermaid, "txt": to_text}[suffix](graph).encode()
