"""Modules that open and close in the page, and the playback around them."""

import re

import numpy as np
import pytest

from tests.graph.graphs import network_graph
from tests.graph.networks import deep, losses
from tinygrad_mnist import Tensor, nn, ops, scope
from tinygrad_mnist.graph import Graph
from tinygrad_mnist.graph.html import to_html
from tinygrad_mnist.graph.numbers import short_number

pytestmark = pytest.mark.long
LINEAR = "m1"  # Sequential is m0


def small_graph():
    """Three modules, the second of two ops."""
    a = Tensor(0.2, requires_grad=True, name="a")
    with scope("first"):
        b = a * 3.0
    with scope("middle"):
        c = ops.tanh(b) * b
    with scope("last"):
        return Graph(c + a, backward=True)


def titles(tab):
    return [re.sub("^[−+] ", "", text) for text in tab.locator(".node .title").all_text_contents()]


def step_text(tab):
    return " ".join(tab.inner_text("#step").split())


def test_click_closes_and_opens_a_module(opened):
    tab = opened(network_graph())
    assert "linear_1" in titles(tab)
    tab.click(f"#node-{LINEAR}")
    closed = tab.locator(f"#node-{LINEAR}")
    assert closed.get_attribute("aria-expanded") == "false"
    assert closed.locator("text").all_text_contents() == ["Linear[0]", "1 op · 126 parameters", "→ 5 × 6"]
    assert tab.locator(f"#grad-{LINEAR} .number").text_content().startswith("‖g‖ = ")
    assert not {"linear_1", "0.weight"} & set(titles(tab))
    closed.click()
    assert tab.locator(f"#node-{LINEAR}").get_attribute("aria-expanded") == "true"
    assert "linear_1" in titles(tab)


def test_enter_opens_and_closes_and_keeps_the_focus(opened):
    tab = opened(network_graph())
    tab.focus(f"#node-{LINEAR}")
    for expanded in ("false", "true", "false"):
        tab.keyboard.press("Enter")
        assert tab.evaluate("document.activeElement.id") == f"node-{LINEAR}"
        assert tab.evaluate("document.activeElement.getAttribute('aria-expanded')") == expanded


def test_arrow_keys_reach_every_title_and_box(opened):
    tab = opened(network_graph())
    count, seen = tab.locator(".node").count(), set()
    for _ in range(count):
        tab.keyboard.press("ArrowDown")
        seen.add(tab.evaluate("document.activeElement.id"))
    assert len(seen) == count


def test_inside_of_a_closed_module_is_one_step(opened):
    tab = opened(small_graph())
    assert tab.get_attribute("#scrubber", "max") == "10"
    tab.click("#node-m1")
    assert tab.get_attribute("#scrubber", "max") == "8"
    tab.fill("#scrubber", "3")
    assert step_text(tab).startswith("forward 3 of 4 middle is computed")
    tab.fill("#scrubber", "7")
    assert step_text(tab).startswith("backward 3 of 4 middle sends its gradients back")


def test_closed_module_states_what_flows_in_and_out(opened):
    graph = small_graph()
    tab = opened(graph)
    tab.click("#node-m1")
    tab.fill("#scrubber", "7")
    shown = step_text(tab)
    product = graph.by_name["multiply_3"]
    sent = [
        rule.contribution.values
        for node in (product, graph.by_name["tanh_2"]) for rule in node.rules if rule.source == "multiply_1"
    ]  # fmt: skip
    assert len(sent) == 2
    assert all(f"to multiply_1: {short_number(number)}" in shown for number in sent)
    assert f"in: ∂ multiply_3 {short_number(product.gradient.values)}" in shown
    assert short_number(graph.by_name["multiply_1"].gradient.values) in shown  # the sum of both
    assert "g *" not in shown


def test_place_in_the_playback_stays_when_a_module_closes(opened):
    tab = opened(network_graph())
    tab.fill("#scrubber", "4")
    assert "linear_3" in step_text(tab)
    tab.keyboard.press("0")
    tab.click(f"#node-{LINEAR}")
    assert "linear_3" in step_text(tab)


