"""The steps in which a graph was computed, and in which its gradients came back: what the page plays."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from tinygrad_mnist.graph import equation
from tinygrad_mnist.graph.numbers import FEW, nested, short_number, shown
from tinygrad_mnist.graph.data import Graph, Node, Rule, Statistics

Frame = dict[str, Any]


def frames(graph: Any) -> list[Frame]:
    """All frames of the playback, each a change of the one before.

    Returns
    -------
    frames
        First an overview of the whole graph; then the forward pass, beginning with what is given; then,
        when there are gradients, the backward pass, beginning at the outputs.  A frame has

        - ``phase`` ("overview", "forward", "backward"), ``step``, ``of`` and ``label`` ("forward 2 of 3"),
        - ``title`` and ``lines``: what happens, in words and equations,
        - ``status``: the same as one sentence,
        - ``node``: the position of the node it is about, or None,
        - ``computed``: positions of the nodes that now have a value,
        - ``flows``: ids ``K-P`` of the edges along which a gradient flows now,
        - ``gradients``: by position, the ``text`` of the sum so far, ``note`` ("1 of 2") and ``done``.

    Examples
    --------
    >>> from tinygrad_mnist import Tensor
    >>> a, b = Tensor(2.0, True, name="a"), Tensor(-3.0, True, name="b")
    >>> for frame in frames(Graph.of(a * b, backward=True)):
    ...     print(frame["status"])
    overview: the whole graph
    forward 1 of 2: given are the data and the parameters
    forward 2 of 2: multiply_1 is computed, a * b = 2 * -3 = -6
    backward 1 of 2: the backward pass starts at multiply_1, gradient = 1
    backward 2 of 2: multiply_1 sends its gradient back, to a: g * b = 1 * -3 = -3, to b: g * a = 1 * 2 = 2
    """
    graph = Graph.behind(graph)
    found = [_frame("the whole graph")]
    found += _numbered("forward", list(_forward(graph)))
    if graph.has_gradients:
        found += _numbered("backward", list(_Backward(graph).steps()))
    return found


def _frame(title: str, node: int | None = None, **changes: Any) -> Frame:
    blank = {"phase": "overview", "step": 0, "of": 0, "label": "overview", "lines": [], "computed": []}
    frame = {**blank, "title": title, "node": node, "flows": [], "gradients": {}, **changes}
    return frame | {"status": _status(frame)}


def _status(frame: Frame) -> str:
    said = [
        " ".join(filter(None, [line["lead"], equation.plain(line["parts"]), line["sum"]]))
        for line in frame["lines"]
    ]
    return f"{frame['label']}: {', '.join([frame['title'], *filter(None, said)])}"


def _numbered(phase: str, steps: list[Frame]) -> Iterator[Frame]:
    for number, frame in enumerate(steps, 1):
        label = f"{phase} {number} of {len(steps)}"
        changed = {**frame, "phase": phase, "step": number, "of": len(steps), "label": label}
        yield changed | {"status": _status(changed)}


def _line(lead: str, parts: equation.Parts, **more: Any) -> dict[str, Any]:
    return {"lead": lead, "parts": parts, "sum": "", "note": "", "operands": [], "verdict": None} | more


def _forward(graph: Graph) -> Iterator[Frame]:
    """What is given, then each op as it is computed."""
    given = [position for position, node in enumerate(graph.nodes) if node.op is None]
    if given:
        yield _frame("given are the data and the parameters", computed=given)
    for position, node in enumerate(graph.nodes):
        if node.op is None:
            continue
        title = f"{node.name} {'failed' if node.kind == 'error' else 'is computed'}"
        yield _frame(title, position, lines=[_forward_line(node, graph)], computed=[position])


def _forward_line(node: Node, graph: Graph) -> dict[str, Any]:
    if node.kind == "error":
        return _line("", [], note=node.message)
    if node.kind == "module":
        return _line("", [[node.formula, ""]], note=_in_words(node.value))
    return _line("", equation.forward_equation(node, graph), note=equation.spread(node.value))


def _in_words(value: Statistics | None) -> str:
    return "" if value is None else equation.spread(value) or shown(value)


class _Backward:
    """The backward pass in steps: contributions are summed where a value was used several times."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.position = {node.name: position for position, node in enumerate(graph.nodes)}
        self.expected = dict.fromkeys(self.position, 0)
        self.arrived = dict.fromkeys(self.position, 0)
        self.sums: dict[str, Any] = {}
        for node in graph.nodes:
            for rule in node.rules:
                if rule.contribution is not None:
                    self.expected[rule.source] += 1

    def steps(self) -> Iterator[Frame]:
        """The start at the outputs, then each op in reverse order of computation."""
        yield self._start()
        for position in reversed(range(len(self.graph.nodes))):
            node = self.graph.nodes[position]
            if node.op is not None and node.gradient is not None:
                yield self._step(position, node)

    def _start(self) -> Frame:
        outputs = [name for name in self.graph.outputs if self.graph.by_name[name].gradient is not None]
        changes, lines = {}, []
        for name in outputs:
            node = self.graph.by_name[name]
            if self.expected[name]:
                self.expected[name] += 1
            self.arrived[name] = 1
            self.sums[name] = np.ones(node.shape)
            changes[self.position[name]] = self._gradient(name)
            seed = "1" if not node.shape else f"ones of shape {node.shape}"
            lines.append(_line("", [["gradient", "incoming"], [" = ", "joint"], [seed, "result"]]))
        first = self.position[outputs[0]] if len(outputs) == 1 else None
        return _frame(
            f"the backward pass starts at {', '.join(outputs)}", first, lines=lines, gradients=changes
        )

    def _step(self, position: int, node: Node) -> Frame:
        changes = {position: self._gradient(node.name, done=True)}
        lines, flows = [], []
        for rule, place in zip(node.rules, node.places):
            if rule.contribution is None:
                continue
            lines.append(self._rule_line(node, rule))
            flows.append(f"{position}-{place}")
            changes[self.position[rule.source]] = self._gradient(rule.source)
        title = f"{node.name} sends its gradient back" if lines else f"{node.name} receives its gradient"
        lines = lines or [_line("", [], note=_in_words(node.gradient))]
        return _frame(title, position, lines=lines, flows=flows, gradients=changes)

    def _rule_line(self, node: Node, rule: Rule) -> dict[str, Any]:
        contribution = rule.contribution
        assert contribution is not None
        more: dict[str, Any] = {"sum": self._add(rule.source, contribution), "verdict": rule.verdict}
        if node.kind == "module":  # its rules speak of values inside it
            return _line(f"to {rule.source}:", [[_in_words(contribution), "result"]], **more)
        summed = "summed over the broadcast axes" if equation.is_summed(node, rule, self.graph) else ""
        parts = equation.rule_equation(node, rule, self.graph)
        more["note"] = "; ".join(filter(None, [summed, equation.spread(contribution)]))
        more["operands"] = equation.operand_rows(node, rule, self.graph)
        return _line(f"to {rule.source}:", parts, **more)

    def _add(self, source: str, contribution: Statistics) -> str:
        """Add a contribution to the running sum; the sum as text where there are several."""
        few = contribution.values is not None
        value = np.asarray(contribution.values if few else contribution.mean, dtype=float)
        before = self.sums.get(source)
        if before is not None and not few:
            before = np.mean(before)
        self.sums[source] = after = value if before is None else before + value
        self.arrived[source] += 1
        arrived, expected = self.arrived[source], self.expected[source]
        terms = equation.sum_equation(before, contribution, after)
        return f"{terms}, {arrived} of {expected} contributions" if expected > 1 else ""

    def _gradient(self, name: str, *, done: bool = False) -> dict[str, Any]:
        """The gradient of a node so far; once complete, as the true backward pass gave it."""
        node = self.graph.by_name[name]
        arrived, expected = self.arrived[name], self.expected[name]
        if (done or arrived >= expected) and node.gradient is not None:
            note = f"{expected} contributions" if expected > 1 else ""
            return {"text": shown(node.gradient), "note": note, "done": True}
        so_far = self.sums[name]
        whole = np.shape(so_far) == node.shape and np.size(so_far) <= FEW
        text = nested(so_far) if whole else f"mean {short_number(float(np.mean(so_far)))}"
        return {"text": text, "note": f"{arrived} of {expected}", "done": False}
