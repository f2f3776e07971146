"""The graph behind tensors, as users build and show it."""

from __future__ import annotations

from typing import Any

from tinygrad_mnist.errors import GraphvizMissingError
from tinygrad_mnist.graph.build import build
from tinygrad_mnist.graph.data import GraphData
from tinygrad_mnist.graph.folding import collapse, fold_repeats, readable
from tinygrad_mnist.graph.html import to_iframe
from tinygrad_mnist.graph.svg import to_svg
from tinygrad_mnist.graph.text import to_text


class Graph(GraphData):
    """The graph behind computed tensors.  Nodes stand in the order of computation, each after its inputs.

    A notebook shows it as the page with the playback.

    Parameters
    ----------
    outputs
        Tensors; or an error that an op raised, for the graph up to the op that failed.
    backward
        Also run a backward pass, and note gradients and contributions.  No ``.grad`` changes.  Outputs that
        are not scalars start from ones.
    diagnosis
        The result of `diagnose` for the same tensor: its verdicts are shown.
    images
        The images (n, height, width) that the outputs were computed from: a page then shows them, weights
        and gradients of their size, and the units of layers as pictures.
    labels
        Their labels (n,), for the titles.

    Attributes
    ----------
    nodes
        See `Node`.
    outputs
        The names of the nodes that the graph was made from.

    Raises
    ------
    TypeError
        If an output is not a Tensor.
    GradientError
        If an error was not raised by an op, or if `backward` is True and an output has no gradient.
    ShapeError
        If `images` are not images, or the number of `labels` differs.

    Notes
    -----
    Ops are numbered within the graph, so the same program gives the same names in every run.

    Examples
    --------
    >>> from tinygrad_mnist import Tensor
    >>> a, b = Tensor(2.0, requires_grad=True, name="a"), Tensor(3.0, requires_grad=True, name="b")
    >>> print(*(node.formula or node.name for node in Graph(a * b + a).nodes), sep=", ")
    a, b, a * b, multiply_1 + a
    """

    def __init__(
        self,
        *outputs: Any,
        backward: bool = False,
        diagnosis: Any = None,
        images: Any = None,
        labels: Any = None,
    ) -> None:
        data = build(*outputs, backward=backward, diagnosis=diagnosis, images=images, labels=labels)
        super().__init__(data.nodes, data.outputs)

    @classmethod
    def of_data(cls, data: GraphData) -> Graph:
        """Return nodes that are there already as a graph that a notebook shows."""
        graph = object.__new__(cls)
        GraphData.__init__(graph, data.nodes, data.outputs)
        return graph

    def collapsed(self, depth: int = 1, *, repeats: bool = False) -> Graph:
        """Return the graph with each call of a module at `depth` (1: the outermost) as one node.

        With `repeats`, calls that repeat in a row are one node: ``Cell × 10``.
        """
        collapsed = collapse(self, depth)
        return self.of_data(fold_repeats(collapsed) if repeats else collapsed)

    def __repr__(self) -> str:
        return to_text(self)

    def _repr_svg_(self) -> str | None:
        try:
            return to_svg(readable(self))
        except (GraphvizMissingError, ValueError):  # Graphviz is missing, or the graph is too large to draw
            return None

    def _repr_html_(self) -> str:
        return to_iframe(self)
