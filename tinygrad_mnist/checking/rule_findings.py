"""Findings of `diagnose`: wrong rules of a graph, each beside the right one."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Literal

from tinygrad_mnist.checking.findings import Diagnosis, Severity
from tinygrad_mnist.graph.data import Right
from tinygrad_mnist.graph.numbers import comparison


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

    Examples
    --------
    >>> import numpy as np
    >>> from tinygrad_mnist import Tensor, ops
    >>> from tinygrad_mnist.checking import diagnose, wrong_rules
    >>> x = Tensor(np.array([0.5, -1.0]), requires_grad=True)
    >>> with wrong_rules.sigmoid_of_the_output:
    ...     diagnosis = diagnose(ops.sigmoid(x).sum())
    >>> finding = diagnosis.findings[0]
    >>> finding.kind, finding.primitive, finding.input
    ('rule', 'sigmoid', 'x')
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
        details = (("where", self.where), ("affects", ", ".join(self.affects)))
        return [(label, text) for label, text in details if text]

    def comparison(self) -> list[tuple[str, str, str]]:
        """Return label, wrong side and right side of each row: formulas, and numbers."""
        return comparison(self.formula, self.right or Right())


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

    Examples
    --------
    >>> import numpy as np
    >>> from tinygrad_mnist import Tensor, ops
    >>> from tinygrad_mnist.checking import diagnose, wrong_rules
    >>> x = Tensor(np.array([0.5, -1.0]), requires_grad=True)
    >>> with wrong_rules.sigmoid_of_the_output:
    ...     diagnosis = diagnose(ops.sigmoid(x).sum())
    >>> diagnosis.ok, len(diagnosis.findings)
    (False, 1)
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
