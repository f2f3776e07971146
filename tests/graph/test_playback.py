"""The steps of the playback: their order, equations, sums and gradients."""

import re
from dataclasses import replace

import numpy as np
import pytest

from tests.graph.graphs import network_graph, scalar_graph
from tinygrad_mnist import Tensor, ops
from tinygrad_mnist.graph import Graph
from tinygrad_mnist.graph.data import GraphData
from tinygrad_mnist.graph.equation import plain
from tinygrad_mnist.graph.numbers import statistics_text
from tinygrad_mnist.graph.playback import playback_steps


def statuses(graph):
    return [step.status for step in playback_steps(graph)]


def lines(graph, phase="backward"):
    return [line for step in playback_steps(graph) if step.phase == phase for line in step.lines]


def last_gradients(graph):
    """The gradient at each node when all steps have been played."""
    found = {}
    for step in playback_steps(graph):
        found.update(step.gradients)
    return found


def test_forward_steps_go_in_order_and_backward_in_reverse():
    played = [(step.label, step.node) for step in playback_steps(scalar_graph())]
    assert played == [
        ("overview", None),
        ("forward 1 of 3", None), ("forward 2 of 3", 2), ("forward 3 of 3", 4),
        ("backward 1 of 3", 4), ("backward 2 of 3", 4), ("backward 3 of 3", 2),
    ]  # fmt: skip


def test_backward_step_shows_each_rule_with_its_numbers():
    assert statuses(scalar_graph())[-1] == (
        "backward 3 of 3: multiply_1 sends its gradient back, "
        "to a: g * b = 1 * -3 = -3, to b: g * a = 1 * 2 = 2"
    )


def test_graph_without_gradients_has_forward_steps_only():
    assert {step.phase for step in playback_steps(scalar_graph(backward=False))} == {"overview", "forward"}


def test_fan_out_shows_the_running_sum():
    x = Tensor(3.0, requires_grad=True, name="x")
    graph = Graph(x * 4.0 + x * 3.0, backward=True)
    sums = [line.sum for line in lines(graph) if line.sum]
    assert sums == ["3, 1 of 2 contributions", "3 + 4 = 7, 2 of 2 contributions"]
    partial = [step.gradients[0] for step in playback_steps(graph) if 0 in step.gradients]
    assert [(sum.text, sum.done) for sum in partial] == [("3", False), ("7", True)]


def test_input_used_twice_by_one_op_gets_both_contributions():
    x = Tensor(3.0, requires_grad=True, name="x")
    graph = Graph(x * x, backward=True)
    assert playback_steps(graph)[-1].flows == ("1-0", "1-1")
    assert [line.sum for line in lines(graph)][-1] == "3 + 3 = 6, 2 of 2 contributions"


def test_seed_of_an_output_that_is_read_counts_as_contribution():
    x = Tensor(3.0, requires_grad=True, name="x")
    y = x * 2.0
    graph = Graph(y * 5.0, y, backward=True)
    assert "1 + 5 = 6, 2 of 2 contributions" in [line.sum for line in lines(graph)]


def test_fan_out_of_large_values_sums_means():
    x = Tensor(np.arange(20.0), requires_grad=True, name="x")
    graph = Graph((x * 4.0 + x * 3.0).sum(), backward=True)
    assert [line.sum for line in lines(graph) if line.sum] == [
        "mean 3, 1 of 2 contributions", "mean 3 + 4 = 7, 2 of 2 contributions",
    ]  # fmt: skip


@pytest.mark.parametrize("graph", [scalar_graph(), network_graph(), network_graph().collapsed(2)])
def test_last_gradients_are_those_of_the_backward_pass(graph):
    shown = last_gradients(graph)
    expected = {k: node.gradient for k, node in enumerate(graph.nodes) if node.gradient is not None}
    assert shown.keys() == expected.keys()
    assert all(shown[k].done and shown[k].text == statistics_text(expected[k]) for k in expected)


