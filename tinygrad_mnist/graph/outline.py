"""The groups of a page: calls of modules, and stretches of what would be too many boxes side by side."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from tinygrad_mnist.graph.data import GraphData

MOST_CHILDREN = 70  # boxes that a reader takes in at once
STRETCH = 50
FEWEST_CALLS = 3  # of one module in a row that are a group


@dataclass
class Group:
    """Ops that are one box while it is closed.

    Attributes
    ----------
    title
        The module's call, as in ``Linear[0]``; calls in a row, ``Cell × 10``; or the stretch, "ops 1 to 50".
    children
        Positions of nodes, and groups, in the order of computation.  A parameter is in the innermost group
        that holds all of its readers.
    """

    title: str
    children: list[int | Group] = field(default_factory=list)

    def ops(self, graph: GraphData) -> Iterator[int]:
        """Yield the positions of all ops inside, in the order of computation."""
        for child in self.children:
            if isinstance(child, Group):
                yield from child.ops(graph)
            elif graph.nodes[child].op is not None:
                yield child


def outline(graph: GraphData) -> Group:
    """Return the outermost group of a graph.

    The ops of a module are one group for each uninterrupted stretch in the order of computation, so that no
    two groups depend on each other.  Calls of one module in a row are a group, and so is each stretch of 50
    among more than 70 children.
    """
    root = _groups_of_ops(graph)
    _fold_calls(root)
    _split(root)
    _place_leaves(root, graph)
    return root


def _groups_of_ops(graph: GraphData) -> Group:
    root = Group("")
    path: list[str] = []
    stack = [root]
    for position, node in enumerate(graph.nodes):
        if node.op is None:
            continue
        titles = node.scope.split("/") if node.scope else []
        same = 0
        while same < min(len(path), len(titles)) and path[same] == titles[same]:
            same += 1
        del stack[same + 1 :]
        for title in titles[same:]:
            inner = Group(title)
            stack[-1].children.append(inner)
            stack.append(inner)
        stack[-1].children.append(position)
        path = titles
    return root


def _fold_calls(group: Group) -> None:
    """Put calls of one module that follow each other into a group of their own, such as ``Cell × 10``."""
    folded: list[int | Group] = []
    for title, row in itertools.groupby(group.children, _called):
        calls = list(row)
        if title and len(group.children) > len(calls) >= FEWEST_CALLS:
            folded.append(Group(f"{title} × {len(calls)}", calls))
        else:
            folded += calls
    for child in group.children:
        if isinstance(child, Group):
            _fold_calls(child)
    group.children = folded


def _called(child: int | Group) -> str:
    """The title of a module without the number of its call; "" for an op."""
    return re.sub(r" \(\d+\)$", "", child.title) if isinstance(child, Group) else ""


def _split(group: Group) -> None:
    inner = [child for child in group.children if isinstance(child, Group)]
    for child in inner:
        _split(child)
    if len(group.children) <= MOST_CHILDREN:
        return
    kind = "parts" if inner else "ops"
    pieces: list[tuple[int, int, int | Group]] = [(i, i, child) for i, child in enumerate(group.children, 1)]
    while len(pieces) > MOST_CHILDREN:
        rows = [pieces[i : i + STRETCH] for i in range(0, len(pieces), STRETCH)]
        pieces = [(row[0][0], row[-1][1], _stretch(kind, row)) if len(row) > 1 else row[0] for row in rows]
    group.children = [piece for _, _, piece in pieces]


def _stretch(kind: str, row: list[tuple[int, int, int | Group]]) -> Group:
    return Group(f"{kind} {row[0][0]:,} to {row[-1][1]:,}", [piece for _, _, piece in row])


def _place_leaves(root: Group, graph: GraphData) -> None:
    """Put each leaf before its first reader in its group, its inputs in their order."""
    homes: dict[int, list[Group]] = {}

    def walk(group: Group, above: list[Group]) -> None:
        path = [*above, group]
        for child in group.children:
            if isinstance(child, Group):
                walk(child, path)
            else:
                homes[child] = path

    walk(root, [])
    placed: dict[int, list[int]] = {}
    for position, node in enumerate(graph.nodes):
        if node.op is None:
            readers = [graph.positions[name] for name in graph.readers[node.name]]
            paths = [homes[reader] for reader in readers] if node.kind == "parameter" else []
            home = _common(paths) or root
            placed.setdefault(id(home), []).append(position)
    _insert(root, placed)


def _common(paths: list[list[Group]]) -> Group | None:
    """The innermost group that all paths share."""
    found = None
    for level in zip(*paths):
        if any(group is not level[0] for group in level):
            break
        found = level[0]
    return found


def _insert(group: Group, placed: dict[int, list[int]]) -> None:
    for child in group.children:
        if isinstance(child, Group):
            _insert(child, placed)
    group.children = [*placed.get(id(group), []), *group.children]
