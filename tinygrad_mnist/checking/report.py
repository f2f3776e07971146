"""The outcome of a gradient check: a row a variable, a verdict a row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from html import escape
from typing import Any, Literal

Verdict = Literal["correct", "untested", "precision", "kink", "wrong"]

# From harmless to grave: a row has the gravest verdict among its entries.
VERDICTS: tuple[Verdict, ...] = ("correct", "untested", "precision", "kink", "wrong")
MEANINGS = {
    "correct": "agrees with an independent derivative",
    "untested": "too small for the differences to tell it from rounding",
    "precision": "differs by no more than rounding explains",
    "kink": "the function has a corner here, and the gradient is one of its slopes",
    "wrong": "disagrees with an independent derivative",
}
_COLOURS = {
    "correct": "green",
    "untested": "yellow",
    "precision": "cyan",
    "kink": "blue",
    "wrong": "bold red",
}


@dataclass(frozen=True)
class Row:
    """A variable.

    Attributes
    ----------
    name, shape
        The variable.
    counts
        How many of the drawn entries have which verdict.
    worst
        The index of the entry shown: the one with the largest error among those of the row's verdict.
    reverse, central, complex_step, by_hand
        The derivative there; None where an oracle is not available.
    error
        |reverse - other| / max(|reverse|, |other|), the other being the oracle that decided.
    central_difference, complex_difference
        The largest difference of reverse mode from each oracle, over the largest entry of the gradient.
    verdict
        Of the row.
    """

    name: str
    shape: tuple[int, ...]
    counts: dict[str, int]
    worst: tuple[int, ...]
    reverse: float | None
    central: float
    complex_step: float | None
    by_hand: float | None
    error: float
    central_difference: float
    complex_difference: float | None
    verdict: Verdict

    @property
    def entries(self) -> int:
        """How many entries the variable has."""
        size = 1
        for length in self.shape:
            size *= length
        return size

    @property
    def tested(self) -> int:
        """How many entries were compared, and large enough for the comparison to mean something."""
        return sum(number for verdict, number in self.counts.items() if verdict != "untested")


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
        return all(row.verdict != "wrong" and row.tested > 0 for row in self.rows)

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
        outcome = f"wrong: {', '.join(self.wrong)}" if self.wrong else "none is wrong"
        what = "gradient" if self.order == 1 else "second-derivative"
        return f"{tested:,} of {entries:,} {what} entries tested{small}; {outcome}"

    def _cells(self) -> list[list[str]]:
        return [
            [
                row.name,
                f"{row.tested:,} / {row.entries:,}",
                str(list(row.worst)),
                *(_number(v) for v in (row.reverse, row.central, row.complex_step, row.by_hand)),
                f"{row.error:.1e}",
                _verdict(row),
            ]
            for row in self.rows
        ]

    def _columns(self) -> Sequence[str]:
        return (
            "name",
            "tested",
            "worst at",
            "reverse",
            "central",
            "complex step",
            "by hand",
            "error",
            "verdict",
        )

    def __rich__(self) -> Any:
        from rich.console import Group
        from rich.table import Table
        from rich.text import Text

        table = Table(*self._columns())
        for row, cells in zip(self.rows, self._cells()):
            shown = [Text(cell) for cell in cells]
            shown[-1].stylize(_COLOURS[row.verdict])
            table.add_row(*shown)
        said = [Text(f"note: {note}") for note in self.notes]
        return Group(table, Text(self.summary(), "bold" if self.ok else "bold red"), *said)

    def __str__(self) -> str:
        from io import StringIO

        from rich.console import Console

        text = StringIO()
        Console(file=text, width=150).print(self)
        return text.getvalue().rstrip()

    def _repr_html_(self) -> str:
        head = "".join(f"<th>{escape(column)}</th>" for column in self._columns())
        body = "".join(
            "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in cells) + "</tr>"
            for cells in self._cells()
        )
        notes = "".join(f"<p>note: {escape(note)}</p>" for note in self.notes)
        return f"<table><tr>{head}</tr>{body}</table><p><b>{escape(self.summary())}</b></p>{notes}"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.9g}"


def _verdict(row: Row) -> str:
    """The row's verdict, with the number of its entries when there are others."""
    number = row.counts.get(row.verdict, 0)
    return row.verdict if number == sum(row.counts.values()) else f"{row.verdict} ({number:,})"
