"""Floor 4: the recorded graph as plain data, and renderers of it."""

from tinygrad_mnist.graph.dot import to_dot
from tinygrad_mnist.graph.drawing import GraphvizMissingError, draw, to_svg
from tinygrad_mnist.graph.playback import frames
from tinygrad_mnist.graph.data import Edge, Graph, Node, Rule, Statistics
from tinygrad_mnist.graph.html import to_html, to_iframe
from tinygrad_mnist.graph.mermaid import to_mermaid
from tinygrad_mnist.graph.text import to_text

__all__ = [
    "Edge",
    "Graph",
    "GraphvizMissingError",
    "Node",
    "Rule",
    "Statistics",
    "draw",
    "frames",
    "to_dot",
    "to_html",
    "to_iframe",
    "to_mermaid",
    "to_svg",
    "to_text",
]
