"""Style of all pictures: greys, fonts, axes placed in inches, saving."""

import math
from collections.abc import Callable
from functools import wraps
from io import BytesIO
from os import PathLike
from pathlib import Path
from typing import Any, Final, ParamSpec

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tinygrad_mnist.files import write_atomically
from tinygrad_mnist.report.page import CSS_DOTS_PER_INCH

Arguments = ParamSpec("Arguments")

INK: Final = "#222222"
MUTED: Final = "#6B6F73"
FAINT: Final = "#C4C8CC"
HAIRLINE: Final = "#E6E8EA"

DOTS_PER_INCH: Final = 2 * CSS_DOTS_PER_INCH  # sharp on a dense screen at its natural size
MOST_PIXELS: Final = 2.5e6  # drawing one takes 45 bytes

STYLE: Final[dict[Any, Any]] = {
    "font.family": "DejaVu Sans",  # bundled with matplotlib: the same picture on every machine
    "font.size": 9,
    "text.color": INK,
    "axes.labelcolor": MUTED,
    "axes.edgecolor": FAINT,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "axes.axisbelow": True,
    "grid.color": HAIRLINE,
    "grid.linewidth": 0.8,
    "lines.linewidth": 1.8,
    "xtick.color": FAINT,
    "ytick.color": FAINT,
    "xtick.labelcolor": MUTED,
    "ytick.labelcolor": MUTED,
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
}


def styled(draw: Callable[Arguments, Figure]) -> Callable[Arguments, Figure]:
    """Run a drawing function in the house style, without changing the global settings."""

    @wraps(draw)
    def draw_in_style(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Figure:
        with matplotlib.rc_context(STYLE):
            return draw(*args, **kwargs)

    return draw_in_style


def place_axes(figure: Figure, left: float, top: float, width: float, height: float) -> Axes:
    """Add axes whose box is given in inches from the upper left corner of the figure."""
    figure_width, figure_height = figure.get_size_inches()
    bottom = figure_height - top - height
    box = (left / figure_width, bottom / figure_height, width / figure_width, height / figure_height)
    return figure.add_axes(box)


def place_text(figure: Figure, left: float, top: float, text: str, **properties: Any) -> None:
    """Write text whose upper left corner is given in inches from that of the figure."""
    figure_width, figure_height = figure.get_size_inches()
    figure.text(left / figure_width, 1 - top / figure_height, text, va="top", **properties)


def png_of(figure: Figure) -> bytes:
    """Return the figure as a PNG file of 192 dots per inch, or fewer if it is large.

    It contains neither time nor program version: the same figure gives the same bytes.
    """
    picture = BytesIO()
    width, height = figure.get_size_inches()
    dpi = min(DOTS_PER_INCH, math.sqrt(MOST_PIXELS / (width * height)))
    with matplotlib.rc_context(STYLE):
        figure.savefig(picture, format="png", dpi=dpi, metadata={"Software": None})
    return picture.getvalue()


def save(figure: Figure, path: str | PathLike[str]) -> None:
    """Write the figure as `png_of` makes it."""
    write_atomically(Path(path), png_of(figure))
