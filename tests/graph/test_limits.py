"""Where a drawing changes: number of nodes, of operations, of ops in a module; and what is refused."""

import numpy as np
import pytest

from tinygrad_mnist import Tensor, nn, ops, scope
from tinygrad_mnist.errors import ShapeError
from tinygrad_mnist.graph import Graph, draw, to_dot, to_html, to_mermaid, to_svg, to_text
from tinygrad_mnist.graph.data import GraphData, Statistics
from tinygrad_mnist.graph.equation import Operand
from tinygrad_mnist.graph.html import to_iframe
from tinygrad_mnist.graph.modules import MOST_NODES, readable


def chain(nodes):
    """Return a graph of a leaf and ops in two modules."""
    x = Tensor(1.0, requires_grad=True)
    for i in range(nodes - 1):
        with scope("first" if i < nodes // 2 else "second"):
            x = x + 1.0
    return Graph(x)


@pytest.mark.parametrize("nodes", [2, MOST_NODES])
def test_a_graph_of_400_nodes_is_drawn_whole(nodes):
    graph = chain(nodes)
    assert MOST_NODES == 400
    assert len(graph.nodes) == nodes
    assert readable(graph) is graph


def test_a_graph_of_401_nodes_is_drawn_as_modules():
    with pytest.warns(UserWarning, match="401 nodes are too many to read: drawn as 2 modules"):
        assert len(readable(chain(401)).nodes) == 2


def test_a_graph_of_401_nodes_without_modules_is_refused():
    x = Tensor(1.0, requires_grad=True)
    for _ in range(400):
        x = x + 1.0
    with pytest.raises(ValueError, match="the graph has 401 nodes: expected at most 400, or modules"):
        readable(Graph(x))


@pytest.mark.parametrize(("length", "shown"), [(999, False), (1000, True)])
def test_operations_are_told_from_a_thousand_on(length, shown):
    graph = Graph(ops.sum(Tensor(np.ones(length), requires_grad=True)))
    assert graph.nodes[-1].flops == length
    assert ("flop" in to_dot(graph, detail="values").lower()) == shown
    assert "flop" not in to_dot(graph, detail="ops").lower()


@pytest.mark.parametrize(("count", "formula"), [(1, "1 op: add"), (2, "2 ops: add, add")])
def test_a_module_lists_its_ops(count, formula):
    x = Tensor(1.0, requires_grad=True)
    with scope("module"):
        y = x
        for _ in range(count):
            y = y + 1.0
    (module,) = (node for node in Graph(y * 2.0).collapsed().nodes if node.kind == "module")
    assert module.formula == formula


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
