"""Results of a whole folder for a teacher: JSON, and JUnit XML as continuous integration reads it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from xml.etree import ElementTree

from tinygrad_mnist.files import visible_lines
from tinygrad_mnist.learn.exercise import Exercise
from tinygrad_mnist.learn.outcome import NOT_YET, Outcome
from tinygrad_mnist.learn.work_folder import WorkFolder

Results = Sequence[tuple[Exercise, Outcome]]


def as_record(work: WorkFolder, results: Results) -> dict[str, Any]:
    """Return the results as JSON data."""
    rows = [
        {
            "number": exercise.number,
            "title": exercise.title,
            **outcome.record(),
            "hints": work.progress(exercise).hints,
        }
        for exercise, outcome in results
    ]
    solved = sum(outcome.passed for _, outcome in results)
    return {"folder": str(work.path), "solved": solved, "of": len(rows), "exercises": rows}


def as_junit(work: WorkFolder, results: Results) -> str:
    """Return the results as JUnit XML: a wrong answer is a failure, an open hole is skipped."""
    open_holes = sum(outcome.status == NOT_YET for _, outcome in results)
    solved = sum(outcome.passed for _, outcome in results)
    counts = {"tests": len(results), "failures": len(results) - solved - open_holes, "errors": 0}
    suite = ElementTree.Element(
        "testsuite",
        {
            "name": _clean(work.path),
            **{name: str(n) for name, n in counts.items()},
            "skipped": str(open_holes),
        },
    )
    for exercise, outcome in results:
        case = ElementTree.SubElement(
            suite,
            "testcase",
            {"classname": exercise.name, "name": exercise.title, "file": _clean(work.file(exercise))},
        )
        if not outcome.passed:
            case.set("line", str(outcome.line or 1))
            kind = "skipped" if outcome.status == NOT_YET else "failure"
            ElementTree.SubElement(case, kind, {"message": _clean(outcome.sentence)})
        if outcome.printed:
            ElementTree.SubElement(case, "system-out").text = _clean(outcome.printed)
    suites = ElementTree.Element("testsuites")
    suites.append(suite)
    ElementTree.indent(suites)
    return ElementTree.tostring(suites, encoding="unicode", xml_declaration=False) + "\n"


def _clean(text: object) -> str:
    """Return text without the characters that XML refuses."""
    return visible_lines(str(text))
