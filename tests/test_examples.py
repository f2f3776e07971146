"""The lessons open as notebooks: each is a title, prose and cells that stand alone.  CI runs them."""

from pathlib import Path

import pytest

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
    assert [int(path.name[:2]) for path in EXAMPLES] == list(range(1, len(EXAMPLES) + 1))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_a_lesson_is_made_of_prose_and_cells_that_parse_alone(path):
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
def test_a_lesson_asserts_what_it_claims(path):
    assert "assert " in path.read_text(encoding="utf-8")
