"""Findings of checks: a wrong rule in a graph, or a reason why a network does not learn."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from html import escape
from typing import Any, Literal, Protocol

from tinygrad_mnist import palette
from tinygrad_mnist.tables import coloured, html_table, tint

Severity = Literal["error", "warning"]


class Finding(Protocol):
    """Something wrong: a sentence, and details below it."""

    @property
    def what(self) -> str:
        """The sentence."""
        ...

    @property
    def severity(self) -> Severity:
        """Severity of the finding, for its colour."""
        ...

    def details(self) -> list[tuple[str, str]]:
        """Return labels and texts, in the order in which they are read."""
        ...

    def comparison(self) -> list[tuple[str, str, str]]:
        """Return label, wrong side and right side of each row of a table below the details."""
        ...


class Diagnosis:
    """Mixin for a result that consists of findings; prints as sentences with details below.

    A subclass defines `findings` and `summary`, and optionally `_notes`.
    """

    findings: Sequence[Finding]

    @property
    def ok(self) -> bool:
        """True if nothing was found."""
        return not self.findings

    def summary(self) -> str:
        """Return one line."""
        raise NotImplementedError

    def _notes(self) -> list[str]:
        """Return the lines below the findings."""
        return []

    def _headline(self) -> str:
        return self.summary() + ":" * (not self.ok)

    def __str__(self) -> str:
        lines = [self._headline()]
        for number, finding in enumerate(self.findings, 1):
            lines.append(f"{number}. {finding.what}")
            lines += [f"    {label}: {text}" for label, text, _ in _rows(finding)]
        return "\n".join([*lines, *self._notes()])

    __repr__ = __str__

    def __rich__(self) -> Any:
        from rich.console import Group
        from rich.text import Text

        return Group(
            Text(self._headline(), "bold green" if self.ok else "bold"),
            *paragraphs(self.findings),
            *(Text(note, "yellow") for note in self._notes()),
        )

    def _repr_html_(self) -> str:
        headline = coloured(self._headline(), palette.GREEN if self.ok else "")
        notes = "".join(f"<p>{escape(note)}</p>" for note in self._notes())
        return f"<p>{headline}</p>{listed(self.findings)}{notes}"


def _rows(finding: Finding) -> Iterator[tuple[str, str, str]]:
    """Yield label, text and Rich's style of each line below a finding."""
    for label, text in finding.details():
        yield label, text, "green" if label == "what to do" else ""
    for label, wrong, right in finding.comparison():
        for side, text, style in (("wrong", wrong, "red"), ("right", right, "green")):
            if text:
                yield f"{side} {label}", text, style


def paragraphs(findings: Sequence[Finding]) -> Iterator[Any]:
    """Yield the findings for Rich: each sentence in bold, the details in two columns below."""
    from rich.console import Group
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    for number, finding in enumerate(findings, 1):
        details = Table.grid(padding=(0, 2))
        details.add_column(style="dim", no_wrap=True)
        details.add_column(overflow="fold", max_width=90)
        for label, text, style in _rows(finding):
            details.add_row(label, Text(text, style))
        title = Text(
            f"{number}. {finding.what}", "bold red" if finding.severity == "error" else "bold yellow"
        )
        yield Group(Text(), title, Padding(details, (0, 0, 0, 3), expand=False))


def listed(findings: Sequence[Finding]) -> str:
    """Return the findings as HTML: a coloured sentence each, its details, and wrong beside right."""
    items = []
    for finding in findings:
        colour = palette.VERMILION if finding.severity == "error" else palette.ORANGE
        details = [[escape(label), escape(text)] for label, text in finding.details()]
        rows = "".join(_beside(*row) for row in finding.comparison())
        items.append(
            f'<li style="margin: 0.8em 0">{coloured(finding.what, colour)}'
            f"{html_table(details, _DETAIL_STYLES)}{rows}</li>"
        )
    return f"<ol>{''.join(items)}</ol>" if items else ""


def _beside(label: str, wrong: str, right: str) -> str:
    """Return both sides as HTML, next to each other; on a narrow page below each other."""
    sides = (("\N{BALLOT X}", wrong, palette.VERMILION), ("\N{CHECK MARK}", right, palette.GREEN))
    cells = "".join(
        f'<code style="{_SIDE}; color: inherit; {tint(colour)}">{sign} {escape(text) or "unknown"}</code>'
        for sign, text, colour in sides
    )
    label = f'<span style="flex: 0 0 6em">{escape(label)}</span>'
    return f'<div style="{_ROW}">{label}<span style="{_SIDES}">{cells}</span></div>'


