"""The groups of a page."""

import pytest

from tests.graph.graphs import scalar_graph
from tests.graph.networks import Cell, losses
from tinygrad_mnist import Tensor, nn, scope
from tinygrad_mnist.graph import Graph
from tinygrad_mnist.graph.outline import Group, outline


def titles(group):
    return [child.title for child in group.children if isinstance(child, Group)]


def positions(group):
    for child in group.children:
        yield from positions(child) if isinstance(child, Group) else [child]


def chain(count):
    x = Tensor(1.0, requires_grad=True, name="x")
    y = x
    for _ in range(count):
        y = y + 1.0
    return Graph(y)


@pytest.mark.parametrize("name", list(losses()))
def test_every_node_is_in_the_outline_once(name):
    graph = Graph(losses()[name])
    assert sorted(positions(outline(graph))) == list(range(len(graph.nodes)))


@pytest.mark.parametrize("name", list(losses()))
def test_no_two_groups_depend_on_each_other(name):
    """The ops of a group stand together in the order of computation."""
    graph = Graph(losses()[name])
    rank = {position: i for i, position in enumerate(outline(graph).ops(graph))}

    def check(group):
        inside = sorted(rank[position] for position in group.ops(graph))
        assert inside == list(range(inside[0], inside[-1] + 1))
        for child in group.children:
            if isinstance(child, Group):
                check(child)

    check(outline(graph))


def test_graph_without_modules_is_one_group():
    assert outline(scalar_graph()) == Group("", [0, 1, 3, 2, 4])


def test_module_that_is_left_and_entered_again_is_two_groups():
    x = Tensor(1.0, requires_grad=True, name="x")
    with scope("a"):
        y = x + 1.0
    y = y * 2.0
    with scope("a"):
        y = y + 1.0
    assert titles(outline(Graph(y))) == ["a", "a (2)"]


@pytest.mark.parametrize(
    ("count", "expected"),
    [
        (70, []),
        (71, ["ops 1 to 50", "ops 51 to 71"]),
        (150, ["ops 1 to 50", "ops 51 to 100", "ops 101 to 150"]),
        (101, ["ops 1 to 50", "ops 51 to 100"]),
        (4000, ["ops 1 to 2,500", "ops 2,501 to 4,000"]),
    ],
)
def test_many_ops_are_split_into_stretches(count, expected):
    assert titles(outline(chain(count))) == expected


def test_calls_in_a_row_are_a_group():
    cell, x = Cell(), Tensor([[1.0, 2.0, 3.0]], dtype="float32")
    h = Tensor([[0.0] * 4], dtype="float32")
    for _ in range(4):
        h = cell(x, h)
    (calls,) = (child for child in outline(Graph(h * 2.0)).children if isinstance(child, Group))
    assert calls.title == "Cell × 4"
    assert titles(calls) == ["Cell", "Cell (2)", "Cell (3)", "Cell (4)"]


def test_parameter_is_in_the_innermost_group_of_all_its_readers():
    layer = nn.Linear(2, 2, rng=0)
    graph = Graph(
        nn.Sequential(layer, nn.ReLU(), layer, nn.Linear(2, 2, rng=1))(Tensor([[1.0, 2.0]], dtype="f4"))
    )
    (sequential,) = (child for child in outline(graph).children if isinstance(child, Group))
    shared = [graph.nodes[child].name for child in sequential.children if not isinstance(child, Group)]
    assert shared == ["0.weight", "0.bias"]
    last = sequential.children[-1]
    assert [graph.nodes[child].name for child in last.children if graph.nodes[child].op is None] == [
        "3.weight", "3.bias",
    ]  # fmt: skip
