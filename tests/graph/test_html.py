"""The page as text: no browser is needed here."""

import base64
import hashlib
import json
import re
import shutil
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

from tests.graph.graphs import leaf, network_graph, number, scalar_graph
from tinygrad_mnist import Tensor, ops
from tinygrad_mnist.graph import Graph, Node, Rule
from tinygrad_mnist.graph import html as page
from tinygrad_mnist.graph.data import GraphData
from tinygrad_mnist.graph.playback import playback_steps

needs_dot = pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz is not installed")
HOSTILE = [
    '"><img src=x onerror=alert(1)>',
    "</script><script>alert(1)</script>",
    "'\"&<>",
    "a\nb",
    "é漢",
    "= 7",
    "$x",
]


PICTURE = """<svg width="10pt" height="10pt" viewBox="0 0 10 10" onload="alert(1)"
 xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"><script>alert(1)</script>
<style>@import "http://example.org"</style><g id="node-0" class="x" onclick="alert(1)" style="fill:url(//x)">
<title>n0</title><a xlink:href="javascript:alert(1)"><polygon points="0,0 1,1" fill="url(http://x)"/></a>
<text x="1">&lt;img src=x onerror=alert(1)&gt;</text><text x="1">= 2</text>
<foreignObject><p>x</p></foreignObject>
</g></svg>"""


def test_cleaned_picture_keeps_only_shapes_and_texts():
    cleaned = page._clean_svg(PICTURE, GraphData((leaf("a", 2.0),), ("a",)))
    for banned in (
        "<script",
        "<style",
        "onload",
        "onclick",
        "href",
        "javascript",
        "foreignObject",
        "url(",
        "<img",
    ):
        assert banned not in cleaned
    assert '<g id="node-0" class="node parameter"' in cleaned
    assert '<text x="1" class="number">= 2</text>' in cleaned
    assert "&lt;img src=x onerror=alert(1)&gt;" in cleaned


def written(graph, monkeypatch, **settings):
    """The page around a picture of nothing: for what does not depend on Graphviz."""
    monkeypatch.setattr(page, "to_svg", lambda *_, **__: '<svg xmlns="http://www.w3.org/2000/svg"/>')
    return page.to_html(graph, **settings)


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_are_data_in_the_page(name, monkeypatch):
    text = written(GraphData((leaf(name, 2.0),), (name,)), monkeypatch, title=name)
    assert len(re.findall("<script", text)) == 2
    assert len(re.findall("</script", text)) == 2
    assert "<img" not in text
    data = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    assert data is not None
    assert not set("<>&") & set(data[1])
    assert json.loads(data[1])["nodes"][0]["name"] == name


def test_content_policy_allows_only_the_own_script_and_style(monkeypatch):
    text = written(scalar_graph(), monkeypatch)
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', text)
    assert policy is not None
    assert policy[1].startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe" not in policy[1]
    for tag in ("script", "style"):
        inline = re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL)[0]
        assert f"'sha256-{base64.b64encode(hashlib.sha256(inline.encode()).digest()).decode()}'" in policy[1]
    assert not re.search(r'(?:src|href)="', text)


def test_script_never_writes_markup(monkeypatch):
    text = written(scalar_graph(), monkeypatch)
    for banned in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "fetch("):
        assert banned not in text


def test_iframe_holds_the_escaped_page_in_a_sandbox(monkeypatch):
    written(scalar_graph(), monkeypatch)
    frame = page.to_iframe(scalar_graph(), title='"<x>')
    assert frame.startswith('<iframe srcdoc="&lt;!DOCTYPE html&gt;')
    assert 'sandbox="allow-scripts"' in frame
    assert frame.count("<") == 2


def test_every_button_of_the_page_has_a_name_and_a_key(monkeypatch):
    text = written(scalar_graph(), monkeypatch)
    buttons = re.findall(r'<button type="button" id="(\w+)" aria-label="([^"]+)" title="([^"]+)">', text)
    assert len(buttons) == text.count("<button") == 8
    assert buttons[3:] == [
        ("first", "First", "First (Home)"), ("back", "Back", "Back (left arrow)"),
        ("play", "Play", "Play (space)"), ("forward", "Forward", "Forward (right arrow)"),
        ("last", "Last", "Last (End)"),
    ]  # fmt: skip
    shapes = re.findall(r'<svg viewBox="0 0 16 16" aria-hidden="true">(.*?)</svg>', text, re.DOTALL)
    assert len(shapes) == 6
    assert [re.findall('class="(.*?)"', shape) for shape in shapes[1:]] == [
        ["paused"], ["paused"], ["paused", "running"], ["paused"], ["paused"],
    ]  # fmt: skip


