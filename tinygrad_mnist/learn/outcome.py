"""The outcome of a check, as the judge reports it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Annotated, Any

from tinygrad_mnist.files.records import OneOf

PASSED, NOT_YET, WRONG = "passed", "not yet", "wrong"


@dataclass(frozen=True)
class Outcome:
    """Result of one exercise.

    Attributes
    ----------
    exercise : str
        Its name.
    status : {"passed", "not yet", "wrong"}
        "not yet" while the hole is empty.
    sentence : str
        The finding; empty if it passed.
    line : int or None
        Line of the learner's file.
    printed : str
        Beginning of what the file printed.
    """

    exercise: str
    status: Annotated[str, OneOf((PASSED, NOT_YET, WRONG))]
    sentence: str
    line: int | None = None
    printed: str = ""

    @property
    def passed(self) -> bool:
        """True if the exercise is solved."""
        return self.status == PASSED

    def record(self) -> dict[str, Any]:
        """Return it as JSON data."""
        return asdict(self)
