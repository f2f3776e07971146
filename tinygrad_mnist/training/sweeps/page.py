"""The page of a sweep: the trials as lines across their settings, the importance of each setting, a table."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tinygrad_mnist.report.page import Section, Table, write_report
from tinygrad_mnist.report.plots.parallel import parallel_coordinates, setting_text
from tinygrad_mnist.training.sweeps.study import Outcome

PAGE = "sweep.html"
MEASURE = "validation loss"


def write_sweep_page(folder: Path, found: Sequence[Outcome]) -> Path:
    """Write ``sweep.html`` into the folder of a sweep, and return its path.

    It links to the report of the best trial, ``run/report.html`` in the trial's folder, if there is one.

    Parameters
    ----------
    folder
        Folder of the sweep.
    found
        Its outcomes.

    Examples
    --------
    >>> import tempfile
    >>> from tinygrad_mnist.training import sweep
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     found = sweep(lambda trial: (trial.settings["x"] - 2) ** 2, {"x": [1, 2, 4]}, folder)
    ...     page = write_sweep_page(Path(folder), found)
    ...     print(page.name, "Trial 1: x 2." in page.read_text(encoding="utf-8"))
    sweep.html True
    """
    complete = [outcome for outcome in found if outcome.value is not None and math.isfinite(outcome.value)]
    ranked = sorted(complete, key=lambda outcome: (outcome.value, outcome.number))
    sections = []
    if ranked:
        best = ranked[0]
        report = f"{best.folder.name}/run/report.html"
        link = (report, f"Report of trial {best.number}") if (folder / report).exists() else None
        sections.append(Section("The best", f"Trial {best.number}: {best.words}.", link=link))
        drawing = parallel_coordinates(
            [outcome.settings for outcome in complete],
            [outcome.value or 0.0 for outcome in complete],
            MEASURE,
        )
        sections.append(Section("All trials", picture=drawing))
        sections.append(Section("What matters", _MATTERS, table=_importance(complete)))
    sections.append(Section("Trials, the best first", table=_table(ranked, found)))
    states = [outcome.state for outcome in found]
    summary = [("trials", str(len(found))), ("complete", str(states.count("complete")))]
    summary += [(state, str(states.count(state))) for state in ("pruned", "failed") if state in states]
    if ranked:
        summary.append((f"lowest {MEASURE}", f"{ranked[0].value:.4f}"))
    write_report(folder / PAGE, "A sweep over settings", summary, sections)
    return folder / PAGE


_MATTERS = (
    "The share of the variance of the results that the mean over all trials with the same value of a setting "
    "explains. A setting that varies with another one, or only matters together with it, shares its part."
)


def _importance(complete: Sequence[Outcome]) -> Table:
    """The share of variance between the groups of trials with one value of a setting."""
    results = np.array([outcome.value for outcome in complete], float)
    shares = {}
    for name in complete[0].settings:
        groups = _groups([outcome.settings[name] for outcome in complete])
        means = np.bincount(groups, results) / np.maximum(np.bincount(groups), 1)
        shares[name] = np.var(means[groups]) / (np.var(results) or 1)
    ranked = sorted(shares, key=shares.__getitem__, reverse=True)
    return Table(["setting", "share of the variance"], [(name, f"{shares[name]:.0%}") for name in ranked])


def _groups(values: Sequence[Any]) -> np.ndarray[Any, np.dtype[np.intp]]:
    """The group of each value: those equal to it, or the quarter of the range if many numbers differ."""
    different, groups = np.unique(list(map(str, values)), return_inverse=True)
    if len(different) <= 6 or not all(isinstance(value, int | float) for value in values):
        return groups
    return np.searchsorted(np.quantile(values, [0.25, 0.5, 0.75]), values)


def _table(ranked: Sequence[Outcome], found: Sequence[Outcome]) -> Table:
    names = list(found[0].settings) if found else []
    others = [outcome for outcome in found if outcome not in ranked]
    rows = [
        (
            outcome.number,
            *(setting_text(outcome.settings.get(name, "")) for name in names),
            "" if outcome.value is None else f"{outcome.value:.4f}",
            ": ".join(filter(None, [outcome.state, outcome.error])),
        )
        for outcome in (*ranked, *others)
    ]
    return Table(["trial", *names, MEASURE, "state"], rows)
