"""Results that print as a table: in a terminal, as text, and in a notebook."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from io import StringIO
from typing import Any, ClassVar

from tinygrad_mnist import palette


class Tabular:
    """Mixin for a result that prints as a table.

    A subclass gives `_columns` and `_cells`, and where it has any a `title`, a `_footer` and `_lines_below`.
    Rich and shutil are imported when a table is printed: importing the package stays at NumPy's cost.
    """

    _words: ClassVar[Sequence[str]] = ()  # the columns that hold words; the others are justified as numbers

    def title(self) -> str:
        """Return the line above the table; "" for none."""
        return ""

    def _columns(self) -> Sequence[str]:
        """Return the heads of the columns."""
        raise NotImplementedError

    def _cells(self) -> Sequence[Sequence[str]]:
        """Return the rows, one text per column."""
        raise NotImplementedError

    def _footer(self) -> Sequence[str]:
        """Return a last row, below a rule; empty for none."""
        return ()

    def _lines_below(self) -> Sequence[tuple[str, str]]:
        """Return the lines below the table: text and Rich's style of each."""
        return ()

    def _colour(self, row: int) -> str:
        """Return the colour of the last cell of a row in a notebook; "" for none."""
        return ""

    def _tables(self, width: int) -> Iterator[Any]:
        """Yield the table, or several that fit into `width` columns of text."""
        from rich.table import Table
        from rich.text import Text

        table = Table(title=Text(self.title()) if self.title() else None, title_justify="left")
        table.show_footer = bool(self._footer())
        for i, column in enumerate(self._columns()):
            justify: Any = "left" if column in self._words else "right"
            table.add_column(column, "".join(self._footer()[i : i + 1]), justify=justify)
        for cells in self._cells():
            table.add_row(*map(Text, cells))
        yield table

    def __rich_console__(self, console: Any, options: Any) -> Iterator[Any]:
        from rich.text import Text

        yield from self._tables(options.max_width)
        yield from (Text(line, style) for line, style in self._lines_below())

    def __str__(self) -> str:
        import shutil

        from rich.console import Console

        text = StringIO()
        width = max(60, shutil.get_terminal_size((150, 50)).columns)
        # In a notebook, Rich would show the table there, or colour it, and leave the text empty.
        Console(file=text, width=width, force_jupyter=False, force_terminal=False).print(self)
        return "\n".join(line.rstrip() for line in text.getvalue().rstrip().splitlines())

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        title = f"<p>{_bold(self.title())}</p>" if self.title() else ""
        below = "".join(f"<p>{_styled(line, style)}</p>" for line, style in self._lines_below())
        columns = list(self._columns())
        styles = [_WORDS if column in self._words else _NUMBERS for column in columns]
        rows = [[_escaped(cell) for cell in cells] for cells in self._cells()]
        for i, cells in enumerate(self._cells()):
            if self._colour(i):
                rows[i][-1] = coloured(cells[-1], self._colour(i))
        if self._footer():
            rows.append([_escaped(cell) for cell in self._footer()])
        if rows and self._colour(0):  # next to the names, in sight where a narrow page cuts the table
            styles[-1] += "; white-space: nowrap"
            for line in (columns, styles, *rows):
                line.insert(1, line.pop())
        return f"{title}{html_table(rows, styles, columns)}{below}"


# A notebook aligns all cells to the right and wraps them; numbers stay whole.
_NUMBERS, _WORDS = "white-space: nowrap", "text-align: left"


def html_table(rows: Sequence[Sequence[str]], styles: Sequence[str] = (), columns: Sequence[str] = ()) -> str:
    """Return a table of HTML cells in a box that scrolls where the page is too narrow.

    Parameters
    ----------
    rows : sequence of sequences of str
        HTML of each cell.
    styles : sequence of str
        CSS of the cells of each column; by default that of numbers, which do not wrap.
    columns : sequence of str
        Heads of the columns, as text; empty for none.
    """
    styles = styles or [_NUMBERS] * len(columns)
    heads = ["" if style == _NUMBERS else _WORDS for style in styles]
    head = _html_row("th", [_escaped(column) for column in columns], heads) if columns else ""
    body = "".join(_html_row("td", cells, styles) for cells in rows)
    box = f'style="overflow-x: auto; max-width: 100%" {for_the_keyboard(columns)}'
    return f"<div {box}><table>{head}{body}</table></div>"


def for_the_keyboard(columns: Sequence[str]) -> str:
    """Return the attributes of a box around a table, by which the keyboard reaches and scrolls it.

    Its name is that of its columns; a table without heads is one of details.
    """
    name = ", ".join(filter(None, columns)) or "details"
    return f'tabindex="0" role="group" aria-label="{_escaped(name)}"'


def _escaped(text: str) -> str:
    from html import escape  # at the first table of a notebook: its list of entities takes a millisecond

    return escape(text)


def tint(colour: str) -> str:
    """Return the CSS of text on a tinted ground: its ink is that of a light or a dark notebook."""
    ground = f"background: {colour}2e; border-left: 0.25em solid {colour}; border-radius: 0.2em"
    return f"{ground}; padding: 0.1em 0.4em; box-decoration-break: clone; -webkit-box-decoration-break: clone"


def coloured(text: str, colour: str) -> str:
    """Return a sentence as HTML, bold and on a tint of a colour; "" for no colour."""
    return f'<b style="{tint(colour)}">{_escaped(text)}</b>' if colour else _bold(text)


def _styled(text: str, style: str) -> str:
    """Return a line as HTML in one of Rich's styles."""
    colours = {"bold green": palette.GREEN, "bold red": palette.VERMILION}
    return coloured(text, colours.get(style, "")) if "bold" in style else _escaped(text)


def _bold(text: str) -> str:
    return f"<b>{_escaped(text)}</b>"


def _html_row(tag: str, cells: Sequence[str], styles: Sequence[str]) -> str:
    parts = [
        f'<{tag} style="{style}">{cell}</{tag}>' if style else f"<{tag}>{cell}</{tag}>"
        for cell, style in zip(cells, styles)
    ]
    return f"<tr>{''.join(parts)}</tr>"
