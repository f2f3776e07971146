"""Marks of a picture as SVG text.  A mark has the colour of the group around it, `currentColor`."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from hashlib import sha256
from html import escape
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinygrad_mnist.files import visible

LETTER_WIDTH = 0.62  # of a letter of the widest usual fonts, in units of the font size


def element(tag: str, content: str = "", **attributes: Any) -> str:
    """Return an element; an attribute ``font_size`` is written ``font-size``, one of None is left out."""
    words = [
        f'{name.rstrip("_").replace("_", "-")}="{escape(attribute(value))}"'
        for name, value in attributes.items()
        if value is not None
    ]
    start = " ".join([tag, *words])
    return f"<{start}>{content}</{tag}>" if content else f"<{start}/>"


def attribute(value: Any) -> str:
    """Return a value as text, a fraction with two decimals at most: less of a pixel is not seen."""
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)


def text(x: float, y: float, words: str, **attributes: Any) -> str:
    """Return a line of text whose baseline begins at (x, y), or ends there with ``text_anchor="end"``."""
    return element("text", escape(visible(words), quote=False), x=float(x), y=float(y), **attributes)


def rectangle(x: float, y: float, width: float, height: float, **attributes: Any) -> str:
    """Return a filled rectangle; (x, y) is its upper left corner."""
    given = {"fill": "currentColor", **attributes}
    return element("rect", x=float(x), y=float(y), width=float(width), height=float(height), **given)


def outline(x: float, y: float, width: float, height: float) -> str:
    """Return a thin frame along the inner edge of a rectangle."""
    return rectangle(
        x + 0.5, y + 0.5, width - 1, height - 1, fill="none", stroke="currentColor", stroke_opacity=0.25
    )


def path(points: Sequence[tuple[float, float]], **attributes: Any) -> str:
    """Return a line through points."""
    places = "L".join(f"{attribute(float(x))},{attribute(float(y))}" for x, y in points)
    given = {"fill": "none", "stroke": "currentColor", **attributes}
    return element("path", d=f"M{places}", **given)


def group(colour: str, parts: Iterable[str]) -> str:
    """Return marks in one of the colours of the style sheet."""
    return element("g", "".join(parts), class_=colour)


def image(ink: NDArray[Any], x: float, y: float, width: float, height: float) -> str:
    """Return an image of pixels whose colour shows as far as `ink`, (rows, columns) from 0 to 1, says.

    The pixels are a mask: where there is no ink, the page shows, be it white or black.
    """
    box: dict[str, Any] = {"x": float(x), "y": float(y), "width": float(width), "height": float(height)}
    source = f"data:image/png;base64,{base64.b64encode(png_of(ink)).decode('ascii')}"
    pixels = element(
        "image", **box, href=source, preserveAspectRatio="none", style="image-rendering:pixelated"
    )
    name = "m" + sha256(repr((box, source)).encode()).hexdigest()[:12]  # the same in every run
    mask = element("mask", pixels, id=name, maskUnits="userSpaceOnUse", **box)
    return mask + rectangle(**box, mask=f"url(#{name})")


def png_of(ink: NDArray[Any]) -> bytes:
    """Return a grey PNG of values from 0 (black) to 1 (white)."""
    from PIL import Image  # here: most of what imports this module draws no image

    grey = np.round(255 * np.clip(np.nan_to_num(np.asarray(ink, float)), 0, 1)).astype(np.uint8)
    file = BytesIO()
    Image.fromarray(grey).save(file, format="PNG")
    return file.getvalue()


def width_of(words: str, size: float = 12) -> float:
    """Return about how wide a text is."""
    return LETTER_WIDTH * size * len(words)
