"""The recorded graph as plain data."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.autodiff.expressions import programs
from tinygrad_mnist import Tensor, nn, ops, scope
from tinygrad_mnist.autodiff.primitive import REGISTRY
from tinygrad_mnist.checking.diagnose import diagnose
from tinygrad_mnist.errors import DTypeError, GradientError, ShapeError
from tinygrad_mnist.graph import Graph, to_dot, to_text


def step():
    rng = np.random.default_rng(0)
    model = nn.Sequential(nn.Linear(2, 3, rng=rng), nn.Tanh(), nn.Linear(3, 2, rng=rng))
    return nn.CrossEntropyLoss()(model(np.ones((4, 2), np.float32)), np.zeros(4, int))


def test_names_order_and_kinds_follow_the_computation():
    nodes = Graph(step()).nodes
    assert [node.name for node in nodes] == [
        "x", "0.weight", "0.bias", "linear_1", "tanh_2", "2.weight", "2.bias", "linear_3",
        "target", "softmax_cross_entropy_4", "mean_5",
    ]  # fmt: skip
    assert [node.kind for node in nodes[:4]] == ["data", "parameter", "parameter", "op"]
    assert nodes[3].inputs == ("x", "0.weight", "0.bias")
    assert (nodes[3].shape, nodes[3].dtype, nodes[3].scope) == ((4, 3), "float32", "Sequential/Linear[0]")


def test_names_do_not_depend_on_earlier_computations():
    first, second = Graph(step()), Graph(step())
    assert first == second


@given(st.lists(st.tuples(st.integers(0, 99), st.integers(0, 99)), min_size=1, max_size=30))
def test_every_node_is_listed_once_and_after_its_inputs(pairs):
    values = [Tensor(1.0, requires_grad=True, name="x"), Tensor(2.0, requires_grad=True, name="x")]
    for i, j in pairs:
        values.append(values[i % len(values)] * values[j % len(values)])
    graph = Graph(values[-1], values[0])
    seen = set()
    for node in graph.nodes:
        assert set(node.inputs) <= seen
        assert node.name not in seen
        seen.add(node.name)
    assert set(graph.outputs) <= seen


def test_shared_parameter_is_one_node():
    layer = nn.Linear(2, 2)
    graph = Graph(layer(layer(np.ones((1, 2), np.float32))))
    assert sum(node.kind == "parameter" for node in graph.nodes) == 2


def test_chain_of_ten_thousand_ops_has_a_graph():
    x = Tensor(1.0, requires_grad=True)
    for _ in range(10_000):
        x = x + 1.0
    assert len(Graph(x).nodes) == 10_001


def test_two_processes_write_the_same_bytes():
    code = "from tests.graph.test_graph import *; g = Graph(step()); print(to_dot(g), to_text(g))"
    texts = {
        subprocess.run(
            [sys.executable, "-c", code], env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)},
            capture_output=True, check=True,
        ).stdout
        for seed in ("1", "2")
    }  # fmt: skip
    assert len(texts) == 1
    graph = Graph(step())
    assert texts.pop().decode() == f"{to_dot(graph)} {to_text(graph)}\n"


def scalar_step():
    a, b, c = (Tensor(v, requires_grad=True, name=n) for v, n in ((2.0, "a"), (-3.0, "b"), (10.0, "c")))
    y = a * b + c
    return y * y + a, (a, b, c)


def test_gradients_and_contributions_are_those_of_backward():
    output, leaves = scalar_step()
    graph = Graph(output, backward=True)
    assert all(leaf.grad is None for leaf in leaves)
    output.backward()
    for leaf in leaves:
        assert graph.by_name[leaf.name].gradient.values == leaf.grad.tolist()
    arrived = [r.contribution.values for n in graph.nodes for r in n.rules if r.source == "a"]
    assert sorted(arrived) == [-24.0, 1.0]  # summed at the fan-out
    assert graph.readers["a"] == ("multiply_1", "add_4")


def test_backward_pass_of_a_graph_runs_each_rule_once(monkeypatch):
    calls = []

    def rule(g, y, x):
        calls.extend([g] if isinstance(g, np.ndarray) else [])  # not the symbols that its formula is made of
        return g * (1 - y * y)

    monkeypatch.setattr(REGISTRY["tanh"], "rules", (rule,))
    Graph(step(), backward=True)
    assert len(calls) == 1


def test_rules_of_an_op_of_many_inputs_share_one_forward(monkeypatch):
    calls = []
    parts = [Tensor(np.ones(i + 5), requires_grad=True) for i in range(20)]
    joined = ops.concatenate(parts)
    forward = REGISTRY["concatenate"].forward
    monkeypatch.setattr(
        REGISTRY["concatenate"], "forward", lambda *x, **s: calls.append(1) or forward(*x, **s)
    )
    assert len(Graph(joined).nodes[-1].rules) == 20
    assert len(calls) <= 1


def test_gradients_of_a_sigmoid_that_its_loss_passes_by_add_up():
    logits = Tensor([0.2, -1.0, 0.5], requires_grad=True, name="logits")
    probabilities = ops.sigmoid(logits)
    loss = nn.BCELoss()(probabilities, np.array([1.0, 0.0, 1.0]))
    graph = Graph(loss, probabilities, backward=True)
    sent = [r.contribution.values for n in graph.nodes for r in n.rules if r.source == "logits"]
    assert len(sent) == 2
    np.testing.assert_allclose(np.sum(sent, axis=0), graph.by_name["logits"].gradient.values)
    probabilities.retain_grad()
    (loss + ops.sum(probabilities)).backward()
    np.testing.assert_allclose(graph.by_name["sigmoid_1"].gradient.values, probabilities.grad)


@given(programs(most_ops=8))
def test_contributions_add_up_to_the_gradient_at_every_fan_out(program):
    tensors = [Tensor(a, requires_grad=True) for a in program.leaves()]
    graph = Graph(program(*tensors), backward=True)
    for node in graph.nodes:
        sent = [
            r.contribution for n in graph.nodes for r in n.rules if r.source == node.name and r.contribution
        ]
        if node.gradient and sent and node.name not in graph.outputs:
            assert sum(c.mean for c in sent) == pytest.approx(node.gradient.mean, abs=1e-9)


def test_title_of_an_op_is_its_name_in_the_graph():
    x = Tensor(2.0, requires_grad=True, name="x")
    product = x * 3.0
    named = product + 1.0
    named.name = "multiplied"
    nodes = Graph(named).by_name.values()
    assert [node.title for node in nodes] == ["x", "multiply_1", "multiplied"]


def test_node_has_formula_rules_costs_and_source_line():
    graph = Graph(step(), backward=True)
    linear = graph.by_name["linear_1"]
    assert linear.formula == "linear(x, 0.weight, 0.bias)"
    assert [(r.input, r.source, r.formula) for r in linear.rules] == [
        ("weight", "0.weight", "g.T @ x"),
        ("bias", "0.bias", "g.sum(axis=0)"),
    ]
    assert linear.flops == 2 * 4 * 3 * 2
    assert linear.bytes == 4 * (4 * 2 + 3 * 2 + 3 + 4 * 3)
    assert linear.line.startswith("test_graph.py:")
    assert graph.by_name["0.weight"].parameters == 6
    output, _ = scalar_step()
    assert "y = a * b + c" in Graph(output).by_name["multiply_1"].line


def test_edges_carry_the_contributions_along_them():
    output, _ = scalar_step()
    edges = Graph(output, backward=True).edges
    assert [(e.source, e.target, e.position) for e in edges][:2] == [
        ("a", "multiply_1", 0),
        ("b", "multiply_1", 1),
    ]
    assert [e.contribution.values for e in edges if e.source == "a"] == [-24.0, 1.0]


def test_untested_rule_has_the_verdict_untested():
    loss = ops.sum(ops.sqrt(Tensor([0.0, 1.0], requires_grad=True)))
    graph = Graph(loss, diagnosis=diagnose(loss))
    assert [node.verdict for node in graph.nodes if node.op] == ["untested", "correct"]


def test_collapsing_loses_no_contribution_and_no_node():
    a = Tensor(2.0, requires_grad=True, name="a")
    with scope("pre"):
        inner = ops.sin(a)
    with scope("res"):
        outer = ops.tanh(inner) * 2.0 + inner
    graph = Graph(outer * 1.5, backward=True).collapsed(1)
    (edge,) = [edge for edge in graph.edges if edge.source == "pre"]
    assert edge.contribution.values == pytest.approx(graph.by_name["pre"].gradient.values)
    with scope("net"):
        squared = ops.square(ops.sin(Tensor(3.0, requires_grad=True, name="net")))
    names = [node.name for node in Graph(squared * 1.5).collapsed(1).nodes]
    assert names == ["net (module)", "multiply_3"]


def test_values_are_kept_in_full_up_to_twelve():
    x = Tensor(np.arange(24.0).reshape(4, 6), requires_grad=True, name="x")
    graph = Graph(x.sum(axis=1))
    assert graph.by_name["sum_1"].value.values == [15.0, 51.0, 87.0, 123.0]
    many = graph.by_name["x"].value
    assert (many.values, many.mean, many.minimum, many.maximum) == (None, 11.5, 0.0, 23.0)


def test_modules_collapse_to_single_nodes_at_any_depth():
    graph = Graph(step(), backward=True)
    layers = graph.collapsed(2)
    assert [n.name for n in layers.nodes] == [
        "x", "Sequential/Linear[0]", "Sequential/Tanh[1]", "Sequential/Linear[2]", "target",
        "CrossEntropyLoss",
    ]  # fmt: skip
    assert [n.parameters for n in layers.nodes] == [0, 9, 0, 8, 0, 0]
    assert sum(n.flops for n in layers.nodes) == sum(n.flops for n in graph.nodes)
    assert [n.name for n in graph.collapsed(1).nodes] == [
        "x",
        "Sequential",
        "target",
        "CrossEntropyLoss",
    ]


@pytest.mark.parametrize("depth", [0, -1, 1.5, "1", True])
def test_collapsing_refuses_a_depth_that_is_not_a_whole_number(depth):
    with pytest.raises((TypeError, ValueError), match=r"depth is .*: expected a whole number >= 1"):
        Graph(step()).collapsed(depth)


def test_module_used_twice_makes_no_cycle():
    layer, other = nn.Linear(2, 2), nn.Tanh()
    graph = Graph(layer(other(layer(np.ones((1, 2), np.float32)))).sum()).collapsed(1)
    seen = set()
    for node in graph.nodes:
        assert set(node.inputs) <= seen | {name for name in node.inputs if name not in graph.by_name}
        seen.add(node.name)
    assert "Linear (2)" in seen


def test_graph_of_an_error_ends_at_the_op_that_failed():
    model = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(4, 2))
    with pytest.raises(ShapeError) as caught:
        model(np.ones((4, 2), np.float32))
    graph = Graph(caught.value)
    assert [n.op for n in graph.nodes if n.op] == ["linear", "tanh", "linear"]
    failed = graph.nodes[-1]
    assert (failed.kind, failed.scope) == ("error", "Sequential/Linear[2]")
    assert failed.inputs[0] == "tanh_2"
    assert "got inputs of shape (4, 3)" in failed.message
    with pytest.raises(ShapeError) as product:
        ops.tanh(Tensor(np.ones((4, 3)), requires_grad=True)) @ np.ones(4)
    assert "tanh_1 (4, 3) float64" in Graph(product.value).nodes[-1].message
    with pytest.raises(DTypeError) as mixed:
        model(np.ones((4, 2)))
    assert Graph(mixed.value).nodes[-1].kind == "error"
    with pytest.raises(GradientError, match="was not raised by an op"):
        Graph(ValueError("other"))


def test_verdicts_of_a_diagnosis_are_on_ops_and_rules(monkeypatch):
    monkeypatch.setattr(REGISTRY["tanh"], "rules", (lambda g, y, x: g * (1 - x * x),))
    loss = step()
    graph = Graph(loss, diagnosis=diagnose(loss))
    assert {n.op: n.verdict for n in graph.nodes if n.op} == {
        "linear": "correct", "tanh": "wrong", "softmax_cross_entropy": "correct", "mean": "correct",
    }  # fmt: skip
    assert graph.by_name["tanh_2"].rules[0].formula == "g * (1 - x * x)"


def test_rule_that_fails_on_symbols_says_so_in_the_graph(monkeypatch):
    monkeypatch.setattr(REGISTRY["tanh"], "rules", (lambda g, y, x: 1 / 0,))
    assert "fails" in Graph(step()).by_name["tanh_2"].rules[0].formula


def test_graph_as_dict_is_json():
    import json

    assert json.loads(json.dumps(Graph(step(), backward=True).to_dict()))["outputs"] == ["mean_5"]


def test_graph_of_ten_thousand_nodes_is_text_and_dot():
    x = Tensor(1.0, requires_grad=True)
    for _ in range(10_000):
        x = ops.tanh(x)
    graph = Graph(x)
    assert to_text(graph).count("\n") == 10_001
    assert to_dot(graph).count(" -> ") == 10_000
