"""The page as text: no browser is needed here."""

import base64
import hashlib
import json
import re
import sys

import numpy as np
import pytest

from tests.graph.graphs import leaf, network_graph, scalar_graph
from tinygrad_mnist import Tensor, nn, ops
from tinygrad_mnist.checking import diagnose, wrong_rules
from tinygrad_mnist.graph import Graph
from tinygrad_mnist.graph import html as page
from tinygrad_mnist.graph.data import GraphData
from tinygrad_mnist.graph.numbers import short_number
from tinygrad_mnist.graph.page_data import page_data

HOSTILE = [
    '"><img src=x onerror=alert(1)>',
    "</script><script>alert(1)</script>",
    "'\"&<>",
    "a\nb",
    "é漢",
    "= 7",
    "$x",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_are_data_in_the_page(name):
    text = page.to_html(GraphData((leaf(name, 2.0),), (name,)), title=name)
    assert len(re.findall("<script", text)) == 2
    assert len(re.findall("</script", text)) == 2
    assert "<img" not in text
    data = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    assert data is not None
    assert not set("<>&") & set(data[1])
    assert json.loads(data[1])["nodes"][0]["name"] == name


def test_content_policy_allows_only_the_own_script_and_style():
    text = page.to_html(scalar_graph())
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', text)
    assert policy is not None
    assert policy[1].startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe" not in policy[1]
    for tag in ("script", "style"):
        inline = re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL)[0]
        assert f"'sha256-{base64.b64encode(hashlib.sha256(inline.encode()).digest()).decode()}'" in policy[1]
    assert not re.search(r'(?:src|href)="', text)


def test_script_never_writes_markup():
    text = page.to_html(scalar_graph())
    for banned in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "fetch("):
        assert banned not in text


def test_iframe_holds_the_escaped_page_in_a_sandbox():
    frame = page.to_iframe(scalar_graph(), title='"<x>')
    assert frame.startswith('<iframe srcdoc="&lt;!DOCTYPE html&gt;')
    assert 'sandbox="allow-scripts"' in frame
    assert frame.count("<") == 2


def test_every_button_of_the_page_has_a_name_and_a_key():
    text = page.to_html(scalar_graph())
    buttons = re.findall(r'<button type="button" id="(\w+)" aria-label="([^"]+)" title="([^"]+)">', text)
    assert len(buttons) == text.count("<button") == 8
    assert buttons[3:] == [
        ("first", "First", "First (Home)"), ("back", "Back", "Back (left arrow)"),
        ("play", "Play", "Play (space)"), ("forward", "Forward", "Forward (right arrow)"),
        ("last", "Last", "Last (End)"),
    ]  # fmt: skip
    shapes = re.findall(r'<svg viewBox="0 0 16 16" aria-hidden="true">(.*?)</svg>', text, re.DOTALL)
    assert len(shapes) == 8
    assert [re.findall('class="(.*?)"', shape) for shape in shapes[3:]] == [
        ["paused"], ["paused"], ["paused", "running"], ["paused"], ["paused"],
    ]  # fmt: skip


def test_iframe_has_a_title_and_a_size():
    frame = page.to_iframe(scalar_graph())
    attributes = frame[frame.rindex(' sandbox="') :]
    assert attributes == (
        ' sandbox="allow-scripts" title="Computation graph" width="100%" height="640" style="border: 0">'
        "</iframe>"
    )
    assert "&lt;h1&gt;Computation graph&lt;/h1&gt;" in frame


@pytest.mark.parametrize(
    ("graph", "summary"),
    [
        (scalar_graph(), "forward and backward · 2 ops · 3 learned numbers · 2 FLOP"),
        (network_graph(backward=False), "forward · 5 ops · 147 learned numbers · 1.43 kFLOP"),
        (Graph(ops.sin(Tensor(2.0, requires_grad=True))), "forward · 1 op · 1 learned number · 1 FLOP"),
        (
            Graph(Tensor(np.ones((40, 50)), requires_grad=True)),
            "forward · 0 ops · 2,000 learned numbers · 0 FLOP",
        ),
    ],
)
def test_header_of_the_page_counts_ops_parameters_and_flops(graph, summary):
    said = re.search("<header>.*<p>(.*?)</p><p></p></header>", page.to_html(graph))
    assert said is not None
    assert said[1].replace("\N{NO-BREAK SPACE}", " ") == summary


