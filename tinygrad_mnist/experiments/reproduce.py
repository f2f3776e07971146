"""Run an experiment into a folder with pictures, figures and a report."""

from __future__ import annotations

import json
import platform
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from tinygrad_mnist.errors import CheckpointError
from tinygrad_mnist.experiments.experiment import Experiment, ExperimentOptions, ExperimentResult
from tinygrad_mnist.files import write_atomically
from tinygrad_mnist.report import Section, write_report

RESULT, LISTING, REPORT = "result.json", "output.txt", "report.html"


@dataclass(frozen=True)
class Reproduction:
    """Result of an experiment, and the path of its report."""

    experiment: Experiment
    result: ExperimentResult
    seconds: float
    report: Path


def reproduce(experiment: Experiment, options: ExperimentOptions) -> Reproduction:
    """Run an experiment and write its folder: report.html, result.json, output.txt and pictures.

    Raises
    ------
    CheckpointError
        If the folder contains an experiment already.
    DataError
        If the folder `options.data` lacks a file or has a damaged one.
    MissingExtraError
        If the experiment reads a formula and the extra `formula` is not installed.
    """
    if (options.folder / RESULT).exists():
        raise CheckpointError(f"{options.folder} already contains an experiment: choose another --output")
    options.folder.mkdir(parents=True, exist_ok=True)
    start = time.perf_counter()
    result = experiment.run(options)
    done = Reproduction(experiment, result, time.perf_counter() - start, options.folder / REPORT)
    _write_result(done, options)
    if result.listing:
        write_atomically(options.folder / LISTING, result.listing + "\n")
    _write_report(done, options)
    return done


def _write_result(done: Reproduction, options: ExperimentOptions) -> None:
    content = {
        "experiment": done.experiment.name,
        "article": done.experiment.article,
        "r_seed": options.r_seed,
        "quick": options.quick,
        "holds": done.result.holds,
        "seconds": round(done.seconds, 2),
        "figures": [asdict(figure) for figure in done.result.figures],
        "versions": {"python": platform.python_version(), "numpy": np.__version__},
    }
    text = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
    write_atomically(options.folder / RESULT, text)


def _write_report(done: Reproduction, options: ExperimentOptions) -> None:
    judged = [figure.holds for figure in done.result.figures if figure.holds is not None]
    summary = [("figures that hold", f"{sum(judged)} of {len(judged)}"), ("seconds", f"{done.seconds:.1f}")]
    if options.r_seed is not None:
        summary[0] = ("R's seed", str(options.r_seed))
    text = f"{done.experiment.network}.\n\n{how(done.experiment, options)}"
    sections = [Section("Figures", text, table=done.result.table()), *done.result.sections]
    if done.result.listing:
        text = "In the form in which the article's own program prints it."
        sections.append(Section("What the original prints", text, preformatted=done.result.listing))
    write_report(done.report, f"Reproduced: {done.experiment.article}", summary, sections)


def how(experiment: Experiment, options: ExperimentOptions) -> str:
    """Describe seed and length in a sentence."""
    length = "The short form: what can be shown in seconds. " if options.quick else ""
    if options.r_seed is None:
        return f"{length}All gradients come from the package's graph, in {experiment.dtype}."
    return (
        f"{length}With R's seed {options.r_seed} instead of the article's: published figures are shown next "
        "to ours, and only those that are true for any seed are judged."
    )