def test_long_chain_opens_by_stretches(opened):
    x = Tensor(1.0, requires_grad=True, name="x")
    y = x
    for _ in range(149):
        y = y + 1.0
    tab = opened(Graph(y, backward=True))
    assert titles(tab) == ["ops 1 to 50", "ops 51 to 100", "ops 101 to 149"]
    tab.click("#node-m1")
    assert tab.locator(".node.op").count() == 50
    assert titles(tab)[-1] == "ops 51 to 100"


def test_vanishing_gradients_grow_thin_and_pale(opened):
    rng = np.random.default_rng(0)
    loss = nn.CrossEntropyLoss()(deep()(rng.random((2, 6), np.float32)), np.array([0, 1]))
    tab = opened(Graph(loss, backward=True))
    levels = [int(level) for level in re.findall(r"bar flow-(\d)", tab.inner_html(".boxes"))]
    assert len(levels) > 60
    assert levels == sorted(levels)
    assert (levels[0], levels[-1]) == (0, 8)


@pytest.mark.parametrize(("value", "word"), [(0.0, "zero"), (1e8, "huge"), (np.nan, "not a number")])
def test_gradient_out_of_the_ordinary_is_said_in_words(value, word, opened):
    x = Tensor(np.ones(30), requires_grad=True, name="x")
    tab = opened(Graph((x * np.full(30, value)).sum(), backward=True))
    assert tab.locator("#grad-0 .mark").text_content() == word


def test_every_network_plays_to_its_end(opened):
    for name, loss in losses().items():
        tab = opened(Graph(loss, backward=True))
        tab.keyboard.press("End")
        assert tab.locator(".later").count() == 0, name
        for _ in range(3):
            tab.keyboard.press("ArrowLeft")
        assert tab.inner_text("#label").startswith("backward"), name


def test_empty_graph_has_a_page(opened):
    assert opened(Graph()).inner_text("#label") == "overview"


def test_digit_and_its_gradients_are_drawn_pixel_by_pixel(opened):
    digit = np.zeros((1, 28, 28), np.float32)
    digit[0, 5:20, 14] = 1.0
    model = nn.Linear(784, 10, rng=0)
    loss = nn.CrossEntropyLoss()(model(Tensor(digit.reshape(1, 784), name="images")), np.array([1]))
    graph = Graph(loss, backward=True, images=digit, labels=[1])
    tab = opened(graph, to_html(graph, learning_rate=0.1))
    canvas = "#node-{} canvas".format(graph.positions["images"])
    row = "c => [...c.getContext('2d').getImageData(0, 10, 28, 1).data].filter((_, i) => i % 4 === 0)"
    pixels = tab.eval_on_selector(canvas, row)
    assert pixels == [0] * 14 + [255] + [0] * 13
    assert tab.get_attribute(canvas, "aria-label") == "1 image, label 1"
    assert tab.locator(f"#grad-{graph.positions['weight']} canvas").is_visible()
    tab.fill("#scrubber", "8")  # the rules of the layer
    said = tab.locator("#step .equation canvas").evaluate_all("all => all.map(c => c.ariaLabel)")
    assert said[:3] == [
        "gradient of 10 units, (1, 10)", "1 image, label 1, (1, 784)", "gradient of 10 rows, (10, 784)",
    ]  # fmt: skip
    tab.hover(f"#node-{graph.positions['weight']}")
    assert tab.locator("#facts figcaption").all_inner_texts() == ["10 rows", "gradient of 10 rows"]
    tab.keyboard.press("End")
    assert tab.inner_text("#label") == "update 1 of 1"
    assert tab.locator(".node.parameter.now").count() == 2
    assert tab.locator("#step .equation canvas").count() == 2  # the weight, and its gradient
    assert tab.text_content("[id^=gradedge] title").startswith("linear_1 sends ‖g‖ = ")


def test_closed_module_with_two_results_states_both(opened):
    a, b = Tensor(2.0, requires_grad=True, name="a"), Tensor(3.0, requires_grad=True, name="b")
    with scope("pair"):
        total, product = a + b, a * b
    tab = opened(Graph(total * product, backward=True))
    tab.click("#node-m0")
    assert tab.locator("#node-m0 text").all_text_contents()[2:] == ["→ scalar", "→ scalar"]
    assert tab.locator("#grad-m0 text").all_text_contents() == ["∂ pair", "add_1: 6", "multiply_2: 5"]
    tab.keyboard.press("End")
    assert "in: ∂ add_1 6 in: ∂ multiply_2 5" in step_text(tab)
