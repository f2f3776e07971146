"""A lesson that Python runs tells its prose and saves its pictures; elsewhere `narrate` does nothing."""

import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from tinygrad_mnist.lesson import _SIGNS, _cells

HEAD = """\
# %% [markdown]
# # A title
#
#     y = x

# %%
from tinygrad_mnist.lesson import narrate

narrate()
print("printed")
"""
PICTURE = """\

# %% [markdown]
# Then *this*:

# %%
from tinygrad_mnist.report import plots

plots.lines({"a": [1, 2]}, "A line", "step", "loss")
"""


@pytest.fixture
def lesson(tmp_path):
    return tmp_path / "05_lesson.py"


def run(lesson):
    command = [sys.executable, lesson.name]
    return subprocess.run(command, cwd=lesson.parent, capture_output=True, text=True, timeout=60)


def test_script_prints_prose_output_and_paths_of_pictures(lesson):
    lesson.write_text(HEAD + PICTURE)
    told = "# A title\n\n    y = x\n\nprinted\n\nThen *this*:\n\n"
    shown = "A line: loss against step, for a.\npicture: 05_lesson/1.svg\n\n"
    assert run(lesson).stdout == told + shown
    assert (lesson.parent / "05_lesson/1.svg").read_text().startswith("<svg")


@pytest.mark.parametrize(
    ("formula", "text"),
    [
        (r"$\frac{1}{1 + e^{-x}}$", "1 / (1 + e^-x)"),
        (r"$p_i = \frac{e^{z_i}}{\sum_j e^{z_j}}$", "p_i = e^(z_i) / (∑_j e^(z_j))"),
        (r"$\frac{dL}{da} \cdot \text{rate}$", "dL/da · rate"),
        (r"$1 / \sqrt{n}$ and $\log p$", "1 / √n and log p"),
        ("$$\n# a \\qquad b\n# $$", "    a     b"),
        ("`$new(x)` costs $5", "`$new(x)` costs $5"),
    ],
)
def test_formula_is_told_as_text(formula, text, lesson):
    lesson.write_text(f"# %% [markdown]\n# {formula}\n\n{HEAD}")
    assert run(lesson).stdout.startswith(f"{text}\n\n# A title")


def test_formulas_of_all_lessons_can_be_told():
    """A command is one of the signs, or a word that reads well: a new one gets its sign in `lesson`."""
    readable = {*_SIGNS, "frac", "text", "log", "tanh"}
    for path in sorted((Path(__file__).parents[1] / "examples").glob("[0-9]*.py")):
        lines = path.read_text(encoding="utf-8").splitlines()
        prose = "".join(prose for prose, _, _ in _cells(lines))
        assert "$" not in re.sub("`.*?`", "", prose), path.name
        comments = " ".join(line for line in lines if line.startswith("# "))
        assert set(re.findall(r"\\([a-zA-Z]+)", comments)) <= readable, path.name


def test_error_in_a_script_names_its_line(lesson):
    lesson.write_text(HEAD + "1 / 0\n")
    ended = run(lesson)
    assert ended.returncode == 1
    assert f'05_lesson.py", line {len(HEAD.splitlines()) + 1}, in <module>\n    1 / 0\n' in ended.stderr


def test_imported_lesson_is_not_told(lesson, capsys):
    lesson.write_text(HEAD + PICTURE)
    runpy.run_path(str(lesson))
    assert capsys.readouterr().out == "printed\n"
    assert list(lesson.parent.iterdir()) == [lesson]
