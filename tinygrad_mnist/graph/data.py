"""The recorded graph as plain data: all that any renderer reads."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np

from tinygrad_mnist.graph.images import Image

Kind = Literal["data", "parameter", "op", "module", "error"]
MOST_VALUES = 12  # entries that are kept in full


@dataclass(frozen=True)
class Statistics:
    """Summary statistics of an array.

    Attributes
    ----------
    mean, std, minimum, maximum, norm
        Over all entries, computed in float64; the norm is the square root of the sum of their squares.
    values
        The entries as nested lists (a number for a scalar), or None for more than 12.

    Examples
    --------
    >>> import numpy as np
    >>> from tinygrad_mnist.graph import Statistics
    >>> Statistics.of(np.array([3.0, 4.0]))
    Statistics(mean=3.5, std=0.5, minimum=3.0, maximum=4.0, norm=5.0, values=[3.0, 4.0])
    """

    mean: float
    std: float
    minimum: float
    maximum: float
    norm: float
    values: Any = None

    @classmethod
    def of(cls, array: Any) -> Statistics | None:
        """Return the statistics of an array, or None if it is empty or does not hold real numbers."""
        array = np.asarray(array)
        if not array.size or array.dtype.kind not in "biuf":
            return None
        wide = array.astype(np.float64)
        values = wide.tolist() if array.size <= MOST_VALUES else None
        return cls(
            float(wide.mean()), float(wide.std()), float(wide.min()), float(wide.max()), _norm(wide), values
        )


def _norm(array: Any) -> float:
    """The square root of the sum of squares, which themselves may be too large or too small for a float."""
    largest = float(np.abs(array).max())
    if not (np.isfinite(largest) and largest):
        return largest
    return largest * float(np.linalg.norm((array / largest).ravel()))


@dataclass(frozen=True)
class Right:
    """The right rule beside a wrong one, and what both of them send to the input for the same g.

    For a wrong sum in the backward pass `sent` and `expected` are the whole gradient of the input.

    Attributes
    ----------
    formula
        The right rule as text, like `Rule.formula`; "" if none is known.
    sent, expected
        The gradient that the wrong rule sends, and the right one.  `sent` is None for a rule that fails or
        returns another shape, `expected` if it is known at some entries only.
    entry
        Index of the entry at which they differ most; None if only the sums over all inputs differ (at a tie
        each share may be right alone), or if there is no number to show.
    sent_there, expected_there
        The numbers at that entry, or the sums.
    source
        The source of the right numbers: "the right rule", "the complex step" or "central differences".
    given
        The gradient g for which they hold, in words; "" for the one of the backward pass.
    """

    formula: str = ""
    sent: Statistics | None = None
    expected: Statistics | None = None
    entry: tuple[int, ...] | None = None
    sent_there: float | None = None
    expected_there: float | None = None
    source: str = ""
    given: str = ""


@dataclass(frozen=True)
class Rule:
    """The rule of one input of an op.

    Attributes
    ----------
    input
        The primitive's name for the input, as used in the formula; for a module of several ops the title of
        the source.
    source
        The name of the node at that input.
    formula
        The vector-Jacobian product as text, in g (the incoming gradient), y (the op's result) and the
        names of the inputs; "" for a module of several ops, whose gradients differ from the module's.
    contribution
        The gradient that the rule sent to the input; None before a backward pass.
    verdict
        The verdict of `diagnose` on the rule, or None.
    right
        The right rule, if this one is wrong.
    summed
        True if the input was broadcast, so that its gradient is summed over the broadcast axes.

    Examples
    --------
    >>> from tinygrad_mnist import Tensor
    >>> from tinygrad_mnist.graph import Graph
    >>> x, w = (Tensor(value, requires_grad=True, name=name) for value, name in ((3.0, "x"), (2.0, "w")))
    >>> for rule in Graph(x * w, backward=True).nodes[-1].rules:
    ...     print(f"to {rule.source} goes {rule.formula} = {rule.contribution.values}")
    to x goes g * b = 2.0
    to w goes g * a = 3.0
    """

    input: str
    source: str
    formula: str
    contribution: Statistics | None = None
    verdict: str | None = None
    right: Right | None = None
    summed: bool = False


@dataclass(frozen=True)
class Node:
    """A value in the graph, or a module that stands for the values inside it.

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
        Shape and dtype of the value.
    scope
        The modules it was computed in, outermost first, separated by slashes.
    inputs
        Names of the nodes that it was computed from; numbers as text.
    formula
        The forward computation as text: ``sigmoid(linear_1)``; "" for a module of several ops.
    rules
        One rule for each input that gets a gradient.
    value, gradient
        Statistics of the value, and of the gradient of the graph's outputs; None before a backward pass.
    parameters
        Number of learned entries.
    flops
        Additions and multiplications of the forward computation.
    bytes
        Bytes read and written by the forward computation.
    line
        The source line that recorded it: file, number, text.
    message
        The error message of the op that failed.
    input_names
        The primitive's names for the inputs.
    contents
        The ops inside a module: ``3 ops: linear, 2 × tanh``.
    images
        Its value and its gradient as pictures, where they are images.
    results
        The ops inside a module that are read outside.  If there are several, the module has neither a shape,
        nor a value, nor a gradient.

    Examples
    --------
    >>> from tinygrad_mnist import Tensor
    >>> from tinygrad_mnist.graph import Graph
    >>> x = Tensor(2.0, requires_grad=True, name="x")
    >>> graph = Graph(x * x)
    >>> [(node.name, node.formula) for node in graph.nodes]
    [('x', ''), ('multiply_1', 'x * x')]
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
    input_names: tuple[str, ...] = ()
    contents: str = ""
    results: tuple[str, ...] = ()
    images: tuple[Image, ...] = ()

    @property
    def title(self) -> str:
        """The name to show in a picture; of a module without those around it, whose boxes it is in."""
        return str(self.op) if self.kind == "module" else self.name

    @property
    def shape_text(self) -> str:
        """The shape as in ``10 × 784``, or "scalar"; of a module with several results their number."""
        if len(self.results) > 1:
            return f"{len(self.results)} results"
        return " × ".join(map(str, self.shape)) or "scalar"

    @property
    def rule_positions(self) -> tuple[int, ...]:
        """The position among the inputs that each rule belongs to; an op may read the same node twice."""
        positions: dict[str, list[int]] = {}
        for position in reversed(range(len(self.inputs))):
            positions.setdefault(self.inputs[position], []).append(position)
        found = []
        for rule in self.rules:
            free = positions.get(rule.source, [0])
            found.append(free.pop() if len(free) > 1 else free[0])
        return tuple(found)

    @property
    def is_sent_back(self) -> bool:
        """True if a gradient arrived; a module with several results has none to state, but sends some."""
        return self.gradient is not None or any(rule.contribution is not None for rule in self.rules)

    @property
    def verdict(self) -> str | None:
        """The worst verdict of `diagnose` on its rules, or None."""
        verdicts = [rule.verdict for rule in self.rules]
        return next((verdict for verdict in ("wrong", "untested", "correct") if verdict in verdicts), None)


@dataclass(frozen=True)
class Edge:
    """Input number `position` of node `target` is node `source`; `contribution` came back along it.

    Examples
    --------
    >>> from tinygrad_mnist import Tensor
    >>> from tinygrad_mnist.graph import Graph
    >>> x = Tensor(2.0, requires_grad=True, name="x")
    >>> graph = Graph(x * x)
    >>> [(edge.source, edge.target) for edge in graph.edges]
    [('x', 'multiply_1'), ('x', 'multiply_1')]
    """

    source: str
    target: str
    position: int
    contribution: Statistics | None


@dataclass(frozen=True)
class GraphData:
    """Nodes in the order of computation: every node stands after its inputs.

    Attributes
    ----------
    nodes
        See `Node`.
    outputs
        The names of the nodes that the graph was made from.
    """

    nodes: tuple[Node, ...]
    outputs: tuple[str, ...]

    @cached_property
    def by_name(self) -> dict[str, Node]:
        """The nodes by name."""
        return {node.name: node for node in self.nodes}

    @cached_property
    def positions(self) -> dict[str, int]:
        """The position of each node among the nodes, by name."""
        return {node.name: position for position, node in enumerate(self.nodes)}

    @cached_property
    def edges(self) -> tuple[Edge, ...]:
        """One edge for each input that is a node, in the order of computation."""
        return tuple(
            Edge(source, node.name, position, rules[position].contribution if position in rules else None)
            for node in self.nodes
            for rules in (dict(zip(node.rule_positions, node.rules)),)
            for position, source in enumerate(node.inputs)
            if source in self.by_name
        )

    @cached_property
    def readers(self) -> dict[str, tuple[str, ...]]:
        """The nodes that read each node, one entry for each input; more than one is a fan-out."""
        found: dict[str, list[str]] = {node.name: [] for node in self.nodes}
        for node in self.nodes:
            for source in node.inputs:
                if source in found:
                    found[source].append(node.name)
        return {name: tuple(targets) for name, targets in found.items()}

    @property
    def has_gradients(self) -> bool:
        """True after a backward pass."""
        return any(node.gradient is not None for node in self.nodes)

    def to_dict(self) -> dict[str, Any]:
        """Return plain data, ready for JSON."""
        return asdict(self)
