"""What an experiment is: figures that somebody published, beside our own of the same."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tinygrad_mnist.experiments.workers import Workers
from tinygrad_mnist.report import Section, Table

NOTHING = "-"


@dataclass(frozen=True)
class Figure:
    """A row of the table: what the article prints, what its program gave when run again, and what ours gives.

    Attributes
    ----------
    demand
        What is asked of our figure, in words; empty when it is only shown.
    holds
        Whether it is so; None when nothing is asked.
    """

    name: str
    published: str
    measured: str
    ours: str
    demand: str = ""
    holds: bool | None = None

    def cells(self) -> tuple[str, ...]:
        """The row as text; the last cell is the verdict."""
        verdict = {True: "holds", False: "OFF", None: ""}[self.holds]
        return self.name, self.published, self.measured, self.ours, self.demand, verdict


COLUMNS = ("figure", "published", "original re-measured", "ours", "asked for", "verdict")


@dataclass(frozen=True)
class Setting:
    """How experiments are to be run.

    Attributes
    ----------
    data
        MNIST's folder; None to look for it.
    r_seed
        Another seed than the articles': figures that belong to their seed are shown, for comparison with
        R, and not judged.
    quick
        The short form: what can be shown in seconds.
    """

    folder: Path
    data: Path | None = None
    r_seed: int | None = None
    quick: bool = False
    workers: Workers = field(default_factory=Workers)

    def seed(self, published: int) -> int:
        """The seed to use: the article's unless another was asked for."""
        return published if self.r_seed is None else self.r_seed

    def exact(
        self, name: str, published: Sequence[str] | str, ours: Sequence[str] | str, measured: str = "the same"
    ) -> Figure:
        """A figure, or several, printed in the article: ours must be the same digits."""
        wanted, found = _several(published), _several(ours)
        if self.r_seed is not None:
            return Figure(name, _shown(wanted), measured, _shown(found))
        equal = [a == b for a, b in zip(wanted, found, strict=True)]
        shown = _shown(found)
        if len(wanted) > 1:
            first = next((f", not {f} where {w} is" for w, f in zip(wanted, found) if w != f), "")
            shown = f"{sum(equal)} of {len(equal)} equal{first}"
        return Figure(name, _shown(wanted), measured, shown, "every digit", all(equal))

    def same(self, name: str, published: str, measured: str, ours: str) -> Figure:
        """A figure that the article lacks or rounds: ours must be that of its program, run again."""
        judged = ("as re-measured", measured == ours) if self.r_seed is None else ()
        return Figure(name, published, measured, ours, *judged)

    def within(
        self, name: str, published: str, measured: str, ours: float | Sequence[float], low: float, high: float
    ) -> Figure:
        """A share of 1, or several, shown in per cent; each must lie between `low` and `high`."""
        values = [ours] if isinstance(ours, float) else list(ours)
        held = all(low <= value <= high for value in values)
        asked = f"{100 * low:g} to {100 * high:g} %" if low > 0 else f"below {100 * high:g} %"
        if high >= 1:
            asked = f"over {100 * low:g} %"
        return Figure(name, published, measured, per_cent(values), asked, held)


def _several(figures: Sequence[str] | str) -> list[str]:
    return [figures] if isinstance(figures, str) else list(figures)


def _shown(figures: list[str]) -> str:
    return figures[0] if len(figures) == 1 else f"{figures[0]} ... {figures[-1]}"


def per_cent(values: Sequence[float]) -> str:
    """Shares of 1 in per cent, one decimal each."""
    return " ".join(f"{100 * value:.1f}" for value in values) + " %"


def speed(name: str, published: str, original: float, ours: float) -> Figure:
    """Seconds of a processor beside those that R took: shown and not judged, since machines differ."""
    return Figure(name, published, f"{original:g} s", f"{ours:.2g} s, {original / ours:.1f} times as fast")


@dataclass(frozen=True)
class Result:
    """What an experiment gives: its figures, what its report shows, and what the original prints."""

    figures: Sequence[Figure]
    sections: Sequence[Section]
    listing: str = ""

    @property
    def holds(self) -> bool:
        """Whether no figure is off."""
        return all(figure.holds is not False for figure in self.figures)

    def table(self) -> Table:
        """The table of all figures."""
        return Table(COLUMNS, [figure.cells() for figure in self.figures])


@dataclass(frozen=True)
class Experiment:
    """An article as something that can be run again.

    Attributes
    ----------
    article
        Title and place of the source of the published figures.
    network
        Its network, cost and training in a few words.
    run
        Does it.
    """

    name: str
    article: str
    network: str
    run: Callable[[Setting], Result]
