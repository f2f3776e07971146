"""The graph in Graphviz's language.  The same graph gives the same text.

Three things keep a large picture in order.  The edge into an op with parameters passes a point beside these,
in the box of the op's module, so that the path of the data runs straight down.  A leaf that more than three
ops read is drawn at its first reader, and named again at the others.  Edges are written before nodes, links
to gradients first: from this Graphviz takes that gradients are at the right, and inputs in their order.
"""

from __future__ import annotations

import gc
import itertools
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Literal, NamedTuple, get_args

from tinygrad_mnist.arguments import require_choice
from tinygrad_mnist.graph.build import graph_behind
from tinygrad_mnist.graph.data import GraphData, Node, Rule
from tinygrad_mnist.graph.labels import flow_text, gradient_lines, node_lines, rule_lines
from tinygrad_mnist.graph.modules import Box, boxes_of
from tinygrad_mnist.graph.norms import NormScale
from tinygrad_mnist.graph.style import FONT, FORMULA_FONT, STYLES, THEME_NAMES, THEMES, ThemeName, role

Detail = Literal["modules", "ops", "values"]
DETAILS: tuple[Detail, ...] = get_args(Detail)
_MOST_ARROWS = 3  # of a leaf; a fan of more hides everything else
_STRAIGHT, _LOOSE = 1000, 1  # Graphviz's weight of an edge; 128 is that of keeping a box narrow
_THINNEST, _THICKEST = 0.6, 4.5  # points
_POINT = 0.028  # inches: a gap of two points


def to_dot(graph: Any, *, detail: Detail = "ops", theme: ThemeName = "light") -> str:
    """Return a graph as DOT text: modules as nested boxes, the backward pass, if there is one, next to it.

    The larger the norm of its gradient, the wider and darker a backward edge.

    Parameters
    ----------
    graph
        A `Graph` (a forward pass, or forward and backward), or a Tensor for the graph behind it.
    detail
        "values" adds values, costs and the gradients along the edges; "ops" and "modules" (for which `draw`
        collapses the graph) leave them out.
    theme
        "light", "dark" or "print" (black on white).

    Raises
    ------
    ValueError
        If `detail` or `theme` are none of these.

    Notes
    -----
    Node number K of the graph has the SVG id ``node-K``, its input number P the edge ``edge-K-P``; the
    gradient of node K is ``grad-K``, the gradient along edge-K-P is ``gradedge-K-P``.

    Examples
    --------
    >>> from tinygrad_mnist import Tensor, graph
    >>> x = Tensor(2.0, requires_grad=True, name="x")
    >>> graph.to_dot(x * x).splitlines()[0]
    'digraph {'
    """
    require_choice("detail", detail, DETAILS)
    require_choice("theme", theme, THEME_NAMES)
    with _without_collections():
        return _Drawing(graph_behind(graph), detail, theme).text()


