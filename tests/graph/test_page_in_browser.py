"""The page in a real browser: Debian's Chromium, without a window, on the page opened as a file."""

import re

import numpy as np
import pytest

from tinygrad_mnist import Tensor, nn, ops
from tinygrad_mnist.checking import diagnose, wrong_rules
from tinygrad_mnist.graph import Graph
from tinygrad_mnist.graph.html import to_html, to_iframe
from tinygrad_mnist.graph.numbers import short_number

pytestmark = pytest.mark.long
HOSTILE = [
    '<img src=x onerror="window.hacked=1">',
    "</script><script>window.hacked=1</script>",
    "\"'><b>",
    "a\nb",
    "é漢",
]


def leaves():
    return [
        Tensor(value, requires_grad=True, name=name) for name, value in (("a", 2.0), ("b", -3.0), ("c", 10.0))
    ]


def scalar_graph(backward=True):
    a, b, c = leaves()
    return Graph(a * b + c, backward=backward)


def label(tab):
    return tab.inner_text("#label")


def later(tab, identifier):
    return "later" in tab.get_attribute(f"#{identifier}", "class").split()


def test_buttons_step_forward_and_back(opened):
    tab = opened(scalar_graph())
    seen = [label(tab)]
    for _ in range(6):
        tab.click("#forward")
        seen.append(label(tab))
    assert seen == [
        "overview",
        *(f"{phase} {k} of 3" for phase in ("forward", "backward") for k in (1, 2, 3)),
    ]
    assert tab.is_disabled("#forward")
    tab.click("#back")
    assert label(tab) == "backward 2 of 3"
    tab.click("#first")
    assert label(tab) == "overview"
    tab.click("#last")
    assert label(tab) == "backward 3 of 3"


def test_keys_and_the_scrubber_step_too(opened):
    tab = opened(scalar_graph())
    for key, expected in (
        ("ArrowRight", "forward 1 of 3"), ("ArrowRight", "forward 2 of 3"), ("ArrowLeft", "forward 1 of 3"),
        ("End", "backward 3 of 3"), ("Home", "overview"),
    ):  # fmt: skip
        tab.keyboard.press(key)
        assert label(tab) == expected
    tab.fill("#scrubber", "5")
    assert label(tab) == "backward 2 of 3"
    tab.focus("#scrubber")
    tab.keyboard.press("ArrowRight")
    assert label(tab) == "backward 3 of 3"
    assert tab.input_value("#scrubber") == "6"


def test_play_runs_to_the_end_and_can_be_paused(opened):
    tab = opened(scalar_graph())
    tab.clock.install(time=0)
    tab.clock.pause_at(1000)  # from here on time passes in run_for alone, however busy the machine
    tab.keyboard.press(" ")
    assert tab.get_attribute("#play", "aria-label") == "Pause"
    tab.clock.run_for(1700)
    assert label(tab) == "forward 2 of 3"
    tab.click("#play")
    tab.clock.run_for(5000)
    assert label(tab) == "forward 2 of 3"
    tab.click("#play")
    tab.clock.run_for(20_000)
    assert label(tab) == "backward 3 of 3"
    assert tab.get_attribute("#play", "aria-label") == "Play"


def test_step_highlights_its_op_and_shows_the_numbers(opened):
    tab = opened(scalar_graph())
    tab.fill("#scrubber", "2")
    assert "a * b = 2 * -3 = -6" in tab.inner_text("#step").replace("\n", "")
    assert tab.inner_text("#status") == "forward 2 of 3: multiply_1 is computed, a * b = 2 * -3 = -6"
    assert tab.locator(".node.now").get_attribute("id") == "node-2"
    assert later(tab, "node-4")
    assert not later(tab, "node-2")
    assert all(later(tab, f"grad-{k}") for k in range(5))
    tab.fill("#scrubber", "6")
    assert "g * b = 1 * -3 = -3" in tab.inner_text("#step").replace("\n", "")
    assert tab.locator(".gradedge.now").count() == 2
    assert tab.locator(".later").count() == 0


def test_last_step_shows_the_gradients_of_backward(opened):
    x, w, b = (
        Tensor(0.7, requires_grad=True, name="x"),
        Tensor(-1.3, requires_grad=True, name="w"),
        Tensor(0.25, requires_grad=True, name="b"),
    )
    error = ops.sigmoid(x * w + b) - 1.0
    loss = error * error + w * w
    graph = Graph(loss, backward=True)
    loss.backward()
    tab = opened(graph)
    tab.keyboard.press("End")
    for leaf in (x, w, b):
        k = graph.nodes.index(graph.by_name[leaf.name])
        expected = short_number(float(leaf.grad))
        assert tab.text_content(f"#grad-{k} .number") == f"= {expected}"
        tab.focus(f"#node-{k}")
        gradient = tab.locator("#facts dd").nth(1).inner_text()
        assert re.split(",", gradient)[0] == expected


def test_gradient_at_a_fan_out_grows_with_each_contribution(opened):
    x = Tensor(3.0, requires_grad=True, name="x")
    tab = opened(Graph(x * 4.0 + x * 3.0, backward=True))
    tab.keyboard.press("End")
    assert "3 + 4 = 7, 2 of 2 contributions" in tab.inner_text("#step")
    assert tab.text_content("#grad-0 .number") == "= 7"
    tab.keyboard.press("ArrowLeft")
    assert tab.text_content("#grad-0 .number") == "= 3"
    assert tab.text_content("text.count") == "1 of 2 so far"
    tab.focus("#node-0")
    assert "3 so far, 1 of 2 contributions" in tab.inner_text("#facts")
    tab.keyboard.press("Home")
    assert tab.text_content("#grad-0 .number") == "= 7"
    assert tab.locator("text.count").count() == 0


