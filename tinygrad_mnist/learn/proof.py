"""Proof that checks work: they accept the solution, and refuse each wrong answer for its reason."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tinygrad_mnist.arguments import shown
from tinygrad_mnist.errors import DataError
from tinygrad_mnist.learn.exercise import Exercise
from tinygrad_mnist.learn.outcome import NOT_YET, PASSED, WRONG, Outcome
from tinygrad_mnist.learn.process import grade_all


@dataclass(frozen=True)
class Case:
    """A file of an exercise, and what its check must say.

    Attributes
    ----------
    exercise : Exercise
    path : Path
    status : str
        Expected status.
    words : str
        Part of the sentence.
    """

    exercise: Exercise
    path: Path
    status: str
    words: str = ""

    def accepts(self, outcome: Outcome) -> bool:
        """Return True if the outcome is the expected one."""
        return outcome.status == self.status and self.words in outcome.sentence


@dataclass(frozen=True)
class Proof:
    """A case with its outcome."""

    case: Case
    outcome: Outcome

    @property
    def holds(self) -> bool:
        """True if the check says what it should."""
        return self.case.accepts(self.outcome)

    def __str__(self) -> str:
        where = f"{self.case.exercise.name}/{self.case.path.name}"
        found = f"{self.outcome.status}: {self.outcome.sentence}".rstrip(": ")
        if self.holds:
            return f"  {where}: {found}"
        wanted = f"{self.case.status}: {self.case.words}".rstrip(": ")
        return f"! {where}: {found}\n    expected  {wanted}"


def cases(exercise: Exercise) -> list[Case]:
    """Return the files of an exercise with what its check must say of each.

    Raises
    ------
    DataError
        If a wrong answer does not begin with the words.
    """
    found = [Case(exercise, exercise.task, NOT_YET)]
    if exercise.solution.is_file():
        found.append(Case(exercise, exercise.solution, PASSED))
    for path in sorted(exercise.folder.glob("wrong_*.py")):
        first = path.read_text("utf-8").partition("\n")[0]
        if not first.startswith("#"):
            raise DataError(
                f"{path} begins with {shown(first)}: expected a comment with what the check must say"
            )
        found.append(Case(exercise, path, WRONG, first.removeprefix("#").strip()))
    return found


def proofs(exercises: Sequence[Exercise]) -> Iterator[Proof]:
    """Run all checks of a set on its own files, each in a process of its own."""
    found = [case for exercise in exercises for case in cases(exercise)]
    for case, outcome in zip(found, grade_all((case.exercise, case.path) for case in found)):
        yield Proof(case, outcome)
