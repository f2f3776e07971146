"""What the doctor says: findings, the cause of the others first."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from html import escape
from typing import Any, Literal

Severity = Literal["error", "warning"]


@dataclass(frozen=True)
class TrainingFinding:
    """Something that keeps a network from learning.

    Attributes
    ----------
    name
        Which finding it is, to be compared with: ``"softmax-twice"``.
    what
        In a sentence.
    evidence
        What was measured, in words.
    why
        How the one leads to the other.
    remedy
        What to do.
    where
        The module, parameter, op or line; empty when it concerns all of it.
    severity
        "error": it will not learn so, or not what is meant.  "warning": it may be meant.
    numbers
        The evidence as data: each number by its name.
    """

    name: str
    what: str
    evidence: str
    why: str
    remedy: str
    where: str = ""
    severity: Severity = "error"
    numbers: dict[str, float] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Plain data, ready for JSON: numbers that are not finite as text."""
        numbers = {key: value if math.isfinite(value) else str(value) for key, value in self.numbers.items()}
        return {**asdict(self), "numbers": numbers}

    @classmethod
    def from_dict(cls, finding: dict[str, Any]) -> TrainingFinding:
        """A finding from what `to_dict` gave."""
        numbers = {key: float(value) for key, value in finding["numbers"].items()}
        return cls(**{**finding, "numbers": numbers})

    def details(self) -> list[tuple[str, str]]:
        """Labels and texts, in the order in which they are read."""
        pairs = (
            ("where", self.where),
            ("measured", self.evidence),
            ("why", self.why),
            ("what to do", self.remedy),
        )
        return [(label, text) for label, text in pairs if text]

    def __str__(self) -> str:
        return "\n".join([self.what, *(f"    {label}: {text}" for label, text in self.details())])


@dataclass(frozen=True)
class TrainingDiagnosis:
    """What `diagnose_training` found; prints as sentences, iterates over its findings.

    Attributes
    ----------
    findings
        The cause of the others first.
    subject
        What was looked at.
    """

    findings: tuple[TrainingFinding, ...]
    subject: str = ""

    @property
    def ok(self) -> bool:
        """Nothing found."""
        return not self.findings

    @property
    def names(self) -> tuple[str, ...]:
        """Of the findings, in order."""
        return tuple(finding.name for finding in self.findings)

    def __iter__(self) -> Any:
        return iter(self.findings)

    def __len__(self) -> int:
        return len(self.findings)

    def to_dict(self) -> dict[str, Any]:
        """Plain data, ready for JSON."""
        return {
            "ok": self.ok,
            "subject": self.subject,
            "findings": [finding.to_dict() for finding in self.findings],
        }

    def summary(self) -> str:
        """One line."""
        if self.ok:
            return "The doctor found nothing that keeps this network from learning."
        if len(self.findings) == 1:
            return "The doctor found one thing:"
        return f"The doctor found {len(self.findings)} things, the likeliest cause first:"

    def __str__(self) -> str:
        return "\n".join([self.summary(), *_numbered(self.findings)])

    __repr__ = __str__

    def __rich__(self) -> Any:
        from rich.console import Group
        from rich.text import Text

        shown = [Text(self.summary(), "bold green" if self.ok else "bold")]
        return Group(*shown, *(_rich_finding(i, finding) for i, finding in enumerate(self.findings, 1)))

    def _repr_html_(self) -> str:
        items = "".join(
            f"<li><b>{escape(finding.what)}</b><table>"
            + "".join(
                f"<tr><td>{escape(label)}</td><td>{escape(text)}</td></tr>"
                for label, text in finding.details()
            )
            + "</table></li>"
            for finding in self.findings
        )
        return f"<p>{escape(self.summary())}</p>" + (f"<ol>{items}</ol>" if items else "")


def _numbered(findings: Sequence[TrainingFinding]) -> list[str]:
    return [f"{number}. {finding}" for number, finding in enumerate(findings, 1)]


def _rich_finding(number: int, finding: TrainingFinding) -> Any:
    """The finding as a paragraph: what it is in bold, the rest in two columns below."""
    from rich.console import Group
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    style = "bold red" if finding.severity == "error" else "bold yellow"
    details = Table.grid(padding=(0, 2))
    details.add_column(style="dim", no_wrap=True)
    details.add_column(overflow="fold", max_width=90)
    for label, text in finding.details():
        details.add_row(label, Text(text, "green" if label == "what to do" else ""))
    title = Text.assemble((f"{number}. ", style), (finding.what, style))
    return Padding(Group(title, Padding(details, (0, 0, 0, 3), expand=False)), (1, 0, 0, 0), expand=False)
