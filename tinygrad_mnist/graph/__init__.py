"""Floor 4: the recorded graph as plain data, and pictures of it."""

from tinygrad_mnist.graph.graph import Graph, Node
from tinygrad_mnist.graph.render import GraphvizMissingError, draw, to_dot, to_text

__all__ = ["Graph", "GraphvizMissingError", "Node", "draw", "to_dot", "to_text"]
