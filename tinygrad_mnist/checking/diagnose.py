"""Search for a wrong rule: check every node of a recorded graph on the values it really had.

`rule_check` decides on one rule.  The backward pass around the rules is checked too: the gradient of each
tensor must be the sum of what its readers contribute, each summed over the axes along which it was broadcast.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal

import numpy as np
from threadpoolctl import threadpool_limits

from tinygrad_mnist.arguments import shown
from tinygrad_mnist.autodiff import backward as backward_pass
from tinygrad_mnist.autodiff.formula import input_names
from tinygrad_mnist.autodiff.primitive import Primitive, peeled
from tinygrad_mnist.autodiff.tensor import Tensor
from tinygrad_mnist.checking.right_rule import beside, formula_of, right_beside
from tinygrad_mnist.checking.rule_check import Application, Outcome, summed_to
from tinygrad_mnist.checking.rule_findings import RuleDiagnosis, RuleFinding
from tinygrad_mnist.errors import GradientError, StaleGradientError
from tinygrad_mnist.graph.build import names_of
from tinygrad_mnist.graph.data import Right

SUM_TOLERANCE = 1e-4  # relative; both sides are sums of the same numbers, in the graph's own dtype


def diagnose(loss: Tensor, *, seed: int = 0) -> RuleDiagnosis:
    """Check every rule that a backward pass from `loss` would run, and the sums between them.

    Nothing in the graph is changed.

    Parameters
    ----------
    loss
        Any recorded tensor; it need not be a scalar.
    seed
        Seed of the random directions.

    Returns
    -------
    RuleDiagnosis
        Names the faulty op, its module and its source line; the right rule stands beside the wrong one, as a
        formula if it is known, and by numbers.

    Raises
    ------
    GradientError
        If `loss` was not recorded.
    StaleGradientError
        If a value was changed in place after an op read it: the op can no longer be checked on it.

    Examples
    --------
    >>> x = Tensor([1.0, 2.0], requires_grad=True)
    >>> diagnose((x * x).sum())
    3 rules checked on the values they had: all right
    """
    if not isinstance(loss, Tensor):
        instead = "write diagnose(loss(model(x), target))"
        raise TypeError(f"loss is {shown(loss)}: expected the Tensor of a forward pass; {instead}")
    backward_pass.require_connected(loss)
    return _Walk(loss, seed).diagnosis()


class _Walk:
    """A walk over the graph behind a tensor."""

    def __init__(self, loss: Tensor, seed: int) -> None:
        self.loss = loss
        self.names = names_of(loss)
        self.tensors = backward_pass.upstream([loss])  # latest first
        self.computed = [tensor for tensor in reversed(self.tensors) if tensor.inputs]
        self.rng = np.random.default_rng(seed)
        self.checked = 0
        self.findings: list[RuleFinding] = []
        self.blamed: list[tuple[Tensor, int]] = []  # op and input of each finding
        self.broken: set[int] = set()
        self.kinks: list[str] = []
        self.untested: list[str] = []

    def diagnosis(self) -> RuleDiagnosis:
        with np.errstate(all="ignore"), threadpool_limits(1):  # small products: threads would only wait
            for tensor in self.computed:
                self.check_node(tensor)
            # A rule that writes into its inputs would change the graph in a whole backward pass
            gradients = {} if any("writes into" in f.what for f in self.findings) else self.gradients()
            self.check_sums(gradients)
            self.find_right_rules(gradients)
        verdicts = {self.name(t): "correct" for t in self.computed}
        verdicts |= dict.fromkeys(self.untested, "untested")
        verdicts |= {finding.op: "wrong" for finding in self.findings}
        return RuleDiagnosis(
            tuple(self.findings), self.checked, tuple(self.kinks), tuple(self.untested), verdicts
        )

    # The rules

    def check_node(self, tensor: Tensor) -> None:
        """Check all rules of the op that made a tensor."""
        self.require_fresh(tensor)
        primitive = _primitive(tensor)
        node = Application(primitive, list(map(peeled, tensor.inputs)), tensor.attributes, self.rng)
        outcomes = {i: node.check(i) for i in backward_pass.differentiated(tensor)}
        self.checked += len(outcomes)
        for position, outcome in outcomes.items():
            if outcome.verdict == "wrong":
                self.add("rule", tensor, position, outcome)
        if any(outcome.verdict == "untested" for outcome in outcomes.values()):
            self.untested.append(self.name(tensor))
        if any(outcome.kink for outcome in outcomes.values()):
            self.kinks.append(self.name(tensor))
            together = node.check_together()
            if together.verdict == "wrong" and tensor.serial not in self.broken:
                reason = f"{together.reason}: the shares of a tie do not add up"
                self.add("rule", tensor, max(outcomes), Outcome("wrong", together.off, reason))

    def require_fresh(self, tensor: Tensor) -> None:
        """Refuse an op whose input was changed since: its rule cannot be checked on the value it had."""
        for x in tensor.inputs:
            if isinstance(x, Tensor) and x.serial > tensor.serial:
                raise StaleGradientError(
                    f"{self.name(x)} was changed in place after {self.name(tensor)} had read it "
                    f"({tensor._origin()}), so its rule cannot be checked on the value it had: "
                    "diagnose before the update, or run the forward pass again"
                )

    # The sums between the rules

    def check_sums(self, gradients: dict[int, Any]) -> None:
        """Compare each tensor's gradient with the sum over its readers, except those with wrong rules."""
        readers: dict[int, list[tuple[Tensor, int]]] = {t.serial: [] for t in self.tensors}
        for tensor in self.tensors:
            for position in backward_pass.differentiated(tensor):
                readers[tensor.inputs[position].serial].append((tensor, position))
        for tensor in self.tensors[1:]:
            mine = readers[tensor.serial]
            if gradients and mine and not any(reader.serial in self.broken for reader, _ in mine):
                self.check_sum(tensor, gradients, readers[tensor.serial])

    def gradients(self) -> dict[int, Any]:
        """Return the gradients of all tensors as the backward pass has them, or as they should be."""
        try:
            found = backward_pass.pull_back([self.loss], None, self.tensors)
            return {t.serial: g for t, g in zip(self.tensors, found)}
        except Exception:  # a wrong rule, or a wrong sum, may fail in any way
            return self._right_gradients()

    def _right_gradients(self) -> dict[int, Any]:
        """Run the rules as a backward pass should, without its code."""
        gradients: dict[int, Any] = {self.loss.serial: np.ones(self.loss.shape, self.loss.dtype)}
        for tensor in self.tensors:
            g = gradients.get(tensor.serial)
            for position in backward_pass.differentiated(tensor) if g is not None else ():
                x = tensor.inputs[position]
                try:
                    part = summed_to(_contribution(tensor, position, g), x.shape)
                except Exception as error:
                    if tensor.serial not in self.broken:
                        self.add("rule", tensor, position, Outcome("wrong", None, f"fails: {error}"))
                    continue
                if part is not None:
                    gradients[x.serial] = gradients.get(x.serial, 0.0) + part
        return gradients

    def check_sum(self, tensor: Tensor, gradients: dict[int, Any], readers: list[tuple[Tensor, int]]) -> None:
        """Check that the gradient of one tensor is the sum over its readers."""
        total: Any = 0.0
        size = 0.0  # of the terms, which may cancel each other and leave rounding
        for reader, position in readers:
            g = gradients.get(reader.serial)
            if g is None or g.shape != reader.shape:
                return  # an op closer to the loss is at fault
            raw = _contribution(reader, position, g)
            mine = summed_to(raw, tensor.shape)
            if raw.shape != tensor.shape and not _agree(_unbroadcast(raw, tensor.shape), mine, _largest(raw)):
                reason = "is not summed over the axes along which that input was broadcast"
                formula = formula_of(_primitive(reader), reader, position)
                right = beside(_unbroadcast(raw, tensor.shape), np.asarray(mine), formula=formula)
                self.add("broadcast", reader, position, Outcome("wrong", None, reason), right)
                return
            total, size = total + mine, size + _largest(raw)
        if not _agree(gradients.get(tensor.serial), total, size):
            number = f"{len(readers)} ops read it" if len(readers) > 1 else "one op reads it"
            if len({reader.serial for reader, _ in readers}) < len(readers):
                number = f"it is read {len(readers)} times"
            reason = f"is not the sum of the contributions of all its readers ({number})"
            senders = " and of ".join(self.name(reader) for reader, _ in reversed(readers))
            right = beside(gradients.get(tensor.serial), total, formula=f"the contribution of {senders}")
            self.add("fan-out", *readers[-1], Outcome("wrong", None, reason), right)

    def find_right_rules(self, gradients: dict[int, Any]) -> None:
        """Put the right rule beside each wrong one."""
        for i, (tensor, position) in enumerate(self.blamed):
            if self.findings[i].kind == "rule":
                right = right_beside(tensor, position, gradients.get(tensor.serial))
                self.findings[i] = replace(self.findings[i], right=right)

    def add(
        self,
        kind: Literal["rule", "broadcast", "fan-out"],
        tensor: Tensor,
        position: int,
        outcome: Outcome,
        right: Right | None = None,
    ) -> None:
        """Add a finding about the op that made `tensor` and its input at `position`."""
        primitive, operand = _primitive(tensor), self.name(tensor.inputs[position])
        name = input_names(primitive, len(tensor.inputs))[position]
        what = {
            "rule": f"the rule of {primitive.name} for its input {name} {outcome.reason}",
            "broadcast": f"the gradient that {primitive.name} sends to its input {name} {outcome.reason}",
            "fan-out": f"the gradient of {operand}, which {primitive.name} reads, {outcome.reason}",
        }[kind]
        scope = f" in {tensor.scope}" if tensor.scope else ""
        finding = RuleFinding(
            kind=kind,
            op=self.name(tensor),
            primitive=primitive.name,
            input=name,
            position=position,
            operand=operand,
            scope=tensor.scope,
            where=tensor._origin(),
            formula=formula_of(primitive, tensor, position) if kind == "rule" else "",
            error=outcome.off,
            what=f"{self.name(tensor)}{scope}: {what}",
            affects=self.leaves_behind(tensor.inputs[position]),
            right=right,
        )
        self.findings.append(finding)
        self.blamed.append((tensor, position))
        self.broken.add(tensor.serial)

    def name(self, tensor: Tensor) -> str:
        """Return the name of a tensor in the graph, which counts its ops from 1."""
        return self.names[id(tensor)]

    def leaves_behind(self, operand: Tensor) -> tuple[str, ...]:
        """Return the names of the leaves that get a gradient through `operand`, each once."""
        reached = {t.serial for t in backward_pass.upstream([operand])}
        leaves = [self.name(t) for t in reversed(self.tensors) if t.serial in reached and not t.inputs]
        return tuple(dict.fromkeys(leaves))


def _primitive(tensor: Tensor) -> Primitive:
    """Return the op that made a computed tensor."""
    if tensor.primitive is None:
        raise GradientError(f"{tensor._label()} is a leaf: no op made it")
    return tensor.primitive


def _contribution(tensor: Tensor, position: int, g: Any) -> Any:
    """Return what the rule of one input returns, unchanged."""
    rule: Any = _primitive(tensor).rule(position)
    return np.asarray(rule(g, tensor._data, *map(peeled, tensor.inputs), **tensor.attributes))


def _unbroadcast(raw: Any, shape: tuple[int, ...]) -> Any:
    try:
        return backward_pass.unbroadcast(raw, shape)
    except Exception:  # a wrong one may fail in any way
        return None


def _largest(array: Any) -> float:
    return float(np.abs(array).max(initial=0))


def _agree(a: Any, b: Any, size: float) -> bool:
    """Return True if two sums of the same terms, the largest of `size`, are the same but for rounding."""
    if a is None or b is None or np.shape(a) != np.shape(b):
        return False
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        return bool(np.array_equal(a, b, equal_nan=True))
    return _largest(np.asarray(a) - b) <= SUM_TOLERANCE * size
