"""The result of `diagnose`: a finding per wrong rule, and a verdict per op."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from html import escape
from typing import Any, Literal, Protocol


class Finding(Protocol):
    """Something wrong: a sentence, and details below it."""

    @property
    def what(self) -> str:
        """The sentence."""
        ...

    def details(self) -> list[tuple[str, str]]:
        """Return labels and texts."""
        ...


class Diagnosis:
    """Mixin for a result that consists of findings; prints as sentences with details below.

    A subclass gives `findings` and `summary`, and where it has any `_notes`.
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

    def __str__(self) -> str:
        lines = [self._headline()]
        for finding in self.findings:
            lines += [finding.what, *(f"    {label}: {text}" for label, text in finding.details())]
        return "\n".join([*lines, *self._notes()])

    __repr__ = __str__

    def _headline(self) -> str:
        return self.summary() + ":" * (not self.ok)

    def __rich__(self) -> Any:
        from rich.console import Group
        from rich.padding import Padding
        from rich.table import Table
        from rich.text import Text

        shown: list[Any] = [Text(self._headline(), "bold" if self.ok else "bold red")]
        for finding in self.findings:
            shown.append(Text(finding.what, "red"))
            details = Table.grid(padding=(0, 2))
            details.add_column(style="dim", no_wrap=True)
            details.add_column(overflow="fold")
            for label, text in finding.details():
                details.add_row(label, Text(text))
            shown.append(Padding(details, (0, 0, 0, 4), expand=False))
        return Group(*shown, *(Text(note, "yellow") for note in self._notes()))

    def _repr_html_(self) -> str:
        items = []
        for finding in self.findings:
            details = "".join(
                f"<tr><td>{escape(label)}</td><td><code>{escape(text)}</code></td></tr>"
                for label, text in finding.details()
            )
            items.append(f"<li>{escape(finding.what)}<table>{details}</table></li>")
        notes = "".join(f"<p>{escape(note)}</p>" for note in self._notes())
        return f"<p><b>{escape(self.summary())}</b></p><ul>{''.join(items)}</ul>{notes}"


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

    def details(self) -> list[tuple[str, str]]:
        """Return labels and texts, in the order in which they are read."""
        details = [("where", self.where)]
        if self.formula:
            details.append(("its rule", self.formula))
        if self.affects:
            details.append(("affects", ", ".join(self.affects)))
        return details


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
        The ops with a slope that is not finite or lost in rounding: nothing can be said about their rules.
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
            return f"{rules} looked at: none is wrong, and {len(self.untested)} could not be tested"
        ops = len({finding.op for finding in self.findings})
        return f"{ops} op{'s' * (ops != 1)} of {len(self.verdicts)} with a mistake in the backward pass"

    def _notes(self) -> list[str]:
        return [f"{op}: not tested, its slope is not finite or lost in rounding" for op in self.untested]
