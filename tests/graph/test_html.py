"""The frames of the playback, the equations in them, and the page as text: no browser is needed here."""

import base64
import hashlib
import json
import re
import shutil
import xml.etree.ElementTree as ElementTree
from dataclasses import replace

import numpy as np
import pytest

from tinygrad_mnist import Tensor, nn, ops
from tinygrad_mnist.graph import Graph, Node, Rule, Statistics
from tinygrad_mnist.graph import html as page
from tinygrad_mnist.graph.equation import Operand, equation, plain, rule_equation
from tinygrad_mnist.graph.playback import frames

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


def number(value):
    return Statistics(float(np.mean(value)), 0.0, float(np.min(value)), float(np.max(value)), value)


def leaf(name, value, gradient=None):
    return Node(
        name, "parameter", None, (), "float64", "", value=number(value),
        gradient=None if gradient is None else number(gradient),
    )  # fmt: skip


def scalar_graph(backward=True):
    a, b, c = (Tensor(value, True, name=name) for name, value in (("a", 2.0), ("b", -3.0), ("c", 10.0)))
    return Graph.of(a * b + c, backward=backward)


def network_graph(backward=True):
    model = nn.Sequential(nn.Linear(20, 6), nn.Sigmoid(), nn.Linear(6, 3))
    loss = nn.CrossEntropyLoss()(model(np.ones((5, 20), np.float32)), np.zeros(5, int))
    return Graph.of(loss, backward=backward)


def statuses(graph):
    return [frame["status"] for frame in frames(graph)]


def lines(graph, phase="backward"):
    return [line for frame in frames(graph) if frame["phase"] == phase for line in frame["lines"]]


def last_gradients(graph):
    """What stands at each node when all frames have been played."""
    found = {}
    for frame in frames(graph):
        found.update(frame["gradients"])
    return found


# ---- frames -------------------------------------------------------------------------------------------


def test_forward_goes_in_order_and_backward_in_reverse():
    played = [(frame["label"], frame["node"]) for frame in frames(scalar_graph())]
    assert played == [
        ("overview", None),
        ("forward 1 of 3", None), ("forward 2 of 3", 2), ("forward 3 of 3", 4),
        ("backward 1 of 3", 4), ("backward 2 of 3", 4), ("backward 3 of 3", 2),
    ]  # fmt: skip


def test_each_rule_is_shown_with_the_numbers_in_it():
    assert statuses(scalar_graph())[-1] == (
        "backward 3 of 3: multiply_1 sends its gradient back, "
        "to a: g * b = 1 * -3 = -3, to b: g * a = 1 * 2 = 2"
    )


def test_a_graph_without_backward_has_forward_frames_only():
    assert {frame["phase"] for frame in frames(scalar_graph(backward=False))} == {"overview", "forward"}


def test_a_fan_out_shows_the_running_sum():
    x = Tensor(3.0, True, name="x")
    graph = Graph.of(x * 4.0 + x * 3.0, backward=True)
    sums = [line["sum"] for line in lines(graph) if line["sum"]]
    assert sums == ["3, 1 of 2 contributions", "3 + 4 = 7, 2 of 2 contributions"]
    partial = [frame["gradients"][0] for frame in frames(graph) if 0 in frame["gradients"]]
    assert [(sum["text"], sum["done"]) for sum in partial] == [("3", False), ("7", True)]


def test_a_value_that_is_used_twice_by_one_op_sends_along_both_edges():
    x = Tensor(3.0, True, name="x")
    graph = Graph.of(x * x, backward=True)
    assert frames(graph)[-1]["flows"] == ["1-0", "1-1"]
    assert [line["sum"] for line in lines(graph)][-1] == "3 + 3 = 6, 2 of 2 contributions"


def test_the_start_counts_as_a_contribution_where_an_output_is_read_too():
    x = Tensor(3.0, True, name="x")
    y = x * 2.0
    graph = Graph.of(y * 5.0, y, backward=True)
    assert "1 + 5 = 6, 2 of 2 contributions" in [line["sum"] for line in lines(graph)]


