"""The lessons open as notebooks: each is a title, prose and cells that stand alone.  CI runs them."""

import ast
import io
import runpy
import tokenize
from pathlib import Path

import numpy as np
import pytest

import tinygrad_mnist as tm

EXAMPLES = sorted((Path(__file__).parents[1] / "examples").glob("*.py"))


def cells(path):
    """The head and the lines of each cell."""
    found = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("# %%"):
            found.append((line, []))
        else:
            assert found, f"{path.name} does not begin with a cell"
            found[-1][1].append(line)
    return found


def test_lessons_are_numbered_without_a_gap():
    assert [int(path.name[:2]) for path in EXAMPLES] == list(range(len(EXAMPLES)))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_lesson_has_prose_and_cells_that_parse_alone(path):
    first, *_ = found = cells(path)
    assert first[0] == "# %% [markdown]"
    assert first[1][0].startswith("# # ")
    for head, lines in found:
        if head == "# %% [markdown]":
            assert all(line.startswith("#") or not line for line in lines), (path.name, lines)
        else:
            assert head == "# %%"
            compile("\n".join(lines), path.name, "exec")


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_lesson_asserts_its_claims(path):
    assert "assert " in path.read_text(encoding="utf-8")


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
