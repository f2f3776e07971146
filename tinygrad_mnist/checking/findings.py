"""Findings of checks: a wrong rule in a graph, or a reason why a network does not learn."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from html import escape
from typing import Any, ClassVar, Literal, Protocol

from tinygrad_mnist.graph.data import Right, Statistics
from tinygrad_mnist.graph.numbers import short_number, values_text
from tinygrad_mnist.tables import html_table

RIGHT_RULE, RIGHT_NUMBER = "right rule", "right is"
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
            lines += [f"    {label}: {text}" for label, text in finding.details()]
        return "\n".join([*lines, *self._notes()])

    __repr__ = __str__

    def __rich__(self) -> Any:
        from rich.console import Group
        from rich.text import Text

        return Group(
            Text(self._headline(), "bold green" if self.ok else "bold"),
            *(_paragraph(number, finding) for number, finding in enumerate(self.findings, 1)),
            *(Text(note, "yellow") for note in self._notes()),
        )

    def _repr_html_(self) -> str:
        items = []
        for finding in self.findings:
            details = [[escape(label), escape(text)] for label, text in finding.details()]
            items.append(f"<li><b>{escape(finding.what)}</b>{html_table(details, _DETAIL_STYLES)}</li>")
        listed = f"<ol>{''.join(items)}</ol>" if items else ""
        notes = "".join(f"<p>{escape(note)}</p>" for note in self._notes())
        return f"<p>{escape(self._headline())}</p>{listed}{notes}"


_DETAIL_STYLES = (  # of label and text in a notebook
    "text-align: left; vertical-align: top; white-space: nowrap",
    "text-align: left; overflow-wrap: anywhere",
)


def _paragraph(number: int, finding: Finding) -> Any:
    """Return a finding for Rich: the sentence in bold, the details in two columns below."""
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
    title = Text(f"{number}. {finding.what}", style)
    return Group(Text(), title, Padding(details, (0, 0, 0, 3), expand=False))


@dataclass(frozen=True)
class RuleFinding:
    """Something wrong in the backward pass.

    Attributes
    ----------
    kind
        "rule": the rule of one input of an op; "broadcast": a gradient not summed over the axes along which
        its input was broadcast; "fan-out": contributions of several readers not added up.
    op, primitive
        The node's name in the graph (``linear_7``) and its primitive.
    input, position
        The input whose gradient is wrong: its name in the primitive, and its position.
    operand
        The tensor at that input.
    scope, where
        The module, and the source line that recorded the op.
    formula
        The rule as text; empty if it is not a rule that is wrong.
    error
        Relative; None if the rule raised, or if the backward pass around the rules is wrong.
    what
        A sentence that says what is wrong.
    affects
        The leaves whose gradients pass through here.
    right
        The right rule, and the numbers that both send; None where neither is known.
    """

    kind: Literal["rule", "broadcast", "fan-out"]
    op: str
    primitive: str
    input: str
    position: int
    operand: str
    scope: str
    where: str
    formula: str
    error: float | None
    what: str
    affects: tuple[str, ...]
    right: Right | None = None

    severity: ClassVar[Severity] = "error"

    def details(self) -> list[tuple[str, str]]:
        """Return labels and texts, in the order in which they are read."""
        details = (
            ("where", self.where),
            ("its rule", self.formula),
            (RIGHT_RULE, self.right.formula if self.right else ""),
            *self._numbers(),
            ("affects", ", ".join(self.affects)),
        )
        return [(label, text) for label, text in details if text]

    def _numbers(self) -> Iterator[tuple[str, str]]:
        """Yield the numbers that the wrong and the right rule send: the worst, and all of a small array."""
        right = self.right
        if right is None or right.expected_there is None:
            return
        place = f" at {list(right.entry)}" if right.entry else ""
        place += f" for {right.given}" if right.given else ""
        if right.sent_there is not None:
            label = "it is" if self.kind == "fan-out" else "it sends"
            yield label, f"{short_number(right.sent_there)}{place}{_in_full(right.sent)}"
        by = f" by {right.source}" if right.source and not right.formula else ""
        yield RIGHT_NUMBER, f"{short_number(right.expected_there)}{place}{by}{_in_full(right.expected)}"


def _in_full(statistics: Statistics | None) -> str:
    """Return the entries of a small array, after one of them."""
    if statistics is None or not isinstance(statistics.values, list):
        return ""
    return f"; in full {values_text(statistics.values)}"


@dataclass(frozen=True, repr=False)
class RuleDiagnosis(Diagnosis):
    """The findings of `diagnose`; prints as sentences.

    Attributes
    ----------
    findings
        Those nearest to the inputs first.
    checked
        Number of rules that were checked.
    kinks
        The ops that sit on a kink (relu at 0, a tie): their rules were compared with both slopes.
    untested
        The ops with a slope that is not finite or lost in rounding: their rules cannot be checked.
    verdicts
        "correct", "wrong" or "untested" by the op's name, for a drawing.
    """

    findings: tuple[RuleFinding, ...]
    checked: int
    kinks: tuple[str, ...]
    untested: tuple[str, ...]
    verdicts: dict[str, str]

    def to_dict(self) -> dict[str, Any]:
        """Return plain data, ready for JSON."""
        return {"ok": self.ok, **asdict(self)}

    def summary(self) -> str:
        """Return one line."""
        rules = f"{self.checked} rule{'s' * (self.checked != 1)}"
        if self.ok and not self.untested:
            return f"{rules} checked on the values they had: all right"
        if self.ok:
            return f"{rules} checked: none is wrong, and {len(self.untested)} could not be tested"
        ops = len({finding.op for finding in self.findings})
        return f"{ops} op{'s' * (ops != 1)} of {len(self.verdicts)} with a mistake in the backward pass"

    def _notes(self) -> list[str]:
        return [f"{op}: not tested, its slope is not finite or lost in rounding" for op in self.untested]


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
