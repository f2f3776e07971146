"""The graph as one page with its playback.  It loads nothing, and a name in it cannot be markup."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import Any

from tinygrad_mnist.graph.build import graph_behind
from tinygrad_mnist.graph.data import GraphData
from tinygrad_mnist.graph.folding import folded
from tinygrad_mnist.graph.numbers import short_count
from tinygrad_mnist.graph.page_data import page_data
from tinygrad_mnist.pages import document, iframe, json_for

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

    Examples
    --------
    >>> from tinygrad_mnist import Tensor, graph
    >>> x = Tensor(2.0, requires_grad=True, name="x")
    >>> graph.to_html(x * x).splitlines()[0]
    '<!DOCTYPE html>'
    """
    whole = graph_behind(graph)
    graph = whole if len(whole.nodes) <= MOST_NODES else folded(whole)
    parts = {
        "summary": escape(_summary(whole)),
        "folded": escape(_folded(whole, graph)),
        "buttons": "\n".join(_button(*button) for button in _BUTTONS),
        "data": json_for(page_data(graph, learning_rate)),
    }
    return document(_PAGE, title=title, styles=_STYLES, scripts=_SCRIPTS, start="start();\n", parts=parts)


def to_iframe(graph: Any, *, title: str = "Computation graph") -> str:
    """Return the page in an iframe for a notebook's output, where neither can disturb the other."""
    return iframe(to_html(graph, title=title), title=title, height=_IFRAME_HEIGHT)


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
