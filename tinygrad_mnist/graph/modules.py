"""The modules of a graph as nested boxes of a picture."""

from __future__ import annotations

from dataclasses import dataclass, field

from tinygrad_mnist.graph.data import GraphData


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
