"""The pictures of `examples/speed.md` show the numbers of its tables."""

import re
import runpy
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
SPEED = runpy.run_path(str(EXAMPLES / "site" / "speed.py"))
PICTURES = SPEED["pictures"]()


@pytest.mark.parametrize("name", PICTURES)
def test_picture_is_drawn_from_the_tables_as_they_are(name):
    """After a measurement: python examples/site/speed.py."""
    kept = (EXAMPLES / "pictures" / name).read_text(encoding="utf-8")
    assert kept == PICTURES[name].to_svg()


def test_page_shows_each_picture():
    text = (EXAMPLES / "speed.md").read_text(encoding="utf-8")
    assert sorted(re.findall(r"\(pictures/(.+?)\)", text)) == sorted(PICTURES)


def test_bars_have_the_numbers_of_the_table():
    steps = next(rows for title, rows in SPEED["tables"]().items() if title.startswith("A training step in"))
    native = steps["native"][steps[""].index("784-30-10, batch 10, quadratic")].split()[0]
    assert f">{native}<" in PICTURES["speed.svg"].to_svg()