_ROW = "display: flex; gap: 0.3em; margin: 0.3em 0 0 0.5em; max-width: 80em; font-size: 12px"
_SIDES = "flex: 1; display: flex; flex-wrap: wrap; gap: 0.3em"
_SIDE = "flex: 1 1 16em; overflow-wrap: anywhere; white-space: normal"
_DETAIL_STYLES = (  # of label and text
    "text-align: left; vertical-align: top; white-space: nowrap",
    "text-align: left; overflow-wrap: anywhere",
)


@dataclass(frozen=True)
class TrainingFinding:
    """Something that keeps a network from learning.

    Attributes
    ----------
    name
        Name of the kind, to compare with: ``"softmax-twice"``.
    what
        A sentence that says what is wrong.
    evidence
        The measurements, in words.
    why
        Explanation of how the cause has this effect.
    remedy
        Advice.
    where
        The module, parameter, op or line; empty if it concerns the whole network.
    severity
        "error": the network will not learn as intended. "warning": this may be intended.
    numbers
        The measurements as data: each number by its name.

    Examples
    --------
    >>> import numpy as np
    >>> from tinygrad_mnist import nn, optim
    >>> from tinygrad_mnist.doctor import diagnose_training
    >>> model = nn.Sequential(nn.Linear(4, 2, rng=0), nn.Softmax())
    >>> optimizer = optim.SGD(model.parameters(), lr=0.1)
    >>> batch = np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32), np.array([0, 1, 1, 0, 1])
    >>> diagnosis = diagnose_training(model, nn.CrossEntropyLoss(), batch, optimizer)
    >>> diagnosis.findings[0].name
    'softmax-twice'
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
        """Return plain data, ready for JSON: numbers that are not finite as text."""
        numbers = {key: value if math.isfinite(value) else str(value) for key, value in self.numbers.items()}
        return {**asdict(self), "numbers": numbers}

    @classmethod
    def from_dict(cls, finding: dict[str, Any]) -> TrainingFinding:
        """Return a finding from the data of `to_dict`."""
        numbers = {key: float(value) for key, value in finding["numbers"].items()}
        return cls(**{**finding, "numbers": numbers})

    def details(self) -> list[tuple[str, str]]:
        """Return labels and texts, in the order in which they are read."""
        pairs = (
            ("where", self.where),
            ("measured", self.evidence),
            ("why", self.why),
            ("what to do", self.remedy),
        )
        return [(label, text) for label, text in pairs if text]

    def comparison(self) -> list[tuple[str, str, str]]:
        """Return nothing: there is no right side."""
        return []

    def __str__(self) -> str:
        return "\n".join([self.what, *(f"    {label}: {text}" for label, text in self.details())])


@dataclass(frozen=True, repr=False)
class TrainingDiagnosis(Diagnosis):
    """The findings of `diagnose_training`; prints as sentences, iterates over its findings.

    Attributes
    ----------
    findings
        The root cause first.
    subject
        The network and batch that were examined.

    Examples
    --------
    >>> import numpy as np
    >>> from tinygrad_mnist import nn, optim
    >>> from tinygrad_mnist.doctor import diagnose_training
    >>> model = nn.Sequential(nn.Linear(4, 2, rng=0), nn.Softmax())
    >>> optimizer = optim.SGD(model.parameters(), lr=0.1)
    >>> batch = np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32), np.array([0, 1, 1, 0, 1])
    >>> diagnosis = diagnose_training(model, nn.CrossEntropyLoss(), batch, optimizer)
    >>> diagnosis.ok, diagnosis.names
    (False, ('softmax-twice',))
    """

    findings: tuple[TrainingFinding, ...]
    subject: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the findings, in order."""
        return tuple(finding.name for finding in self.findings)

    def __iter__(self) -> Iterator[TrainingFinding]:
        return iter(self.findings)

    def __len__(self) -> int:
        return len(self.findings)

    def to_dict(self) -> dict[str, Any]:
        """Return plain data, ready for JSON."""
        return {
            "ok": self.ok,
            "subject": self.subject,
            "findings": [finding.to_dict() for finding in self.findings],
        }

    def summary(self) -> str:
        """Return one line."""
        if self.ok:
            return "The doctor found nothing that keeps this network from learning."
        if len(self.findings) == 1:
            return "The doctor found one thing"
        return f"The doctor found {len(self.findings)} things, the likeliest cause first"
