"""From recorded tensors to plain data: names, order, facts, and the gradients that flowed."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import numpy as np

from tinygrad_mnist.arguments import shown
from tinygrad_mnist.autodiff import backward as engine
from tinygrad_mnist.autodiff.guards import FailedOp
from tinygrad_mnist.autodiff.source_line import in_words
from tinygrad_mnist.autodiff.tensor import Tensor
from tinygrad_mnist.errors import GradientError
from tinygrad_mnist.graph import numbers as facts
from tinygrad_mnist.graph.data import Kind, Node, Rule


def build(
    outputs: tuple[Any, ...], backward: bool, diagnosis: Any
) -> tuple[tuple[Node, ...], tuple[str, ...]]:
    """The nodes behind the outputs, each after its inputs, and the outputs' names."""
    failed = _failed_op(outputs)
    tensors = failed.inputs if failed else outputs
    if not failed and not all(isinstance(output, Tensor) for output in outputs):
        given = next(output for output in outputs if not isinstance(output, Tensor))
        instead = "draw its result, draw(model(x), path)" if callable(given) else "draw what ops returned"
        raise TypeError(f"output is {shown(given)}: expected a Tensor, or an error of an op; {instead}")
    names = _Names()
    nodes = [_node(value, names) for value in _in_order(tensors)]
    if failed:
        nodes.append(_failed_node(failed, str(outputs[0]), names))
        return tuple(nodes), (nodes[-1].name,)
    if backward:
        nodes = _with_gradients(nodes, outputs, names)
    if diagnosis is not None:
        nodes = _with_verdicts(nodes, diagnosis)
    return tuple(nodes), tuple(names.of[id(output)] for output in outputs)


def names_of(*outputs: Any) -> dict[int, str]:
    """Return the names that the values behind `outputs` have in their graph, by the id of the value."""
    names = _Names()
    for value in _in_order(outputs):
        _name(value, names)
    return names.of


def printable(text: str) -> str:
    """The text with control characters shown as boxes: neither renderers nor terminals obey them."""
    return "".join(c if c.isprintable() or c == "\n" else "\N{WHITE SQUARE}" for c in text)


def _failed_op(outputs: tuple[Any, ...]) -> FailedOp | None:
    """What an error says of the op that raised it."""
    if len(outputs) == 1 and isinstance(outputs[0], BaseException):
        failed = getattr(outputs[0], "failed_op", None)
        if failed is None:
            raise GradientError("this error was not raised by an op on Tensors, so there is no graph of it")
        return failed  # type: ignore[no-any-return]
    return None


def _in_order(outputs: tuple[Any, ...]) -> list[Any]:
    """All tensors and arrays behind the outputs, each after its inputs; a leaf right before its first use."""
    found: dict[int, Any] = {}
    stack = list(outputs)
    while stack:
        value = stack.pop()
        if id(value) not in found and isinstance(value, Tensor | np.ndarray):
            found[id(value)] = value
            stack.extend(getattr(value, "inputs", ()))
    computed = sorted(
        (v for v in found.values() if isinstance(v, Tensor) and v.inputs), key=lambda v: v.serial
    )
    ordered: dict[int, Any] = {}
    for value in (*computed, *outputs):
        for leaf in getattr(value, "inputs", ()):
            if id(leaf) in found:
                ordered[id(leaf)] = leaf
        if id(value) in found:
            ordered[id(value)] = value
    return list(ordered.values())


class _Names:
    """A unique name for each value: its own, or kind and running number."""

    def __init__(self) -> None:
        self.of: dict[int, str] = {}
        self.values: dict[str, Any] = {}
        self._count = {"op": 0, "leaf": 0}

    def give(self, value: Any, own: str | None, kind: str, base: str) -> str:
        own = printable(own) if own else None
        name = own
        while not name or name in self.values:
            self._count[kind] += 1
            name = f"{own or base}_{self._count[kind]}"
        self.of[id(value)] = name
        self.values[name] = value
        return name

    def sources(self, inputs: tuple[Any, ...]) -> tuple[str, ...]:
        """The names of an op's inputs; numbers as text."""
        return tuple(self.of.get(id(x)) or repr(x) for x in inputs)


def _name(value: Any, names: _Names) -> str:
    """Give a value its name in the graph."""
    own = getattr(value, "name", None)
    if isinstance(value, Tensor) and value.primitive is not None:
        return names.give(value, own, "op", value.primitive.name)
    return names.give(value, own, "leaf", _leaf_kind(value))


