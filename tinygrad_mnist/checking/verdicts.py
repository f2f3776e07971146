"""Verdicts on gradient entries, and the report of a check: one row and one verdict per variable."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Literal

from tinygrad_mnist import palette
from tinygrad_mnist.checking.findings import listed, paragraphs
from tinygrad_mnist.checking.rule_findings import RuleFinding
from tinygrad_mnist.tables import Tabular

Verdict = Literal["correct", "untested", "precision", "kink", "wrong"]

# From harmless to serious: a row has the most serious verdict among its entries.
VERDICTS: tuple[Verdict, ...] = ("correct", "untested", "precision", "kink", "wrong")
CORRECT, UNTESTED, PRECISION, KINK, WRONG = range(len(VERDICTS))
MEANINGS: dict[Verdict, str] = {
    "correct": "agrees with an independent derivative",
    "untested": "too small for any difference to tell it from rounding",
    "precision": "differs by no more than rounding explains",
    "kink": "the function has a kink there, and the gradient is one of its slopes",
    "wrong": "disagrees with an independent derivative",
}
COLOURS: dict[Verdict, str] = {
    "correct": "green",
    "untested": "yellow",
    "precision": "cyan",
    "kink": "blue",
    "wrong": "bold red",
}
NOTEBOOK_COLOURS: dict[Verdict, str] = {
    "correct": palette.GREEN,
    "untested": palette.ORANGE,
    "precision": palette.DARK_PURPLE,
    "kink": palette.BLUE,
    "wrong": palette.VERMILION,
}

_NAMED = 3  # wrong rules that a report shows; usually there is one


@dataclass(frozen=True)
class GradRow:
    """The verdict on one variable.

    Attributes
    ----------
    name, shape
        The variable.
    counts
        The number of tested entries with each verdict.
    worst
        Index of the entry that is shown: of those with the row's verdict the one with the largest error.
    reverse, central, complex_step, by_hand
        The derivative there; None where that method has none.
    error
        |reverse - other| / max(|reverse|, |other|), where `other` is the derivative that decided.
    central_difference, complex_difference
        Largest difference between reverse mode and each oracle, over the largest entry of the gradient.
    verdict
        The most serious one among the entries.

    Examples
    --------
    >>> import numpy as np
    >>> from tinygrad_mnist.checking import check_gradients
    >>> report = check_gradients(lambda x: (x**3).sum(), np.array([1.0, 2.0]))
    >>> row = report.rows[0]
    >>> row.shape, row.verdict
    ((2,), 'correct')
    """

    name: str
    shape: tuple[int, ...]
    counts: dict[str, int]
    worst: tuple[int, ...]
    reverse: float | None
    central: float | None
    complex_step: float | None
    by_hand: float | None
    error: float
    central_difference: float
    complex_difference: float | None
    verdict: Verdict

    @property
    def entries(self) -> int:
        """Number of entries of the variable."""
        return math.prod(self.shape)

    @property
    def tested(self) -> int:
        """Number of entries that were compared, and large enough for the comparison to mean something."""
        return sum(number for verdict, number in self.counts.items() if verdict != "untested")


@dataclass(frozen=True, repr=False)
class GradReport(Tabular):
    """The result of a gradient check; prints as a table.

    Attributes
    ----------
    rows
        One per variable.
    notes
        Limits of the check, and what was wrong apart from the entries.
    order
        1 for gradients, 2 for second derivatives.
    findings
        The wrong rules behind wrong gradients, as `diagnose` finds them.

    Examples
    --------
    >>> import numpy as np
    >>> from tinygrad_mnist.checking import check_gradients
    >>> report = check_gradients(lambda x: (x**3).sum(), np.array([1.0, 2.0]))
    >>> report.ok, report.summary()
    (True, '2 of 2 gradient entries tested; none is wrong')
    """

    rows: tuple[GradRow, ...]
    notes: tuple[str, ...] = ()
    order: int = 1
    findings: tuple[RuleFinding, ...] = ()

    _words: ClassVar = ("name", "verdict")

    @property
    def ok(self) -> bool:
        """True if nothing is wrong, and something was tested in every row."""
        return all(row.verdict != "wrong" and (row.tested > 0 or not row.entries) for row in self.rows)

    @property
    def wrong(self) -> tuple[str, ...]:
        """Names of the variables whose gradient is wrong."""
        return tuple(row.name for row in self.rows if row.verdict == "wrong")

    def to_dict(self) -> dict[str, Any]:
        """Return plain data, ready for JSON."""
        return {"ok": self.ok, **asdict(self)}

    def summary(self) -> str:
        """Return one line: the number of entries that were tested, and the outcome."""
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
        """Explain each verdict except "correct", least serious first."""
        seen = {verdict for row in self.rows for verdict in row.counts}
        return [f"{v}: {MEANINGS[v]}" for v in VERDICTS if v in seen and v != "correct"]

    def _lines_below(self) -> list[tuple[str, str]]:
        summary = (self.summary(), "bold green" if self.ok else "bold red")
        return [
            summary,
            *((line, "dim") for line in self.legend()),
            *((f"note: {n}", "") for n in self.notes),
        ]

    def __rich_console__(self, console: Any, options: Any) -> Iterator[Any]:
        from rich.text import Text

        yield from super().__rich_console__(console, options)
        yield from paragraphs(self.findings[:_NAMED])
        if self._more():
            yield Text(self._more(), "dim")

    def _repr_html_(self) -> str:
        more = f"<p>{self._more()}</p>" if self._more() else ""
        return super()._repr_html_() + listed(self.findings[:_NAMED]) + more

    def _more(self) -> str:
        """Return the number of findings that are not shown, in words; "" if all are."""
        number = len(self.findings) - _NAMED
        return f"and {number} more, in report.findings" if number > 0 else ""

    def _colour(self, row: int) -> str:
        return NOTEBOOK_COLOURS[self.rows[row].verdict]

    def _tables(self, width: int) -> Iterator[Any]:
        """Yield one table with a line per variable; on a narrow page several, with a column per variable."""
        from rich.table import Table
        from rich.text import Text

        columns = self._columns()
        cells = [[Text(cell) for cell in line] for line in self._cells()]
        for row, line in zip(self.rows, cells):
            line[-1].stylize(COLOURS[row.verdict])
        if sum(max(map(len, column)) + 3 for column in zip(columns, *cells)) < width:
            table = Table()
            for column in columns:
                table.add_column(column, justify="left" if column in self._words else "right", no_wrap=True)
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
        """Return the heads, without that of hand-derived values if there are none."""
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


_COLUMNS = (
    "name", "tested", "worst at", "reverse", "central", "complex step", "by hand", "error", "verdict",
)  # fmt: skip


def _side_by_side(cells: list[list[Any]], room: int) -> list[list[list[Any]]]:
    """Group the lines: as many per group as fit next to each other when they are turned into columns."""
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


def _verdict(row: GradRow) -> str:
    """Return the row's verdict, with the number of its entries if there are others."""
    number = row.counts.get(row.verdict, 0)
    return row.verdict if number == sum(row.counts.values()) else f"{row.verdict} ({number:,})"
