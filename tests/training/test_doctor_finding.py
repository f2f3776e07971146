"""What the doctor says can be read, drawn and stored."""

import io
import json

import pytest
from rich.console import Console

from tests.training import doctor_patients as patients
from tinygrad_mnist.training import Diagnosis, Finding

SMALL = Finding(
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
    assert str(Diagnosis(())) == "The doctor found nothing that keeps this network from learning."


@pytest.mark.parametrize("width", [60, 100, 200])
def test_the_terminal_shows_all_of_it_within_its_width(diagnosis, width):
    text = printed(diagnosis, width)
    assert max(map(len, text.splitlines())) <= width
    words = " ".join(text.split())
    for part in ("its sigmoids are saturated", "measured", "why", "what to do", "1/sqrt(784)"):
        assert part in words


def test_markup_is_shown_as_it_is():
    assert "Something <b>is</b> [wrong]." in printed(Diagnosis((SMALL,)), 80)
    assert "Something &lt;b&gt;is&lt;/b&gt; [wrong]." in Diagnosis((SMALL,))._repr_html_()


def test_it_is_data(diagnosis):
    data = json.loads(json.dumps(diagnosis.to_dict(), allow_nan=False))
    assert data["ok"] is False
    assert data["findings"][0]["name"] == "off-center-inputs"
    assert data["findings"][0]["numbers"]["stuck units"] > 0.4
    broken = Finding("a-name", "what", "measured", "why", "remedy", numbers={"loss": float("inf")})
    assert broken.to_dict()["numbers"] == {"loss": "inf"}
    assert diagnosis.names == ("off-center-inputs",)
    assert len(diagnosis) == 1
    assert [finding.name for finding in diagnosis] == ["off-center-inputs"]
