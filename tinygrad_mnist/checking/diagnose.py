"""Which op's rule is wrong: every node of a recorded graph is checked by itself, on the values it really had.

A rule is the transpose of a Jacobian J: for any g and any direction v, <rule(g), v> = <g, J v>.  The left
side is the rule's; J v is a derivative of the forward along v, by the complex step (central differences
where a forward does not take complex numbers).  One random g and v per input show every mistake but by
accident.  The engine around the rules is checked too: that the gradient of each tensor is the sum of what
its readers contribute, each summed over the axes along which it was broadcast.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from html import escape
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinygrad_mnist.autodiff import backward as engine
from tinygrad_mnist.autodiff.formula import input_names, rule_formula
from tinygrad_mnist.autodiff.primitive import Primitive
from tinygrad_mnist.autodiff.tensor import Tensor
from tinygrad_mnist.errors import GradientError

Array = NDArray[Any]

RULE_TOLERANCE = 1e-8  # relative; the complex step gives about 1e-13, central differences 1e-9
ENGINE_TOLERANCE = 1e-4  # relative; both sides are sums of the same numbers, in the graph's own dtype
STEP = 1e-6  # of a central difference


@dataclass(frozen=True)
class Finding:
    """A mistake in the backward pass.

    Attributes
    ----------
    kind
        "rule": the rule of one input of an op; "broadcast": a gradient not summed over the axes along which
        its input was broadcast; "fan-out": contributions of several readers not added up.
    op, primitive
        The node's name (``linear_7``) and its primitive.
    input, position
        The input whose gradient is wrong, by the name the primitive gives it.
    operand
        The tensor at that input.
    scope, origin
        The module, and the source line that recorded the op.
    formula
        The rule as text.
    error
        Relative; None when the rule raised.
    message
        What is wrong, in a sentence.
    spoils
        The leaves whose gradients pass through here.
    """

    kind: str
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
    """What `diagnose` found; prints as sentences, ``diagnosis.ok`` when nothing.

    `verdicts` says of each op by name "correct" or "wrong", for a drawing.
    """

    findings: tuple[Finding, ...]
    checked: int
    verdicts: dict[str, str]

    @property
    def ok(self) -> bool:
        """No mistake found."""
        return not self.findings

    def to_dict(self) -> dict[str, Any]:
        """Plain data, ready for JSON."""
        return {"ok": self.ok, **asdict(self)}

    def lines(self) -> list[str]:
        """The findings as text."""
        if self.ok:
            return [f"{self.checked} rules checked on the values they had: all right"]
        said = []
        for f in self.findings:
            said.append(f"{f.message}")
            said.append(f"    {f.origin}")
            if f.formula:
                said.append(f"    its rule for {f.input}: {f.formula}")
            if f.spoils:
                said.append(f"    spoils the gradients of: {', '.join(f.spoils)}")
        return said

    def __str__(self) -> str:
        return "\n".join(self.lines())

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return f"<pre>{escape(str(self))}</pre>"


def diagnose(loss: Tensor, *, seed: int = 0) -> Diagnosis:
    """Check every rule that a backward pass from `loss` would run, and the sums between them.

    Parameters
    ----------
    loss
        Any recorded tensor; it needs not be a scalar.
    seed
        Of the random directions.

    Returns
    -------
    Diagnosis
        With the faulty op, its module, its source line, and the formula of the rule that is wrong.

    Examples
    --------
    >>> x = Tensor([1.0, 2.0], requires_grad=True)
    >>> diagnose((x * x).sum())
    3 rules checked on the values they had: all right
    """
    engine.require_connected(loss)
    tensors = engine.upstream([loss])
    rng = np.random.default_rng(seed)
    findings = []
    checked = 0
    for tensor in reversed(tensors):
        for position, x in enumerate(tensor.inputs):
            if isinstance(x, Tensor) and x.requires_grad and _primitive(tensor).rule(position) is not None:
                checked += 1
                findings += _check_rule(tensor, position, rng, tensors)
    broken = {finding.op for finding in findings}
    findings += _check_engine(loss, tensors, broken)
    wrong = {finding.op for finding in findings}
    verdicts = {t.label(): "wrong" if t.label() in wrong else "correct" for t in tensors if t.inputs}
    return Diagnosis(tuple(findings), checked, verdicts)


def _primitive(tensor: Tensor) -> Primitive:
    """The op that made a computed tensor."""
    if tensor.primitive is None:
        raise GradientError(f"{tensor.label()} is a leaf: no op made it")
    return tensor.primitive


def _check_rule(
    tensor: Tensor, position: int, rng: np.random.Generator, tensors: Sequence[Tensor]
) -> list[Finding]:
    primitive = _primitive(tensor)
    values = tuple(_in_float64(x) for x in tensor.inputs)
    y = np.asarray(primitive.forward(*values, **tensor.attributes))
    g = rng.uniform(0.5, 1.5, y.shape)
    v = rng.uniform(0.5, 1.5, values[position].shape) * rng.choice([-1.0, 1.0], values[position].shape)
    with np.errstate(all="ignore"):
        try:
            contribution = primitive.rule(position)(g, y, *values, **tensor.attributes)  # type: ignore[misc]
            contribution = summed_to(np.asarray(contribution), values[position].shape)
        except Exception as error:
            return [_finding("rule", tensor, position, None, f"fails: {error}", tensors)]
        if contribution is None:
            return [_finding("rule", tensor, position, None, "has an impossible shape", tensors)]
        off = _rule_error(primitive, values, tensor.attributes, position, contribution, g, v)
    if off <= RULE_TOLERANCE:
        return []
    return [_finding("rule", tensor, position, off, f"is wrong (off by {off:.1e})", tensors)]


def _in_float64(x: Any) -> Any:
    value = x.data if isinstance(x, Tensor) else x
    return value.astype(np.float64) if isinstance(value, np.ndarray) and value.dtype.kind == "f" else value


def summed_to(contribution: Array, shape: tuple[int, ...]) -> Array | None:
    """A gradient summed over the axes along which its input was broadcast; None when it has no such shape."""
    lead = contribution.ndim - len(shape)
    if lead < 0 or any(n not in (1, m) for n, m in zip(shape, contribution.shape[lead:])):
        return None
    axes = tuple(range(lead)) + tuple(
        lead + i for i, n in enumerate(shape) if n != contribution.shape[lead + i]
    )
    return np.asarray(np.sum(contribution, axis=axes)).reshape(shape)


def _rule_error(
    primitive: Primitive,
    values: tuple[Any, ...],
    attributes: dict[str, Any],
    position: int,
    contribution: Array,
    g: Array,
    v: Array,
) -> float:
    """How far <rule(g), v> lies from <g, J v>, relative to the terms of the sums."""
    found = float((contribution * v).sum())

    def moved(direction: Any) -> Any:
        shifted = values[position] + direction
        return primitive.forward(*values[:position], shifted, *values[position + 1 :], **attributes)

    scale = float(np.abs(contribution * v).sum())
    try:
        slopes = np.imag(moved(1e-30j * v)) / 1e-30
        expected = float((g * slopes).sum())
        scale = max(scale, float(np.abs(g * slopes).sum()))
        if abs(found - expected) <= RULE_TOLERANCE * scale:
            return 0.0
    except (TypeError, ValueError):
        slopes = None
    middle = moved(0 * v)
    right = float((g * (moved(STEP * v) - middle)).sum()) / STEP
    left = float((g * (middle - moved(-STEP * v))).sum()) / STEP
    scale = max(scale, abs(right), abs(left))
    noise = 1e-15 * float(np.abs(g * middle).sum()) / STEP
    if slopes is None or abs(expected - (left + right) / 2) > 1e-6 * scale + noise:
        # No complex step, or a corner at these very values: any slope between the two sides is right.
        low, high = min(left, right), max(left, right)
        slack = 1e-5 * scale + 10 * noise
        return max(low - slack - found, found - high - slack, 0.0) / scale if scale else 0.0
    return abs(found - expected) / scale if scale else 0.0


def _finding(
    kind: str, tensor: Tensor, position: int, error: float | None, verdict: str, tensors: Sequence[Tensor]
) -> Finding:
    primitive = _primitive(tensor)
    operand = tensor.inputs[position]
    name = input_names(primitive, len(tensor.inputs))[position]
    what = {
        "rule": f"the rule of {primitive.name} for its input {name} {verdict}",
        "broadcast": f"the gradient that {primitive.name} sends to its input {name} {verdict}",
        "fan-out": f"the gradient of {operand.label()}, which {primitive.name} reads, {verdict}",
    }[kind]
    place = f" in {tensor.scope}" if tensor.scope else ""
    return Finding(
        kind=kind,
        op=tensor.label(),
        primitive=primitive.name,
        input=name,
        position=position,
        operand=operand.label(),
        scope=tensor.scope,
        origin=tensor.origin(),
        formula=_formula(tensor, position) if kind == "rule" else "",
        error=error,
        message=f"{tensor.label()}{place}: {what}",
        spoils=_leaves_behind(operand, tensors),
    )


def _formula(tensor: Tensor, position: int) -> str:
    """The rule as text, or why it has none: a wrong rule may not run on symbols at all."""
    values = tuple(x.data if isinstance(x, Tensor) else x for x in tensor.inputs)
    try:
        return rule_formula(_primitive(tensor), position, values, tensor.attributes)
    except Exception as error:
        return f"(cannot be written down: {error})"


def _leaves_behind(operand: Tensor, tensors: Sequence[Tensor]) -> tuple[str, ...]:
    """The names of the leaves that get a gradient through `operand`."""
    reached = {t.serial for t in engine.upstream([operand])}
    return tuple(t.label() for t in reversed(tensors) if t.serial in reached and not t.inputs)


def _check_engine(loss: Tensor, tensors: Sequence[Tensor], broken: set[str]) -> list[Finding]:
    """Compare each tensor's gradient with the sum over its readers, those with wrong rules aside."""
    try:
        found = engine.pull_back([loss], [np.ones(loss.shape, loss.dtype)], tensors)
    except Exception as error:
        return [] if broken else [_finding("rule", tensors[0], 0, None, f"fails: {error}", tensors)]
    gradients = {t.serial: g for t, g in zip(tensors, found)}
    readers: dict[int, list[tuple[Tensor, int]]] = {t.serial: [] for t in tensors}
    for tensor in tensors:
        for position, x in enumerate(tensor.inputs):
            if (
                isinstance(x, Tensor)
                and x.serial in readers
                and _primitive(tensor).rule(position) is not None
            ):
                readers[x.serial].append((tensor, position))
    findings = []
    for tensor in tensors[1:]:
        if not any(reader.label() in broken for reader, _ in readers[tensor.serial]):
            findings += _check_sum(tensor, gradients, readers[tensor.serial], tensors)
    return findings


