"""The modules of a graph: as nested boxes in a picture, or collapsed to single nodes."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field, replace

import numpy as np

from tinygrad_mnist.arguments import require_whole
from tinygrad_mnist.autodiff.source_line import warning_level
from tinygrad_mnist.graph.data import GraphData, Node, Rule, Statistics

MOST_NODES = 400  # a larger picture cannot be read, and Graphviz needs minutes for it


@dataclass
class Box:
    """A module in a picture: its title, the positions of the nodes directly inside, and the boxes inside."""

    title: str
    nodes: list[int] = field(default_factory=list)
    boxes: list[Box] = field(default_factory=list)


def boxes_of(graph: GraphData) -> Box:
    """Return the outermost box of a graph, its nodes in the order of computation.

    A parameter is in the box of the first op that reads it.
    """
    scopes = {node.name: node.scope for node in graph.nodes}
    for node in graph.nodes:
        if node.kind == "parameter" and graph.readers[node.name]:
            scopes[node.name] = scopes[graph.readers[node.name][0]]
    root = Box("")
    known = {"": root}
    for position, scope in enumerate(scopes.values()):
        titles = scope.split("/") if scope else []
        for depth, title in enumerate(titles):
            outer, inner = "/".join(titles[:depth]), "/".join(titles[: depth + 1])
            if inner not in known:
                known[inner] = Box(title)
                known[outer].boxes.append(known[inner])
        known[scope].nodes.append(position)
    return root


def readable(graph: GraphData) -> GraphData:
    """Return the graph, or its finest collapse to modules that has at most 400 nodes.

    Raises
    ------
    ValueError
        If no collapse has so few nodes.
    """
    if len(graph.nodes) <= MOST_NODES:
        return graph
    deepest = max(node.scope.count("/") + 1 for node in graph.nodes)
    for depth in range(deepest, 0, -1):
        collapsed = collapse(graph, depth)
        if len(collapsed.nodes) <= MOST_NODES:
            warnings.warn(
                f"{len(graph.nodes):,} nodes are too many to read: drawn as {len(collapsed.nodes)} modules "
                "(whole=True draws all)",
                stacklevel=warning_level(),
            )
            return collapsed
    raise ValueError(
        f"the graph has {len(graph.nodes):,} nodes: expected at most {MOST_NODES}, or modules to collapse "
        "them to; write with scope(name): around its ops, or draw it with whole=True, or as .dot or .txt"
    )


def collapse(graph: GraphData, depth: int) -> GraphData:
    """Return the graph with one node for all ops inside the same module at `depth`.

    Parameters that only this module reads are in its node.  A module that is used several times is one node
    for each uninterrupted stretch of its ops: a single node would make a cycle.
    """
    require_whole("depth", depth)
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
    outputs = dict.fromkeys(names[output] for output in graph.outputs)
    return GraphData(tuple(nodes), tuple(outputs))


def _homes(graph: GraphData, depth: int) -> dict[str, str]:
    """The name of the module node that stands for each op, and for each parameter that only it reads."""
    homes: dict[str, str] = {}
    last: str | None = None
    stretch: dict[str, int] = {}
    for node in graph.nodes:
        if node.op is None or node.kind == "error":
            continue
        scope = "/".join(node.scope.split("/")[:depth])
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
    ops = [node for node in nodes if node.op is not None]
    last = ops[-1]
    outside = dict.fromkeys(
        source for node in nodes for source in node.inputs if names.get(source, home) != home
    )
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
    total = Statistics.of(np.sum(values, axis=0)) if len(values) == len(rules) else None
    return replace(rules[0], formula=f"the sum of {len(rules)} contributions", contribution=total)


def _renamed(node: Node, names: dict[str, str]) -> Node:
    """The node with its sources renamed to the modules they are in."""
    inputs = tuple(dict.fromkeys(names.get(source, source) for source in node.inputs))
    rules = tuple(replace(rule, source=names.get(rule.source, rule.source)) for rule in node.rules)
    return replace(node, inputs=inputs, rules=rules)
