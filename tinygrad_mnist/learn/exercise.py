"""An exercise as files: what the learner is given, how it is checked, what is right.

A set of exercises is a folder of folders ``NN_name``, each with

- ``exercise.toml``: title, three hints, a note for afterwards;
- ``task.py``: a text and a hole;
- ``check.py``: a function ``check(work)`` that raises a `Finding`;
- ``solution.py``;
- ``wrong_*.py``: typical mistakes. The comment in the first line is what the check must say.
"""

from __future__ import annotations

import re
import runpy
import tomllib
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Annotated, Any

from tinygrad_mnist.errors import DataError
from tinygrad_mnist.files.reading import read_bounded
from tinygrad_mnist.files.records import ADDED, Number, read_record
from tinygrad_mnist.learn.grading import Work

OURS = Path(__file__).with_name("exercises")
_FOLDER = re.compile(r"(\d+)_(\w+)")
_LARGEST = 100_000  # bytes of a description
SECONDS = 10.0


@dataclass(frozen=True)
class Description:
    """Content of ``exercise.toml``."""

    title: str
    hints: tuple[str, ...]
    note: str
    seconds: Annotated[float, Number(above=0)] = field(default=SECONDS, metadata=ADDED)


@dataclass(frozen=True)
class Exercise:
    """An exercise.

    Attributes
    ----------
    folder : Path
    number : int
        Its place in the set.
    title, note : str
    hints : tuple of str
        From a nudge to nearly all.
    seconds : float
        Time that a check may compute.
    """

    folder: Path
    number: int
    title: str
    hints: tuple[str, ...]
    note: str
    seconds: float

    @property
    def name(self) -> str:
        """Name of its folder, and of the learner's file without .py."""
        return self.folder.name

    @property
    def task(self) -> Path:
        """File that the learner is given."""
        return self.folder / "task.py"

    @property
    def solution(self) -> Path:
        """File with a right answer; a set may come without."""
        return self.folder / "solution.py"

    def check(self) -> Callable[[Work], None]:
        """Return the function that looks at a learner's names.

        Raises
        ------
        DataError
            If the set has none.
        """
        path = self.folder / "check.py"
        if not path.is_file():
            raise DataError(f"{path} is missing: expected a file with a function check(work)")
        check = runpy.run_path(str(path), run_name="check").get("check")
        if not callable(check):
            raise DataError(f"{path} has no function check(work): expected one that raises a Finding")
        return check  # type: ignore[no-any-return]


def read_exercise(folder: Path) -> Exercise:
    """Read the description of an exercise.

    Raises
    ------
    DataError
        If a file is missing or damaged.
    """
    path = folder / "exercise.toml"
    number = _FOLDER.fullmatch(folder.name)
    if number is None:
        raise DataError(f"{folder} is an exercise: expected a name as 01_product")
    try:
        content = tomllib.loads(read_bounded(path, _LARGEST).decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise DataError(f"{path} is damaged: {error}") from error
    told = read_record(Description, content, str(path))
    if not (folder / "task.py").is_file():
        raise DataError(f"{folder / 'task.py'} is missing: expected the text and the hole of the exercise")
    return Exercise(folder, int(number[1]), told.title, told.hints, " ".join(told.note.split()), told.seconds)


def read_set(folder: Path) -> list[Exercise]:
    """Return the exercises of a set in their order.

    Raises
    ------
    DataError
        If an exercise is damaged, or two have one number.
    """
    found = [read_exercise(path.parent) for path in folder.glob("*/exercise.toml")]
    found.sort(key=lambda exercise: (exercise.number, exercise.name))
    for one, other in pairwise(found):
        if one.number == other.number:
            raise DataError(f"{one.folder} and {other.folder} have one number: rename one of them")
    return found


def earlier(name: str) -> SimpleNamespace:
    """Return the names that the solution of an exercise of the package defines.

    Parameters
    ----------
    name : str
        Without its number: ``earlier("value").Value``.

    Examples
    --------
    >>> from tinygrad_mnist.learn import earlier
    >>> Value = earlier("value").Value
    >>> (Value(2.0) * Value(3.0)).data
    6.0
    """
    paths = {_FOLDER.fullmatch(path.name)[2]: path for path in sorted(OURS.glob("[0-9]*"))}  # type: ignore[index]
    if name not in paths:
        raise DataError(f"name is {name!r}: expected one of {', '.join(paths)}")
    names: dict[str, Any] = runpy.run_path(str(paths[name] / "solution.py"), run_name="exercise")
    return SimpleNamespace(**{key: value for key, value in names.items() if not key.startswith("__")})
