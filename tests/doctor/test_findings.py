"""Findings of the doctor can be read, drawn and stored."""

import io
import json

import pytest
from rich.console import Console

from tests.doctor import patients
from tinygrad_mnist.doctor import TrainingDiagnosis, TrainingFinding


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
