"""A lesson that Python runs tells its prose and saves its pictures; elsewhere `narrate` does nothing."""

import runpy
import subprocess
import sys

import pytest

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
