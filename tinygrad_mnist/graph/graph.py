"""The recorded graph as plain data: what every renderer reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from tinygrad_mnist.autodiff.tensor import Tensor

Kind = Literal["data", "parameter", "op"]


@dataclass(frozen=True)
class Node:
    """A value in the graph.

    `name` is unique in the graph: a tensor's own name, or kind and running number.  `op` is the primitive
    that made it, None for a leaf; `scope` the modules it was made in, outermost first, separated by slashes.
    """

    name: str
    kind: Kind
    op: str | None
    shape: tuple[int, ...]
    dtype: str
    scope: str
    inputs: tuple[str, ...]


@dataclass(frozen=True)
class Graph:
    """Nodes in the order of computation: every node stands after its inputs; outputs are named."""

    nodes: tuple[Node, ...]
    outputs: tuple[str, ...]

    @classmethod
    def of(cls, *outputs: Tensor) -> Graph:
        """The graph behind computed tensors.  Numbers are counted within the graph, so names are stable.

        Examples
        --------
        >>> a, b = Tensor(2.0, True, name="a"), Tensor(3.0, True, name="b")
        >>> [node.name for node in Graph.of(a * b + a).nodes]
        ['a', 'b', 'multiply_1', 'add_2']
        """
        builder = _Builder()
        for value in _in_order(outputs):
            builder.add(value)
        return cls(tuple(builder.nodes), tuple(builder.names[id(output)] for output in outputs))


def _in_order(outputs: tuple[Any, ...]) -> list[Any]:
    """All tensors and arrays behind the outputs, each after its inputs."""
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
    for value in computed:  # a leaf stands right before its first use, wherever its serial puts it
        for leaf in value.inputs:
            if id(leaf) in found:
                ordered[id(leaf)] = leaf
        ordered[id(value)] = value
    return list({**ordered, **{id(output): output for output in outputs}}.values())


class _Builder:
    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self.names: dict[int, str] = {}
        self.taken: set[str] = set()
        self.count: dict[str, int] = {}

    def add(self, value: Any) -> None:
        op = value.primitive.name if getattr(value, "primitive", None) else None
        kind: Kind = "op" if op else "parameter" if getattr(value, "requires_grad", False) else "data"
        name = self.names[id(value)] = self._unique(getattr(value, "name", None), kind, op or kind)
        inputs = tuple(self.names.get(id(x)) or repr(x) for x in getattr(value, "inputs", ()))
        scope = getattr(value, "scope", "")
        self.nodes.append(Node(name, kind, op, value.shape, str(value.dtype), scope, inputs))

    def _unique(self, given: str | None, kind: Kind, base: str) -> str:
        """The given name, or base and number; a name that is taken gets a number too."""
        if given and given not in self.taken:
            name = given
        else:
            self.count[kind] = self.count.get(kind, 0) + 1
            name = f"{given or base}_{self.count[kind]}"
            if name in self.taken:
                return self._unique(given, kind, base)
        self.taken.add(name)
        return name
