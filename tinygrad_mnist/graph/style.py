"""The look of pictures, in one place: colours by theme, outlines by kind of node.

The kind of a node shows in its outline too (a parameter is drawn bold, an op round, a result doubly outlined,
a gradient dashed), so that pictures can be read in black and white.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from tinygrad_mnist.graph.data import GraphData, Node
from tinygrad_mnist.palette import BLUE, BURNT_ORANGE, DARK_PURPLE, DARK_VERMILION

FONT = "Helvetica,Arial,sans-serif"
FORMULA_FONT = "DejaVu Sans Mono,Menlo,Consolas,monospace"

ThemeName = Literal["light", "dark", "print"]
THEME_NAMES: tuple[ThemeName, ...] = get_args(ThemeName)

STYLES = {
    "data": {"style": "filled"},
    "parameter": {"style": "filled,bold"},
    "op": {"style": "filled,rounded"},
    "module": {"style": "filled,rounded,bold"},
    "output": {"style": "filled,rounded", "peripheries": "2"},
    "error": {"style": "filled,bold"},
    "wrong": {"style": "filled,bold"},
    "gradient": {"style": "filled,rounded,dashed"},
}


@dataclass(frozen=True)
class Theme:
    """Colours of a picture.

    Attributes
    ----------
    ground, ink, edge, faint
        Of the picture, its text, its arrows, and the outlines of modules.
    wrong
        Of what is wrong, or not a number.
    gradients
        The colour of the smallest gradient and of the largest.
    fills, outlines
        By the role of a node.
    gradient_ink
        Of the text in a gradient's box.
    """

    ground: str
    ink: str
    edge: str
    faint: str
    wrong: str
    gradients: tuple[str, str]
    fills: dict[str, str]
    outlines: dict[str, str]
    gradient_ink: str

    def node(self, role: str) -> dict[str, str]:
        """Return the attributes of a node in Graphviz's language."""
        fill, outline = self.fills.get(role, self.ground), self.outlines.get(role, self.ink)
        look = {"shape": "box", **STYLES[role], "fillcolor": fill, "color": outline}
        return look | ({"fontcolor": self.gradient_ink} if role == "gradient" else {})

    def gradient(self, place: float) -> str:
        """Return the colour of a gradient, from 0 for the smallest to 1 for the largest."""
        ends = [[int(colour[i : i + 2], 16) for i in (1, 3, 5)] for colour in self.gradients]
        return "#" + "".join(f"{round(low + (high - low) * place):02x}" for low, high in zip(*ends))


THEMES: dict[str, Theme] = {
    "light": Theme(
        ground="#ffffff",
        ink="#111111",
        edge="#555555",
        faint="#bbbbbb",
        wrong=DARK_VERMILION,
        gradients=("#d9b3cb", "#6b1b52"),
        fills={
            "data": "#eeeeee",
            "parameter": "#dcecf7",
            "module": "#f4f4ee",
            "output": "#fdebd0",
            "error": "#fbdcd0",
            "wrong": "#fbdcd0",
            "gradient": "#f6e9f1",
        },
        outlines={
            "data": "#777777",
            "parameter": BLUE,
            "op": "#333333",
            "module": "#333333",
            "output": BURNT_ORANGE,
            "error": DARK_VERMILION,
            "wrong": DARK_VERMILION,
            "gradient": DARK_PURPLE,
        },
        gradient_ink="#5c2249",
    ),
    "dark": Theme(
        ground="#15181b",
        ink="#e4e6e8",
        edge="#aab1b7",
        faint="#4d555c",
        wrong="#ff9a5c",
        gradients=("#5e3a50", "#f3b6db"),
        fills={
            "data": "#2c3238",
            "parameter": "#10324a",
            "op": "#23282d",
            "module": "#2b2d27",
            "output": "#402f0e",
            "error": "#4a2210",
            "wrong": "#4a2210",
            "gradient": "#38202f",
        },
        outlines={
            "data": "#8d959c",
            "parameter": "#6cb8ea",
            "op": "#c3c9ce",
            "module": "#c3c9ce",
            "output": "#e69f00",
            "error": "#ff9a5c",
            "wrong": "#ff9a5c",
            "gradient": "#cc79a7",
        },
        gradient_ink="#f0cfe3",
    ),
    "print": Theme(
        ground="#ffffff",
        ink="#000000",
        edge="#000000",
        faint="#888888",
        wrong="#000000",
        gradients=("#aaaaaa", "#000000"),
        fills={"data": "#eeeeee"},
        outlines={},
        gradient_ink="#000000",
    ),
}


def role(node: Node, graph: GraphData) -> str:
    """Return the name of a node's style: its kind, unless it is a result or its rule is wrong."""
    if node.verdict == "wrong":
        return "wrong"
    is_result = node.kind != "error" and node.name in graph.outputs and node.inputs
    return "output" if is_result else node.kind
