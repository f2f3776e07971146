"""How nodes look, in one place.  Colours are from M. Okabe and K. Ito, Color universal design (2008).

What a node is shows in its outline too (a parameter is drawn bold, an op round, a result doubly outlined,
a gradient dashed), so that pictures read in black and white.
"""

from __future__ import annotations

from tinygrad_mnist.graph.data import Graph, Node

FONT = "Helvetica,Arial,sans-serif"

BLUE, ORANGE, VERMILION, GREEN, PURPLE = "#0072b2", "#b35c00", "#b83d00", "#00724f", "#8a3a72"

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
        "color": ORANGE,
    },
    "error": {"shape": "box", "style": "filled,bold", "fillcolor": "#fbdcd0", "color": VERMILION},
    "wrong": {"shape": "box", "style": "filled,bold", "fillcolor": "#fbdcd0", "color": VERMILION},
    "gradient": {
        "shape": "box",
        "style": "filled,rounded,dashed",
        "fillcolor": "#f6e9f1",
        "color": PURPLE,
        "fontcolor": "#5c2249",
    },
}


def role(node: Node, graph: Graph) -> str:
    """Which style a node has: its kind, unless it is a result or found wrong."""
    if node.verdict == "wrong":
        return "wrong"
    if node.kind == "error":
        return "error"
    return "output" if node.name in graph.outputs and node.inputs else node.kind
