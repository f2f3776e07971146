"""Findings as they are printed, shown in a notebook, coloured, and stored."""

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from tests.snapshots import assert_as_kept
from tinygrad_mnist.checking.findings import TrainingDiagnosis, TrainingFinding
from tinygrad_mnist.checking.rule_findings import RuleDiagnosis, RuleFinding

SMALL = TrainingFinding(
    "a-name", "Something <b>is</b> [wrong].", "1 of 2", "because", "mend it", "Linear[0]", numbers={"a": 1}
)


def printed(value, width):
    console = Console(width=width, record=True, file=io.StringIO())
    console.print(value)
    return console.export_text()


def test_markup_is_shown_as_it_is():
    assert "Something <b>is</b> [wrong]." in printed(TrainingDiagnosis((SMALL,)), 80)
    assert "Something &lt;b&gt;is&lt;/b&gt; [wrong]." in TrainingDiagnosis((SMALL,))._repr_html_()


SNAPSHOTS = Path(__file__).parent / "snapshots"
WARNING = TrainingFinding(
    "b-name", "It may be " + "meant " * 9, "many words " * 20, "", "leave it", severity="warning"
)
DIAGNOSES = {
    "nothing": TrainingDiagnosis((), "128 examples of 1 batch"),
    "one-thing": TrainingDiagnosis((SMALL,), "128 examples of 1 batch"),
    "two-things": TrainingDiagnosis((SMALL, WARNING), "512 examples of 4 batches"),
}


@pytest.mark.parametrize("name", DIAGNOSES)
def test_diagnosis_text_equals_the_snapshot(name):
    diagnosis = DIAGNOSES[name]
    texts = [f"{width} columns\n{printed(diagnosis, width)}" for width in (40, 80, 200)]
    shown = [*texts, str(diagnosis), repr(diagnosis), diagnosis._repr_html_(), str(diagnosis.to_dict())]
    lines = "\n\n".join(shown).splitlines()
    assert_as_kept(SNAPSHOTS / f"training-{name}.txt", "\n".join(line.rstrip() for line in lines) + "\n")


RULE = RuleFinding("rule", "sin_1", "sin", "x", 0, "x", "", "a line", "g", 0.5, "It is wrong.", ("x",))


@pytest.mark.parametrize(("finding", "colour"), [(SMALL, "\x1b[1;31m"), (WARNING, "\x1b[1;33m")])
def test_an_error_is_red_a_warning_yellow_and_a_remedy_green(finding, colour):
    console = Console(width=80, file=io.StringIO(), force_terminal=True, color_system="standard")
    console.print(TrainingDiagnosis((finding,)))
    text = console.file.getvalue()
    assert f"{colour}1. " in text
    assert f"\x1b[32m{finding.remedy}" in text


def test_finding_round_trips_through_data():
    for finding in (
        SMALL,
        WARNING,
        TrainingFinding("a", "b", "c", "d", "e", numbers={"x": float("-inf"), "y": 0.5}),
    ):
        assert (
            TrainingFinding.from_dict(json.loads(json.dumps(finding.to_dict(), allow_nan=False))) == finding
        )


def test_wrong_rule_is_red():
    console = Console(width=80, file=io.StringIO(), force_terminal=True, color_system="standard")
    console.print(RuleDiagnosis((RULE,), 1, (), (), {"sin_1": "wrong"}))
    assert "\x1b[1;31m1. It is wrong." in console.file.getvalue()
