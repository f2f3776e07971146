"""The graph in Graphviz's language.  The same graph gives the same text.

Three things keep a large picture in order.  The edge into an op with parameters passes a point beside these,
in the box of the op's module, so that the path of the data runs straight down.  A leaf that more than three
ops read is drawn at its first reader, and named again at the others.  Edges are written before nodes, links
to gradients first: from this Graphviz takes that gradients are at the right, and inputs in their order.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from typing import Any, Literal, get_args

from tinygrad_mnist.arguments import require_choice
from tinygrad_mnist.graph.build import graph_behind
from tinygrad_mnist.graph.data import GraphData, Node, Rule
from tinygrad_mnist.graph.labels import flow_text, gradient_lines, node_lines, rule_lines
from tinygrad_mnist.graph.modules import Box, boxes_of
from tinygrad_mnist.graph.norms import NormScale
from tinygrad_mnist.graph.style import FONT, FORMULA_FONT, THEME_NAMES, THEMES, ThemeName, role

Detail = Literal["modules", "ops", "values"]
DETAILS: tuple[Detail, ...] = get_args(Detail)
_MOST_ARROWS = 3  # of a leaf; a fan of more hides everything else
_STRAIGHT, _LOOSE = 1000, 1  # Graphviz's weight of an edge; 128 is that of keeping a box narrow
_THINNEST, _THICKEST = 0.6, 4.5  # points
_POINT = 0.028  # inches: a gap of two points


def to_dot(graph: Any, *, detail: Detail = "ops", theme: ThemeName = "light") -> str:
    """Return a graph as DOT text: modules as nested boxes, the backward pass, if there is one, next to it.

    A backward edge is the wider and the darker, the larger the norm of its gradient.

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
    """
    require_choice("detail", detail, DETAILS)
    require_choice("theme", theme, THEME_NAMES)
    return _Drawing(graph_behind(graph), detail, theme).text()


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
        self.depths = _depths(graph)

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
        look = _attributes(self.theme.node(role(node, self.graph)))
        yield f'n{position} [id="node-{position}" label={label} {look}]'
        if self._is_sent_back(node):
            yield self._gradient(position, node)
            if node.inputs:  # next to its op; Graphviz places the gradient of a leaf well by itself
                yield f"{{rank=same; n{position}; g{position}}}"
        for p, source in enumerate(node.inputs):
            if source in self.graph.positions:
                yield from self._beside(position, p, source)
        yield from self._in_order(position)

    def _gradient(self, position: int, node: Node) -> str:
        lines = [line for rule in node.rules for line in rule_lines(rule)]
        kept = [line.replace(" ", "\N{NO-BREAK SPACE}") for line in lines]  # columns stay columns
        label = _quoted(gradient_lines(node, self.scale.remark(node.gradient)))[:-1] + (
            "\\n" + _quoted([*kept, ""], "\\l")[1:] if kept else '"'
        )
        look = self.theme.node("gradient") | {"fontname": FORMULA_FONT, "fontsize": "10"}
        if self.scale.is_broken(node.gradient):
            look |= {"color": self.theme.wrong, "fontcolor": self.theme.wrong, "style": "filled,rounded,bold"}
        return f'g{position} [id="grad-{position}" class="gradient" label={label} {_attributes(look)}]'

    def _is_sent_back(self, node: Node) -> bool:
        """True if a gradient arrived; at a module with several results there is none to state."""
        return node.gradient is not None or any(rule.contribution is not None for rule in node.rules)

    def _beside(self, position: int, p: int, source: str) -> Iterator[str]:
        """The points on the ways of an op's inputs, and leaves that are named again."""
        start, back = self.graph.positions[source], self._rule(position, p)
        if self._passes_a_point(position, source):  # Graphviz leaves a gap there, which the point fills
            yield f'p{position}_{p} [shape=point width={_POINT} color="{self.theme.edge}"]'
            if back:
                colour, width, _ = self._stroke(back)
                yield f'q{position}_{p} [shape=point width={max(_POINT, width / 72):.3f} color="{colour}"]'
        if self._is_named_again(position, source):
            leaf = self.theme.node(self.graph.nodes[start].kind) | {"style": "dashed"}
            title = self.graph.nodes[start].title
            yield f"n{start}r{position} [label={_quoted([title])} {_attributes(leaf)}]"
            if back:
                gradient = self.theme.node("gradient") | {"style": "rounded,dashed"}
                yield f"g{start}r{position} [label={_quoted([f'+ ∂ {title}'])} {_attributes(gradient)}]"

    def _in_order(self, position: int) -> Iterator[str]:
        """The data of an op, then its parameters, from left to right."""
        row = [
            f"p{position}_{p}"
            if self._passes_a_point(position, source)
            else f"n{self._end(position, source)}"
            for p, source in enumerate(self.graph.nodes[position].inputs)
            if self._passes_a_point(position, source) or self._has_beside(position, source)
        ]
        if len(row) > 1:
            yield f"{{rank=same; {'; '.join(row)}}}"
            yield f"{' -> '.join(row)} [style=invis]"

    # Edges

    def _links(self) -> Iterator[str]:
        """A line from each op to its gradient."""
        for position, node in enumerate(self.graph.nodes):
            if node.inputs and self._is_sent_back(node):
                look = f'style=dotted arrowhead=none color="{self.theme.faint}"'
                yield f'  n{position} -> g{position} [id="link-{position}" {look}]'

    def _forward_edges(self) -> Iterator[str]:
        for k, p, source in self._inputs():
            weight = self._weight(k, source)
            start = f"n{self._end(k, source)}"
            if self._passes_a_point(k, source):
                yield f'  {start} -> p{k}_{p} [id="edge-{k}-{p}-in" {weight} arrowhead=none headclip=false]'
                yield f'  p{k}_{p} -> n{k} [id="edge-{k}-{p}" {weight} tailclip=false]'
            else:
                yield f'  {start} -> n{k} [id="edge-{k}-{p}" {weight}]'

    def _backward_edges(self) -> Iterator[str]:
        """Edges laid out like the forward ones, pointing the other way."""
        for k, p, source in self._inputs():
            rule = self._rule(k, p)
            if rule is None:
                continue
            start, look = f"g{self._end(k, source)}", self._flow(rule)
            label = f" label={_quoted(['  ' + flow_text(rule, self.graph)])}" if self.values else ""
            name = f'id="gradedge-{k}-{p}" class="gradedge"'
            if self._passes_a_point(k, source):
                yield f"  {start} -> q{k}_{p} [{name} dir=back {look} headclip=false]"
                yield f'  q{k}_{p} -> g{k} [class="gradedge" dir=none {look}{label} tailclip=false]'
            else:
                yield f"  {start} -> g{k} [{name} dir=back {look}{label}]"

    def _inputs(self) -> Iterator[tuple[int, int, str]]:
        """Position of a node, position of an input that is a node (a number is not), and its name."""
        for k, node in enumerate(self.graph.nodes):
            for p, source in enumerate(node.inputs):
                if source in self.graph.positions:
                    yield k, p, source

    def _rule(self, k: int, p: int) -> Rule | None:
        """The rule of an input, if both ends of its backward edge are drawn."""
        node = self.graph.nodes[k]
        rule = dict(zip(node.rule_positions, node.rules)).get(p)
        ends = rule and self._is_sent_back(node) and self._is_sent_back(self.graph.by_name[rule.source])
        return rule if ends else None

    def _end(self, k: int, source: str) -> str:
        start = self.graph.positions[source]
        return f"{start}r{k}" if self._is_named_again(k, source) else str(start)

    def _is_named_again(self, k: int, source: str) -> bool:
        readers = self.graph.readers[source]
        is_leaf = self.graph.by_name[source].op is None
        return is_leaf and len(readers) > _MOST_ARROWS and readers[0] != self.graph.nodes[k].name

    def _passes_a_point(self, k: int, source: str) -> bool:
        if source not in self.graph.by_name or self.graph.by_name[source].kind == "parameter":
            return False
        return any(self._has_beside(k, x) for x in self.graph.nodes[k].inputs)

    def _has_beside(self, k: int, source: str) -> bool:
        """True for a parameter that is drawn at this op."""
        node, reader = self.graph.by_name.get(source), self.graph.nodes[k].name
        if node is None or node.kind != "parameter":
            return False
        return self.graph.readers[source][0] == reader or self._is_named_again(k, source)

    def _weight(self, k: int, source: str) -> str:
        """Heavy on the longest path to an op, which is therefore straight."""
        inputs = [name for name in self.graph.nodes[k].inputs if name in self.depths]
        longest = max(inputs, key=self.depths.__getitem__)
        is_computed = self.graph.by_name[source].op is not None
        return f"weight={_STRAIGHT if source == longest and is_computed else _LOOSE}"

    # Norms of gradients

    def _flow(self, rule: Rule) -> str:
        """The attributes of a backward edge."""
        colour, width, style = self._stroke(rule)
        ink = self.theme.gradient_ink
        return f'style={style} penwidth={width:.2f} color="{colour}" fontcolor="{ink}"'

    def _stroke(self, rule: Rule) -> tuple[str, float, str]:
        """Colour, width in points and style of a backward edge."""
        sent = rule.contribution or self.graph.by_name[rule.source].gradient
        place = None if sent is None else self.scale.place(sent.norm)
        if place is not None:
            return self.theme.gradient(place), _width(place), "dashed"
        return (
            (self.theme.wrong, 2.0, "bold")
            if self.scale.is_broken(sent)
            else (self.theme.faint, 1.0, "dotted")
        )

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


def _width(place: float) -> float:
    return _THINNEST + (_THICKEST - _THINNEST) * place


def _depths(graph: GraphData) -> dict[str, int]:
    """The number of ops on the longest way to each node."""
    found: dict[str, int] = {}
    for node in graph.nodes:
        found[node.name] = 1 + max((found[source] for source in node.inputs if source in found), default=-1)
    return found
