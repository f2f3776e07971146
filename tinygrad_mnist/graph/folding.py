"""Folded graphs: one node in place of many, by modules, by what repeats, or by stretches of ops."""

from __future__ import annotations

import itertools
import re
import warnings
from collections import Counter
from collections.abc import Callable, Iterator

from tinygrad_mnist.arguments import require_whole
from tinygrad_mnist.autodiff.source_line import warning_level
from tinygrad_mnist.graph.data import GraphData, Node
from tinygrad_mnist.graph.merging import merged

MOST_NODES = 100  # more cannot be taken in at a glance
_STRETCHES = 40
_DEEPEST, _MOST_FOLDED = 20, 10_000  # a picture of more, or of deeper modules, is not clearer
_LONGEST_PATTERN = 24
_MOST_TITLES = 4


def readable(graph: GraphData) -> GraphData:
    """Return the graph, or its finest folding that has at most 100 nodes.

    See `folded` for what is folded first.
    """
    if len(graph.nodes) <= MOST_NODES:
        return graph
    found = folded(graph)
    warnings.warn(
        f"{len(graph.nodes):,} nodes are too many to read: drawn as {len(found.nodes)} "
        "(depth=1 folds more, whole=True draws all)",
        stacklevel=warning_level(),
    )
    return found


def folded(graph: GraphData) -> GraphData:
    """Return the finest folding of a graph that has at most 100 nodes.

    Modules are folded first, the innermost before those around them; then calls that repeat; then, in a graph
    without modules, stretches of its ops.
    """
    return next(found for found in _foldings(graph) if found is not None)


def _foldings(graph: GraphData) -> Iterator[GraphData | None]:
    """Coarser and coarser foldings, None for those with too many nodes; the last always has few enough."""

    def few_enough(folded: GraphData) -> GraphData | None:
        return folded if len(folded.nodes) <= MOST_NODES else None

    def few_repeats(graph: GraphData) -> GraphData | None:
        homes = _repeats(graph)
        ops = {homes.get(node.name, node.name) for node in _computed(graph)}
        return few_enough(merged(graph, homes)) if len(ops) <= MOST_NODES else None

    deepest = max((_depth(node.scope) for node in graph.nodes), default=0)
    for depth in range(min(deepest, _DEEPEST), 0, -1):
        homes = _calls_at(graph, depth)
        if len({homes.get(node.name, node.name) for node in _computed(graph)}) > _MOST_FOLDED:
            continue
        collapsed = merged(graph, homes)
        yield few_enough(collapsed)
        yield few_repeats(collapsed)
    yield few_repeats(graph)
    yield _in_stretches(graph)


def _computed(graph: GraphData) -> list[Node]:
    return [node for node in graph.nodes if node.op is not None and node.kind != "error"]


def _depth(scope: str) -> int:
    return scope.count("/") + 1 if scope else 0


def collapse(graph: GraphData, depth: int) -> GraphData:
    """Return the graph with one node for all ops inside the same module call at `depth`.

    Parameters that only this call reads are in its node.  A call whose ops are interrupted, such as one whose
    gradients are ops of the graph too, is one node per stretch: a single node would make a cycle.
    """
    require_whole("depth", depth)
    return merged(graph, _calls_at(graph, depth))


def _calls_at(graph: GraphData, depth: int) -> dict[str, str]:
    """The name of the node that stands for each op of a module call at `depth`."""
    return _stretches(graph, lambda node: "/".join(node.scope.split("/", depth)[:depth]))


def fold_repeats(graph: GraphData) -> GraphData:
    """Return the graph with one node, such as ``Cell × 10``, for calls and ops that repeat in a row."""
    return merged(graph, _repeats(graph))


