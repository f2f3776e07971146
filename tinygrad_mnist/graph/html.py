"""The graph as one page to look into and to play: nothing is fetched, and no name can be more than a name."""

from __future__ import annotations

import json
from base64 import b64encode
from hashlib import sha256
from html import escape
from pathlib import Path
from string import Template
from typing import Any
from xml.etree import ElementTree

from tinygrad_mnist.graph.drawing import to_svg
from tinygrad_mnist.graph.equation import is_few, spread
from tinygrad_mnist.graph.numbers import short_count, shown
from tinygrad_mnist.graph.playback import frames
from tinygrad_mnist.graph.data import Graph, Node, Statistics
from tinygrad_mnist.graph.style import role

# All that Graphviz draws with, and nothing that acts: no script, no link, no style sheet.
ELEMENTS = frozenset({"svg", "g", "path", "polygon", "polyline", "ellipse", "circle", "rect", "line", "text"})
ATTRIBUTES = frozenset(
    {
        *("id", "class", "transform", "viewBox", "width", "height", "points", "d", "text-anchor"),
        *("x", "y", "x1", "x2", "y1", "y2", "cx", "cy", "r", "rx", "ry"),
        *("fill", "fill-opacity", "stroke", "stroke-width", "stroke-dasharray", "stroke-opacity", "opacity"),
        *("font-family", "font-size", "font-weight", "font-style", "text-decoration"),
    }
)
FRAME_HEIGHT = 640


def to_html(graph: Any, *, title: str = "Computation graph") -> str:
    """A self-contained page: the picture with pan and zoom, the facts of each node, and the playback.

    The page plays the forward pass op by op, and then, if the graph has gradients, the backward pass, with
    the numbers in each rule's formula.  The browser itself refuses everything but the page's own script and
    style, whatever the names in the graph may contain.

    Parameters
    ----------
    graph
        A `Graph` (forward, or forward and backward), or a Tensor for the graph behind it.
    title
        The heading.

    Raises
    ------
    GraphvizMissingError
        When there is no Graphviz to lay out the picture.
    """
    graph = Graph.behind(graph)
    script, style = _read("view.js") + _read("player.js"), _read("player.css")
    policy = (
        f"default-src 'none'; script-src '{_digest(script)}'; style-src '{_digest(style)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    parts = {
        "policy": policy,
        "title": escape(title),
        "summary": escape(_summary(graph)),
        "svg": clean_svg(to_svg(graph, detail="values" if _is_small(graph) else "ops"), graph),
        "buttons": "\n".join(_button(*button) for button in _BUTTONS),
        "data": _json({"nodes": [_node_data(node) for node in graph.nodes], "frames": frames(graph)}),
        "style": style,
        "script": script,
    }
    return Template(_read("player.html")).substitute(parts)


def to_iframe(graph: Any, *, title: str = "Computation graph") -> str:
    """The page in a frame of its own, for a notebook's output: neither can disturb the other."""
    page = escape(to_html(graph, title=title))
    return (
        f'<iframe srcdoc="{page}" sandbox="allow-scripts" title="{escape(title)}" width="100%" '
        f'height="{FRAME_HEIGHT}" style="border: 0"></iframe>'
    )


def _read(name: str) -> str:
    return Path(__file__).with_name(name).read_text("utf-8")


def clean_svg(svg: str, graph: Graph) -> str:
    """Graphviz's picture, built anew from shapes and text alone, and each node marked with what it is.

    Groups of nodes can be focused and have a name; texts that state a number have the class ``number``.
    """
    root = _cleaned(ElementTree.fromstring(svg))
    root.set("role", "group")
    root.set("aria-label", "The computation graph; up and down go from node to node")
    for group in root.iter("g"):
        kind, _, number = group.get("id", "").partition("-")
        if kind in ("node", "grad") and number.isdigit() and int(number) < len(graph.nodes):
            _mark(group, kind, graph.nodes[int(number)], graph)
    return ElementTree.tostring(root, encoding="unicode")


