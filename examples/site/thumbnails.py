"""Pictures on the cards of the gallery: the first picture of a lesson, else what it prints."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

from tinygrad_mnist.report import marks
from tinygrad_mnist.report.drawing import Drawing, Panel

WIDTH, LINE, MOST_LINES, MOST_LETTERS = 280.0, 16, 9, 38
CODE = "font-family: monospace; white-space: pre"
PRINTED = re.compile(r"script-out\n\n \.\. code-block:: none\n\n(?P<lines>(?:    .*\n|\n)+)")
DEFAULT = re.compile(r"sphx_glr_(?P<lesson>\w+)_thumb\.png")


def save_first_picture(block: Any, block_vars: dict[str, Any], gallery_conf: Any) -> str:
    """Save the last value of a cell as the lesson's picture, if it is one and the first."""
    value = block_vars["example_globals"].get("___")
    pictures = block_vars["image_path_iterator"]
    if hasattr(value, "_repr_svg_") and len(pictures) == 0:
        if isinstance(value, Drawing):
            value = replace(value, panels=value.panels[:1], title="", key=())
        Path(next(pictures)).with_suffix(".svg").write_text(value._repr_svg_(), encoding="utf-8")
    return ""  # the page has it already


def _get_sg_image_scraper() -> Any:
    """Return what sphinx-gallery calls after each cell."""
    return save_first_picture


def draw_what_is_printed(app: Sphinx) -> None:
    """Replace the default picture of a card by the longest of the lesson's outputs."""
    for index in (app.srcdir / "lessons").glob("*/index.rst"):
        text = index.read_text(encoding="utf-8")
        for lesson in DEFAULT.findall(text):
            page = (index.parent / f"{lesson}.rst").read_text(encoding="utf-8")
            outputs = [match["lines"].strip("\n").splitlines() for match in PRINTED.finditer(page)]
            if outputs:
                name = f"sphx_glr_{lesson}_thumb"
                (index.parent / "images" / "thumb" / f"{name}.svg").write_text(
                    _as_drawing(max(outputs, key=len)).to_svg(), encoding="utf-8"
                )
                text = text.replace(f"{name}.png", f"{name}.svg")
        index.write_text(text, encoding="utf-8")


def _as_drawing(lines: list[str]) -> Drawing:
    shown = [line[4 : 4 + MOST_LETTERS] for line in lines[:MOST_LINES]]
    parts = [
        marks.text(0, LINE * number, line, style=CODE) for number, line in enumerate(shown, 1) if line.strip()
    ]
    return Drawing("\n".join(shown), [Panel(WIDTH, LINE * (len(shown) + 0.5), parts)])
