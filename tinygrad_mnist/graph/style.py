"""The look of nodes, in one place.

The kind of a node shows in its outline too (a parameter is drawn bold, an op round, a result doubly outlined,
a gradient dashed), so that pictures can be read in black and white.
"""

from __future__ import annotations

from tinygrad_mnist.graph.data import GraphData, Node
from tinygrad_mnist.palette import BLUE, BURNT_ORANGE, DARK_PURPLE, DARK_VERMILION

FONT = "Helvetica,Arial,sans-serif"
BACKWARD = DARK_PURPLE

NODE_STYLES: dict[str, dict[str, str]] = {
    "data": {"shape": "box", "style": "filled", "fillcolor": "#eeeeee", "color": "#777777"},
    "parameter": {"shape": "box", "style": "filled,bold", "fillcolor": "#dcecf7", "color": BLUE},
    "op": {"shape": "box", "style": "filled,rounded", "fillcolor": "#ffffff", "color": "#333333"},
    "module": {"shape": "box", "style": "filled,rounded,bold", "fillcolor": "#f4f4ee", "color": "#333333"},
    "output": {
        "shape": "box",
        "style": "filled,rounded",
        "peripheries": "2",
        "fillcolor": "#fdebd0",
        "color": BURNT_ORANGE,
    },
    "error": {"shape": "box", "style": "filled,bold", "fillcolor": "#fbdcd0", "color": DARK_VERMILION},
    "wrong": {"shape": "box", "style": "filled,bold", "fillcolor": "#fbdcd0", "color": DARK_VERMILION},
    "gradient": {
        "shape": "box",
        "style": "filled,rounded,dashed",
        "fillcolor": "#f6e9f1",
        "color": BACKWARD,
        "fontcolor": "#5c2249",
    },
}


def role(node: Node, graph: GraphData) -> str:
    """Return the name of a node's style: its kind, unless it is a result or its rule is wrong."""
    if node.verdict == "wrong":
        return "wrong"
    is_result = node.kind != "error" and node.name in graph.outputs and node.inputs
    return "output" if is_result else node.kind
