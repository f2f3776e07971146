"""Picture of a page: panels of SVG that stand side by side or, on a phone, one below the other.

Its colours are shades of the colour of the text around it, so that one picture is right on light and on dark
pages and in print, and its letters keep their size at any width.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from html import escape
from os import PathLike, fspath
from pathlib import Path
from string import Template

from tinygrad_mnist import palette
from tinygrad_mnist.files import visible, write_atomically
from tinygrad_mnist.report import marks

FILE_WIDTH = 760  # of a file with many panels
GAP, TITLE_HEIGHT, KEY_HEIGHT = 16, 28, 24
NARROW = 320  # wider ones scroll on some phone


@dataclass(frozen=True)
class Panel:
    """Part of a drawing that is never cut.

    Attributes
    ----------
    width, height
        Size in pixels of CSS.
    marks
        Elements of SVG, as the functions of `report.marks` return them; (0, 0) is the upper left corner.

    Examples
    --------
    >>> from tinygrad_mnist.report import Panel, marks
    >>> panel = Panel(60, 20, [marks.rectangle(0, 0, 60, 20)])
    >>> panel.to_svg()
    '<svg viewBox="0 0 60 20"><rect x="0" y="0" width="60" height="20" fill="currentColor"/></svg>'
    """

    width: float
    height: float
    marks: Sequence[str]

    def to_svg(self, **attributes: object) -> str:
        """Return the panel as an element."""
        box = f"0 0 {marks.attribute(float(self.width))} {marks.attribute(float(self.height))}"
        return marks.element("svg", "".join(self.marks), viewBox=box, **attributes)


@dataclass(frozen=True, repr=False)
class Drawing:
    """Picture that a page contains, a notebook shows and `save` writes.

    Attributes
    ----------
    finding
        The alternative text: a sentence that says what the picture shows.
    panels
        Panels of one size, or one.
    title
        The line above them.
    key
        (colour, words) of each colour that needs a name.  The colours are "blue", "orange", "vermilion"
        and "green".

    Examples
    --------
    >>> from tinygrad_mnist.report import Drawing, Panel, marks
    >>> bars = [
    ...     marks.group("blue", [marks.rectangle(0, 0, 120, 20)]),
    ...     marks.group("orange", [marks.rectangle(0, 30, 60, 20)]),
    ... ]
    >>> key = [("blue", "Python"), ("orange", "NumPy")]
    >>> Drawing("NumPy takes half the time.", [Panel(120, 50, bars)], title="Seconds", key=key)
    Drawing('NumPy takes half the time.')
    """

    finding: str
    panels: Sequence[Panel]
    title: str = ""
    key: Sequence[tuple[str, str]] = ()

    def to_html(self) -> str:
        """Return the picture as part of a page that has `style_sheet()`."""
        width = max((panel.width for panel in self.panels), default=0)
        title = f'<p class="title">{_text(self.title)}</p>' if self.title else ""
        names = "".join(f'<span><i class="{colour}"></i>{_text(words)}</span>' for colour, words in self.key)
        key = f'<p class="key">{names}</p>' if names else ""
        panels = "".join(panel.to_svg(style=f"--width:{panel.width:.0f}px") for panel in self.panels)
        focus = ' tabindex="0"' if width > NARROW else ""
        return (
            f'<div class="drawing"{focus} style="--width:{width:.0f}px">'
            f'<div role="img" aria-label="{escape(visible(self.finding))}">'
            f'{title}{key}<div class="panels">{panels}</div></div></div>'
        )

    def to_svg(self) -> str:
        """Return the picture as the text of a file."""
        parts, width, top = self._heading()
        widest = max((panel.width for panel in self.panels), default=1)
        columns = max(1, int(FILE_WIDTH // widest))
        for start in range(0, len(self.panels), columns):
            row = self.panels[start : start + columns]
            for place, panel in enumerate(row):
                left = GAP + place * (panel.width + GAP)
                size = {"x": left, "y": top, "width": panel.width, "height": panel.height}
                parts.append(panel.to_svg(**size))
                width = max(width, left + panel.width + GAP)
            top += max(panel.height for panel in row) + GAP
        whole = [marks.element("title", _text(self.finding)), f"<style>{style_sheet()}</style>", *parts]
        named = {"xmlns": "http://www.w3.org/2000/svg", "role": "img", "class_": "drawing"}
        return Panel(width, top, whole).to_svg(**named, width=width, height=top) + "\n"

    def _heading(self) -> tuple[list[str], float, float]:
        """Return title and key of a file, their width and their height."""
        parts, left, top = [], float(GAP), float(GAP)
        if self.title:
            parts.append(marks.text(GAP, top + 14, self.title, class_="title"))
            top += TITLE_HEIGHT
        for colour, words in self.key:
            parts.append(marks.group(colour, [marks.text(left, top + 12, "■")]))
            parts.append(marks.text(left + 16, top + 12, words))
            left += 40 + marks.width_of(words)
        return parts, max(left, 2 * GAP + marks.width_of(self.title, 14)), top + KEY_HEIGHT * bool(self.key)

    def save(self, path: str | PathLike[str]) -> None:
        """Write an SVG file, which browsers show light or dark as the reader prefers.

        Raises
        ------
        ValueError
            If the name does not end in ``.svg``.
        OSError
            If the file cannot be written.
        """
        if Path(path).suffix.lower() != ".svg":
            stem = fspath(Path(path).with_suffix(".svg").name)
            raise ValueError(
                f"path is {fspath(path)!r}: expected a name that ends in .svg; write {stem!r} and print it "
                "from a browser where another format is needed"
            )
        write_atomically(Path(path), self.to_svg())

    def __repr__(self) -> str:
        return f"Drawing({self.finding!r})"

    def _repr_html_(self) -> str:
        return f"<style>{style_sheet()}</style>{self.to_html()}"

    def _repr_svg_(self) -> str:
        return self.to_svg()


@cache
def style_sheet() -> str:
    """Return the CSS of all drawings."""
    text = Path(__file__).with_name("drawing.css").read_text(encoding="utf-8")
    colours = {name: getattr(palette, name) for name in ("BLUE", "ORANGE", "VERMILION", "GREEN")}
    return Template(text).substitute(colours)


def _text(words: str) -> str:
    return escape(visible(words), quote=False)
