"""Findings of the doctor can be read, drawn and stored."""

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from tests.doctor import patients
from tests.snapshots import assert_as_kept
from tinygrad_mnist.doctor import TrainingDiagnosis, TrainingFinding

SMALL = TrainingFinding(
    "a-name", "Something <b>is</b> [wrong].", "1 of 2", "because", "mend it", "Linear[0]", numbers={"a": 1}
)


@pytest.fixture(scope="module")
def diagnosis(mnist):
    return patients.inverted_images(mnist).diagnose()


def printed(value, width):
    console = Console(width=width, record=True, file=io.StringIO())
    console.print(value)
    return console.export_text()


def test_a_diagnosis_reads_what_evidence_why_remedy(diagnosis):
    text = str(diagnosis)
    order = [text.index(f"    {label}: ") for label in ("where", "measured", "why", "what to do")]
    assert order == sorted(order)
    assert text.startswith(
        "The doctor found one thing:\n1. Sequential/Linear[0]: its sigmoids are saturated."
    )
    assert str(TrainingDiagnosis(())) == "The doctor found nothing that keeps this network from learning."


@pytest.mark.parametrize("width", [60, 100, 200])
def test_findings_fit_the_width_of_the_terminal(diagnosis, width):
    text = printed(diagnosis, width)
    assert max(map(len, text.splitlines())) <= width
    words = " ".join(text.split())
    for part in ("its sigmoids are saturated", "measured", "why", "what to do", "1/sqrt(784)"):
        assert part in words


def test_markup_is_shown_as_it_is():
    assert "Something <b>is</b> [wrong]." in printed(TrainingDiagnosis((SMALL,)), 80)
    assert "Something &lt;b&gt;is&lt;/b&gt; [wrong]." in TrainingDiagnosis((SMALL,))._repr_html_()


def test_it_is_data(diagnosis):
    data = json.loads(json.dumps(diagnosis.to_dict(), allow_nan=False))
    assert data["ok"] is False
    assert data["findings"][0]["name"] == "off-center-inputs"
    assert data["findings"][0]["numbers"]["stuck units"] > 0.4
    broken = TrainingFinding("a-name", "what", "measured", "why", "remedy", numbers={"loss": float("inf")})
    assert broken.to_dict()["numbers"] == {"loss": "inf"}
    assert diagnosis.names == ("off-center-inputs",)
    assert len(diagnosis) == 1
    assert [finding.name for finding in diagnosis] == ["off-center-inputs"]


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
    assert_as_kept(SNAPSHOTS / f"{name}.txt", "\n".join(line.rstrip() for line in lines) + "\n")


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
