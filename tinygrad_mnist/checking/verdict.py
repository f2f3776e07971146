"""The verdicts, from harmless to grave."""

from __future__ import annotations

from typing import Literal

Verdict = Literal["correct", "untested", "precision", "kink", "wrong"]

# A row has the gravest verdict among its entries.
VERDICTS: tuple[Verdict, ...] = ("correct", "untested", "precision", "kink", "wrong")
CORRECT, UNTESTED, PRECISION, KINK, WRONG = range(len(VERDICTS))
MEANINGS: dict[Verdict, str] = {
    "correct": "agrees with an independent derivative",
    "untested": "too small for any difference to tell it from rounding",
    "precision": "differs by no more than rounding explains",
    "kink": "the function has a corner there, and the gradient is one of its slopes",
    "wrong": "disagrees with an independent derivative",
}
COLOURS: dict[Verdict, str] = {
    "correct": "green",
    "untested": "yellow",
    "precision": "cyan",
    "kink": "blue",
    "wrong": "bold red",
}
