"""One HTML file with all text, tables and pictures; it loads nothing else."""

import re
from base64 import b64encode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape as _escape_html
from os import PathLike
from pathlib import Path

from PIL import Image

from tinygrad_mnist.files import visible, visible_lines, write_atomically

CSS_DOTS_PER_INCH = 96
FEWEST_SECTIONS_WITH_CONTENTS = 4
FIGURE = re.compile(r"[-+−]?[\d.]|[–-]?$")  # a cell that begins like a number, or is empty

# The browser refuses scripts and network access, even if a text contained markup.
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


@dataclass(frozen=True)
class Table:
    """Names of the columns, and rows with one cell per column, each shown as ``str(cell)``.

    The first cell of a row names the row. Columns of numbers are aligned to the right.
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[object]]


@dataclass(frozen=True)
class Section:
    """Section of the page: a heading, and any of text, picture, table and listing.

    Parameters
    ----------
    title
        The heading; also the alternative text of the picture.
    text
        Plain text; a blank line begins a new paragraph.
    picture
        A PNG or SVG file, copied into the page.
    table
        Shown below the picture.
    preformatted
        Text shown unchanged in a fixed-width font, such as the output of a terminal.
    """

    title: str
    text: str = ""
    picture: Path | None = None
    table: Table | None = None
    preformatted: str | None = None


def write_report(
    path: str | PathLike[str], title: str, summary: Sequence[tuple[str, str]], sections: Sequence[Section]
) -> None:
    """Write a page as a single file that can be mailed, archived or printed.

    All text is escaped. Pictures become ``data:`` images, so nothing inside an SVG can run.

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
    """
    style = Path(__file__).with_name("style.css").read_text(encoding="utf-8")
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
    yield f'<section id="section-{number}">\n<h2>{escape(section.title)}</h2>'
    for paragraph in re.split(r"\n\s*\n", section.text.strip()):
        if paragraph:
            yield f"<p>{_escape_html(visible_lines(paragraph))}</p>"
    if section.picture is not None:
        yield f'<figure tabindex="0">{image_tag(Path(section.picture), section.title)}</figure>'
    if section.table is not None:
        yield from table_lines(section.table)
    if section.preformatted is not None:
        yield f'<pre tabindex="0">{_escape_html(visible_lines(section.preformatted))}</pre>'
    yield "</section>"


def image_tag(path: Path, alternative: str) -> str:
    """Return the picture as an ``<img>`` that contains its bytes."""
    types = {".png": "image/png", ".svg": "image/svg+xml"}
    kind = path.suffix.lower()
    if kind not in types:
        raise ValueError(f"a picture of the report is a PNG or SVG file, got {path.name}")
    data = b64encode(path.read_bytes()).decode("ascii")
    width = f' width="{natural_width(path)}"' if kind == ".png" else ""
    return f'<img src="data:{types[kind]};base64,{data}"{width} alt="{escape(alternative)}">'


def natural_width(path: Path) -> int:
    """Return the width of a PNG in CSS pixels: letters keep their size at any resolution."""
    with Image.open(path) as image:
        dots_per_inch = image.info.get("dpi", (CSS_DOTS_PER_INCH,))[0]
        width: int = round(image.width * CSS_DOTS_PER_INCH / dots_per_inch)
    return width


def table_lines(table: Table) -> Iterable[str]:
    """Yield the table in a box that scrolls on a narrow screen."""
    cells = [[str(cell) for cell in row] for row in table.rows]
    classes = [
        ' class="number"' if all(FIGURE.match(row[column]) for row in cells) else ""
        for column in range(len(table.columns))
    ]
    yield '<div class="table" tabindex="0">\n<table>\n<thead>\n<tr>'
    yield from (f'<th scope="col"{kind}>{escape(name)}</th>' for name, kind in zip(table.columns, classes))
    yield "</tr>\n</thead>\n<tbody>"
    for first, *others in cells:
        yield f'<tr><th scope="row"{classes[0]}>{escape(first)}</th>'
        yield from (f"<td{kind}>{escape(cell)}</td>" for cell, kind in zip(others, classes[1:]))
        yield "</tr>"
    yield "</tbody>\n</table>\n</div>"