def test_every_node_is_computed_once_and_after_its_inputs():
    graph = network_graph()
    order = [node for step in playback_steps(graph) for node in step.computed]
    assert sorted(order) == list(range(len(graph.nodes)))
    place = {graph.nodes[k].name: i for i, k in enumerate(order)}
    assert all(place[source] < place[node.name] for node in graph.nodes for source in node.inputs)


def test_large_arrays_are_shown_by_shapes_and_statistics():
    line = next(line for line in lines(network_graph()) if line.lead == "to 2.weight:")
    assert plain(line.parts) == "g.T @ x = (5, 3).T @ (5, 6) → (3, 6)"
    assert re.match(r"‖g‖ = [\d.]+, mean ", line.note)
    assert [row[:3] for row in line.operands] == [
        ["g", "incoming", "incoming gradient"], ["x", "local", "sigmoid_2"],
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("compute", "source", "sent"),
    [
        (lambda x: np.array([1.0, 2.0]) * x, (), "(g * a).sum(axis=0) = ([1, 1] * [1, 2]).sum(axis=0) → 3"),
        (lambda x: ops.broadcast_to(x, shape=(2,)), (), "g.sum(axis=0) = [1, 1].sum(axis=0) → 2"),
        (
            lambda x: ops.linear(np.ones((2, 1)), np.ones((1, 1)), x),
            (1,),
            "g.sum(axis=0) = [[1], [1]].sum(axis=0) → [2]",
        ),
        (
            lambda x: np.ones((2, 1, 1)) @ x,
            (1, 1),
            "(a.mT @ g).sum(axis=0) = ([[[1]], [[1]]].mT @ [[[1]], [[1]]]).sum(axis=0) → [[2]]",
        ),
    ],
    ids=["elementwise", "broadcast_to", "bias", "batch of products"],
)
def test_broadcast_input_says_that_it_is_summed(compute, source, sent):
    x = Tensor(np.full(source, 2.0), requires_grad=True, name="x")
    line = lines(Graph(compute(x).sum(), backward=True))[-1]
    assert line.note.startswith("summed over the broadcast axes")
    assert plain(line.parts) == sent


def test_input_that_is_not_broadcast_says_nothing_of_sums():
    found = lines(
        Graph(
            (Tensor(np.ones((2, 2)), requires_grad=True) @ np.ones((2, 2))).mean(axis=0).sum(), backward=True
        )
    )
    assert not any("summed" in line.note for line in found)


def test_module_shows_contributions_without_inner_rules():
    graph = network_graph().collapsed(2)
    assert not any("g *" in status or "logits" in status for status in statuses(graph))
    assert any("to Sequential/Sigmoid[1]:" in line.lead for line in lines(graph))


def test_failed_op_is_the_last_step_with_its_message():
    with pytest.raises(ValueError, match="differ") as caught:
        Tensor(np.ones((2, 3)), requires_grad=True, name="x") @ Tensor(
            np.ones((2, 3)), requires_grad=True, name="w"
        )
    last = playback_steps(Graph(caught.value))[-1]
    assert last.title == "matmul_1 failed"
    assert "differ" in last.lines[0].note


def test_verdict_is_on_the_line_of_its_rule():
    graph = scalar_graph()
    wrong = replace(
        graph.nodes[2], rules=(replace(graph.nodes[2].rules[0], verdict="wrong"), graph.nodes[2].rules[1])
    )
    changed = GraphData((*graph.nodes[:2], wrong, *graph.nodes[3:]), graph.outputs)
    assert [line.verdict for line in lines(changed)] == [None, None, None, "wrong", None]


@pytest.mark.parametrize(("factor", "shown"), [(3, "3"), (3.0, "3.0"), (-2, "-2"), (np.float32(0.5), "0.5")])
def test_number_in_a_rule_is_shown_as_it_was_given(factor, shown):
    x = Tensor(np.array([1.0, 2.0]), requires_grad=True, name="x")
    line = lines(Graph(ops.sum(x * factor), backward=True))[-1]
    product = f"[{factor:g}, {factor:g}]"
    assert plain(line.parts) == f"g * {shown} = [1, 1] * {shown} = {product}"