@contextmanager
def _without_collections() -> Iterator[None]:
    """Run a block without garbage collections, which would go through the whole graph and find nothing."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _quoted(lines: Iterable[str], end: str = "\\n") -> str:
    """A DOT string with backslashes, quotes and line breaks escaped, so that a name cannot be code."""
    plain = [
        line.replace("\\", "\\\\")
        .replace('"', '\\"')
        .replace("\r", " ")
        .replace("&", "&amp;")
        .replace("\n", "\\n")
        for line in lines
    ]
    return '"' + end.join(plain) + '"'


def _attributes(attributes: dict[str, str]) -> str:
    return " ".join(f'{key}="{value}"' for key, value in attributes.items())


class _Drawing:
    """One picture: its graph, its look, and the scale of its gradients."""

    def __init__(self, graph: GraphData, detail: Detail, theme: str) -> None:
        self.graph, self.values, self.theme = graph, detail == "values", THEMES[theme]
        self.scale = NormScale(graph)
        self.sent_back = {node.name for node in graph.nodes if node.is_sent_back}
        self.inputs = _inputs(graph, self.sent_back)
        self.looks = {style: self.theme.node(style) for style in STYLES}
        self.look_texts = {style: _attributes(look) for style, look in self.looks.items()}

    def text(self) -> str:
        """Return the picture in Graphviz's language."""
        look = self.theme
        lines = [
            "digraph {",
            f'  graph [rankdir=TB, newrank=true, ordering=in, fontname="{FONT}", nodesep=0.28, ranksep=0.34, '
            f'bgcolor="{look.ground}"]',
            f'  node [fontname="{FONT}", fontsize=11, fontcolor="{look.ink}", '
            'margin="0.13,0.06", height=0.3]',
            f'  edge [fontname="{FONT}", fontsize=9, color="{look.edge}", fontcolor="{look.edge}", '
            "arrowsize=0.7]",
            *self._links(),
            *self._forward_edges(),
            *self._backward_edges(),
            *self._box(boxes_of(self.graph), "  ", itertools.count()),
        ]
        return "\n".join([*lines, *(self._legend() if self.graph.has_gradients else ()), "}", ""])

    # Nodes

    def _box(self, box: Box, indent: str, numbers: Iterator[int]) -> Iterator[str]:
        """The nodes of a module, and the boxes of the modules inside it."""
        for position in box.nodes:
            yield from (indent + line for line in self._node(position))
        for inner in box.boxes:
            yield f"{indent}subgraph cluster_{next(numbers)} {{"
            # No edge leaves a result downwards, so a title below it crosses no edge.
            ends = any(self.graph.nodes[position].name in self.graph.outputs for position in inner.nodes)
            justified = f"labeljust=r labelloc={'b' if ends else 't'}"
            yield f"{indent}  label={_quoted([inner.title])} {justified} fontsize=11 style=rounded"
            yield f'{indent}  color="{self.theme.faint}" fontcolor="{self.theme.edge}"'
            yield from self._box(inner, indent + "  ", numbers)
            yield f"{indent}}}"

    def _node(self, position: int) -> Iterator[str]:
        node = self.graph.nodes[position]
        label = _quoted(node_lines(node, values=self.values))
        look = self.look_texts[role(node, self.graph)]
        yield f'n{position} [id="node-{position}" label={label} {look}]'
        if node.name in self.sent_back:
            yield self._gradient(position, node)
            if node.inputs:  # next to its op; Graphviz places the gradient of a leaf well by itself
                yield f"{{rank=same; n{position}; g{position}}}"
        ways = self.inputs[position]
        if any(way.is_beside or way.is_named_again for way in ways):
            for way in ways:
                yield from self._beside(way)
            yield from self._in_order(position)

    def _gradient(self, position: int, node: Node) -> str:
        lines = [line for rule in node.rules for line in rule_lines(rule)]
        kept = [line.replace(" ", "\N{NO-BREAK SPACE}") for line in lines]  # columns stay columns
        label = _quoted(gradient_lines(node, self.scale.remark(node.gradient)))[:-1] + (
            "\\n" + _quoted([*kept, ""], "\\l")[1:] if kept else '"'
        )
        look = self.looks["gradient"] | {"fontname": FORMULA_FONT, "fontsize": "10"}
        if self.scale.is_broken(node.gradient):
            look |= {"color": self.theme.wrong, "fontcolor": self.theme.wrong, "style": "filled,rounded,bold"}
        return f'g{position} [id="grad-{position}" class="gradient" label={label} {_attributes(look)}]'

    def _beside(self, way: _Input) -> Iterator[str]:
        """The points on the ways of an op's inputs, and leaves that are named again."""
        if way.passes_a_point:  # Graphviz leaves a gap there, which the point fills
            yield f'p{way.place} [shape=point width={_POINT} color="{self.theme.edge}"]'
            if way.rule:
                colour, width, _ = self._stroke(way)
                yield f'q{way.place} [shape=point width={max(_POINT, width / 72):.3f} color="{colour}"]'
        if way.is_named_again:
            leaf = self.looks[way.source.kind] | {"style": "dashed"}
            yield f"n{way.start} [label={_quoted([way.source.title])} {_attributes(leaf)}]"
            if way.rule:
                gradient = self.looks["gradient"] | {"style": "rounded,dashed"}
                yield f"g{way.start} [label={_quoted([f'+ ∂ {way.source.title}'])} {_attributes(gradient)}]"

    def _in_order(self, position: int) -> Iterator[str]:
        """The data of an op, then its parameters, from left to right."""
        row = [
            f"p{way.place}" if way.passes_a_point else f"n{way.start}"
            for way in self.inputs[position]
            if way.passes_a_point or way.is_beside
        ]
        if len(row) > 1:
            yield f"{{rank=same; {'; '.join(row)}}}"
            yield f"{' -> '.join(row)} [style=invis]"

    # Edges

    def _links(self) -> Iterator[str]:
        """A line from each op to its gradient."""
        for position, node in enumerate(self.graph.nodes):
            if node.inputs and node.name in self.sent_back:
                look = f'style=dotted arrowhead=none color="{self.theme.faint}"'
                yield f'  n{position} -> g{position} [id="link-{position}" {look}]'

    def _forward_edges(self) -> Iterator[str]:
        for way in itertools.chain.from_iterable(self.inputs):
            weight, name = f"weight={_STRAIGHT if way.is_main else _LOOSE}", f"edge-{way.k}-{way.p}"
            if way.passes_a_point:
                half = "arrowhead=none headclip=false"
                yield f'  n{way.start} -> p{way.place} [id="{name}-in" {weight} {half}]'
                yield f'  p{way.place} -> n{way.k} [id="{name}" {weight} tailclip=false]'
            else:
                yield f'  n{way.start} -> n{way.k} [id="{name}" {weight}]'

    def _backward_edges(self) -> Iterator[str]:
        """Edges laid out like the forward ones, pointing the other way."""
        for way in itertools.chain.from_iterable(self.inputs):
            if way.rule is None:
                continue
            look = self._flow(way)
            label = f" label={_quoted(['  ' + flow_text(way.rule, self.graph)])}" if self.values else ""
            name = f'id="gradedge-{way.k}-{way.p}" class="gradedge"'
            if way.passes_a_point:
                yield f"  g{way.start} -> q{way.place} [{name} dir=back {look} headclip=false]"
                yield f'  q{way.place} -> g{way.k} [class="gradedge" dir=none {look}{label} tailclip=false]'
            else:
                yield f"  g{way.start} -> g{way.k} [{name} dir=back {look}{label}]"

    # Norms of gradients

    def _flow(self, way: _Input) -> str:
        """The attributes of a backward edge."""
        colour, width, style = self._stroke(way)
        ink = self.theme.gradient_ink
        return f'style={style} penwidth={width:.2f} color="{colour}" fontcolor="{ink}"'

    def _stroke(self, way: _Input) -> tuple[str, float, str]:
        """Colour, width in points and style of a backward edge."""
        sent = way.rule and way.rule.contribution
        if not sent:  # a sum that is not known
            return self.theme.edge, 1.0, "dashed"
        place = self.scale.place(sent.norm)
        if place is not None:
            return self.theme.gradient(place), _width(place), "dashed"
        if self.scale.is_broken(sent):
            return self.theme.wrong, 2.0, "bold"
        return self.theme.faint, 1.0, "dotted"

    def _legend(self) -> Iterator[str]:
        yield "  subgraph cluster_legend {"
        yield f'    label="norm of a gradient" fontsize=9 style=rounded color="{self.theme.faint}" '
        yield f'    fontcolor="{self.theme.edge}" margin=6'
        ticks = self.scale.ticks()
        for i, (_, text) in enumerate(ticks):
            yield f'    legend{i} [label="{text}" shape=plaintext fontsize=9 margin=0 width=0.3 height=0.1]'
        for i, (place, _) in enumerate(ticks[1:]):
            between = (place + ticks[i][0]) / 2
            look = f'style=dashed penwidth={_width(between):.2f} color="{self.theme.gradient(between)}"'
            yield f"    legend{i} -> legend{i + 1} [arrowhead=none {look}]"
        yield "    {rank=same; " + "; ".join(f"legend{i}" for i in range(len(ticks))) + "}"
        yield "  }"