def _cleaned(element: ElementTree.Element) -> ElementTree.Element:
    """A copy of the element with what is allowed; a link becomes a group, anything else is left out."""
    name = element.tag.rpartition("}")[2]
    allowed = {
        key: value for key, value in element.attrib.items() if key in ATTRIBUTES and "url(" not in value
    }
    copy = ElementTree.Element("g" if name == "a" else name, allowed)
    copy.text = element.text if name == "text" else None
    for child in element:
        tag = str(child.tag).rpartition("}")[2]
        if tag in ELEMENTS or tag == "a":
            copy.append(_cleaned(child))
    return copy


def _mark(group: ElementTree.Element, kind: str, node: Node, graph: Graph) -> None:
    """Say what a group is, to the style sheet and to a screen reader."""
    group.set("class", f"{kind} {role(node, graph) if kind == 'node' else 'gradient'}")
    for text in group.iter("text"):
        if (text.text or "").startswith("= "):
            text.set("class", "number")
    if kind == "node":
        group.set("tabindex", "-1")
        group.set("role", "button")
        group.set("aria-label", ", ".join(filter(None, [node.name, _kind(node), node.verdict or ""])))


def _is_small(graph: Graph) -> bool:
    """Whether all numbers fit into the picture."""
    numbers = [number for node in graph.nodes for number in (node.value, node.gradient)]
    return all(number is None or is_few(number) for number in numbers)


def _summary(graph: Graph) -> str:
    """What the page shows, in one line."""
    operations = sum(node.op is not None for node in graph.nodes)
    learned = sum(node.parameters for node in graph.nodes)
    work = sum(node.flops for node in graph.nodes)
    passes = "forward and backward" if graph.has_gradients else "forward"
    facts = [
        passes,
        f"{operations:,} op{'' if operations == 1 else 's'}",
        f"{learned:,} learned number{'' if learned == 1 else 's'}",
        short_count(work, "FLOP"),
    ]
    return " · ".join(fact.replace(" ", "\N{NO-BREAK SPACE}") for fact in facts)


def _node_data(node: Node) -> dict[str, Any]:
    return {
        "name": node.name,
        "kind": _kind(node),
        "op": node.op is not None,
        "verdict": node.verdict,
        "message": node.message,
        "facts": [[label, text] for label, text in _facts(node).items() if text],
        "value": _statistics(node.value),
        "gradient": _statistics(node.gradient),
        "rules": [[rule.source, rule.formula, rule.verdict or ""] for rule in node.rules],
    }


def _kind(node: Node) -> str:
    return {"op": f"op {node.op}", "module": f"module {node.op}", "error": f"failed op {node.op}"}.get(
        node.kind, node.kind
    )


def _facts(node: Node) -> dict[str, str]:
    shape = " × ".join(map(str, node.shape)) or "scalar"
    return {
        "shape": "" if node.kind == "error" else f"{shape}, {node.dtype}",
        "inside": node.scope,
        "formula": node.formula,
        "learned numbers": f"{node.parameters:,}" if node.parameters else "",
        "work": short_count(node.flops, "FLOP") if node.flops else "",
        "memory traffic": short_count(node.bytes, "B") if node.bytes else "",
        "recorded at": node.line,
    }


def _statistics(value: Statistics | None) -> str:
    if value is None:
        return ""
    return shown(value) if value.values is not None else spread(value)


def _json(data: Any) -> str:
    """JSON that cannot end the element it stands in."""
    text = json.dumps(data, ensure_ascii=True, separators=(",", ":"))
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def _digest(text: str) -> str:
    """How a policy names the one inline text that it allows."""
    return "sha256-" + b64encode(sha256(text.encode()).digest()).decode()


def _button(name: str, key: str, *paths: str) -> str:
    shapes = "".join(f'<path class="{_STATES[i]}" d="{path}"/>' for i, path in enumerate(paths))
    return (
        f'<button type="button" id="{name.lower()}" aria-label="{name}" title="{name} ({key})">'
        f'<svg viewBox="0 0 16 16" aria-hidden="true">{shapes}</svg></button>'
    )


_STATES = ("paused", "running")
_BUTTONS = (
    ("First", "Home", "M2 2h2v12H2zM14 2v12L5 8z"),
    ("Back", "left arrow", "M12 2v12L3 8z"),
    ("Play", "space", "M4 2v12l9-6z", "M3 2h4v12H3zM9 2h4v12H9z"),
    ("Forward", "right arrow", "M4 2v12l9-6z"),
    ("Last", "End", "M2 2v12l9-6zM12 2h2v12h-2z"),
)
