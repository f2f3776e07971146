"""The page of a sweep: Optuna's picture of all trials, the importance of each setting, a table."""

from __future__ import annotations

import math
import warnings
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState

from tinygrad_mnist.files import require_file
from tinygrad_mnist.report.page import FilePicture, Section, Table, write_report
from tinygrad_mnist.training.sweeps.study import trial_folder

MEASURE = "validation loss"


def write_sweep_page(folder: Path, study: optuna.Study) -> Path:
    """Write ``sweep.html`` into the folder of a sweep, and return its path.

    It links to the report of the best trial, ``run/report.html`` in the trial's folder, if there is one.

    Examples
    --------
    >>> import tempfile
    >>> from tinygrad_mnist.training import sweep
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     study = sweep(lambda trial: (trial.params["x"] - 2) ** 2, {"x": [1, 2, 4]}, folder)
    ...     page = write_sweep_page(Path(folder), study)
    ...     print(page.name, "Trial 1: x 2." in page.read_text(encoding="utf-8"))
    sweep.html True
    """
    ranked = sorted(study.trials, key=_rank)
    best, lowest = ranked[0], _rank(ranked[0])
    counts = Counter(trial.state.name.lower() for trial in ranked)
    summary = [("trials", str(len(ranked))), *((state, str(count)) for state, count in counts.items())]
    sections = []
    if lowest < math.inf:
        summary.append((f"lowest {MEASURE}", result_text(best)))
        report = trial_folder(folder, best.number) / "run" / "report.html"
        link = (
            (str(report.relative_to(folder)), f"Report of trial {best.number}") if report.exists() else None
        )
        sections.append(Section("The best", f"Trial {best.number}: {settings_text(best)}.", link=link))
    if any(lowest < _rank(trial) < math.inf for trial in ranked):
        sections.append(_picture(folder, study))
        with suppress(RuntimeError):  # of fANOVA: no setting differs where the results do
            sections.append(_importance(study))
    names = list(dict.fromkeys(name for trial in ranked for name in trial.params))
    rows = [
        (trial.number, *(_text(trial.params.get(name, "")) for name in names), result_text(trial))
        for trial in ranked
    ]
    table = Table(["trial", *names, MEASURE], rows)
    sections.append(Section("Trials, the best first", table=table))
    write_report(folder / "sweep.html", "A sweep over settings", summary, sections)
    return folder / "sweep.html"


def settings_text(trial: FrozenTrial) -> str:
    """Return the settings of a trial as text, fractions to four digits: "lr 0.01, hidden 32"."""
    return ", ".join(f"{name} {_text(value)}" for name, value in trial.params.items())


def result_text(trial: FrozenTrial, measure: str = "") -> str:
    """Return how a trial has ended: with a number of the measure, "pruned", or "fail" and the error."""
    if trial.state == TrialState.COMPLETE:
        return f"{measure}{trial.value:.4f}"
    return ": ".join([trial.state.name.lower(), *trial.user_attrs.values()])


def _text(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _rank(trial: FrozenTrial) -> float:
    """Return the result of a trial, infinite without one."""
    return trial.values[0] if trial.state == TrialState.COMPLETE else math.inf


def _picture(folder: Path, study: optuna.Study) -> Section:
    """Return the trials as lines across their settings."""
    from matplotlib import pyplot
    from optuna.visualization.matplotlib import plot_parallel_coordinate

    varied = [name for name, values in study.best_trial.distributions.items() if not values.single()]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Optuna's pictures are experimental
        axes: Any = plot_parallel_coordinate(study, varied, target_name=MEASURE)
    axes.set_title("")  # the section has one
    figure = axes.figure
    (bar,) = (own for own in figure.axes if own.get_label() == "<colorbar>")
    bar.remove()  # the first axis says the same, and the names of choices would lie across it
    lines = next(iter(axes.collections))
    low, high = lines.get_clim()
    lines.set_clim(low, high + (high - low) / 2)  # the worst line would be white on white
    figure.set_size_inches(2 + len(varied), 4)
    require_file(folder / "trials.svg", folder)
    with pyplot.rc_context({"svg.fonttype": "none"}):  # letters, by whose size a phone scrolls the picture
        figure.savefig(folder / "trials.svg", bbox_inches="tight")
    pyplot.close(figure)
    finding = f"{len(study.trials)} trials; the best has {settings_text(study.best_trial)}."
    return Section("All trials", picture=FilePicture(folder / "trials.svg", finding))


def _importance(study: optuna.Study) -> Section:
    from optuna.importance import FanovaImportanceEvaluator, get_param_importances  # and scikit-learn

    shares = get_param_importances(study, evaluator=FanovaImportanceEvaluator(seed=0))
    table = Table(["setting", "share"], [(name, f"{share:.0%}") for name, share in shares.items()])
    words = "The share of the variance of the results that each setting explains, by Optuna's fANOVA."
    return Section("What matters", words, table=table)