def test_nodes_of_the_page_have_their_facts():
    graph = network_graph()
    nodes = {node["name"]: node for node in page_data(graph)["nodes"]}
    linear, weight = nodes["linear_1"], nodes["2.weight"]
    facts = dict(linear["facts"])
    assert facts.pop("recorded at").startswith("graphs.py:")
    assert facts == {
        "shape": "5 × 6, float32",
        "inside": "Sequential/Linear[0]",
        "formula": "linear(x, 0.weight, 0.bias)",
        "work": "1.2 kFLOP",
        "memory traffic": "1.02 kB",
    }
    assert [(rule["source"], rule["position"], rule["formula"]) for rule in linear["rules"]] == [
        (1, 1, "g.T @ x"), (2, 2, "g.sum(axis=0)"),
    ]  # fmt: skip
    assert (linear["kind"], linear["role"], linear["inputs"]) == ("op linear", "op", [0, 1, 2])
    assert linear["value"]["text"].startswith("mean ")
    assert dict(weight["facts"]) == {"shape": "3 × 6, float32", "learned numbers": "18"}
    assert (weight["kind"], weight["role"], weight.get("rules")) == ("parameter", "parameter", None)
    assert weight["gradient"]["norm"] == f"‖g‖ = {short_number(graph.by_name['2.weight'].gradient.norm)}"
    assert nodes["mean_5"]["gradient"]["few"] == "1"


def test_every_gradient_has_its_place_on_the_scale():
    nodes = page_data(Graph(Tensor(1.0, requires_grad=True) * 1.001 * 1e-2, backward=True))["nodes"]
    assert [node["gradient"]["place"] for node in nodes] == [0, 0, 1]


@pytest.mark.parametrize(
    ("value", "mark"),
    [(0.0, "zero"), (1e7, "huge"), (np.nan, "not a number"), (np.inf, "infinite"), (1.0, None)],
)
def test_gradient_out_of_the_ordinary_is_marked_in_words(value, mark):
    x = Tensor(np.ones(30), requires_grad=True, name="x")
    with np.errstate(all="ignore"):
        data = page_data(Graph((x * Tensor(np.full(30, value))).sum(), backward=True))
    gradient = data["nodes"][0]["gradient"]
    assert gradient.get("mark") == mark
    assert gradient.get("broken", False) == (mark not in (None, "zero"))


def test_wrong_rule_is_marked_at_its_line_with_the_right_one():
    model = nn.Linear(3, 3, rng=0)
    with wrong_rules.missing_transpose:
        loss = (model(np.eye(3, dtype=np.float32)) ** 2).sum()
        graph = Graph(loss, backward=True, diagnosis=diagnose(loss))
    (wrong,) = (
        rule for node in page_data(graph)["nodes"] for rule in node.get("rules", ()) if "right" in rule
    )
    assert wrong["verdict"] == "wrong"
    assert wrong["right"] == ["g.T @ x"]
    assert wrong["lines"] != wrong["right"]


def test_page_needs_no_graphviz(monkeypatch):
    monkeypatch.setitem(sys.modules, "graphviz", None)
    monkeypatch.setenv("PATH", "")
    assert "<iframe" in scalar_graph()._repr_html_()


def test_page_of_too_many_nodes_is_a_summary_that_says_so(monkeypatch):
    monkeypatch.setattr(page, "MOST_NODES", 200)
    y = Tensor(1.0, requires_grad=True, name="x")
    for _ in range(300):
        y = y + 1.0
    text = page.to_html(Graph(y, backward=True))
    assert "301 nodes are shown as 1: a page holds at most 200." in text
    assert "300 ops" in text.replace("\N{NO-BREAK SPACE}", " ")
    assert len(text) < 120_000


def test_page_of_a_perceptron_is_small():
    model = nn.Sequential(nn.Linear(784, 30), nn.Sigmoid(), nn.Linear(30, 10))
    loss = nn.CrossEntropyLoss()(model(np.ones((10, 784), np.float32)), np.arange(10))
    assert len(page.to_html(Graph(loss, backward=True)).encode()) < 150_000


def test_same_program_gives_the_same_page():
    assert page.to_html(scalar_graph()) == page.to_html(scalar_graph())
