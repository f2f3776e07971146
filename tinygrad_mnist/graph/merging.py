"""Many nodes of a graph as one, which states only what holds for all of them together."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace

import numpy as np

from tinygrad_mnist.graph.data import GraphData, Kind, Node, Rule, Statistics


def merged(graph: GraphData, homes: dict[str, str], kinds: tuple[str, ...] = ("parameter",)) -> GraphData:
    """Return the graph with one node for all nodes of a home, and for the leaves that only this home reads.

    Parameters
    ----------
    homes
        The name of the node that stands for each op, by the op's name.
    kinds
        The kinds of leaves that are in the node of their only readers.
    """
    homes = homes | _leaves_inside(graph, homes, kinds)
    homes |= _stacked_leaves(graph, homes)
    names = {node.name: homes.get(node.name, node.name) for node in graph.nodes}
    groups: dict[str, list[Node]] = {
        home: [] for home in reversed(list(dict.fromkeys(reversed(names.values()))))
    }
    for node in graph.nodes:
        groups[names[node.name]].append(node)
    return GraphData(  # a module stands where its last op stood
        tuple(
            _renamed(group[0], names)
            if home == group[0].name
            else _Group(home, group, graph, names).node()
            if any(node.op for node in group)
            else _stack(home, group)
            for home, group in groups.items()
        ),
        tuple(dict.fromkeys(names[output] for output in graph.outputs)),
    )


def _leaves_inside(graph: GraphData, homes: dict[str, str], kinds: tuple[str, ...]) -> dict[str, str]:
    found = {}
    for node in graph.nodes:
        inside = {homes.get(reader) for reader in graph.readers[node.name]}
        if node.kind in kinds and len(inside) == 1 and None not in inside:
            found[node.name] = str(inside.pop())
    return found


def _stacked_leaves(graph: GraphData, homes: dict[str, str]) -> dict[str, str]:
    """One name, ``x[0…9]``, for the leaves of one argument that only one home reads."""
    stacks: dict[tuple[str, str], list[str]] = {}
    for node in graph.nodes:
        numbered = re.fullmatch(r"(.*)\[\d+\]", node.name)
        inside = {homes.get(reader) for reader in graph.readers[node.name]}
        if (
            numbered
            and node.kind == "data"
            and node.name not in homes
            and len(inside) == 1
            and None not in inside
        ):
            stacks.setdefault((numbered[1], str(inside.pop())), []).append(node.name)
    named = {
        f"{argument}[{_numbers([int(name[len(argument) + 1 : -1]) for name in names])}]": names
        for (argument, _), names in stacks.items()
        if len(names) > 1
    }
    return {name: stack for stack, names in named.items() if stack not in graph.by_name for name in names}


def _numbers(numbers: list[int]) -> str:
    """Numbers in words: ``0…9`` if none is missing between, else ``0, 2, …, 8``."""
    first, second, *_, last = [*numbers, numbers[-1]]
    if last - first + 1 == len(numbers):
        return f"{first}…{last}"
    return f"{first}, {second}, …, {last}" if len(numbers) > 2 else f"{first}, {last}"


def _renamed(node: Node, names: dict[str, str]) -> Node:
    """The node with its sources renamed to the modules they are in."""
    inputs = tuple(names.get(source, source) for source in node.inputs)
    rules = (replace(rule, source=names.get(rule.source, rule.source)) for rule in node.rules)
    titled = (rule if rule.formula else replace(rule, input=_title(rule.source)) for rule in rules)
    formula = node.formula
    for source in dict.fromkeys(node.inputs):
        if names.get(source, source) != source:
            title = _title(names[source]).replace("\\", r"\\")
            formula = re.sub(rf"(?<![\w.]){re.escape(source)}(?!\w)", title, formula)
    return replace(node, inputs=inputs, rules=tuple(titled), formula=formula)


def _title(name: str) -> str:
    return name.rpartition("/")[2]


def _stack(name: str, leaves: list[Node]) -> Node:
    """One node for several leaves: it states what they share."""
    shapes = {leaf.shape for leaf in leaves}
    shape = (len(leaves), *shapes.pop()) if len(shapes) == 1 else (len(leaves),)
    kind: Kind = "parameter" if all(leaf.kind == "parameter" for leaf in leaves) else "data"
    return Node(
        name, kind, None, shape, leaves[0].dtype, "", parameters=sum(leaf.parameters for leaf in leaves)
    )


class _Group:
    """Nodes that one node stands for.  It states only what holds for all of them together."""

    def __init__(self, home: str, nodes: list[Node], graph: GraphData, names: dict[str, str]) -> None:
        self.home, self.nodes, self.graph, self.names = home, nodes, graph, names
        self.ops = [node for node in nodes if node.op is not None]

    def node(self) -> Node:
        """Return the one node: inputs from outside, and value and gradient of its result."""
        results = self._results()
        result, is_alone = results[-1], len(results) == 1
        if len(self.ops) == 1 and not self._reads_a_stack():  # what the op states holds for the module
            same = _renamed(self._without_leaves_inside(result), self.names)
        else:
            same = replace(
                result,
                inputs=self._sources(),
                formula="",
                rules=self._rules(),
                input_names=(),
            )
        return Node(
            name=self.home,
            kind="module",
            op=_title(self.home),
            shape=result.shape if is_alone else (),
            dtype=result.dtype if is_alone else "",
            scope=self.home.rpartition("/")[0],
            inputs=same.inputs,
            formula=same.formula,
            rules=same.rules,
            value=result.value if is_alone else None,
            gradient=result.gradient if is_alone else None,
            parameters=sum(node.parameters for node in self.nodes),
            flops=sum(node.flops for node in self.nodes),
            bytes=sum(node.bytes for node in self.nodes),
            line=result.line,
            input_names=same.input_names,
            contents=self._contents(),
            results=tuple(node.name for node in results),
        )

    def _without_leaves_inside(self, op: Node) -> Node:
        read = [(source, name) for source, name in zip(op.inputs, op.input_names) if self._is_outside(source)]
        return replace(
            op,
            inputs=tuple(source for source, _ in read),
            input_names=tuple(name for _, name in read),
            rules=tuple(rule for rule in op.rules if self._is_outside(rule.source)),
        )

    def _reads_a_stack(self) -> bool:
        outside = {
            source for source in self.ops[0].inputs if source in self.names and self._is_outside(source)
        }
        return len({self.names[source] for source in outside}) < len(outside)

    def _is_outside(self, name: str) -> bool:
        return self.names.get(name) != self.home  # a number among the inputs is outside

    def _sources(self) -> tuple[str, ...]:
        """The sources outside: a module with several results once for each that is read, others once."""
        read = dict.fromkeys(
            self._way(source)
            for node in self.ops
            for source in node.inputs
            if source in self.names and self._is_outside(source)
        )
        return tuple(name for name, _ in read)

    def _way(self, source: str) -> tuple[str, str]:
        """The node that a source is in and, if that may have several results, the source."""
        return self.names[source], source if self.graph.by_name[source].op else ""

    def _results(self) -> list[Node]:
        """The ops that are outputs of the graph or read outside."""
        read = [
            node
            for node in self.ops
            if node.name in self.graph.outputs or any(map(self._is_outside, self.graph.readers[node.name]))
        ]
        return read or self.ops[-1:]

    def _contents(self) -> str:
        counted = Counter(str(node.op) for node in self.ops)
        several = [f"{number} × {op}" if number > 1 else op for op, number in counted.items()]
        return f"{len(self.ops)} op{'s' if len(self.ops) > 1 else ''}: {', '.join(several)}"

    def _rules(self) -> tuple[Rule, ...]:
        """One rule per source outside, without a formula: those of the ops inside are in other gradients."""
        leading: dict[tuple[str, str], list[Rule]] = {}
        for node in self.ops:
            for rule in node.rules:
                if self._is_outside(rule.source):
                    leading.setdefault(self._way(rule.source), []).append(rule)
        return tuple(
            Rule(_title(name), name, "", self._sent(rules), _worst(rules))
            for (name, _), rules in leading.items()
        )

    def _sent(self, rules: list[Rule]) -> Statistics | None:
        """The sum of what the rules sent; None if it is not known, or if they sent to several values."""
        sent = [rule.contribution for rule in rules]
        if len(sent) == 1:
            return sent[0]
        source = rules[0].source
        if len(self.graph.by_name[source].results) > 1 or any(rule.source != source for rule in rules):
            return None
        values = [s.values for s in sent if s is not None and s.values is not None]
        if len(values) == len(rules):
            return Statistics.of(np.sum(values, axis=0))
        here = not any(map(self._is_outside, self.graph.readers[source]))
        return self.graph.by_name[source].gradient if here and source not in self.graph.outputs else None


def _worst(rules: list[Rule]) -> str | None:
    verdicts = [rule.verdict for rule in rules]
    return next((verdict for verdict in ("wrong", "untested", "correct") if verdict in verdicts), None)
