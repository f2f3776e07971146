"""The page of a sweep: the trials as lines across their settings, the importance of each setting, a table."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import optuna
from optuna.distributions import CategoricalDistribution
from optuna.importance import FanovaImportanceEvaluator, get_param_importances
from optuna.trial import FrozenTrial

from tinygrad_mnist.report import marks
from tinygrad_mnist.report.axes import Axes, Scale, plain
from tinygrad_mnist.report.drawing import Drawing, Panel
from tinygrad_mnist.report.page import Section, Table, write_report
from tinygrad_mnist.training.sweeps.study import trial_folder

MEASURE = "validation loss"
_MATTERS = "Shares of the settings in the variance of the results that they explain, by Optuna's fANOVA."
_GAP, _TOP, _HEIGHT, _SIDE = 130.0, 44.0, 240.0, 70.0  # of the picture
_BEST, _TICKS = 3, 6


def write_sweep_page(folder: Path, study: optuna.Study) -> Path:
    """Write ``sweep.html`` into the folder of a sweep, and return its path.

    It links to the report of the best trial, ``run/report.html`` in the trial's folder, if there is one.

    Examples
    --------
    >>> import tempfile
    >>> from tinygrad_mnist.training import sweep
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     study = sweep(lambda trial, place: (trial.params["x"] - 2) ** 2, {"x": [1, 2, 4]}, folder)
    ...     page = write_sweep_page(Path(folder), study)
    ...     print(page.name, "Trial 1: x 2." in page.read_text(encoding="utf-8"))
    sweep.html True
    """
    complete = [t for t in study.trials if t.state.name == "COMPLETE" and math.isfinite(t.values[0])]
    complete.sort(key=lambda trial: trial.values[0])
    counts = Counter(trial.state.name.lower() for trial in study.trials)
    summary = [("trials", str(len(study.trials))), *((state, str(n)) for state, n in counts.items())]
    sections = []
    if complete:
        best = complete[0]
        summary.append((f"lowest {MEASURE}", f"{best.value:.4f}"))
        report = trial_folder(folder, best.number) / "run" / "report.html"
        address = (str(report.relative_to(folder)), f"Report of trial {best.number}")
        words = f"Trial {best.number}: {settings_text(best)}."
        sections.append(Section("The best", words, link=address if report.exists() else None))
        sections.append(Section("All trials", picture=parallel_coordinates(complete)))
    if complete and complete[0].value != complete[-1].value:
        shares = get_param_importances(study, evaluator=FanovaImportanceEvaluator(seed=0))
        table = Table(["setting", "share"], [(name, f"{share:.0%}") for name, share in shares.items()])
        sections.append(Section("What matters", _MATTERS, table=table))
    others = [trial for trial in study.trials if trial not in complete]
    sections.append(Section("Trials, the best first", table=_table([*complete, *others])))
    write_report(folder / "sweep.html", "A sweep over settings", summary, sections)
    return folder / "sweep.html"


def settings_text(trial: FrozenTrial) -> str:
    """Return the settings of a trial as text, fractions to four digits: "lr 0.01, hidden 32"."""
    return ", ".join(f"{name} {_text(value)}" for name, value in trial.params.items())


def result_text(trial: FrozenTrial) -> str:
    """Return how a trial has ended: with a number, "pruned", or "fail" and the error."""
    if trial.state.name == "COMPLETE":
        return f"{trial.value:.4f}"
    return ": ".join([trial.state.name.lower(), *trial.user_attrs.values()])


def _text(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _table(trials: Sequence[FrozenTrial]) -> Table:
    names = list(dict.fromkeys(name for trial in trials for name in trial.params))
    rows = [
        (trial.number, *(_text(trial.params.get(name, "")) for name in names), result_text(trial))
        for trial in trials
    ]
    return Table(["trial", *names, MEASURE], rows)


def parallel_coordinates(complete: Sequence[FrozenTrial]) -> Drawing:
    """Draw each trial as a line through its settings to its result, the best first; these are emphasised."""
    columns = [*complete[0].params, MEASURE]
    places, parts, lines = [], [], []  # places of each trial, by column
    for column, name in enumerate(columns):
        scale, values, ticks = _axis(name, complete)
        axes = Axes(Scale(0, 1), scale, _SIDE + column * _GAP, _TOP, 0, _HEIGHT)
        places.append([axes.at(0, value) for value in values])
        parts.append(marks.path([axes.at(0, scale.low), axes.at(0, scale.high)], stroke_opacity=0.5))
        parts.append(marks.text(axes.left, _TOP - 18, name, text_anchor="middle", class_="strong"))
        for tick, words in ticks.items():
            parts.append(marks.text(axes.left + 6, axes.at(0, tick)[1] + 4, words, class_="small"))
    for rank, points in reversed(list(enumerate(zip(*places)))):
        is_best = rank < _BEST
        line = marks.path(points, stroke_width=1 + is_best, stroke_opacity=1.0 if is_best else 0.35)
        lines.append(marks.group("vermilion" if is_best else "blue", [line]))
    best = complete[0]
    finding = f"{len(complete)} trials; the best, {settings_text(best)}, has {MEASURE} {_text(best.value)}"
    key = (("vermilion", f"the best {_BEST}"), ("blue", "the others"))
    width = 2 * _SIDE + (len(columns) - 1) * _GAP
    return Drawing(finding, [Panel(width, _TOP + _HEIGHT + 20, [*lines, *parts])], key=key)


def _axis(name: str, trials: Sequence[FrozenTrial]) -> tuple[Scale, list[Any], dict[float, str]]:
    """Return the scale of a column, the trials' places on it, and its ticks; choices are evenly spaced."""
    values: list[Any] = [trial.params.get(name, trial.value) for trial in trials]
    spread: Any = trials[0].distributions.get(name)
    if isinstance(spread, CategoricalDistribution):
        ends = Scale(0, max(1, len(spread.choices) - 1))
        return ends, list(map(spread.to_internal_repr, values)), dict(enumerate(map(_text, spread.choices)))
    low, high = (spread.low, spread.high) if spread else (min(values), max(values))
    is_log = spread.log if spread else low > 0 and high / low > 10
    scale = Scale(low, high if high > low else low + 1, is_log)
    return scale, values, {tick: plain(tick) for tick in scale.ticks(_TICKS)}
