"""The README's Python, run as it stands, block after block in one session."""

import re
from pathlib import Path

import pytest

from tinygrad_mnist import datasets

ROOT = Path(__file__).parent.parent


def blocks(document):
    return re.findall(r"```python\n(.*?)```", (ROOT / document).read_text(encoding="utf-8"), re.DOTALL)


def test_the_blocks_of_the_readme_run_one_after_the_other(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(datasets, "load_mnist", datasets.load_digits)  # quick
    session: dict = {}
    for block in blocks("README.md"):
        exec(block, session)
    assert "correct" in capsys.readouterr().out
    assert {path.name for path in tmp_path.iterdir()} == {"step.svg", "step.html", "run"}


def test_no_document_has_a_gap():
    for document in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md"):
        text = (ROOT / document).read_text(encoding="utf-8")
        assert not re.search(r"^[A-Z]{5,}$|TODO|FIXME", text, re.MULTILINE), document


@pytest.mark.parametrize("picture", re.findall(r"!\[.*?\]\((.*?)\)", (ROOT / "README.md").read_text("utf-8")))
def test_every_picture_of_the_readme_is_there(picture):
    assert (ROOT / picture).stat().st_size > 1000
