"""One HTML file with all text, tables and pictures; it loads nothing else."""

import re
from base64 import b64encode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape as _escape_html
from math import ceil
from os import PathLike
from pathlib import Path
from typing import Protocol

from tinygrad_mnist.files import visible, visible_lines, write_atomically
from tinygrad_mnist.report.drawing import style_sheet
from tinygrad_mnist.tables import for_the_keyboard

FEWEST_SECTIONS_WITH_CONTENTS = 4
FIGURE = re.compile(r"[-+−]?[\d.]|[–-]?$")  # a cell that begins like a number, or is empty

IMAGE_TYPES = {".png": "image/png", ".svg": "image/svg+xml"}

WIDTH_IN_POINTS = re.compile(rb'<svg [^>]*?width="([\d.]+)pt"')
FONT_SIZE = re.compile(rb'<text [^>]*?font-size(?:="|: )([\d.]+)')
SMALLEST_LETTERS = 11  # pixels

# The browser refuses scripts and network access, even if a text contained markup.
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


@dataclass(frozen=True)
class Table:
    """Names of the columns, and rows with one cell per column, each shown as ``str(cell)``.

    The first cell of a row names the row. Columns of numbers are aligned to the right.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from tinygrad_mnist.report import Section, Table, write_report
    >>> table = Table(["epoch", "loss"], [(1, 0.52), (2, 0.31)])
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder, "report.html")
    ...     write_report(path, "A run", [], [Section("Training", table=table)])
    ...     '<td class="number">0.31</td>' in path.read_text("utf-8")
    True
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[object]]


class Picture(Protocol):
    """Picture of a section: a `Drawing` or a `FilePicture`."""

    def to_html(self) -> str:
        """Return the picture with its alternative text."""


@dataclass(frozen=True)
class FilePicture:
    """Picture from a PNG or SVG file, copied into the page as an image, so that nothing inside it can run.

    Attributes
    ----------
    path
        The file.
    finding
        The alternative text: a sentence that says what the picture shows.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from tinygrad_mnist.report import FilePicture
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder, "empty.svg")
    ...     _ = path.write_text("<svg/>")
    ...     print(FilePicture(path, "An empty picture.").to_html())
    <div ...><img src="data:image/svg+xml;base64,PHN2Zy8+" ... alt="An empty picture."></div>
    """

    path: Path
    finding: str

    def to_html(self) -> str:
        """Return the picture as an ``<img>`` that contains its bytes.

        Raises
        ------
        ValueError
            If the file is neither a PNG nor an SVG file by its name.
        OSError
            If the file cannot be read.
        """
        kind = self.path.suffix.lower()
        if kind not in IMAGE_TYPES:
            raise ValueError(f"a picture of the report is a PNG or SVG file, got {self.path.name}")
        content = self.path.read_bytes()
        source = f"data:{IMAGE_TYPES[kind]};base64,{b64encode(content).decode('ascii')}"
        style = f' style="min-width:{least_width(content)}px"' if kind == ".svg" else ""
        image = f'<img src="{source}"{style} alt="{escape(self.finding)}">'
        return f'<div class="scrolled" tabindex="0">{image}</div>'


def least_width(svg: bytes) -> int:
    """Return the width in pixels at which the smallest texts of Graphviz or matplotlib can be read."""
    width, letters = WIDTH_IN_POINTS.search(svg), [float(size) for size in FONT_SIZE.findall(svg)]
    if width is None or not letters:
        return 0
    return ceil(float(width[1]) * SMALLEST_LETTERS / min(letters))  # points cancel, as both are in them


@dataclass(frozen=True)
class Section:
    """Section of the page: a heading, and any of text, picture, table and listing.

    Parameters
    ----------
    title
        The heading.
    text
        Plain text; a blank line begins a new paragraph.
    picture
        Shown below the text, on the same printed page.
    table
        Shown below the picture.
    preformatted
        Text shown unchanged in a fixed-width font, such as the output of a terminal.
    link
        Address relative to the page, and its words, below the text.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from tinygrad_mnist.report import Section, plots, write_report
    >>> picture = plots.lines({"training": [0.5, 0.3, 0.2]}, "The loss falls", "epoch", "loss")
    >>> section = Section("Loss", "By epoch.", picture, link=("weights.html", "The weights"))
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder, "report.html")
    ...     write_report(path, "A run", [], [section])
    ...     '<p><a href="weights.html">The weights</a></p>' in path.read_text("utf-8")
    True
    """

    title: str
    text: str = ""
    picture: Picture | None = None
    table: Table | None = None
    preformatted: str | None = None
    link: tuple[str, str] | None = None


def write_report(
    path: str | PathLike[str], title: str, summary: Sequence[tuple[str, str]], sections: Sequence[Section]
) -> None:
    """Write a page as a single file that can be mailed, archived or printed.

    All text is escaped.

    Parameters
    ----------
    path
        The HTML file to write.
    title
        The heading of the page.
    summary
        (label, value) pairs, shown large below the heading.
    sections
        Sections in reading order; with four or more, the page begins with a table of contents.

    Raises
    ------
    OSError
        If the file cannot be written, or a picture cannot be read.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from tinygrad_mnist.report import Section, write_report
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder, "report.html")
    ...     write_report(path, "A run", [("accuracy", "98 %")], [Section("Loss", "It falls to < 0.1.")])
    ...     "<p>It falls to &lt; 0.1.</p>" in path.read_text("utf-8")
    True
    """
    style = Path(__file__).with_name("style.css").read_text(encoding="utf-8") + style_sheet()
    body = [
        f"<header>\n<h1>{escape(title)}</h1>",
        *summary_lines(summary),
        *contents_lines(sections),
        "</header>\n<main>",
        *(line for number, section in enumerate(sections, 1) for line in section_lines(number, section)),
        "</main>",
    ]
    head = [
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{escape(title)}</title>\n<style>\n{style}</style>\n</head>\n<body>",
    ]
    page = "\n".join([*head, *body, "</body>\n</html>\n"])
    write_atomically(Path(path), page)


def escape(text: str) -> str:
    """Return one line of text as HTML: markup stays text, and invisible characters become visible."""
    return _escape_html(visible(text))


def summary_lines(summary: Sequence[tuple[str, str]]) -> Iterable[str]:
    """Yield the large numbers below the heading."""
    if summary:
        yield '<dl class="summary">'
        for label, value in summary:
            yield f"<div><dt>{escape(label)}</dt><dd>{escape(value)}</dd></div>"
        yield "</dl>"


def contents_lines(sections: Sequence[Section]) -> Iterable[str]:
    """Yield links to the sections if there are many."""
    if len(sections) >= FEWEST_SECTIONS_WITH_CONTENTS:
        yield '<nav aria-label="Contents">\n<ul>'
        for number, section in enumerate(sections, 1):
            yield f'<li><a href="#section-{number}">{escape(section.title)}</a></li>'
        yield "</ul>\n</nav>"


def section_lines(number: int, section: Section) -> Iterable[str]:
    """Yield one section from top to bottom."""
    yield f'<section id="section-{number}">\n<div class="together">\n<h2>{escape(section.title)}</h2>'
    for paragraph in re.split(r"\n\s*\n", section.text.strip()):
        if paragraph:
            yield f"<p>{_escape_html(visible_lines(paragraph))}</p>"
    if section.link is not None:
        address, words = map(escape, section.link)
        yield f'<p><a href="{address}">{words}</a></p>'
    if section.picture is not None:
        yield f"<figure>{section.picture.to_html()}</figure>"
    yield "</div>"
    if section.table is not None:
        yield from table_lines(section.table)
    if section.preformatted is not None:
        yield f'<pre tabindex="0">{_escape_html(visible_lines(section.preformatted))}</pre>'
    yield "</section>"


def table_lines(table: Table) -> Iterable[str]:
    """Yield the table in a box that scrolls on a narrow screen."""
    cells = [[str(cell) for cell in row] for row in table.rows]
    classes = [
        ' class="number"' if all(FIGURE.match(row[column]) for row in cells) else ""
        for column in range(len(table.columns))
    ]
    box = for_the_keyboard([visible(name) for name in table.columns])
    yield f'<div class="table" {box}>\n<table>\n<thead>\n<tr>'
    yield from (f'<th scope="col"{kind}>{escape(name)}</th>' for name, kind in zip(table.columns, classes))
    yield "</tr>\n</thead>\n<tbody>"
    for first, *others in cells:
        yield f'<tr><th scope="row"{classes[0]}>{escape(first)}</th>'
        yield from (f"<td{kind}>{escape(cell)}</td>" for cell, kind in zip(others, classes[1:]))
        yield "</tr>"
    yield "</tbody>\n</table>\n</div>"
