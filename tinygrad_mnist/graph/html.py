"""The graph as one page with its playback.  It loads nothing, and a name in it cannot be markup."""

from __future__ import annotations

import json
from base64 import b64encode
from hashlib import sha256
from html import escape
from pathlib import Path
from string import Template
from typing import Any
from xml.etree import ElementTree

from tinygrad_mnist.graph.build import graph_behind
from tinygrad_mnist.graph.data import GraphData, Node, Statistics
from tinygrad_mnist.graph.numbers import is_few, short_count, spread_text, statistics_text
from tinygrad_mnist.graph.playback import playback_steps
from tinygrad_mnist.graph.style import role
from tinygrad_mnist.graph.svg import to_svg

# The elements that Graphviz draws with.  None of them acts: no script, no link, no style sheet.
_ELEMENTS = frozenset(
    {"svg", "g", "path", "polygon", "polyline", "ellipse", "circle", "rect", "line", "text"}
)
_ATTRIBUTES = frozenset(
    {
        *("id", "class", "transform", "viewBox", "width", "height", "points", "d", "text-anchor"),
        *("x", "y", "x1", "x2", "y1", "y2", "cx", "cy", "r", "rx", "ry"),
        *("fill", "fill-opacity", "stroke", "stroke-width", "stroke-dasharray", "stroke-opacity", "opacity"),
        *("font-family", "font-size", "font-weight", "font-style", "text-decoration"),
    }
)
_IFRAME_HEIGHT = 640


def to_html(graph: Any, *, title: str = "Computation graph") -> str:
    """Return a self-contained page: the picture with pan and zoom, facts of each node, and the playback.

    The page plays the forward pass op by op and then, if the graph has gradients, the backward pass, with
    the numbers in the formula of each rule.  A content security policy makes the browser refuse everything
    except the page's own script and style, for any names in the graph.

    Parameters
    ----------
    graph
        A `Graph` (a forward pass, or forward and backward), or a Tensor for the graph behind it.
    title
        The heading.

    Raises
    ------
    GraphvizMissingError
        If neither Graphviz nor its WebAssembly build is installed.
    """
    graph = graph_behind(graph)
    script, style = _read("view.js") + _read("player.js"), _read("player.css")
    policy = (
        f"default-src 'none'; script-src '{_digest(script)}'; style-src '{_digest(style)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    parts = {
        "policy": policy,
        "title": escape(title),
        "summary": escape(_summary(graph)),
        "svg": _clean_svg(to_svg(graph, detail="values" if _is_small(graph) else "ops"), graph),
        "buttons": "\n".join(_button(*button) for button in _BUTTONS),
        "data": _json(
            {
                "nodes": [_node_data(node) for node in graph.nodes],
                "steps": [step.to_dict() for step in playback_steps(graph)],
            }
        ),
        "style": style,
        "script": script,
    }
    return Template(_read("player.html")).substitute(parts)


def to_iframe(graph: Any, *, title: str = "Computation graph") -> str:
    """Return the page in an iframe for a notebook's output, where neither can disturb the other."""
    page = escape(to_html(graph, title=title))
    return (
        f'<iframe srcdoc="{page}" sandbox="allow-scripts" title="{escape(title)}" width="100%" '
        f'height="{_IFRAME_HEIGHT}" style="border: 0"></iframe>'
    )


def _read(name: str) -> str:
    return Path(__file__).with_name(name).read_text("utf-8")


def _clean_svg(svg: str, graph: GraphData) -> str:
    """Graphviz's picture, built anew from shapes and text alone, with a class for each kind of node.

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
    """A copy of the element with its allowed parts; a link becomes a group, anything else is left out."""
    name = element.tag.rpartition("}")[2]
    allowed = {
        key: value for key, value in element.attrib.items() if key in _ATTRIBUTES and "url(" not in value
    }
    copy = ElementTree.Element("g" if name == "a" else name, allowed)
    copy.text = element.text if name == "text" else None
    for child in element:
        tag = str(child.tag).rpartition("}")[2]
        if tag in _ELEMENTS or tag == "a":
            copy.append(_cleaned(child))
    return copy


def _mark(group: ElementTree.Element, kind: str, node: Node, graph: GraphData) -> None:
    """Give a group the class and the name of its node, for the style sheet and for screen readers."""
    group.set("class", f"{kind} {role(node, graph) if kind == 'node' else 'gradient'}")
    for text in group.iter("text"):
        if (text.text or "").startswith("= "):
            text.set("class", "number")
    if kind == "node":
        group.set("tabindex", "-1")
        group.set("role", "button")
        group.set("aria-label", ", ".join(filter(None, [node.name, _kind(node), node.verdict or ""])))


def _is_small(graph: GraphData) -> bool:
    """True if all numbers fit into the picture."""
    numbers = [number for node in graph.nodes for number in (node.value, node.gradient)]
    return all(number is None or is_few(number) for number in numbers)


def _summary(graph: GraphData) -> str:
    """The passes, and the numbers of ops, parameters and FLOPs, in one line."""
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
    return {
        "shape": "" if node.kind == "error" else f"{node.shape_text}, {node.dtype}",
        "inside": node.scope,
        "formula": node.formula,
        "inside it": node.contents,
        "learned numbers": f"{node.parameters:,}" if node.parameters else "",
        "work": short_count(node.flops, "FLOP") if node.flops else "",
        "memory traffic": short_count(node.bytes, "B") if node.bytes else "",
        "recorded at": node.line,
    }


def _statistics(value: Statistics | None) -> str:
    if value is None:
        return ""
    return statistics_text(value) if value.values is not None else spread_text(value)


def _json(data: Any) -> str:
    """JSON that cannot end the element it stands in."""
    text = json.dumps(data, ensure_ascii=True, separators=(",", ":"))
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def _digest(text: str) -> str:
    """The name under which a policy allows one inline text."""
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
