"""The recorded graph as plain data: all that any renderer reads."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from functools import cached_property
from html import escape
from typing import Any, Literal

import numpy as np

Kind = Literal["data", "parameter", "op", "module", "error"]


@dataclass(frozen=True)
class Statistics:
    """An array in a few numbers; in full, as nested lists, when it has at most twelve entries."""

    mean: float
    std: float
    minimum: float
    maximum: float
    values: Any = None


@dataclass(frozen=True)
class Rule:
    """The rule of one input of an op.

    Attributes
    ----------
    input
        The primitive's name for the input, as used in the formula.
    source
        The name of the node at that input.
    formula
        The vector-Jacobian product as text, in g (the gradient that comes in), y (the op's result) and the
        inputs' names.
    contribution
        What the rule sent to the input, summed over broadcast axes; None before a backward pass.
    verdict
        What `diagnose` said of it, or None.
    """

    input: str
    source: str
    formula: str
    contribution: Statistics | None = None
    verdict: str | None = None


@dataclass(frozen=True)
class Node:
    """A value in the graph, or a module that stands for those inside it.

    Attributes
    ----------
    name
        Unique in the graph: a tensor's own name, or kind and running number (``matmul_3``).
    kind
        "data" and "parameter" are leaves; "op" was computed; "module" stands for the ops of a module;
        "error" is the op that failed.
    op
        The primitive (or the module's class); None for a leaf.
    shape, dtype
        Of the value.
    scope
        The modules it was computed in, outermost first, separated by slashes.
    inputs
        What it was computed from: names of nodes, or numbers as text.
    formula
        The forward computation as text: ``sigmoid(linear_1)``.
    rules
        One for each input that gets a gradient.
    value, gradient
        Statistics; the gradient is that of the graph's outputs, None before a backward pass.
    parameters
        How many numbers are learned here.
    flops
        Additions and multiplications; an elementwise op counts one an element.
    bytes
        Read and written.
    line
        The source line that recorded it: file, number, text.
    message
        Of the error, for the op that failed.
    """

    name: str
    kind: Kind
    op: str | None
    shape: tuple[int, ...]
    dtype: str
    scope: str
    inputs: tuple[str, ...] = ()
    formula: str = ""
    rules: tuple[Rule, ...] = ()
    value: Statistics | None = None
    gradient: Statistics | None = None
    parameters: int = 0
    flops: int = 0
    bytes: int = 0
    line: str = ""
    message: str = ""

    @property
    def places(self) -> tuple[int, ...]:
        """The position among the inputs that each rule belongs to; an op may read the same node twice."""
        found: list[int] = []
        for rule in self.rules:
            same = [place for place, source in enumerate(self.inputs) if source == rule.source]
            found.append(next((place for place in same if place not in found), same[0] if same else 0))
        return tuple(found)

    @property
    def verdict(self) -> str | None:
        """The worst that `diagnose` said of its rules, or None."""
        said = [rule.verdict for rule in self.rules if rule.verdict]
        return next((verdict for verdict in ("wrong", "untested", "correct") if verdict in said), None)


@dataclass(frozen=True)
class Edge:
    """Input number `position` of node `target` is node `source`; and what came back along it."""

    source: str
    target: str
    position: int
    contribution: Statistics | None


@dataclass(frozen=True)
class Graph:
    """Nodes in the order of computation: every node stands after its inputs.

    Attributes
    ----------
    nodes
        See `Node`.
    outputs
        The names of what the graph was made from.
    """

    nodes: tuple[Node, ...]
    outputs: tuple[str, ...]

    @classmethod
    def of(cls, *outputs: Any, backward: bool = False, diagnosis: Any = None) -> Graph:
        """The graph behind computed tensors.

        Parameters
        ----------
        outputs
            Tensors; or an error that an op raised, for the graph up to the op that failed.
        backward
            Run a backward pass too (no ``.grad`` is touched), and note gradients and contributions.
            Outputs that are no scalars start from ones.
        diagnosis
            What `diagnose` returned for the same tensor, to be painted.

        Notes
        -----
        Numbers are counted within the graph, so the same program gives the same names in every run.

        Examples
        --------
        >>> from tinygrad_mnist import Tensor
        >>> a, b = Tensor(2.0, True, name="a"), Tensor(3.0, True, name="b")
        >>> print(*(node.formula or node.name for node in Graph.of(a * b + a).nodes), sep=", ")
        a, b, a * b, multiply_1 + a
        """
        from tinygrad_mnist.graph.build import build

        with np.errstate(all="ignore"):  # statistics of infinities, and rules run to be written down
            nodes, names = build(outputs, backward, diagnosis)
        return cls(nodes, names)

    @cached_property
    def by_name(self) -> dict[str, Node]:
        """The nodes by name."""
        return {node.name: node for node in self.nodes}

    @cached_property
    def positions(self) -> dict[str, int]:
        """Where each node stands among the nodes."""
        return {node.name: position for position, node in enumerate(self.nodes)}

    @cached_property
    def edges(self) -> tuple[Edge, ...]:
        """One for each input that is a node, in the order of computation."""
        return tuple(
            Edge(source, node.name, position, rules[position].contribution if position in rules else None)
            for node in self.nodes
            for rules in (dict(zip(node.places, node.rules)),)
            for position, source in enumerate(node.inputs)
            if source in self.by_name
        )

    @cached_property
    def readers(self) -> dict[str, tuple[str, ...]]:
        """Which nodes read a node, one entry for each input; more than one is a fan-out."""
        found: dict[str, list[str]] = {node.name: [] for node in self.nodes}
        for node in self.nodes:
            for source in node.inputs:
                if source in found:
                    found[source].append(node.name)
        return {name: tuple(targets) for name, targets in found.items()}

    @property
    def has_gradients(self) -> bool:
        """Whether a backward pass was run."""
        return any(node.gradient is not None for node in self.nodes)

    @classmethod
    def behind(cls, value: Any) -> Graph:
        """`value` itself if it is a graph, else the graph behind it, as `of` makes it."""
        return value if isinstance(value, Graph) else cls.of(value)

    def collapsed(self, depth: int = 1) -> Graph:
        """The graph with each module at `depth` (1: the outermost) drawn as one node."""
        from tinygrad_mnist.graph.modules import collapse

        nodes, names = collapse(self, depth)
        return replace(self, nodes=nodes, outputs=names)

    def to_dict(self) -> dict[str, Any]:
        """Plain data, ready for JSON."""
        return asdict(self)

    def _repr_svg_(self) -> str | None:
        from tinygrad_mnist.graph.drawing import svg_or_none

        return svg_or_none(self)

    def _repr_html_(self) -> str:
        from tinygrad_mnist.graph.drawing import GraphvizMissingError, readable
        from tinygrad_mnist.graph.html import to_iframe
        from tinygrad_mnist.graph.text import to_text

        try:
            return to_iframe(readable(self))
        except (GraphvizMissingError, ValueError):  # nothing to draw with, or too much to draw
            return f"<pre>{escape(to_text(self))}</pre>"
