"""Which node is drawn inside which module: the scopes of a graph as nested boxes."""

from __future__ import annotations

from dataclasses import dataclass, field

from tinygrad_mnist.graph.data import Graph


@dataclass
class Box:
    """A module: its title, the positions of the nodes directly inside, and the boxes inside."""

    title: str
    nodes: list[int] = field(default_factory=list)
    boxes: list[Box] = field(default_factory=list)


def boxes_of(graph: Graph) -> Box:
    """The outermost box, in the order of computation; a parameter stands with the first op that reads it."""
    root = Box("")
    known = {"": root}
    for position, home in enumerate(_homes(graph)):
        steps = home.split("/") if home else []
        for depth in range(1, len(steps) + 1):
            scope = "/".join(steps[:depth])
            if scope not in known:
                known[scope] = Box(steps[depth - 1])
                known["/".join(steps[: depth - 1])].boxes.append(known[scope])
        known[home].nodes.append(position)
    return root


def _homes(graph: Graph) -> list[str]:
    homes = {node.name: node.scope for node in graph.nodes}
    parameters = {node.name for node in graph.nodes if node.kind == "parameter"}
    for node in reversed(graph.nodes):
        homes.update((source, node.scope) for source in node.inputs if source in parameters)
    return list(homes.values())
