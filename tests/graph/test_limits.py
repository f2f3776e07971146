"""Limits at which a drawing changes: numbers of nodes, operations, ops in a module; and refusals."""

import numpy as np
import pytest

from tinygrad_mnist import Tensor, nn, ops, scope
from tinygrad_mnist.errors import ShapeError
from tinygrad_mnist.graph import Graph, draw, to_dot, to_html, to_mermaid, to_svg, to_text
from tinygrad_mnist.graph.data import GraphData, Statistics
from tinygrad_mnist.graph.equation import Operand
from tinygrad_mnist.graph.folding import MOST_NODES, readable
from tinygrad_mnist.graph.html import to_iframe


def chain(nodes):
    """Return a graph of a leaf and ops in two modules."""
    x = Tensor(1.0, requires_grad=True)
    for name, length in (("first", nodes // 2), ("second", nodes - 1 - nodes // 2)):
        with scope(name):
            for _ in range(length):
                x = x + 1.0
    return Graph(x)


@pytest.mark.parametrize("nodes", [2, MOST_NODES])
def test_a_graph_of_100_nodes_is_drawn_whole(nodes):
    graph = chain(nodes)
    assert MOST_NODES == 100
    assert len(graph.nodes) == nodes
    assert readable(graph) is graph


def test_a_graph_of_101_nodes_is_drawn_as_modules():
    with pytest.warns(UserWarning, match="101 nodes are too many to read: drawn as 2 "):
        assert len(readable(chain(101)).nodes) == 2


def test_a_graph_without_modules_or_repeats_is_drawn_in_stretches():
    y = Tensor(1.0, requires_grad=True, name="x")
    for op in np.random.default_rng(0).choice([ops.tanh, ops.sin, ops.cos, ops.exp, ops.erf], 400):
        y = op(y)
    with pytest.warns(UserWarning, match="too many to read"):
        nodes = readable(Graph(y)).nodes
    assert [node.name for node in nodes][:3] == ["ops 1 to 10", "ops 11 to 20", "ops 21 to 30"]
    assert len(nodes) == 40


@pytest.mark.parametrize(("length", "shown"), [(999, False), (1000, True)])
def test_operations_are_told_from_a_thousand_on(length, shown):
    graph = Graph(ops.sum(Tensor(np.ones(length), requires_grad=True)))
    assert graph.nodes[-1].flops == length
    assert ("flop" in to_dot(graph, detail="values").lower()) == shown
    assert "flop" not in to_dot(graph, detail="ops").lower()


@pytest.mark.parametrize(("count", "contents"), [(1, "1 op: add"), (2, "2 ops: 2 × add")])
def test_a_module_lists_its_ops(count, contents):
    x = Tensor(1.0, requires_grad=True)
    with scope("module"):
        y = x
        for _ in range(count):
            y = y + 1.0
    (module,) = (node for node in Graph(y * 2.0).collapsed().nodes if node.kind == "module")
    assert module.contents == contents


@pytest.mark.parametrize("renderer", [to_dot, to_html, to_iframe, to_mermaid, to_svg, to_text])
def test_settings_of_a_renderer_are_given_by_name(renderer):
    with pytest.raises(TypeError):
        renderer(chain(2), "ops")


def test_settings_of_a_drawing_are_given_by_name(tmp_path):
    with pytest.raises(TypeError):
        draw(Tensor(1.0, requires_grad=True) * 2.0, tmp_path / "graph.txt", "ops")


@pytest.mark.parametrize("renderer", [to_dot, to_svg])
def test_an_unknown_detail_is_refused(renderer):
    with pytest.raises(ValueError, match="detail is 'all': expected"):
        renderer(chain(2), detail="all")


def test_the_graph_of_an_error_has_the_failed_op_as_its_output():
    x = Tensor(np.ones((2, 3)), requires_grad=True)
    with pytest.raises(ShapeError) as caught:
        ops.exp(x) @ x
    graph = Graph(caught.value)
    assert graph.outputs == (graph.nodes[-1].name,)
    assert [node.kind for node in graph.nodes] == ["parameter", "op", "error"]


@pytest.mark.parametrize(
    ("outputs", "instead"),
    [
        ([np.ones(2)], "draw what ops returned"),
        ([ops.exp], "draw its result"),
        ([Tensor([1.0]), 3.0], "draw what ops returned"),
        ([ValueError("a"), ValueError("b")], "draw what ops returned"),
    ],
)
def test_a_graph_of_what_is_not_a_tensor_is_refused(outputs, instead):
    with pytest.raises(TypeError, match=f"output is .*: expected a Tensor, or an error of an op; {instead}"):
        Graph(*outputs)


def test_a_graph_of_nothing_is_empty():
    assert (Graph().nodes, Graph().outputs) == ((), ())


@pytest.mark.parametrize(
    ("operand", "is_small"),
    [
        (Operand("local", "3"), True),
        (Operand("local", "x", (2,)), False),
        (Operand("local", "x", (4,), Statistics.of(np.ones(4))), True),
        (Operand("local", "x", (5,), Statistics.of(np.ones(5))), False),
    ],
)
def test_an_equation_shows_at_most_four_numbers_of_an_operand(operand, is_small):
    assert operand.is_small == is_small
    assert operand.text(shapes=True) == (str(operand.shape) if operand.shape else "3")


def test_draw_without_a_path_gives_a_graph_for_a_notebook():
    x = Tensor(np.ones((2, 3)), requires_grad=True, name="x")
    shown = draw(nn.Sequential(nn.Linear(3, 4, rng=0, dtype=float), nn.ReLU())(x).sum(), backward=True)
    assert isinstance(shown, Graph)
    assert shown.has_gradients
    assert "<iframe" in shown._repr_html_()
    assert len(draw(shown, detail="modules").nodes) < len(shown.nodes)


def test_graph_is_made_of_tensors_or_of_nodes():
    graph = Graph(Tensor(2.0, requires_grad=True) * 3)
    again = Graph.of_data(GraphData(graph.nodes, graph.outputs))
    assert again == graph
    assert type(again.collapsed()) is Graph
    with pytest.raises(TypeError, match="draw what ops returned"):
        Graph(3)


@pytest.mark.filterwarnings("ignore:.*too many to read")
@pytest.mark.parametrize(
    "ops_of", [lambda rng: [ops.tanh] * 20_000, lambda rng: rng.choice([ops.tanh, ops.sin, ops.erf], 20_000)]
)
def test_twenty_thousand_ops_are_drawn_folded(ops_of):
    y = Tensor(1.0, requires_grad=True)
    for op in ops_of(np.random.default_rng(0)):
        y = op(y)
    assert len(readable(Graph(y)).nodes) <= MOST_NODES


def test_equal_numbers_of_different_kinds_have_formulas_of_their_own():
    x = Tensor([1.0, 2.0], requires_grad=True, name="x")
    formulas = [Graph(x * number).nodes[-1].rules[0].formula for number in (3, 3.0, True, 1)]
    assert formulas == ["g * 3", "g * 3.0", "g * True", "g * 1"]
