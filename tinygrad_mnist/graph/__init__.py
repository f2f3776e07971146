"""The recorded graph as plain data, and pictures of it."""

from tinygrad_mnist.graph.data import Edge, Node, Rule, Statistics
from tinygrad_mnist.graph.dot import to_dot
from tinygrad_mnist.graph.drawing import draw
from tinygrad_mnist.graph.graph import Graph
from tinygrad_mnist.graph.html import to_html
from tinygrad_mnist.graph.mermaid import to_mermaid
from tinygrad_mnist.graph.svg import to_svg
from tinygrad_mnist.graph.text import to_text

__all__ = [
    "Edge",
    "Graph",
    "Node",
    "Rule",
    "Statistics",
    "draw",
    "to_dot",
    "to_html",
    "to_mermaid",
    "to_svg",
    "to_text",
]


def __dir__() -> list[str]:
    return __all__
