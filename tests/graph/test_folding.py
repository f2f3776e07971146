"""Folded graphs: names, order, the leaves that are stacked, and the sums that one node states."""

import re
from contextlib import ExitStack

import numpy as np
import pytest

from tinygrad_mnist import Tensor, nn, ops, scope
from tinygrad_mnist.errors import ShapeError
from tinygrad_mnist.graph import Graph, to_dot, to_mermaid
from tinygrad_mnist.graph.folding import MOST_NODES, folded
from tinygrad_mnist.graph.playback import playback_steps
from tinygrad_mnist.graph.style import THEMES


def leaf(array, name=None):
    return Tensor(np.asarray(array, float), requires_grad=True, name=name)


class Step(nn.Module):
    def forward(self, x, h):
        return ops.tanh(x * h)


@pytest.mark.parametrize("second", [ops.sin, ops.sum], ids=["equal shapes", "two shapes"])
def test_contributions_to_two_results_are_not_one_sum(second):
    x, z = leaf([1.0, 2.0]), leaf([0.3, 0.4])
    with scope("two"):
        results = ops.exp(x), second(x)
    for _ in range(3):
        with scope("step"):
            z = ops.tanh(results[0] * results[1] * z)
    graph = Graph(ops.sum(z), backward=True)
    sent = [edge.contribution.values for edge in graph.collapsed(1).edges if edge.source == "two"]
    gradients = [node.gradient.values for node in graph.nodes if node.scope == "two"]
    assert len(sent) == 2 * 3  # an arrow for each result that a step reads
    for which in (0, 1):
        np.testing.assert_allclose(sum(np.array(values) for values in sent[which::2]), gradients[which])
    (edge,) = (edge for edge in graph.collapsed(1, repeats=True).edges if edge.source == "two")
    assert edge.contribution is None


@pytest.mark.parametrize(
    ("inside", "name"),
    [((0, 1, 2, 3), "x[0…3]"), ((1, 2), "x[1…2]"), ((0, 2, 4), "x[0, 2, …, 4]"), ((0, 2), "x[0, 2]")],
)
def test_stacked_leaves_are_named_after_those_inside(inside, name):
    step, last = Step(), leaf(1.0, "h")
    given = [np.array([i, 1.0]) for i in range(5)]
    y = last
    with scope("inside"):
        for x in given:
            y = step(x, y)
    for i in sorted({0, 1, 2, 3, 4} - set(inside)):  # read outside too
        y = step(given[i], y)
    assert name in Graph(y).collapsed(1).by_name


def test_an_error_of_many_leaves_is_folded():
    with pytest.raises(ShapeError) as error:
        ops.concatenate([leaf(np.ones(2)) for _ in range(MOST_NODES)] + [leaf([[1.0]])])
    assert folded(Graph(error.value)).outputs == Graph(error.value).outputs


def test_leaves_that_many_ops_share_fold_into_one_node():
    weights, y = [leaf(1.0) for _ in range(150)], leaf(1.0)
    kinds = np.random.default_rng(0).choice([ops.multiply, ops.add, ops.maximum], 300)
    for i, op in enumerate(kinds):
        y = op(y, weights[i % 150])
    graph = folded(Graph(y, backward=True))
    assert len(graph.nodes) <= MOST_NODES
    leaves = graph.nodes[0]
    assert (leaves.kind, leaves.parameters) == ("parameter", 150)
    assert all(len(set(node.inputs)) == len(node.inputs) for node in graph.nodes)
    assert to_dot(graph)


def test_modules_inside_a_thousand_others_fold_at_once():
    y = leaf(1.0)
    with ExitStack() as stack:
        for i in range(800):
            stack.enter_context(scope(f"level {i}"))
            y = ops.tanh(y)
    assert len(folded(Graph(y)).nodes) <= 20


@pytest.mark.parametrize("title", ["a, part 2", "a (2)", "a (module)"])
def test_a_scope_named_like_another_node_stays_its_own(title):
    x = leaf(1.0, "a")
    with scope(title):
        y = ops.exp(x)
    for _ in range(2):
        with scope("a"):
            y = ops.sin(y)
            with scope("inner"):
                y = ops.cos(y)
            y = ops.tanh(y)
    for depth in (1, 2):
        graph = Graph(y).collapsed(depth)
        seen = set()
        for node in graph.nodes:
            assert set(node.inputs) <= seen
            seen.add(node.name)
        assert len(graph.nodes) == {1: 3, 2: 7}[depth]


def test_a_module_that_reads_a_stack_has_one_arrow_from_it():
    class Joined(nn.Module):
        def forward(self, *parts):
            return ops.concatenate(parts)

    graph = Graph(Joined()(leaf([1.0]), np.array([2.0]), np.array([3.0]))).collapsed(1)
    assert graph.by_name["Joined"].inputs == ("parts[1…2]",)


def test_an_unknown_sum_has_a_neutral_arrow():
    x = Tensor(np.ones((5, 5)), requires_grad=True, name="x")
    y = ops.tanh(x)
    with scope("block"):
        block = ops.sin(y) + ops.cos(y)
    graph = Graph(ops.sum(block) + ops.sum(y) * 1e-3, backward=True).collapsed(1)
    (rule,) = graph.by_name["block"].rules
    assert rule.contribution is None
    (k, p) = graph.positions["block"], 0
    (line,) = [line for line in to_dot(graph).splitlines() if f'id="gradedge-{k}-{p}"' in line]
    assert "penwidth=1.00" in line
    assert THEMES["light"].edge in line


def test_mermaid_goes_through_a_module_with_several_results():
    x = Tensor(np.ones(2), requires_grad=True, name="x")
    y = x * 2.0
    with scope("both"):
        first, second = ops.exp(y), ops.sin(y)
    graph = Graph(ops.sum(first * second), backward=True).collapsed(1)
    text, both = to_mermaid(graph), graph.positions["both"]
    assert f"g{both} -.->" in text
    assert re.search(rf"-\.->.* g{both}\n", text)


def test_a_formula_names_the_modules_of_its_picture():
    model = nn.Sequential(nn.Linear(2, 2, rng=0, dtype=float), nn.Sigmoid())
    with scope("twice"):
        first = ops.tanh(ops.exp(Tensor(np.ones((1, 2)), requires_grad=True)))
    graph = Graph(model(first) * first, backward=True).collapsed(2)
    formulas = [node.formula for node in graph.nodes if node.formula]
    assert formulas == [
        "linear(twice, 0.weight, 0.bias)", "sigmoid(Linear[0])", "Sigmoid[1] * twice",
    ]  # fmt: skip
    assert "Sigmoid[1] * twice = [[" in playback_steps(graph)[4].status
