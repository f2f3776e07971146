"""Running an experiment: its folder with pictures, figures and report."""

from __future__ import annotations

import json
import platform
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from tinygrad_mnist.errors import CheckpointError
from tinygrad_mnist.experiments.experiment import Experiment, Result, Setting
from tinygrad_mnist.files import write_atomically
from tinygrad_mnist.report import Section, write_report

RESULT, LISTING, REPORT = "result.json", "output.txt", "report.html"


@dataclass(frozen=True)
class Reproduction:
    """What came of an experiment, and where it lies."""

    experiment: Experiment
    result: Result
    seconds: float
    report: Path


def reproduce(experiment: Experiment, setting: Setting) -> Reproduction:
    """Run an experiment and write its folder: report.html, result.json, output.txt and pictures.

    Raises
    ------
    CheckpointError
        When the folder holds an experiment already.
    DataError
        When the folder `setting.data` lacks a file or holds a damaged one.
    MissingExtraError
        When the experiment reads a formula, and the extra `formula` is not installed.
    """
    if (setting.folder / RESULT).exists():
        raise CheckpointError(f"{setting.folder} holds an experiment already: choose another --output")
    setting.folder.mkdir(parents=True, exist_ok=True)
    start = time.perf_counter()
    result = experiment.run(setting)
    done = Reproduction(experiment, result, time.perf_counter() - start, setting.folder / REPORT)
    _write_result(done, setting)
    if result.listing:
        write_atomically(setting.folder / LISTING, result.listing + "\n")
    _write_report(done, setting)
    return done


def _write_result(done: Reproduction, setting: Setting) -> None:
    content = {
        "experiment": done.experiment.name,
        "article": done.experiment.article,
        "r_seed": setting.r_seed,
        "quick": setting.quick,
        "holds": done.result.holds,
        "seconds": round(done.seconds, 2),
        "figures": [asdict(figure) for figure in done.result.figures],
        "versions": {"python": platform.python_version(), "numpy": np.__version__},
    }
    text = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
    write_atomically(setting.folder / RESULT, text)


def _write_report(done: Reproduction, setting: Setting) -> None:
    judged = [figure.holds for figure in done.result.figures if figure.holds is not None]
    summary = [("figures that hold", f"{sum(judged)} of {len(judged)}"), ("seconds", f"{done.seconds:.1f}")]
    if setting.r_seed is not None:
        summary[0] = ("R's seed", str(setting.r_seed))
    text = f"{done.experiment.network}.\n\n{how(setting)}"
    sections = [Section("Figures", text, table=done.result.table()), *done.result.sections]
    if done.result.listing:
        text = "In the form in which the article's own program prints it."
        sections.append(Section("What the original prints", text, preformatted=done.result.listing))
    write_report(done.report, f"Reproduced: {done.experiment.article}", summary, sections)


def how(setting: Setting) -> str:
    """Which seed and which length, in a sentence."""
    length = "The short form: what can be shown in seconds. " if setting.quick else ""
    if setting.r_seed is None:
        return f"{length}All gradients come from our own graph, in float64."
    return (
        f"{length}With R's seed {setting.r_seed} in place of the article's: published figures stand beside, "
        "and only what holds for any seed is judged."
    )
