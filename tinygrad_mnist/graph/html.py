"""The graph as one page with its playback.  It loads nothing, and a name in it cannot be markup."""

from __future__ import annotations

import json
from base64 import b64encode
from hashlib import sha256
from html import escape
from pathlib import Path
from string import Template
from typing import Any

from tinygrad_mnist.graph.build import graph_behind
from tinygrad_mnist.graph.data import GraphData
from tinygrad_mnist.graph.folding import folded
from tinygrad_mnist.graph.numbers import short_count
from tinygrad_mnist.graph.page_data import page_data

_PAGE = Path(__file__).with_name("page")
_SCRIPTS = (
    *("scene", "layout", "layers", "place"),  # what is where
    *("picture", "norms", "images", "panel"),  # what it looks like
    *("steps", "view", "boxes", "looking", "player"),  # what happens
)
_STYLES = ("page", "picture")
_IFRAME_HEIGHT = 640
MOST_NODES = 5_000  # of which each can be opened; more would be tens of megabytes


def to_html(graph: Any, *, title: str = "Computation graph", learning_rate: float | None = None) -> str:
    """Return a self-contained page: the picture with pan and zoom, facts of each node, and the playback.

    The page plays the forward pass op by op and then, if the graph has gradients, the backward pass, with
    the numbers in the formula of each rule.  It lays the graph out by itself; modules open and close in it,
    and at the start those are open that give at most 70 boxes.  A graph of more than 5,000 nodes is folded
    first, and the page says so.

    A content security policy makes the browser refuse everything
    except the page's own script and style, for any names in the graph.

    Parameters
    ----------
    graph
        A `Graph` (a forward pass, or forward and backward), or a Tensor for the graph behind it.
    title
        The heading.
    learning_rate
        If given, the playback ends with the update of gradient descent.
    """
    whole = graph_behind(graph)
    graph = whole if len(whole.nodes) <= MOST_NODES else folded(whole)
    script = "".join(_read(f"{name}.js") for name in _SCRIPTS) + "start();\n"
    style = "".join(_read(f"{name}.css") for name in _STYLES)
    policy = (
        f"default-src 'none'; script-src '{_digest(script)}'; style-src '{_digest(style)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    parts = {
        "policy": policy,
        "title": escape(title),
        "summary": escape(_summary(whole)),
        "folded": escape(_folded(whole, graph)),
        "buttons": "\n".join(_button(*button) for button in _BUTTONS),
        "data": _json(page_data(graph, learning_rate)),
        "style": style,
        "script": script,
    }
    return Template(_read("page.html")).substitute(parts)


def to_iframe(graph: Any, *, title: str = "Computation graph") -> str:
    """Return the page in an iframe for a notebook's output, where neither can disturb the other."""
    page = escape(to_html(graph, title=title))
    return (
        f'<iframe srcdoc="{page}" sandbox="allow-scripts" title="{escape(title)}" width="100%" '
        f'height="{_IFRAME_HEIGHT}" style="border: 0"></iframe>'
    )


def _read(name: str) -> str:
    return (_PAGE / name).read_text("utf-8")


def _folded(whole: GraphData, shown: GraphData) -> str:
    """A sentence on a graph that is too large to be in the page as it is."""
    if shown is whole:
        return ""
    return (
        f"{len(whole.nodes):,} nodes are shown as {len(shown.nodes)}: a page holds at most {MOST_NODES:,}. "
        "Draw a part of the graph to look inside."
    )


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
