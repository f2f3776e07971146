"""The steps of a forward and a backward pass, as the page plays them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np

from tinygrad_mnist.graph.data import GraphData, Node, Rule, Statistics
from tinygrad_mnist.graph.equation import (
    Parts,
    forward_equation,
    operand_rows,
    plain,
    rule_equation,
    sum_equation,
)
from tinygrad_mnist.graph.numbers import FEW, is_few, short_number, spread_text, statistics_text, values_text


@dataclass(frozen=True)
class Line:
    """One equation of a step, with words around it.

    Attributes
    ----------
    lead
        Words before the equation: ``to weight:``.
    parts
        The equation.
    sum
        The sum of the contributions so far, if there are several.
    note
        Remarks, such as the spread of large values.
    operands
        Rows of `operand_rows`, if the values are too large for the equation.
    verdict
        The verdict of `diagnose` on the rule.
    """

    lead: str = ""
    parts: Parts = field(default_factory=list)
    sum: str = ""
    note: str = ""
    operands: list[list[str]] = field(default_factory=list)
    verdict: str | None = None


@dataclass(frozen=True)
class Arrival:
    """A gradient so far: its `text`, a `note` ("1 of 2" contributions), and `done` once it is complete."""

    text: str
    note: str
    done: bool


@dataclass(frozen=True)
class Step:
    """A change of the picture.

    Attributes
    ----------
    title, lines
        The event in words and equations.
    node
        Position of its node, or None.
    computed
        Positions of the nodes that get their value in this step.
    flows
        Ids ``K-P`` of the edges along which a gradient flows in this step.
    gradients
        By position of the node, the gradients that change in this step.
    phase
        "overview", "forward", "backward" or "update".
    label
        Phase and number of the step: "forward 2 of 3".
    """

    title: str
    node: int | None = None
    lines: tuple[Line, ...] = ()
    computed: tuple[int, ...] = ()
    flows: tuple[str, ...] = ()
    gradients: dict[int, Arrival] = field(default_factory=dict)
    phase: str = "overview"
    label: str = "overview"

    @property
    def status(self) -> str:
        """The step as one sentence."""
        texts = (" ".join(filter(None, [line.lead, plain(line.parts), line.sum])) for line in self.lines)
        return f"{self.label}: {', '.join([self.title, *filter(None, texts)])}"

    def to_dict(self) -> dict[str, Any]:
        """Return plain data, ready for JSON."""
        return asdict(self) | {"status": self.status}


def playback_steps(graph: GraphData, learning_rate: float | None = None) -> list[Step]:
    """Return all steps of the playback.

    The first is an overview of the whole graph.  The forward pass follows; it begins with the leaves.  If
    the graph has gradients, the backward pass follows; it begins at the outputs.  With a learning rate, the
    last step is the update of gradient descent.

    Examples
    --------
    >>> from tinygrad_mnist import Tensor
    >>> from tinygrad_mnist.graph import Graph
    >>> a, b = Tensor(2.0, requires_grad=True, name="a"), Tensor(-3.0, requires_grad=True, name="b")
    >>> for step in playback_steps(Graph(a * b, backward=True)):
    ...     print(step.status)
    overview: the whole graph
    forward 1 of 2: the data and the parameters are given
    forward 2 of 2: multiply_1 is computed, a * b = 2 * -3 = -6
    backward 1 of 2: the backward pass starts at multiply_1, gradient = 1
    backward 2 of 2: multiply_1 sends its gradient back, to a: g * b = 1 * -3 = -3, to b: g * a = 1 * 2 = 2
    """
    backward = _BackwardPass(graph).steps() if graph.has_gradients else ()
    return [
        Step("the whole graph"),
        *_numbered("forward", _forward_steps(graph)),
        *_numbered("backward", backward),
        *_numbered("update", () if learning_rate is None else _update_step(graph, learning_rate)),
    ]


def _numbered(phase: str, steps: Iterable[Step]) -> Iterator[Step]:
    found = list(steps)
    for number, step in enumerate(found, 1):
        yield replace(step, phase=phase, label=f"{phase} {number} of {len(found)}")


def _update_step(graph: GraphData, learning_rate: float) -> Iterator[Step]:
    """The update of all parameters, if they have gradients."""
    learned = [node for node in graph.nodes if node.kind == "parameter" and node.gradient is not None]
    if learned:
        lines = tuple(_update_line(node, learning_rate) for node in learned)
        yield Step("gradient descent updates every parameter", lines=lines)


def _update_line(node: Node, learning_rate: float) -> Line:
    """The new value of a parameter in numbers, or how far it moves."""
    assert node.value is not None
    assert node.gradient is not None
    rate = short_number(learning_rate)
    formula: Parts = [
        [node.title, "local"],
        [" - ", ""],
        [rate, ""],
        [" * ", ""],
        [f"∂{node.title}", "incoming"],
    ]
    if not (is_few(node.value) and is_few(node.gradient)):
        moved = learning_rate * node.gradient.norm
        share = f", {moved / node.value.norm:.2g} of its norm" if node.value.norm else ""
        return Line(f"{node.title}:", formula, note=f"it moves by a norm of {short_number(moved)}{share}")
    value, gradient = np.asarray(node.value.values), np.asarray(node.gradient.values)
    after = values_text((value - learning_rate * gradient).tolist())
    return Line(
        f"{node.title}:",
        [
            *formula,
            [" = ", "joint"],
            [values_text(node.value.values), "local"],
            [" - ", ""],
            [rate, ""],
            [" * ", ""],
            [values_text(node.gradient.values), "incoming"],
            [" = ", "joint"],
            [after, "result"],
        ],
    )


def _forward_steps(graph: GraphData) -> Iterator[Step]:
    """The leaves together, then each op as it is computed."""
    given = tuple(position for position, node in enumerate(graph.nodes) if node.op is None)
    if given:
        yield Step("the data and the parameters are given", computed=given)
    for position, node in enumerate(graph.nodes):
        if node.op is not None:
            title = f"{node.name} {'failed' if node.kind == 'error' else 'is computed'}"
            yield Step(title, position, (_forward_line(node, graph),), (position,))


def _forward_line(node: Node, graph: GraphData) -> Line:
    if node.kind == "error":
        return Line(note=node.message)
    if node.kind == "module":
        return Line(parts=[[node.contents, ""]], note=_in_words(node.value))
    return Line(parts=forward_equation(node, graph), note=spread_text(node.value))


def _in_words(value: Statistics | None) -> str:
    return "" if value is None else spread_text(value) or statistics_text(value)


def _with_norm(gradient: Statistics) -> str:
    """The norm and the spread of a gradient; nothing for one that is shown in full."""
    return "" if is_few(gradient) else f"‖g‖ = {short_number(gradient.norm)}, {spread_text(gradient)}"


class _BackwardPass:
    """The backward pass in steps; contributions to a value that was used several times are summed."""

    def __init__(self, graph: GraphData) -> None:
        self.graph = graph
        self.expected = dict.fromkeys(graph.positions, 0)
        self.arrived = dict.fromkeys(graph.positions, 0)
        self.sums: dict[str, Any] = {}
        for node in graph.nodes:
            for rule in node.rules:
                if rule.contribution is not None:
                    self.expected[rule.source] += 1

    def steps(self) -> Iterator[Step]:
        """Yield the start at the outputs, then each op in reverse order of computation."""
        yield self._start()
        for position in reversed(range(len(self.graph.nodes))):
            node = self.graph.nodes[position]
            if node.op is not None and node.gradient is not None:
                yield self._step(position, node)

    def _start(self) -> Step:
        outputs = [name for name in self.graph.outputs if self.graph.by_name[name].gradient is not None]
        changes, lines = {}, []
        for name in outputs:
            shape = self.graph.by_name[name].shape
            if self.expected[name]:
                self.expected[name] += 1
            self.arrived[name] = 1
            self.sums[name] = np.ones(shape)
            changes[self.graph.positions[name]] = self._arrival(name)
            seed = f"ones of shape {shape}" if shape else "1"
            lines.append(Line(parts=[["gradient", "incoming"], [" = ", "joint"], [seed, "result"]]))
        first = self.graph.positions[outputs[0]] if len(outputs) == 1 else None
        title = f"the backward pass starts at {', '.join(outputs)}"
        return Step(title, first, tuple(lines), gradients=changes)

    def _step(self, position: int, node: Node) -> Step:
        changes = {position: self._arrival(node.name, done=True)}
        lines, flows = [], []
        for rule, at in zip(node.rules, node.rule_positions):
            if rule.contribution is not None:
                lines.append(self._rule_line(node, rule, rule.contribution))
                flows.append(f"{position}-{at}")
                changes[self.graph.positions[rule.source]] = self._arrival(rule.source)
        title = f"{node.name} sends its gradient back" if lines else f"{node.name} receives its gradient"
        lines = lines or [Line(note=_in_words(node.gradient))]
        return Step(title, position, tuple(lines), flows=tuple(flows), gradients=changes)

    def _rule_line(self, node: Node, rule: Rule, contribution: Statistics) -> Line:
        lead, total = f"to {rule.source}:", self._add(rule.source, contribution)
        if node.kind == "module":  # its rules name values inside it
            return Line(lead, [[_in_words(contribution), "result"]], total, verdict=rule.verdict)
        summed = "summed over the broadcast axes" if rule.summed else ""
        return Line(
            lead,
            rule_equation(node, rule, self.graph),
            total,
            "; ".join(filter(None, [summed, _with_norm(contribution)])),
            operand_rows(node, rule, self.graph),
            rule.verdict,
        )

    def _add(self, source: str, contribution: Statistics) -> str:
        """Add a contribution to the running sum, and return the sum as text if there are several."""
        few = contribution.values is not None
        value = np.asarray(contribution.values if few else contribution.mean, dtype=float)
        before = self.sums.get(source)
        if before is not None and not few:
            before = np.mean(before)
        self.sums[source] = after = value if before is None else before + value
        self.arrived[source] += 1
        arrived, expected = self.arrived[source], self.expected[source]
        terms = sum_equation(before, contribution, after)
        return f"{terms}, {arrived} of {expected} contributions" if expected > 1 else ""

    def _arrival(self, name: str, *, done: bool = False) -> Arrival:
        """The gradient of a node so far; once complete, as the backward pass itself gave it."""
        node = self.graph.by_name[name]
        arrived, expected = self.arrived[name], self.expected[name]
        if (done or arrived >= expected) and node.gradient is not None:
            note = f"{expected} contributions" if expected > 1 else ""
            return Arrival(statistics_text(node.gradient), note, done=True)
        so_far = self.sums[name]
        whole = np.shape(so_far) == node.shape and np.size(so_far) <= FEW
        text = values_text(so_far) if whole else f"mean {short_number(float(np.mean(so_far)))}"
        return Arrival(text, f"{arrived} of {expected}", done=False)
