"""The outcome of a gradient check: a row a variable, a verdict a row."""

from __future__ import annotations

import shutil
from dataclasses import asdict, dataclass
from html import escape
from typing import Any

from tinygrad_mnist.checking.row import Row
from tinygrad_mnist.checking.verdict import COLOURS, MEANINGS, VERDICTS


@dataclass(frozen=True)
class GradReport:
    """The rows of a check, and notes on what it could not do or had to do.

    Prints as a table; ``report.ok`` says whether every row was tested and none is wrong.
    """

    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()
    order: int = 1

    @property
    def ok(self) -> bool:
        """Nothing wrong, and something tested in every row."""
        return all(row.verdict != "wrong" and (row.tested > 0 or not row.entries) for row in self.rows)

    @property
    def wrong(self) -> tuple[str, ...]:
        """The names of the variables whose gradient is wrong."""
        return tuple(row.name for row in self.rows if row.verdict == "wrong")

    def to_dict(self) -> dict[str, Any]:
        """Plain data, ready for JSON."""
        return {"ok": self.ok, **asdict(self)}

    def summary(self) -> str:
        """One line: how many entries were tested, and what came of it."""
        tested, entries = sum(row.tested for row in self.rows), sum(row.entries for row in self.rows)
        untested = sum(row.counts.get("untested", 0) for row in self.rows)
        small = f", {untested:,} too small to test" if untested else ""
        blind = [row.name for row in self.rows if row.entries and not row.tested]
        outcome = f"wrong: {', '.join(self.wrong)}" if self.wrong else "none is wrong"
        if blind:
            outcome += f"; nothing could be tested in {', '.join(blind)}"
        what = "gradient" if self.order == 1 else "second-derivative"
        return f"{tested:,} of {entries:,} {what} entries tested{small}; {outcome}"

    def legend(self) -> list[str]:
        """What the verdicts mean that are not plain: in the order of their gravity."""
        seen = {verdict for row in self.rows for verdict in row.counts}
        return [f"{v}: {MEANINGS[v]}" for v in VERDICTS if v in seen and v != "correct"]

    def __rich_console__(self, console: Any, options: Any) -> Any:
        from rich.text import Text

        yield from self._tables(options.max_width)
        yield Text(self.summary(), "bold green" if self.ok else "bold red")
        yield from (Text(line, "dim") for line in self.legend())
        yield from (Text(f"note: {note}") for note in self.notes)

    def _tables(self, width: int) -> Any:
        """One table with a line for each variable; on a narrow page, several with a column for each."""
        from rich.table import Table
        from rich.text import Text

        columns = self._columns()
        cells = [[Text(cell) for cell in line] for line in self._cells()]
        for row, line in zip(self.rows, cells):
            line[-1].stylize(COLOURS[row.verdict])
        if sum(max(map(len, column)) + 3 for column in zip(columns, *cells)) < width:
            table = Table()
            for column in columns:
                table.add_column(column, justify="left" if column in _WORDS else "right", no_wrap=True)
            for line in cells:
                table.add_row(*line)
            yield table
            return
        room = width - max(map(len, columns)) - 4
        for part in _side_by_side(cells, room):
            table = Table(columns[0])
            for line in part:
                table.add_column(line[0], justify="right", overflow="fold")
            for column, *values in list(zip(columns, *part))[1:]:
                table.add_row(Text(column, "bold"), *values)
            yield table

    def _columns(self) -> list[str]:
        """The heads, without that of hand-derived values when there are none."""
        hand = any(row.by_hand is not None for row in self.rows)
        return [column for column in _COLUMNS if hand or column != "by hand"]

    def _cells(self) -> list[list[str]]:
        shown = self._columns()
        lines = []
        for row in self.rows:
            values = (row.reverse, row.central, row.complex_step, row.by_hand)
            coverage = f"{row.tested:,} / {row.entries:,}"
            cells = [row.name, coverage, str(list(row.worst)), *map(_number, values), f"{row.error:.1e}"]
            lines.append([c for c, column in zip([*cells, _verdict(row)], _COLUMNS) if column in shown])
        return lines

    def __str__(self) -> str:
        from io import StringIO

        from rich.console import Console

        text = StringIO()
        width = max(60, shutil.get_terminal_size((150, 50)).columns)
        Console(file=text, width=width).print(self)
        return text.getvalue().rstrip()

    def _repr_html_(self) -> str:
        head = "".join(f"<th>{escape(column)}</th>" for column in self._columns())
        body = "".join(
            "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in cells) + "</tr>"
            for cells in self._cells()
        )
        below = "".join(
            f"<p>{escape(line)}</p>" for line in (*self.legend(), *(f"note: {n}" for n in self.notes))
        )
        return f"<table><tr>{head}</tr>{body}</table><p><b>{escape(self.summary())}</b></p>{below}"


_COLUMNS = (
    "name", "tested", "worst at", "reverse", "central", "complex step", "by hand", "error", "verdict",
)  # fmt: skip
_WORDS = ("name", "verdict")


def _side_by_side(cells: list[list[Any]], room: int) -> list[list[list[Any]]]:
    """The lines in groups: as many beside each other, turned into columns, as there is room for."""
    groups: list[list[list[Any]]] = []
    free = 0
    for line in cells:
        needed = max(map(len, line)) + 3
        if not groups or needed > free:
            groups.append([])
            free = room
        groups[-1].append(line)
        free -= needed
    return groups


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.9g}"


def _verdict(row: Row) -> str:
    """The row's verdict, with the number of its entries when there are others."""
    number = row.counts.get(row.verdict, 0)
    return row.verdict if number == sum(row.counts.values()) else f"{row.verdict} ({number:,})"
