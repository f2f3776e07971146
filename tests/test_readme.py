"""Code in the documents runs, block after block in one session; links and pictures exist."""

import ast
import doctest
import io
import re
import tokenize
from pathlib import Path

import pytest

from tinygrad_mnist import datasets

ROOT = Path(__file__).parent.parent
DIFFERENCES = "examples/differences_from_pytorch.md"
PAGES = [
    str(path.relative_to(ROOT))
    for path in sorted((ROOT / "examples/site").rglob("*.md"))
    if ">>> " in path.read_text(encoding="utf-8")
]
DOCUMENTS = "README.md", "CONTRIBUTING.md", "CHANGELOG.md", DIFFERENCES, "examples/speed.md"


def blocks(document):
    return re.findall(r"```python\n(.*?)```", (ROOT / document).read_text(encoding="utf-8"), re.DOTALL)


def test_blocks_of_the_readme_run_one_after_the_other(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(datasets, "load_mnist", datasets.load_digits)  # quick
    session: dict = {}
    for block in blocks("README.md"):
        exec(block, session)
    assert "correct" in capsys.readouterr().out
    exported = {"step.onnx", "digits.npz", "digits.onnx", "digits.py", "digits.safetensors"}
    assert {path.name for path in tmp_path.iterdir()} == {
        "step.svg",
        "deep.svg",
        "step.html",
        "run",
        *exported,
    }


@pytest.mark.parametrize("document", [DIFFERENCES, *PAGES])
def test_examples_of_the_document_give_their_results(document, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = (ROOT / document).read_text(encoding="utf-8")
    page = doctest.DocTestParser().get_doctest(text, {}, document, document, 0)
    result = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(page)
    assert result.failed == 0
    assert result.attempted == text.count(">>> ")


@pytest.mark.parametrize("document", DOCUMENTS)
def test_document_has_no_gap_and_no_dead_link(document):
    text = (ROOT / document).read_text(encoding="utf-8")
    assert not re.search(r"^[A-Z]{5,}$|TODO|FIXME", text, re.MULTILINE)
    links = re.findall(r"\]\((?!https?://)([^)]+)\)", text)
    assert [link for link in links if not leads_somewhere((ROOT / document).parent, link)] == []


def leads_somewhere(folder, link):
    """Return True if the file exists and has the heading that the link names after a #."""
    name, _, anchor = link.partition("#")
    path = folder / name
    if not anchor or not path.exists():
        return path.exists()
    headings = re.findall(r"^#+ (.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return anchor in {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("picture", re.findall(r"!\[.*?\]\((.*?)\)", (ROOT / "README.md").read_text("utf-8")))
def test_picture_of_the_readme_is_not_empty(picture):
    assert (ROOT / picture).stat().st_size > 1000


def lines_of_code(folders):
    """Count the lines of all modules without blanks, comments and docstrings."""
    return sum(len(_lines(path.read_text("utf-8"))) for folder in folders for path in folder.rglob("*.py"))


def _lines(source):
    texts = {
        (node.body[0].lineno, node.body[0].end_lineno)
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        and ast.get_docstring(node, clean=False)
    }
    silent = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT}
    lines = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in silent | {tokenize.ENDMARKER}:
            lines.update(range(token.start[0], token.end[0] + 1))
    return lines - {line for first, last in texts for line in range(first, last + 1)}


def test_table_gives_the_lines_of_code():
    package = ROOT / "tinygrad_mnist"
    core = [package / room for room in ("autodiff", "nn", "optim")]
    row = re.search(r"lines of Python \| ([\d,]+) \(core ([\d,]+)\)", (ROOT / "README.md").read_text("utf-8"))
    for folders, figure in ([package], row[1]), (core, row[2]):
        assert lines_of_code(folders) == pytest.approx(int(figure.replace(",", "")), rel=0.03)
