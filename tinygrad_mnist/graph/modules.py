"""A graph with modules drawn as single nodes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tinygrad_mnist.graph.numbers import statistics
from tinygrad_mnist.graph.data import Graph, Node, Rule


def collapse(graph: Graph, depth: int) -> tuple[tuple[Node, ...], tuple[str, ...]]:
    """Replace all ops inside the same module at `depth` by one node, parameters read only there included.

    A module used several times is one node for each stretch of its ops between others, as in the forward
    pass: otherwise two uses in a row would make a cycle.
    """
    homes = _homes(graph, depth)
    groups: dict[str, list[Node]] = {}
    for node in graph.nodes:
        name = homes.get(node.name, node.name)
        groups[name] = [*groups.pop(name, []), node]  # to the end: a module stands where its last op stood
    names = {node.name: home for home, nodes in groups.items() for node in nodes}
    nodes = (
        _renamed(group[0] if home == group[0].name else _merged(home, group, names), names)
        for home, group in groups.items()
    )
    return tuple(nodes), tuple(dict.fromkeys(names[output] for output in graph.outputs))


def _homes(graph: Graph, depth: int) -> dict[str, str]:
    """The name of the module node that stands for each op and for each parameter that only it reads."""
    homes: dict[str, str] = {}
    last: str | None = None
    stretch: dict[str, int] = {}
    for node in graph.nodes:
        if node.op is None or node.kind == "error":
            continue
        scope = "/".join(node.scope.split("/")[:depth]) if node.scope else ""
        if scope and scope != last:
            stretch[scope] = stretch.get(scope, 0) + 1
        last = scope
        if scope:
            number = stretch[scope]
            home = scope if number == 1 else f"{scope} ({number})"
            homes[node.name] = f"{home} (module)" if home in graph.by_name else home
    for node in graph.nodes:
        inside = {homes.get(reader) for reader in graph.readers[node.name]}
        if node.kind == "parameter" and len(inside) == 1 and None not in inside:
            homes[node.name] = str(inside.pop())
    return homes


def _merged(home: str, nodes: list[Node], names: dict[str, str]) -> Node:
    """One node for many: its value is that of the last op, its inputs come from outside."""
    last = next(node for node in reversed(nodes) if node.op is not None)
    outside = dict.fromkeys(
        source for node in nodes for source in node.inputs if names.get(source, home) != home
    )
    ops = [node for node in nodes if node.op is not None]
    return Node(
        name=home,
        kind="module",
        op=home.rpartition("/")[2],
        shape=last.shape,
        dtype=last.dtype,
        scope=home.rpartition("/")[0],
        inputs=tuple(outside),
        formula=f"{len(ops)} op{'s' if len(ops) > 1 else ''}: {', '.join(str(node.op) for node in ops)}",
        rules=_rules_to_outside(ops, home, names),
        value=last.value,
        gradient=last.gradient,
        parameters=sum(node.parameters for node in nodes),
        flops=sum(node.flops for node in nodes),
        bytes=sum(node.bytes for node in nodes),
        line=last.line,
    )


def _rules_to_outside(ops: list[Node], home: str, names: dict[str, str]) -> tuple[Rule, ...]:
    """One rule for each source outside; several that lead there are added up where their values are known."""
    leading: dict[str, list[Rule]] = {}
    for node in ops:
        for rule in node.rules:
            if names.get(rule.source) != home:
                leading.setdefault(rule.source, []).append(rule)
    return tuple(rules[0] if len(rules) == 1 else _sum_of(rules) for rules in leading.values())


def _sum_of(rules: list[Rule]) -> Rule:
    sent = [rule.contribution for rule in rules]
    values = [s.values for s in sent if s is not None and s.values is not None]
    total = statistics(np.sum(values, axis=0)) if len(values) == len(rules) else None
    return replace(rules[0], formula=f"the sum of {len(rules)} contributions", contribution=total)


def _renamed(node: Node, names: dict[str, str]) -> Node:
    """The node with its sources renamed to the modules they are in."""
    inputs = tuple(dict.fromkeys(names.get(source, source) for source in node.inputs))
    rules = tuple(replace(rule, source=names.get(rule.source, rule.source)) for rule in node.rules)
    return replace(node, inputs=inputs, rules=rules)
