"""Experiments: published figures compared with those of this package."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from tinygrad_mnist.errors import ProcessError
from tinygrad_mnist.report import Section, Table

NOTHING = "-"
Result = TypeVar("Result")


@dataclass(frozen=True)
class Comparison:
    """Row of the table: a figure as published, as the original program gave it again, and as ours gives it.

    Attributes
    ----------
    name
        Name of the figure.
    published, measured, ours
        The three values as text; ``"-"`` for one that is missing.
    demand
        Condition on our figure, in words; empty if the figure is only shown.
    holds
        True if the condition holds; None without a condition.

    Examples
    --------
    >>> from tinygrad_mnist.experiments import Comparison
    >>> Comparison("test accuracy", "95.4 %", "-", "95.1 %", "over 95 %", holds=True).cells()
    ('test accuracy', '95.4 %', '-', '95.1 %', 'over 95 %', 'holds')
    """

    name: str
    published: str
    measured: str
    ours: str
    demand: str = ""
    holds: bool | None = None

    def cells(self) -> tuple[str, ...]:
        """Return the row as text; the last cell is the verdict."""
        verdict = {True: "holds", False: "OFF", None: ""}[self.holds]
        return self.name, self.published, self.measured, self.ours, self.demand, verdict


COLUMNS = ("figure", "published", "original re-measured", "ours", "asked for", "verdict")


@dataclass(frozen=True)
class ExperimentOptions:
    """Options of a run of an experiment.

    Attributes
    ----------
    data
        Folder of MNIST's files; None for the default.
    r_seed
        A seed instead of the article's.  Figures that belong to the article's seed are then shown, for
        comparison with R, instead of judged.
    quick
        If True, the short form of a few seconds is run.
    folder
        Receives the pictures.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tinygrad_mnist.experiments import ExperimentOptions
    >>> options = ExperimentOptions(Path("pictures"), quick=True)
    >>> options.exact("loss", published="0.250", ours="0.251").cells()
    ('loss', '0.250', 'the same', '0.251', 'every digit', 'OFF')
    >>> options.within("accuracy", "95 %", "-", 0.953, low=0.94, high=0.96).cells()
    ('accuracy', '95 %', '-', '95.3 %', '94 to 96 %', 'holds')
    """

    folder: Path
    data: Path | None = None
    r_seed: int | None = None
    quick: bool = False

    def seed(self, published: int) -> int:
        """Return the article's seed unless the options have another."""
        return published if self.r_seed is None else self.r_seed

    def exact(self, name: str, published: Sequence[str] | str, ours: Sequence[str] | str) -> Comparison:
        """Compare one or several figures printed in the article: ours must have the same digits."""
        wanted, found = _several(published), _several(ours)
        if self.r_seed is not None:
            return Comparison(name, _shown(wanted), "the same", _shown(found))
        equal = [a == b for a, b in zip(wanted, found, strict=True)]
        shown = _shown(found)
        if len(wanted) > 1:
            first = next((f", not {f} where {w} is" for w, f in zip(wanted, found) if w != f), "")
            shown = f"{sum(equal)} of {len(equal)} equal{first}"
        return Comparison(name, _shown(wanted), "the same", shown, "every digit", all(equal))

    def same(self, name: str, published: str, measured: str, ours: str) -> Comparison:
        """Compare a figure that the article lacks or rounds with that of its program, run again."""
        judged = ("as re-measured", measured == ours) if self.r_seed is None else ()
        return Comparison(name, published, measured, ours, *judged)

    def within(
        self, name: str, published: str, measured: str, ours: float | Sequence[float], low: float, high: float
    ) -> Comparison:
        """Compare one or several shares of 1, shown in per cent; each must lie between `low` and `high`."""
        values = [ours] if isinstance(ours, float) else list(ours)
        held = all(low <= value <= high for value in values)
        asked = f"{100 * low:g} to {100 * high:g} %" if low > 0 else f"below {100 * high:g} %"
        if high >= 1:
            asked = f"over {100 * low:g} %"
        return Comparison(name, published, measured, per_cent(values), asked, held)


def in_parallel(function: Callable[..., Result], tasks: Iterable[tuple[Any, ...]]) -> list[Result]:
    """Return ``[function(*task) for task in tasks]``, side by side as `joblib.parallel_config` says.

    Raises
    ------
    ProcessError
        If a process is killed.
    """
    from concurrent.futures.process import BrokenProcessPool  # here: a browser has no processes

    from joblib import Parallel, delayed

    try:
        calls = (delayed(function)(*task) for task in tasks)
        return list(Parallel(max_nbytes=None)(calls))  # arrays stay writable
    except BrokenProcessPool as error:
        raise ProcessError(
            "a process that trained was killed, perhaps for lack of memory: expected to end by itself; "
            "write --jobs 1"
        ) from error


def _several(figures: Sequence[str] | str) -> list[str]:
    return [figures] if isinstance(figures, str) else list(figures)


def _shown(figures: list[str]) -> str:
    return figures[0] if len(figures) == 1 else f"{figures[0]} ... {figures[-1]}"


def per_cent(values: Sequence[float]) -> str:
    """Write shares of 1 in per cent, one decimal each."""
    return " ".join(f"{100 * value:.1f}" for value in values) + " %"


def speed(name: str, published: str, original: float, ours: float) -> Comparison:
    """Show processor seconds next to those of R; they are not judged, as machines differ."""
    return Comparison(
        name, published, f"{original:g} s", f"{ours:.2g} s, {original / ours:.1f} times as fast"
    )


@dataclass(frozen=True)
class ExperimentResult:
    """Figures of an experiment, sections of its report, and the text that the original prints.

    Examples
    --------
    >>> from tinygrad_mnist.experiments import Comparison, ExperimentResult
    >>> loss = Comparison("loss", "0.25", "the same", "0.25", "every digit", holds=True)
    >>> accuracy = Comparison("accuracy", "95 %", "-", "91 %", "over 94 %", holds=False)
    >>> ExperimentResult([loss], []).holds, ExperimentResult([loss, accuracy], []).holds
    (True, False)
    """

    figures: Sequence[Comparison]
    sections: Sequence[Section]
    listing: str = ""

    @property
    def holds(self) -> bool:
        """True if no figure is off."""
        return all(figure.holds is not False for figure in self.figures)

    def table(self) -> Table:
        """Return the table of all figures."""
        return Table(COLUMNS, [figure.cells() for figure in self.figures])


@dataclass(frozen=True)
class Experiment:
    """An article that can be run again.

    Attributes
    ----------
    name
        Its name in `EXPERIMENTS` and in ``tinygrad-mnist reproduce``.
    article
        Title and place of the source of the published figures.
    network
        Its network, cost and training in a few words.
    run
        Runs the experiment.
    dtype
        Dtype of its numbers.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from tinygrad_mnist.experiments import EXPERIMENTS, ExperimentOptions
    >>> with TemporaryDirectory() as folder:
    ...     result = EXPERIMENTS["hot-dogs"].run(ExperimentOptions(Path(folder), quick=True))
    >>> result.figures[1].cells()
    ('logistic regression, right of 200', '134', 'the same', '134', 'every digit', 'holds')
    """

    name: str
    article: str
    network: str
    run: Callable[[ExperimentOptions], ExperimentResult]
    dtype: str = "float64"