class _Input(NamedTuple):
    """Input number `p` of node number `k`, and the way to it.

    Attributes
    ----------
    source
        The node that is read.
    start
        Its number, behind which a leaf that is named again has the reader's.
    rule
        The rule that sends a gradient back, if both ends of that edge are drawn.
    is_main
        True on the longest path to the op.
    is_named_again
        True for a leaf that many ops read and that is drawn at another one.
    is_beside
        True for a parameter that is drawn at this op.
    passes_a_point
        True if parameters are drawn at the op and this is none of them.
    """

    k: int
    p: int
    source: Node
    start: str
    rule: Rule | None
    is_main: bool
    is_named_again: bool
    is_beside: bool
    passes_a_point: bool

    @property
    def place(self) -> str:
        """The number of the point that it passes."""
        return f"{self.k}_{self.p}"


def _inputs(graph: GraphData, sent_back: set[str]) -> list[list[_Input]]:
    """The inputs of each node that are nodes; a number is none."""
    depths: dict[str, int] = {}
    found = []
    for k, node in enumerate(graph.nodes):
        read = [(p, source) for p, source in enumerate(node.inputs) if source in graph.by_name]
        longest = max((depths[source] for _, source in read), default=-1)
        depths[node.name] = longest + 1
        main = next((source for _, source in read if depths[source] == longest), None)
        rules = dict(zip(node.rule_positions, node.rules)) if node.name in sent_back else {}
        ways = []
        for p, source in read:
            leaf, rule = graph.by_name[source], rules.get(p)
            readers = graph.readers[source] if leaf.op is None else ()
            is_again = len(readers) > _MOST_ARROWS and readers[0] != node.name
            ways.append(
                _Input(
                    k,
                    p,
                    leaf,
                    f"{graph.positions[source]}r{k}" if is_again else str(graph.positions[source]),
                    rule if source in sent_back else None,
                    source == main and leaf.op is not None,
                    is_again,
                    leaf.kind == "parameter" and (is_again or readers[0] == node.name),
                    passes_a_point=False,
                )
            )
        if any(way.is_beside for way in ways):
            ways = [way._replace(passes_a_point=way.source.kind != "parameter") for way in ways]
        found.append(ways)
    return found


def _width(place: float) -> float:
    return _THINNEST + (_THICKEST - _THINNEST) * place