def test_a_large_fan_out_sums_means():
    x = Tensor(np.arange(20.0), True, name="x")
    graph = Graph.of((x * 4.0 + x * 3.0).sum(), backward=True)
    assert [line["sum"] for line in lines(graph) if line["sum"]] == [
        "mean 3, 1 of 2 contributions", "mean 3 + 4 = 7, 2 of 2 contributions",
    ]  # fmt: skip


@pytest.mark.parametrize("graph", [scalar_graph(), network_graph(), network_graph().collapsed(2)])
def test_the_last_gradients_are_those_of_the_backward_pass(graph):
    shown = last_gradients(graph)
    expected = {k: node.gradient for k, node in enumerate(graph.nodes) if node.gradient is not None}
    assert shown.keys() == expected.keys()
    assert all(shown[k]["done"] and shown[k]["text"] == page.shown(expected[k]) for k in expected)


def test_every_node_is_computed_once_and_after_what_it_reads():
    graph = network_graph()
    order = [node for frame in frames(graph) for node in frame["computed"]]
    assert sorted(order) == list(range(len(graph.nodes)))
    place = {graph.nodes[k].name: i for i, k in enumerate(order)}
    assert all(place[source] < place[node.name] for node in graph.nodes for source in node.inputs)


def test_arrays_are_shown_by_shapes_and_statistics():
    line = next(line for line in lines(network_graph()) if line["lead"] == "to 2.weight:")
    assert plain(line["parts"]) == "g.T @ x = (5, 3).T @ (5, 6) → (3, 6)"
    assert line["note"].startswith("mean ")
    assert [row[:3] for row in line["operands"]] == [
        ["g", "incoming", "incoming gradient"], ["x", "local", "sigmoid_2"],
    ]  # fmt: skip


def test_a_broadcast_input_says_that_it_is_summed():
    b = Tensor(2.0, True, name="b")
    line = lines(Graph.of((np.array([1.0, 2.0]) * b).sum(), backward=True))[-1]
    assert plain(line["parts"]) == "(g * a).sum(axis=0) = ([1, 1] * [1, 2]).sum(axis=0) → 3"
    assert line["note"] == "summed over the broadcast axes"


def test_modules_say_what_they_send_and_not_the_rules_inside_them():
    graph = network_graph().collapsed(2)
    assert not any("g *" in status or "logits" in status for status in statuses(graph))
    assert any("to Sequential/Sigmoid[1]:" in line["lead"] for line in lines(graph))


def test_a_failed_op_is_the_last_frame_and_says_why():
    with pytest.raises(ValueError, match="differ") as caught:
        Tensor(np.ones((2, 3)), True, name="x") @ Tensor(np.ones((2, 3)), True, name="w")
    last = frames(Graph.of(caught.value))[-1]
    assert last["title"] == "matmul_1 failed"
    assert "differ" in last["lines"][0]["note"]


def test_a_verdict_goes_with_its_rule():
    graph = scalar_graph()
    wrong = replace(
        graph.nodes[2], rules=(replace(graph.nodes[2].rules[0], verdict="wrong"), graph.nodes[2].rules[1])
    )
    changed = Graph((*graph.nodes[:2], wrong, *graph.nodes[3:]), graph.outputs)
    assert [line["verdict"] for line in lines(changed)] == [None, None, None, "wrong", None]


