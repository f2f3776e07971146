"""The answer of `diagnose`: a finding for each mistake, and a verdict for each op."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from html import escape
from typing import Any, Literal


@dataclass(frozen=True)
class Finding:
    """A mistake in the backward pass.

    Attributes
    ----------
    kind
        "rule": the rule of one input of an op; "broadcast": a gradient not summed over the axes along which
        its input was broadcast; "fan-out": contributions of several readers not added up.
    op, primitive
        The node's name in the graph (``linear_7``) and its primitive.
    input, position
        The input whose gradient is wrong, by the name the primitive gives it, and its place.
    operand
        The tensor at that input.
    scope, origin
        The module, and the source line that recorded the op.
    formula
        The rule as text; empty when it is not a rule that is wrong.
    error
        Relative; None when the rule raised, or for a mistake of the engine.
    message
        What is wrong, in a sentence.
    spoils
        The leaves whose gradients pass through here.
    """

    kind: Literal["rule", "broadcast", "fan-out"]
    op: str
    primitive: str
    input: str
    position: int
    operand: str
    scope: str
    origin: str
    formula: str
    error: float | None
    message: str
    spoils: tuple[str, ...]


@dataclass(frozen=True)
class Diagnosis:
    """The findings of `diagnose`; prints as sentences.

    Attributes
    ----------
    findings
        Mistakes, those nearest to the inputs first.
    checked
        How many rules were checked.
    corners
        The ops that sit on a corner (relu at 0, a tie): their rules were compared with both slopes.
    untested
        The ops of which a slope was not finite or lost in rounding: nothing can be said about their rules.
    verdicts
        Of each op by name "correct", "wrong" or "untested", for a drawing.
    """

    findings: tuple[Finding, ...]
    checked: int
    corners: tuple[str, ...]
    untested: tuple[str, ...]
    verdicts: dict[str, str]

    @property
    def ok(self) -> bool:
        """No mistake found."""
        return not self.findings

    def to_dict(self) -> dict[str, Any]:
        """Plain data, ready for JSON."""
        return {"ok": self.ok, **asdict(self)}

    def summary(self) -> str:
        """One line."""
        rules = f"{self.checked} rule{'s' * (self.checked != 1)}"
        if self.ok and not self.untested:
            return f"{rules} checked on the values they had: all right"
        if self.ok:
            return f"{rules} looked at: none is wrong, and {len(self.untested)} could not be tested"
        ops = len({finding.op for finding in self.findings})
        return f"{ops} op{'s' * (ops != 1)} of {len(self.verdicts)} with a mistake in the backward pass"

    def _notes(self) -> list[str]:
        return [f"{op}: not tested, its slope is not finite or lost in rounding" for op in self.untested]

    def __str__(self) -> str:
        lines = [] if not self.findings else [f"{self.summary()}:"]
        for finding in self.findings:
            lines += [finding.message, *(f"    {what}: {said}" for what, said in _details(finding))]
        return "\n".join([*(lines or [self.summary()]), *self._notes()])

    __repr__ = __str__

    def __rich__(self) -> Any:
        from rich.console import Group
        from rich.padding import Padding
        from rich.table import Table
        from rich.text import Text

        shown: list[Any] = [Text(self.summary() + ":" * (not self.ok), "bold" if self.ok else "bold red")]
        for finding in self.findings:
            shown.append(Text(finding.message, "red"))
            details = Table.grid(padding=(0, 2))
            details.add_column(style="dim", no_wrap=True)
            details.add_column(overflow="fold")
            for what, said in _details(finding):
                details.add_row(what, Text(said))
            shown.append(Padding(details, (0, 0, 0, 4), expand=False))
        return Group(*shown, *(Text(note, "yellow") for note in self._notes()))

    def _repr_html_(self) -> str:
        items = []
        for finding in self.findings:
            details = "".join(
                f"<tr><td>{escape(what)}</td><td><code>{escape(said)}</code></td></tr>"
                for what, said in _details(finding)
            )
            items.append(f"<li>{escape(finding.message)}<table>{details}</table></li>")
        notes = "".join(f"<p>{escape(note)}</p>" for note in self._notes())
        return f"<p><b>{escape(self.summary())}</b></p><ul>{''.join(items)}</ul>{notes}"


def _details(finding: Finding) -> list[tuple[str, str]]:
    """Return what stands below a finding: labels and texts."""
    details = [("where", finding.origin)]
    if finding.formula:
        details.append(("its rule", finding.formula))
    if finding.spoils:
        details.append(("spoils", ", ".join(finding.spoils)))
    return details
