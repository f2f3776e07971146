"""Statements of a picture hold for the numbers in the same picture, at every detail."""

import numpy as np
import pytest

from tinygrad_mnist import Tensor, nn, ops, scope
from tinygrad_mnist.autodiff.primitive import REGISTRY
from tinygrad_mnist.checking.rule_check import summed_to
from tinygrad_mnist.graph import Graph
from tinygrad_mnist.graph.folding import fold_repeats

rng = np.random.default_rng(0)
X = rng.random((3, 4))
LABELS = np.array([0, 3, 1])


def leaf(array=X, name="x"):
    return Tensor(array, requires_grad=True, name=name)


class Block(nn.Module):
    def __init__(self):
        self.linear = nn.Linear(2, 2, rng=0, dtype=float)

    def forward(self, x):
        return ops.tanh(self.linear(x)) * 3.0


def repeated():
    block, x = Block(), leaf(X[:, :2])
    for _ in range(4):
        x = block(x)
    return ops.mean(x)


def two_results():
    with scope("both"):
        x = leaf(X[:2, :2])
        first, second = ops.exp(x), ops.sin(x)
    return ops.sum(first * second) + ops.max(second)


GRAPHS = {
    "loss in a module": lambda: 0.5 * nn.CrossEntropyLoss()(2.0 * leaf(), LABELS),
    "weighted loss": lambda: 0.1 * nn.CrossEntropyLoss(label_smoothing=0.1)(leaf(), LABELS),
    "binary loss": lambda: nn.BCEWithLogitsLoss()(leaf(), X),
    "perceptron": lambda: nn.MSELoss()(
        nn.Sequential(nn.Linear(4, 2, rng=0, dtype=float), nn.ReLU())(X), X[:, :2]
    ),
    "largest": lambda: ops.sum(ops.max(leaf(), axis=1) * ops.min(leaf(name="z"))),
    "spread": lambda: ops.std(leaf()) + ops.sum(ops.var(leaf(name="z"), axis=1)),
    "softmax": lambda: ops.sum(ops.log_softmax(leaf()) * ops.softmax(leaf(name="z"))),
    "broadcast": lambda: ops.sum(leaf() * leaf(X[0], "row") / leaf(X[:, :1], "column")),
    "products": lambda: ops.sum(ops.prod(leaf(X + 1), axis=1)) + ops.sum(leaf(name="z") @ leaf(X.T, "w")),
    "repeated block": repeated,
    "two results": two_results,
}
VIEWS = {
    "ops": lambda graph: graph,
    "innermost modules": lambda graph: graph.collapsed(2),
    "outermost modules": lambda graph: graph.collapsed(1),
    "repeats": lambda graph: Graph.of_data(fold_repeats(graph.collapsed(1))),
}
WORDS = {**REGISTRY, "np": np}


def numbers(statistics, dtype=float):
    """The value that the picture shows, if it shows all of it."""
    return None if statistics is None or statistics.values is None else np.asarray(statistics.values, dtype)


def stated(graph):
    """Yield each formula that the picture prints with the numbers for its names, and those of its result."""
    for node in graph.nodes:
        values = {
            name: numbers(graph.by_name[source].value, graph.by_name[source].dtype or float)
            if source in graph.by_name
            else float(source)
            for name, source in zip(node.input_names, node.inputs)
        }
        values |= {"y": numbers(node.value), "g": numbers(node.gradient)}
        for rule in node.rules:
            if rule.formula:
                yield node, rule, values, numbers(rule.contribution)


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("name", GRAPHS)
def test_every_printed_rule_gives_the_printed_gradient(name, view):
    checked = 0
    for node, rule, values, sent in stated(VIEWS[view](Graph(GRAPHS[name](), backward=True))):
        known = {key: value for key, value in values.items() if value is not None}
        try:
            found = eval(rule.formula, WORDS, known)
        except NameError:  # a name whose value the picture does not show
            continue
        if sent is not None:
            np.testing.assert_allclose(
                summed_to(
                    np.broadcast_to(found, np.broadcast_shapes(np.shape(found), sent.shape)), sent.shape
                ),
                sent,
                rtol=1e-9,
                err_msg=f"{node.name} to {rule.input}: {rule.formula}",
            )
            checked += 1
    assert checked or view != "ops"


@pytest.mark.parametrize("name", GRAPHS)
def test_what_a_module_sends_is_what_its_ops_send(name):
    graph = Graph(GRAPHS[name](), backward=True)
    for view in VIEWS.values():
        for node in view(graph).nodes:
            if node.kind == "parameter" or node.op is None or node.gradient is None:
                continue
            result = node.results[-1] if node.results else node.name
            inner = graph.by_name.get(result)
            assert inner is None or inner.gradient == node.gradient


def test_a_module_of_several_ops_prints_no_inner_rule():
    graph = Graph(nn.CrossEntropyLoss()(2.0 * leaf(), LABELS), backward=True).collapsed(1)
    (rule,) = graph.by_name["CrossEntropyLoss"].rules
    assert (rule.input, rule.formula) == ("multiply_1", "")
    np.testing.assert_allclose(rule.contribution.norm, graph.by_name["multiply_1"].gradient.norm)


def test_a_module_with_several_results_states_no_value():
    graph = Graph(two_results(), backward=True).collapsed(1)
    both = graph.by_name["both"]
    assert (both.results, both.value, both.gradient, both.shape_text) == (
        ("exp_1", "sin_2"), None, None, "2 results"
    )  # fmt: skip