def test_nodes_of_a_picture_have_names_for_screen_readers():
    wrong = Rule("x", "a", "g", verdict="wrong")
    op = Node("sin_1", "op", "sin", (), "float64", "", ("a",), "sin(a)", (wrong,), number(0.9), number(1.0))
    groups = "".join(
        f'<g id="{name}"/>' for name in ("node-0", "node-1", "grad-1", "node-2", "edge-0", "node-x")
    )
    picture = ElementTree.fromstring(
        page._clean_svg(
            f'<svg xmlns="http://www.w3.org/2000/svg">{groups}</svg>',
            GraphData((leaf("a", 2.0), op), ("sin_1",)),
        )
    )
    assert (picture.get("role"), picture.get("aria-label")) == (
        "group", "The computation graph; up and down go from node to node",
    )  # fmt: skip
    assert [group.attrib for group in picture] == [
        {
            "id": "node-0", "class": "node parameter", "tabindex": "-1", "role": "button",
            "aria-label": "a, parameter",
        },
        {
            "id": "node-1", "class": "node wrong", "tabindex": "-1", "role": "button",
            "aria-label": "sin_1, op sin, wrong",
        },
        {"id": "grad-1", "class": "grad gradient"},
        {"id": "node-2"},
        {"id": "edge-0"},
        {"id": "node-x"},
    ]  # fmt: skip


def test_iframe_has_a_title_and_a_size(monkeypatch):
    written(scalar_graph(), monkeypatch)
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
def test_header_of_the_page_counts_ops_parameters_and_flops(graph, summary, monkeypatch):
    said = re.search("<header>.*<p>(.*?)</p></header>", written(graph, monkeypatch))
    assert said is not None
    assert said[1].replace("\N{NO-BREAK SPACE}", " ") == summary


def test_nodes_of_the_page_have_their_facts(monkeypatch):
    text = written(network_graph(), monkeypatch)
    data = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    nodes = {node["name"]: node for node in json.loads(data[1])["nodes"]}
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
    assert linear["rules"] == [["0.weight", "g.T @ x", ""], ["0.bias", "g.sum(axis=0)", ""]]
    assert (linear["kind"], linear["op"], linear["verdict"]) == ("op linear", True, None)
    assert linear["value"].startswith("mean ")
    assert dict(weight["facts"]) == {"shape": "3 × 6, float32", "learned numbers": "18"}
    assert (weight["kind"], weight["op"], weight["rules"]) == ("parameter", False, [])
    assert weight["gradient"].startswith("mean ")
    assert nodes["mean_5"]["gradient"] == "1"


@pytest.mark.parametrize(("count", "detail"), [(4, "values"), (5, "ops")])
def test_picture_of_a_page_has_numbers_if_all_are_few(count, detail, monkeypatch):
    asked = []

    def to_svg(graph, detail):
        asked.append(detail)
        return '<svg xmlns="http://www.w3.org/2000/svg"/>'

    monkeypatch.setattr(page, "to_svg", to_svg)
    page.to_html(Graph(ops.sin(Tensor(np.ones(count), requires_grad=True))))
    assert asked == [detail]


@needs_dot
@pytest.mark.parametrize("graph", [scalar_graph(), network_graph(), network_graph().collapsed(2)])
def test_every_node_gradient_and_flow_is_in_the_picture(graph):
    text = page.to_html(graph)
    for k, node in enumerate(graph.nodes):
        assert f'id="node-{k}"' in text
        assert (f'id="grad-{k}"' in text) == (node.gradient is not None)
    flows = [flow for step in playback_steps(graph) for flow in step.flows]
    assert flows
    assert all(f'id="gradedge-{flow}"' in text for flow in flows)


@needs_dot
def test_same_program_gives_the_same_page():
    assert page.to_html(scalar_graph()) == page.to_html(scalar_graph())
