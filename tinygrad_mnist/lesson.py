"""Lessons: files of prose and code that read as a page, as a notebook, and when Python runs them."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

from tinygrad_mnist.files import write_atomically

__all__ = ["narrate"]

_HEAD = "# %%"  # of a cell, in the percent format

# Formulas are LaTeX for the page and the notebook.  This is what they need to read as text too.
_FORMULA = re.compile(r"`[^`\n]+`|\$\$\n(?P<displayed>.+)\n\$\$|\$(?P<within>[^$\n]+)\$")
_GROUP = r"\{((?:[^{}]|\{[^{}]*\})*)\}"
_SIGNS = {"approx": "≈", "cdot": "·", "dots": "...", "qquad": "   ", "sqrt": "√", "sum": "∑"}


def narrate() -> None:
    """Tell the lesson that Python runs: its prose, what each cell prints, and its pictures as files.

    A lesson calls this function after its imports. Python then goes through the lesson cell by cell: it
    prints the prose, with formulas as text, runs the code, and shows the value of a last line as a notebook
    does. A picture is saved beside the lesson, ``05_name/1.svg`` for ``05_name.py``, and its path is printed.
    Then Python ends.

    In a notebook, on a page, or in a lesson that another program imports, the function does nothing.

    Raises
    ------
    OSError
        The folder of the lesson cannot be written to.

    Examples
    --------
    >>> import subprocess, sys, tempfile
    >>> from pathlib import Path
    >>> lesson = '''
    ... # %% [markdown]
    ... # A sum.
    ... # %%
    ... from tinygrad_mnist.lesson import narrate
    ... narrate()
    ... 3 + 4
    ... '''
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "01_sum.py")
    ...     _ = path.write_text(lesson)
    ...     print(subprocess.run([sys.executable, path], capture_output=True, text=True).stdout.strip())
    A sum.
    <BLANKLINE>
    7
    """
    lesson = sys._getframe(1)
    if lesson.f_back is None:  # Python was started with the file that called
        _tell(Path(lesson.f_code.co_filename), lesson.f_globals)
        sys.exit()


def _tell(path: Path, names: dict[str, Any]) -> None:
    source = path.read_text(encoding="utf-8")
    statements, pictures = ast.parse(source, path).body, count(1)
    for prose, first, end in _cells(source.splitlines()):
        if prose:
            print(prose)
        value = _run([line for line in statements if first <= line.lineno < end], str(path), names)
        if value is not None:
            _show(value, path.with_suffix(""), pictures)
        print()


def _cells(lines: list[str]) -> Iterator[tuple[str, int, int]]:
    """Yield the prose of each cell, and the numbers of its first line and of the line after it."""
    heads = [number for number, line in enumerate(lines, 1) if line.startswith(_HEAD)]
    for first, end in zip(heads, [*heads[1:], len(lines) + 1]):
        is_prose = lines[first - 1].endswith("[markdown]")
        prose = [line[2:] for line in lines[first : end - 1] if is_prose and line.startswith("#")]
        yield with_formulas_as_text("\n".join(prose).strip("\n")), first, end


def with_formulas_as_text(prose: str) -> str:
    """Return prose with its formulas as they are printed."""
    return _FORMULA.sub(_printed, prose)


def _printed(found: re.Match[str]) -> str:
    r"""Return code as it is, and a formula as text: `\frac{1}{1 + e^{-x}}` becomes `1 / (1 + e^-x)`."""
    formula = found["displayed"] or found["within"]
    if formula is None:
        return found[0]
    text = re.sub(rf"\\frac{_GROUP}{_GROUP}", lambda match: _fraction(*match.groups()), formula)
    text = re.sub(r"\\text\{(.*?)\}", r"\1", text)
    text = re.sub(r"\\([a-zA-Z]+)", lambda match: _SIGNS.get(match[1], match[1]), text)
    text = re.sub(r"\{(-?[^\W_]+)\}", r"\1", text).translate(str.maketrans("{}", "()"))
    return f"    {text}" if found["displayed"] else text


def _fraction(above: str, below: str) -> str:
    if " " not in above + below:
        return f"{above}/{below}"
    return " / ".join(f"({part})" if " " in part else part for part in (above, below))


def _run(code: list[ast.stmt], file: str, names: dict[str, Any]) -> Any:
    """Run statements, and return the value of the last one if it is an expression."""
    shown = code[-1].value if code and isinstance(code[-1], ast.Expr) else None
    exec(compile(ast.Module(code[:-1] if shown else code, []), file, "exec"), names)
    return eval(compile(ast.Expression(shown), file, "eval"), names) if shown else None


def _show(value: Any, folder: Path, pictures: Iterator[int]) -> None:
    """Print a value, and save its picture if it has one."""
    print(getattr(value, "finding", value))
    picture = value._repr_svg_() if hasattr(value, "_repr_svg_") else None
    if picture:
        folder.mkdir(exist_ok=True)
        path = folder / f"{next(pictures)}.svg"
        write_atomically(path, picture)
        here = Path.cwd()
        print(f"picture: {path.relative_to(here) if path.is_relative_to(here) else path}")
