"""The recorded graph as plain data and as pictures."""

import shutil
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinygrad_mnist import Tensor, nn, scope
from tinygrad_mnist.graph import Graph, GraphvizMissingError, draw, to_dot, to_text

needs_dot = pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz is not installed")
HOSTILE = ['"', "\\", "<b>", "{a|b}", "\\N", "new\nline", '"];evil', "-->", "a/b", "é漢", "[0]", "&amp;", "%"]


def step():
    model = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 2))
    return nn.CrossEntropyLoss()(model(np.ones((4, 2), np.float32)), np.zeros(4, int))


def named(name):
    with scope(name):
        return Tensor(1.0, requires_grad=True, name=name) * 2


def test_names_order_and_kinds_are_those_of_the_computation():
    nodes = Graph.of(step()).nodes
    assert [node.name for node in nodes] == [
        "data_1", "0.weight", "0.bias", "linear_1", "tanh_2", "2.weight", "2.bias", "linear_3",
        "data_2", "softmax_cross_entropy_4", "mean_5",
    ]  # fmt: skip
    assert [node.kind for node in nodes[:4]] == ["data", "parameter", "parameter", "op"]
    assert nodes[3].inputs == ("data_1", "0.weight", "0.bias")
    assert (nodes[3].shape, nodes[3].dtype, nodes[3].scope) == ((4, 3), "float32", "Sequential/Linear[0]")


def test_names_are_the_same_whatever_was_computed_before():
    first, second = Graph.of(step()), Graph.of(step())
    assert first == second


@given(st.lists(st.tuples(st.integers(0, 99), st.integers(0, 99)), min_size=1, max_size=30))
def test_every_node_stands_once_and_after_its_inputs(pairs):
    values = [Tensor(1.0, requires_grad=True, name="x"), Tensor(2.0, requires_grad=True, name="x")]
    for i, j in pairs:
        values.append(values[i % len(values)] * values[j % len(values)])
    graph = Graph.of(values[-1], values[0])
    seen = set()
    for node in graph.nodes:
        assert set(node.inputs) <= seen
        assert node.name not in seen
        seen.add(node.name)
    assert set(graph.outputs) <= seen


def test_a_shared_parameter_is_one_node():
    layer = nn.Linear(2, 2)
    graph = Graph.of(layer(layer(np.ones((1, 2), np.float32))))
    assert sum(node.kind == "parameter" for node in graph.nodes) == 2


def test_a_chain_of_ten_thousand_ops_has_a_graph():
    x = Tensor(1.0, requires_grad=True)
    for _ in range(10_000):
        x = x + 1.0
    assert len(Graph.of(x).nodes) == 10_001


def test_two_processes_write_the_same_bytes():
    code = "from tests.graph.test_graph import *; g = Graph.of(step()); print(to_dot(g), to_text(g))"
    texts = {
        subprocess.run(
            [sys.executable, "-c", code], env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)},
            capture_output=True, check=True,
        ).stdout
        for seed in ("1", "2")
    }  # fmt: skip
    assert len(texts) == 1
    graph = Graph.of(step())
    assert texts.pop().decode() == f"{to_dot(graph)} {to_text(graph)}\n"


def test_text_has_a_line_for_each_node():
    lines = to_text(Graph.of(step())).splitlines()
    assert lines[3] == "linear_1 = linear(data_1, 0.weight, 0.bias)  (4, 3) float32  in Sequential/Linear[0]"
    assert len(lines) == 11


@needs_dot
@pytest.mark.parametrize(("suffix", "start"), [(".svg", b"<?xml"), (".PNG", b"\x89PNG")])
def test_graphviz_draws_it(tmp_path, suffix, start):
    path = draw(step(), tmp_path / f"step{suffix}")
    assert path.read_bytes().startswith(start)


@needs_dot
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_come_out_as_they_are(tmp_path, name):
    path = draw(named(name), tmp_path / "hostile.svg")
    texts = [t.text for t in ElementTree.parse(path).iter("{http://www.w3.org/2000/svg}text")]
    shown = "".join(texts)
    assert all(line in shown for line in name.split("\n"))
    assert texts.count("scalar") == 2


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_give_dot_without_a_warning(name):
    assert to_dot(Graph.of(named(name))).count("[label=") == 2


def test_without_graphviz_the_dot_is_left_beside(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(
        GraphvizMissingError, match=r"step.svg needs .*\(the source is in step.dot\): install"
    ):
        draw(step(), tmp_path / "step.svg")
    assert (tmp_path / "step.dot").read_text(encoding="utf-8") == to_dot(Graph.of(step()))


def test_dot_and_text_need_no_graphviz(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    graph = Graph.of(step())
    assert draw(graph, tmp_path / "step.dot").read_text(encoding="utf-8") == to_dot(graph)
    assert draw(graph, str(tmp_path / "step.txt")).read_text(encoding="utf-8") == to_text(graph)


def test_an_unknown_suffix_is_refused_with_the_known_ones(tmp_path):
    with pytest.raises(ValueError, match=r"one of .svg, .png, .pdf, .dot, .txt, and not as step.xyz"):
        draw(step(), tmp_path / "step.xyz")