# ---- equations ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("formula", "values", "expected"),
    [
        ("g * b", {"g": 1.0, "b": -3.0}, "g * b = 1 * -3 = 9"),
        ("1 - y", {"y": -2.0}, "1 - y = 1 - (-2) = 9"),
        ("x ** 2", {"x": -2.0}, "x ** 2 = (-2) ** 2 = 9"),
        ("max(x, axis=0) * axis", {"x": 1.0, "axis": 2.0}, "max(x, axis=0) * axis = max(1, axis=0) * 2 = 9"),
        ("x.sum() * sum", {"x": 1.0, "sum": 2.0}, "x.sum() * sum = 1.sum() * 2 = 9"),
        ("g", {"g": 9.0}, "g = 9"),
        ("a.b + axb", {"a.b": 1.0}, "a.b + axb = 1 + axb = 9"),
        ("2 * 3", {"x": 1.0}, "2 * 3 = 9"),
        ("w.b + w", {"w": 1.0, "w.b": 2.0}, "w.b + w = 2 + 1 = 9"),
        ("-a - b", {"a": -1.0, "b": -2.0}, "-a - b = -(-1) - (-2) = 9"),
        ("a + b", {"a": -1.0, "b": -2.0}, "a + b = -1 + -2 = 9"),
        ("2 ** a", {"a": -1.0}, "2 ** a = 2 ** (-1) = 9"),
    ],
)
def test_numbers_stand_for_names(formula, values, expected):
    operands = {name: Operand("local", name, (), number(value)) for name, value in values.items()}
    assert plain(equation(formula, operands, Operand("result", "", (), number(9.0)))) == expected


def test_an_op_that_is_not_registered_is_shown_by_its_rules():
    op = Node(
        "cube_1", "op", "never_registered", (), "float64", "", ("a",), "never_registered(a)",
        (Rule("x", "a", "g * 3 * x * x", number(12.0)),), number(8.0), number(1.0),
    )  # fmt: skip
    graph = Graph((leaf("a", 2.0, 12.0), op), ("cube_1",))
    assert plain(rule_equation(op, op.rules[0], graph)) == "g * 3 * x * x = 1 * 3 * 2 * 2 = 12"
    assert op.places == (0,)


# ---- the page -----------------------------------------------------------------------------------------

PICTURE = """<svg width="10pt" height="10pt" viewBox="0 0 10 10" onload="alert(1)"
 xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"><script>alert(1)</script>
<style>@import "http://example.org"</style><g id="node-0" class="x" onclick="alert(1)" style="fill:url(//x)">
<title>n0</title><a xlink:href="javascript:alert(1)"><polygon points="0,0 1,1" fill="url(http://x)"/></a>
<text x="1">&lt;img src=x onerror=alert(1)&gt;</text><text x="1">= 2</text>
<foreignObject><p>x</p></foreignObject>
</g></svg>"""


def test_of_a_picture_only_shapes_and_texts_are_kept():
    cleaned = page.clean_svg(PICTURE, Graph((leaf("a", 2.0),), ("a",)))
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
def test_a_name_is_only_ever_a_name(name, monkeypatch):
    text = written(Graph((leaf(name, 2.0),), (name,)), monkeypatch, title=name)
    assert len(re.findall("<script", text)) == 2
    assert len(re.findall("</script", text)) == 2
    assert "<img" not in text
    data = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    assert data is not None
    assert not set("<>&") & set(data[1])
    assert json.loads(data[1])["nodes"][0]["name"] == name


def test_the_policy_allows_its_own_script_and_style_only(monkeypatch):
    text = written(scalar_graph(), monkeypatch)
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', text)
    assert policy is not None
    assert policy[1].startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe" not in policy[1]
    for tag in ("script", "style"):
        inline = re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL)[0]
        assert f"'sha256-{base64.b64encode(hashlib.sha256(inline.encode()).digest()).decode()}'" in policy[1]
    assert not re.search(r'(?:src|href)="', text)


def test_the_script_never_writes_markup(monkeypatch):
    text = written(scalar_graph(), monkeypatch)
    for banned in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "fetch("):
        assert banned not in text


def test_in_a_notebook_the_page_has_a_frame_of_its_own(monkeypatch):
    written(scalar_graph(), monkeypatch)
    frame = page.to_iframe(scalar_graph(), title='"<x>')
    assert frame.startswith('<iframe srcdoc="&lt;!DOCTYPE html&gt;')
    assert 'sandbox="allow-scripts"' in frame
    assert frame.count("<") == 2


