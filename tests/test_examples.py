"""The lessons read as pages, as notebooks and when Python runs them.  In CI each runs once: here."""

import ast
import io
import os
import re
import runpy
import subprocess
import sys
import tokenize
from pathlib import Path

import numpy as np
import pytest

import tinygrad_mnist as tm
from examples.site.lessons import to_notebook
from tinygrad_mnist.lesson import with_formulas_as_text

ROOT = Path(__file__).parents[1]
EXAMPLES = sorted((ROOT / "examples").glob("[0-9]*.py"))
FOR_THE_CURIOUS = 20  # the first number of the second path
lessons = pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)


def cells(path):
    """The head and the text of each cell."""
    parts = re.split(r"^(# %%.*)\n", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return list(zip(parts[1::2], parts[2::2], strict=True))


def prose_of(text):
    return [line[2:] for line in text.splitlines() if line[2:]]


def title_of(path):
    return prose_of(cells(path)[0][1])[0].removeprefix("# ")


def test_each_path_is_numbered_without_a_gap():
    numbers = [int(path.name[:2]) for path in EXAMPLES]
    ends = len([number for number in numbers if number < FOR_THE_CURIOUS])
    assert numbers[:ends] == list(range(ends))
    assert numbers[ends:] == list(range(FOR_THE_CURIOUS, FOR_THE_CURIOUS + len(numbers) - ends))


def test_readme_lists_both_paths_in_order():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    table = readme.partition("| for beginners |")[2].partition("\n\n")[0]
    rows = [row.split("|")[1:3] for row in table.splitlines()[2:]]
    listed = [cell.strip() for column in zip(*rows, strict=True) for cell in column if cell.strip()]
    expected = [f"[{path.name[:2]} {title_of(path)}](examples/{path.name})" for path in EXAMPLES]
    assert listed == expected


@lessons
def test_lesson_has_a_title_prose_and_cells_that_parse_alone(path):
    first, *_ = found = cells(path)
    assert first[0] == "# %% [markdown]"
    assert first[1].startswith("# # ")
    assert len(prose_of(first[1])) > 1
    assert "narrate()" in next(text for head, text in found if head == "# %%")
    assert ("# %%", "# %%") not in zip(*[[head for head, _ in part] for part in (found, found[1:])])
    for head, text in found:
        if head == "# %% [markdown]":
            assert all(line.startswith("#") or not line for line in text.splitlines()), (path.name, text)
        else:
            assert head == "# %%"
            assert not text.startswith("#")  # a page would take it for prose
            compile(text, path.name, "exec")


@lessons
def test_lesson_becomes_a_valid_notebook(path):
    nbformat = pytest.importorskip("nbformat")
    notebook = nbformat.reads(to_notebook(path), as_version=4)
    nbformat.validate(notebook)
    kinds = ["markdown" if head == "# %% [markdown]" else "code" for head, _ in cells(path)]
    assert [cell.cell_type for cell in notebook.cells] == kinds
    assert notebook.cells[0].source.startswith(f"# {title_of(path)}\n")


@lessons
def test_lesson_asserts_its_claims(path):
    assert "assert " in path.read_text(encoding="utf-8")


@pytest.mark.long
@pytest.mark.parametrize("path", EXAMPLES[::3], ids=lambda path: path.stem)  # the site's build runs them all
def test_lesson_told_by_python_is_whole(path, tmp_path):
    lesson = tmp_path / path.name
    lesson.write_bytes(path.read_bytes())
    environment = {**os.environ, "COLUMNS": "100"}
    run = subprocess.run(
        [sys.executable, path.name],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert (run.returncode, run.stderr) == (0, "")
    assert not re.search(r"Traceback|^\w+(Error|Exception|Warning)\b", run.stdout, re.MULTILINE)
    told, after_code = run.stdout, False
    for head, text in cells(path):
        prose = with_formulas_as_text("\n".join(prose_of(text))) if head == "# %% [markdown]" else ""
        for line in prose.splitlines():
            shown, found, told = told.partition(line)
            assert found, line
            assert shown.strip() or not after_code, f"the cell before {line!r} shows nothing"
            after_code = False
        after_code = head == "# %%"
    assert told.strip() or not after_code, "the last cell shows nothing"
    named = re.findall(r"^picture: (.*)$", run.stdout, re.MULTILINE)
    made = sorted(str(picture.relative_to(tmp_path)) for picture in tmp_path.glob("*/*.svg"))
    assert sorted(named) == made


def code_lines(source):
    """Count the lines that hold code: not blank, no comment, no docstring."""
    lines, prose = set(), set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node):
            prose |= set(range(node.body[0].lineno, node.body[0].end_lineno + 1))
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type in (tokenize.NAME, tokenize.NUMBER, tokenize.STRING, tokenize.OP):
            lines |= set(range(token.start[0], token.end[0] + 1))
    return len(lines - prose)


def test_code_lines_leave_out_comments_blanks_and_docstrings():
    assert (
        code_lines('def f(x):\n    """Half.\n\n    Of x."""\n\n    # halved\n    return (\n        x / 2)\n')
        == 3
    )


@pytest.fixture(scope="module")
def core():
    """Names of the first lesson after it has run, which includes its assertions."""
    return runpy.run_path(str(EXAMPLES[0]))


def test_core_has_at_most_200_lines_of_code():
    assert code_lines(EXAMPLES[0].read_text(encoding="utf-8")) <= 200


def test_core_reads_nine_digits_of_ten(core):
    assert core["core_accuracy"] > 0.9


def test_core_trains_to_the_weights_of_the_package(core):
    assert core["worst"] < 1e-12


def test_places_named_by_the_core_exist(core):
    package = Path(tm.__file__).parent
    assert [place for _, place, _ in core["pieces"] if not (package / place).exists()] == []


def test_gradients_of_the_core_are_those_of_the_package(core):
    rng = np.random.default_rng(1)
    x, weight, bias = rng.normal(size=(4, 3)), rng.normal(size=(5, 3)), rng.normal(size=(1, 5))
    labels = np.array([0, 4, 2, 2])
    ours = [core["Tensor"](value) for value in (x, weight, bias)]
    theirs = [tm.Tensor(value, requires_grad=True) for value in (x, weight, bias)]
    core["backward"](core["cross_entropy"](core["tanh"](ours[0] @ ours[1].T + ours[2]), labels))
    tm.nn.CrossEntropyLoss()(tm.ops.tanh(theirs[0] @ theirs[1].T + theirs[2]), labels).backward()
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a.grad, b.grad, rtol=1e-12, atol=1e-15)


def test_second_gradients_of_the_core_are_those_of_the_package(core):
    x = np.random.default_rng(2).normal(size=(3, 4))

    def ours(x):
        return core["total"](core["grad"](lambda x: core["total"](core["logsumexp"](x * x)))(x) * x)

    def theirs(x):
        return (tm.grad(lambda x: tm.ops.logsumexp(x * x, axis=1).sum())(x) * x).sum()

    np.testing.assert_allclose(core["grad"](ours)(x), tm.grad(theirs)(x).data, rtol=1e-12)


def test_core_grad_takes_outer_variables_as_constants(core):
    outer = core["grad"](lambda x: x * core["grad"](lambda y: x + y)(x))
    assert outer(2.0) == 1