def _leaf_kind(value: Any) -> Kind:
    return "parameter" if isinstance(value, Tensor) and value.requires_grad else "data"


def _node(value: Any, names: _Names) -> Node:
    if isinstance(value, Tensor) and value.primitive is not None:
        return _op_node(value, names)
    kind, name = _leaf_kind(value), _name(value, names)
    data = value.data if isinstance(value, Tensor) else value
    learned = data.size if kind == "parameter" else 0
    return Node(
        name, kind, None, data.shape, str(data.dtype), "", value=facts.statistics(data), parameters=learned
    )


def _op_node(tensor: Tensor, names: _Names) -> Node:
    sources = names.sources(tensor.inputs)
    op = tensor.primitive.name if tensor.primitive else ""
    return Node(
        name=_name(tensor, names),
        kind="op",
        op=op,
        shape=tensor.shape,
        dtype=str(tensor.dtype),
        scope=printable(tensor.scope),
        inputs=sources,
        formula=facts.formula_of(tensor, sources),
        rules=facts.rules_of(tensor, sources),
        value=facts.statistics(tensor.data),
        flops=facts.flops_of(tensor),
        bytes=facts.bytes_of(tensor),
        line=in_words(tensor._site) if tensor._site else "",
    )


def _failed_node(failed: FailedOp, message: str, names: _Names) -> Node:
    return Node(
        name=names.give(failed, None, "op", failed.primitive.name),
        kind="error",
        op=failed.primitive.name,
        shape=(),
        dtype="",
        scope=printable(failed.scope),
        inputs=names.sources(failed.inputs),
        message=_in_graph_names(message, failed.inputs, names),
    )


def _in_graph_names(message: str, inputs: tuple[Any, ...], names: _Names) -> str:
    """The message with the numbers that ops have in the graph, not those of the whole process."""
    labels = {
        x._label(): names.of[id(x)] for x in inputs if isinstance(x, Tensor) and x.primitive is not None
    }
    pattern = "|".join(rf"\b{re.escape(label)}\b" for label in labels)
    return re.sub(pattern, lambda match: labels[match[0]], message) if labels else message


def _with_gradients(nodes: list[Node], outputs: tuple[Tensor, ...], names: _Names) -> list[Node]:
    """Note the gradient of each node and the contribution of each rule, without touching any ``.grad``."""
    for output in outputs:
        engine.require_connected(output)
    tensors = engine.upstream(outputs)
    seeds = [np.ones(output.shape, output.dtype) for output in outputs]
    gradients = {id(t): g for t, g in zip(tensors, engine.pull_back(outputs, seeds, tensors))}
    found = []
    for node in nodes:
        value = names.values[node.name]
        g = gradients.get(id(value))
        rules = node.rules if g is None else _contributions(node, value, g)
        found.append(replace(node, gradient=None if g is None else facts.statistics(g), rules=rules))
    return found


def _contributions(node: Node, tensor: Tensor, g: Any) -> tuple[Rule, ...]:
    """What each rule of the op sends on when the gradient `g` comes in."""
    if tensor.primitive is None:
        return ()
    arrays = facts.arrays_of(tensor)
    sent = []
    for rule, position in zip(node.rules, engine.differentiated(tensor)):
        contribution = tensor.primitive.rule(position)(g, tensor.data, *arrays, **tensor.attributes)  # type: ignore[misc]
        if contribution.shape != arrays[position].shape:
            contribution = engine.unbroadcast(contribution, arrays[position].shape)
        sent.append(replace(rule, contribution=facts.statistics(contribution)))
    return tuple(sent)


def _with_verdicts(nodes: list[Node], diagnosis: Any) -> list[Node]:
    """Note what `diagnose` said of each rule."""
    wrong = {(finding.op, finding.input) for finding in diagnosis.findings}
    found = []
    for node in nodes:
        verdict = diagnosis.verdicts.get(node.name)
        if verdict == "wrong":  # another of its rules, or the sum at a fan-out
            verdict = "correct"
        rules = tuple(
            replace(rule, verdict="wrong" if (node.name, rule.input) in wrong else verdict)
            for rule in node.rules
        )
        found.append(replace(node, rules=rules))
    return found
