"""Folded graphs: names, order, the leaves that are stacked, and the sums that one node states."""

from contextlib import ExitStack

import numpy as np
import pytest

from tinygrad_mnist import Tensor, nn, ops, scope
from tinygrad_mnist.errors import ShapeError
from tinygrad_mnist.graph import Graph, to_dot
from tinygrad_mnist.graph.folding import MOST_NODES, folded


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