def test_hover_shows_facts_and_a_click_keeps_them(opened):
    tab = opened(scalar_graph())
    tab.hover("#node-2")
    assert tab.inner_text("#facts h2") == "multiply_1"
    tab.hover("#node-0")
    assert tab.inner_text("#facts h2") == "a"
    tab.click("#node-0")
    tab.hover("#label")
    assert tab.inner_text("#facts h2") == "a"
    tab.keyboard.press("Escape")
    assert tab.locator("#facts h2").count() == 0
    tab.keyboard.press("ArrowDown")
    assert tab.inner_text("#facts h2") == "a"


def test_picture_can_be_dragged_and_zoomed(opened):
    tab = opened(scalar_graph())
    picture = tab.locator("#canvas > svg")
    start = picture.get_attribute("viewBox")
    tab.mouse.move(60, 560)
    tab.mouse.down()
    tab.mouse.move(160, 500, steps=3)
    tab.mouse.up()
    dragged = picture.get_attribute("viewBox")
    assert dragged != start
    for keys in ([], ["Control"]):  # moves, and zooms
        before = picture.get_attribute("viewBox")
        for key in keys:
            tab.keyboard.down(key)
        tab.mouse.wheel(0, -200)
        tab.wait_for_function(
            "before => document.querySelector('#canvas > svg').getAttribute('viewBox') !== before", arg=before
        )
        after = picture.get_attribute("viewBox")
        assert (after.split()[2] == before.split()[2]) == (not keys)
    tab.keyboard.up("Control")
    tab.keyboard.press("+")
    tab.click("#farther")
    tab.keyboard.press("0")
    assert picture.get_attribute("viewBox") == start


def test_failed_op_shows_its_message(opened):
    with pytest.raises(ValueError, match="differ") as caught:
        Tensor(np.ones((2, 3)), requires_grad=True, name="x") @ Tensor(
            np.ones((2, 3)), requires_grad=True, name="w"
        )
    tab = opened(Graph(caught.value))
    tab.keyboard.press("End")
    assert "differ" in tab.inner_text("#facts .verdict")
    assert tab.text_content("text.flag") == "✗ failed"


def test_right_rule_stands_beside_the_wrong_one(opened):
    model = nn.Linear(3, 3, rng=0)
    with wrong_rules.missing_transpose:
        loss = (model(np.arange(9, dtype=np.float32).reshape(3, 3)) ** 2).sum()
        tab = opened(Graph(loss, backward=True, diagnosis=diagnose(loss)))
    lines = tab.locator("[id^=grad] .rule").all_text_contents()
    assert {"✗ weight: xᵀ @ g", "✓ weight: g.T @ x"} <= set(lines)
    tab.keyboard.press("End")
    rows = tab.locator("#step .compared tr").all_inner_texts()
    assert rows[0].split("\t") == ["", "✗ wrong", "✓ right"]
    assert rows[1].split("\t")[2] == "g.T @ x"
    assert rows[2].startswith("at [")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_is_legible_in_light_and_dark_and_on_a_phone(opened, scheme):
    tab = opened(scalar_graph(), color_scheme=scheme)
    tab.set_viewport_size({"width": 380, "height": 700})
    ink, paper = tab.evaluate(
        """() => ["fill", "background-color"].map((key, i) => {
          const element = document.querySelector(["#node-2 text", "#canvas"][i]);
          return getComputedStyle(element)[key].match(/\\d+/g).slice(0, 3).reduce((sum, x) => sum + +x, 0);
        })"""
    )
    assert abs(ink - paper) > 400
    assert (paper < 200) == (scheme == "dark")
    assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert tab.locator("#play").bounding_box()["y"] < 700


def test_hostile_names_are_shown_and_run_nothing(opened):
    total = sum((Tensor(2.0, requires_grad=True, name=name) * 3.0 for name in HOSTILE), Tensor(0.0))
    graph = Graph(total, backward=True)
    tab = opened(graph, to_html(graph, title=HOSTILE[0]))
    tab.keyboard.press("End")
    for _ in graph.nodes:
        tab.keyboard.press("ArrowUp")
        tab.keyboard.press("ArrowLeft")
    assert tab.evaluate("window.hacked") is None
    assert tab.locator("img, b").count() == 0
    assert tab.locator("script").count() == 2
    tab.keyboard.press("0")
    tab.hover(f"#node-{graph.nodes.index(graph.by_name[HOSTILE[0]])}")
    assert tab.text_content("#facts h2") == HOSTILE[0]


def test_page_plays_inside_an_iframe(opened):
    graph = scalar_graph()
    tab = opened(graph, f"<!DOCTYPE html><meta charset=utf-8><p>above</p>{to_iframe(graph)}")
    frame = tab.frame_locator("iframe")
    frame.locator("#last").click()
    assert frame.locator("#label").inner_text() == "backward 3 of 3"


def until(frame, condition):
    """Wait for a condition, in a page whose policy forbids the driver's own way of doing so."""
    again = "await new Promise((done) => setTimeout(done, 50))"
    frame.evaluate(f"async () => {{ for (let i = 0; i < 1200 && !({condition}); i++) {again}; }}")
    assert frame.evaluate(f"Boolean({condition})")


def test_picture_fits_an_iframe_that_is_shown_later(opened):
    graph = scalar_graph()
    tab = opened(graph, f"<!DOCTYPE html><meta charset=utf-8><div hidden>{to_iframe(graph)}</div>")
    drawn = "document.querySelector('svg[role=group]')?.getAttribute('viewBox')"
    until(tab.frames[1], drawn)  # where it is hidden it has no size
    tab.evaluate("document.querySelector('div').hidden = false")
    until(tab.frames[1], f"!{drawn}.endsWith(' 0 0')")