def test_every_control_of_the_page_has_a_name_and_its_key(monkeypatch):
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


def test_a_picture_says_to_a_screen_reader_what_each_node_is():
    wrong = Rule("x", "a", "g", verdict="wrong")
    op = Node("sin_1", "op", "sin", (), "float64", "", ("a",), "sin(a)", (wrong,), number(0.9), number(1.0))
    groups = "".join(
        f'<g id="{name}"/>' for name in ("node-0", "node-1", "grad-1", "node-2", "edge-0", "node-x")
    )
    picture = ElementTree.fromstring(
        page.clean_svg(
            f'<svg xmlns="http://www.w3.org/2000/svg">{groups}</svg>', Graph((leaf("a", 2.0), op), ("sin_1",))
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


def test_the_frame_of_a_notebook_has_a_title_and_a_size(monkeypatch):
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
        (Graph.of(ops.sin(Tensor(2.0, True))), "forward · 1 op · 1 learned number · 1 FLOP"),
        (Graph.of(Tensor(np.ones((40, 50)), True)), "forward · 0 ops · 2,000 learned numbers · 0 FLOP"),
    ],
)
def test_the_page_says_in_one_line_what_it_shows(graph, summary, monkeypatch):
    said = re.search("<header>.*<p>(.*?)</p></header>", written(graph, monkeypatch))
    assert said is not None
    assert said[1].replace("\N{NO-BREAK SPACE}", " ") == summary


def test_each_node_of_the_page_has_its_facts(monkeypatch):
    text = written(network_graph(), monkeypatch)
    data = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    nodes = {node["name"]: node for node in json.loads(data[1])["nodes"]}
    linear, weight = nodes["linear_1"], nodes["2.weight"]
    facts = dict(linear["facts"])
    assert facts.pop("recorded at").startswith("test_html.py:")
    assert facts == {
        "shape": "5 × 6, float32",
        "inside": "Sequential/Linear[0]",
        "formula": "linear(data_1, 0.weight, 0.bias)",
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
def test_the_numbers_stand_in_the_picture_where_all_are_few(count, detail, monkeypatch):
    asked = []

    def to_svg(graph, detail):
        asked.append(detail)
        return '<svg xmlns="http://www.w3.org/2000/svg"/>'

    monkeypatch.setattr(page, "to_svg", to_svg)
    page.to_html(Graph.of(ops.sin(Tensor(np.ones(count), True))))
    assert asked == [detail]


@needs_dot
@pytest.mark.parametrize("graph", [scalar_graph(), network_graph(), network_graph().collapsed(2)])
def test_every_node_and_gradient_has_its_place_in_the_picture(graph):
    text = page.to_html(graph)
    for k, node in enumerate(graph.nodes):
        assert f'id="node-{k}"' in text
        assert (f'id="grad-{k}"' in text) == (node.gradient is not None)
    flows = [flow for frame in frames(graph) for flow in frame["flows"]]
    assert flows
    assert all(f'id="gradedge-{flow}"' in text for flow in flows)


@needs_dot
def test_the_same_program_gives_the_same_page():
    assert page.to_html(scalar_graph()) == page.to_html(scalar_graph())


@pytest.mark.parametrize(("factor", "shown"), [(3, "3"), (3.0, "3.0"), (-2, "-2"), (np.float32(0.5), "0.5")])
def test_an_array_rule_shows_a_number_as_it_was_given(factor, shown):
    x = Tensor(np.array([1.0, 2.0]), True, name="x")
    line = lines(Graph.of(ops.sum(x * factor), backward=True))[-1]
    product = f"[{factor:g}, {factor:g}]"
    assert plain(line["parts"]) == f"g * {shown} = [1, 1] * {shown} = {product}"