def _check_sum(
    tensor: Tensor, gradients: dict[int, Any], readers: list[tuple[Tensor, int]], tensors: Sequence[Tensor]
) -> list[Finding]:
    """Whether the engine's gradient of one tensor is the sum over its readers."""
    total: Any = 0.0
    for reader, position in readers:
        g = gradients[reader.serial]
        if g is None or g.shape != reader.shape:
            return []  # an op closer to the loss is at fault
        values = [x.data if isinstance(x, Tensor) else x for x in reader.inputs]
        raw = _primitive(reader).rule(position)(g, reader.data, *values, **reader.attributes)  # type: ignore[misc]
        mine = summed_to(np.asarray(raw), tensor.shape)
        theirs = raw if raw.shape == tensor.shape else engine.unbroadcast(raw, tensor.shape)
        if not _agree(theirs, mine):
            verdict = "is not summed over the axes along which that input was broadcast"
            return [_finding("broadcast", reader, position, None, verdict, tensors)]
        total = total + mine
    if _agree(gradients[tensor.serial], total):
        return []
    number = f"{len(readers)} ops read it" if len(readers) > 1 else "one op reads it"
    verdict = f"is not the sum of the contributions of all its readers ({number})"
    return [
        _finding("fan-out", reader, position, None, verdict, tensors) for reader, position in readers[-1:]
    ]


def _agree(a: Any, b: Any) -> bool:
    if a is None or b is None or np.shape(a) != np.shape(b):
        return False
    scale = max(float(np.abs(a).max(initial=0)), float(np.abs(b).max(initial=0)))
    return bool(np.abs(np.asarray(a) - b).max(initial=0) <= ENGINE_TOLERANCE * scale)
