"""Lessons as sphinx-gallery reads them: titles and prose from Markdown to reStructuredText, code as it is."""

import json
import re
from pathlib import Path

LESSONS = Path(__file__).parents[1]

FOR_THE_CURIOUS = 20  # the first number of the second path
UNDERLINES = {1: "=", 2: "-", 3: "~"}
INLINE = re.compile(
    r"(?P<code>`[^`]+`)|!\[(?P<alt>[^\]]*)\]\((?P<picture>[^)]+)\)"
    r"|\[(?P<label>[^\]]+)\]\((?P<link>[^)]+)\)|(?<![\\$])\$(?P<math>[^$\n]+)\$|(?P<bar>\|)"
)


def cells(path: Path) -> list[tuple[bool, list[str]]]:
    """Return the cells of a lesson: True for prose, and the lines without comment signs."""
    found: list[tuple[bool, list[str]]] = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("# %%"):
            found.append(("[markdown]" in line, []))
        else:
            prose, lines = found[-1]
            lines.append(re.sub("^# ?", "", line) if prose else line)
    return found


def lessons(beginners: bool) -> list[Path]:
    """Return the lessons of one path in their order."""
    return [path for path in sorted(LESSONS.glob("[0-9]*.py")) if is_for_beginners(path.stem) == beginners]


def is_for_beginners(stem: str) -> bool:
    """Return whether the number of a lesson belongs to the first path."""
    return int(stem[:2]) < FOR_THE_CURIOUS


def to_gallery(path: Path) -> str:
    """Return a lesson as a script for sphinx-gallery."""
    (_, head), *rest = cells(path)
    parts = [f'r"""\n{to_rst(head)}\n"""\n']
    for prose, lines in rest:
        comment = to_rst(lines) if prose else ""
        parts.append("# %%\n" + "".join(f"# {line}".rstrip() + "\n" for line in comment.splitlines()))
        if not prose:
            parts.append("\n" + "\n".join(lines).strip() + "\n")
    return "\n".join(parts)


def to_notebook(path: Path) -> str:
    """Return a lesson as a notebook without output."""
    written = [
        {"cell_type": "markdown", "metadata": {}, "source": "\n".join(lines).strip()}
        if prose
        else {
            "cell_type": "code",
            "metadata": {},
            "source": "\n".join(lines).strip(),
            "outputs": [],
            "execution_count": None,
        }
        for prose, lines in cells(path)
    ]
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    page = {"nbformat": 4, "nbformat_minor": 4, "metadata": {"kernelspec": kernel}, "cells": written}
    return json.dumps(page, indent=1) + "\n"


def to_rst(lines: list[str]) -> str:
    """Return Markdown as the lessons use it in reStructuredText."""
    written: list[str] = []
    code = False  # an indented block
    fenced = False  # code or a formula
    for number, line in enumerate(lines):
        indented = line.startswith("    ") and not fenced
        blank_before = number == 0 or not lines[number - 1].strip()
        if line.startswith(("```", "$$")):
            fenced = not fenced
            kind = "math::" if line == "$$" else f"code-block:: {line[3:].strip() or 'text'}"
            written += ["", f".. {kind}", ""] if fenced else [""]
        elif fenced:
            written.append("    " + line)
        elif indented and (code or blank_before):
            if not code:
                written += [".. code-block:: text", ""]
            code = True
            written.append(line)
        elif heading := re.match("(#{1,3}) (.*)", line):
            text = _inline(heading[2])
            written += [text, UNDERLINES[len(heading[1])] * len(text)]
        else:
            code = code and not line.strip()
            written.append(_inline(line))
    return "\n".join(written).strip("\n")


def _inline(line: str) -> str:
    return INLINE.sub(_replaced, line)


def _replaced(match: re.Match[str]) -> str:
    if match["code"]:
        return f"`{match['code']}`"
    if match["bar"]:
        return r"\|"
    if match["math"]:
        return f":math:`{match['math']}`"
    if match["picture"]:
        return f"\n.. image:: {match['picture']}\n   :alt: {match['alt']}\n"
    link = match["link"]
    if other := re.fullmatch(r"(\d\d_\w+)\.py", link):
        place = "beginners" if is_for_beginners(other[1]) else "curious"
        return f":doc:`{match['label']} </lessons/{place}/{other[1]}>`"
    return f"`{match['label']} <{link}>`__"