def _repeats(graph: GraphData) -> dict[str, str]:
    """The name of the node that stands for each op or call of a pattern that repeats."""
    computed = _computed(graph)
    kinds = [_without_numbers(node) for node in computed]
    homes: dict[str, str] = {}
    taken = Counter(graph.by_name.keys())
    start = 0
    while start < len(kinds):
        length, times = _best_repeat(kinds, start)
        if times > 1:
            repeated = computed[start : start + length * times]
            titles = [kind.rpartition("/")[2] for kind in kinds[start : start + length]]
            pattern = ", ".join(titles if length <= _MOST_TITLES else [*titles[:_MOST_TITLES], "…"])
            home = _free(f"{_common_scope(repeated)}{pattern} × {times}", taken)
            homes |= {node.name: home for node in repeated}
        start += length * times
    return homes


def _common_scope(nodes: list[Node]) -> str:
    """The scope around all of the nodes, with a slash behind it unless there is none."""
    levels = zip(*(node.scope.split("/") for node in nodes))
    shared = itertools.takewhile(lambda titles: len(set(titles)) == 1, levels)
    return "".join(f"{titles[0]}/" for titles in shared if titles[0])


def _without_numbers(node: Node) -> str:
    """The module or op at which a call's number in its own scope is left out, so that repeats are equal."""
    path = node.name if node.kind == "module" else f"{node.scope}/{node.op}"
    return re.sub(r" \(\d+\)(?=/|$)", "", path)


def _best_repeat(kinds: list[str], start: int) -> tuple[int, int]:
    """The length of the pattern at a position, and the times it comes in a row, which cover the most."""
    best = (1, 1)
    for length in range(1, min(_LONGEST_PATTERN, (len(kinds) - start) // 2) + 1):
        pattern, times = kinds[start : start + length], 1
        while kinds[start + times * length : start + (times + 1) * length] == pattern:
            times += 1
        if times > 1 and length * times > best[0] * best[1]:
            best = (length, times)
    return best


def _in_stretches(graph: GraphData) -> GraphData:
    """The graph as few nodes of equally many ops in a row, with the leaves that only these read.

    Leaves that several of them read are one node if they are many.
    """
    computed = _computed(graph)
    size = max(1, -(-len(computed) // _STRETCHES))
    homes: dict[str, str] = {}
    taken = Counter(graph.by_name.keys())
    for start in range(0, len(computed), size):
        stretch = computed[start : start + size]
        first, last = start + 1, start + len(stretch)
        home = _free(f"ops {first:,} to {last:,}" if last > first else f"op {first:,}", taken)
        homes |= {node.name: home for node in stretch}
    found = merged(graph, homes, kinds=("parameter", "data"))
    if len(found.nodes) <= MOST_NODES:
        return found
    leaves = [node for node in graph.nodes if node.op is None and node.name in found.by_name]
    others = [node for node in graph.nodes if node.op is not None or node.name not in found.by_name]
    home = _free(f"{len(leaves):,} leaves", taken)
    leaves_first = GraphData((*leaves, *others), graph.outputs)
    return merged(leaves_first, homes | {node.name: home for node in leaves}, kinds=("parameter", "data"))


def _stretches(graph: GraphData, scope_of: Callable[[Node], str]) -> dict[str, str]:
    """The name of the node that stands for each op: one per uninterrupted stretch of ops in a scope."""
    homes: dict[str, str] = {}
    last, home = "", ""
    stretch = Counter[str]()
    taken = Counter(graph.by_name.keys())
    for node in _computed(graph):
        scope = scope_of(node)
        if scope and scope != last:
            stretch[scope] += 1
            home = scope if stretch[scope] == 1 else f"{scope}, part {stretch[scope]}"
            home = _free(f"{home} (module)" if taken[home] else home, taken)
        last = scope
        if scope:
            homes[node.name] = home
    return homes


def _free(name: str, taken: Counter[str]) -> str:
    """The name, with a number behind it if it is taken; from now on it is."""
    free = name
    while taken[free]:
        taken[name] += 1
        free = f"{name} ({taken[name]})"
    taken[free] += 1
    return free
