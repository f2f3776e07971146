"""The page for everybody: by keyboard, with a screen reader, on a phone, enlarged, on paper."""

from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from tests.graph.graphs import network_graph, scalar_graph
from tinygrad_mnist import nn
from tinygrad_mnist.checking import diagnose, wrong_rules
from tinygrad_mnist.graph import Graph
from tinygrad_mnist.graph.html import to_iframe

pytestmark = pytest.mark.long
WIDTHS = (390, 1280, 2560)
UNREADABLE = Path(__file__).parents[1].joinpath("unreadable.js").read_text(encoding="utf-8")


def alarming_graph():
    """A wrong rule beside the right one, with a gradient that is huge."""
    model = nn.Linear(3, 3, rng=0)
    with wrong_rules.missing_transpose:
        loss = (model(1e4 * np.eye(3, dtype=np.float32)) ** 2).sum()
        return Graph(loss, backward=True, diagnosis=diagnose(loss))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_violation(scheme, opened):
    pytest.importorskip("axe_playwright_python", reason="axe-playwright-python is not installed")
    axe = files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")
    for graph, width in [*((network_graph(), width) for width in WIDTHS), (alarming_graph(), 390)]:
        tab = opened(graph, color_scheme=scheme, viewport={"width": width, "height": 900})
        tab.evaluate(f"{axe}; undefined")  # not a script of the page: its policy refuses those
        for key in ("Home", "End", "ArrowLeft"):
            tab.keyboard.press(key)
            found = tab.evaluate(
                "axe.run({rules: {'label-content-name-mismatch': {enabled: true}}}).then("
                "({passes, violations}) => [passes.length, violations.map(v => [v.id, v.nodes[0].html])])"
            )
            assert found[0] > 20
            assert found[1] == [], (width, key)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("graph", [network_graph, alarming_graph])
def test_text_has_contrast_at_every_step(graph, scheme, opened):
    tab = opened(graph(), color_scheme=scheme)
    for step in range(int(tab.get_attribute("#scrubber", "max")) + 1):
        tab.fill("#scrubber", str(step))
        assert tab.evaluate(UNREADABLE) == [], step


def test_space_plays_wherever_the_focus_is(opened):
    tab = opened(scalar_graph())
    tab.clock.install(time=0)
    tab.clock.pause_at(1000)
    for place in ("#closer", "#last", "#scrubber", "#speed", "#node-2", "aside"):
        tab.focus(place)
        view = tab.get_attribute("#canvas > svg", "viewBox")
        for name in ("Pause", "Play"):
            tab.keyboard.press(" ")
            assert tab.get_attribute("#play", "aria-label") == name, place
        assert tab.inner_text("#label") == "forward 1 of 3", place
        if place == "#closer":
            assert tab.get_attribute("#canvas > svg", "viewBox") == view
        tab.click("#first")


def test_scrubber_has_the_keys_of_a_slider(opened):
    tab = opened(scalar_graph())
    tab.focus("#scrubber")
    for key, value in (
        ("ArrowUp", "1"),
        ("ArrowRight", "2"),
        ("ArrowDown", "1"),
        ("End", "6"),
        ("Home", "0"),
    ):
        tab.keyboard.press(key)
        assert tab.input_value("#scrubber") == value, key
    assert tab.inner_text("#label") == "overview"


def test_speed_sets_the_time_of_a_step(opened):
    tab = opened(scalar_graph())
    tab.clock.install(time=0)
    tab.clock.pause_at(1000)
    tab.click("#play")
    tab.select_option("#speed", "4")
    tab.clock.run_for(450)
    assert tab.inner_text("#label") == "forward 2 of 3"
    tab.select_option("#speed", "0.5")
    tab.clock.run_for(3000)
    assert tab.inner_text("#label") == "forward 2 of 3"
    tab.clock.run_for(300)
    assert tab.inner_text("#label") == "forward 3 of 3"


def test_pinned_node_is_said_and_seen(opened):
    tab = opened(scalar_graph())
    tab.click("#node-2")
    assert tab.get_attribute("#node-2", "aria-pressed") == "true"
    assert "pinned" in tab.get_attribute("#node-2", "class").split()
    assert tab.inner_text("#status") == "The facts of multiply_1 are kept"
    tab.click("#node-2")
    assert tab.get_attribute("#node-2", "aria-pressed") == "false"
    assert tab.inner_text("#status") == "The facts of multiply_1 are not kept any more"


@pytest.mark.parametrize("size", [(390, 844), (736, 640)], ids=["phone", "frame"])
def test_boxes_in_a_small_window_can_be_read_and_hit(size, opened):
    tab = opened(network_graph(), viewport=dict(zip(("width", "height"), size)))
    heights = [box.bounding_box()["height"] for box in tab.locator(".node").all()]
    assert min(heights) >= 24
    tab.keyboard.press("0")  # the whole graph: small
    place = tab.locator("#node-3").bounding_box()
    tab.mouse.click(place["x"] - 8, place["y"] + place["height"] / 2)
    assert tab.get_attribute("#node-3", "aria-pressed") == "true"


def test_two_fingers_zoom_and_one_moves(opened):
    tab = opened(scalar_graph(), has_touch=True, viewport={"width": 390, "height": 844})
    width = "parseFloat(document.querySelector('#canvas > svg').getAttribute('viewBox').split(' ')[2])"
    before = tab.evaluate(width)
    touch = tab.context.new_cdp_session(tab)
    for kind, apart in (("touchStart", 40), ("touchMove", 60), ("touchMove", 120), ("touchEnd", 0)):
        points = [{"x": 150 - apart / 2, "y": 250, "id": 0}, {"x": 150 + apart / 2, "y": 250, "id": 1}]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points if apart else []})
    assert tab.evaluate(width) < 0.6 * before


def test_wheel_scrolls_the_notebook_around_the_page(opened):
    frame = to_iframe(scalar_graph())
    tab = opened(None, f"<!DOCTYPE html><meta charset=utf-8>{frame}<p style='height: 3000px'>below</p>")
    tab.mouse.move(300, 300)
    tab.mouse.wheel(0, 400)
    tab.wait_for_function("scrollY > 100")


def test_nothing_vanishes_at_a_zoom_of_400_percent(opened):
    tab = opened(network_graph(), viewport={"width": 320, "height": 225})
    for part in ("header", "#canvas", "#closer", "#step", "#play", "#speed", "#scrubber", "#label"):
        tab.locator(part).scroll_into_view_if_needed()
        box = tab.locator(part).bounding_box()
        assert box["width"] > 20, part
        assert box["height"] >= 18, part
        assert 0 <= box["x"] <= box["x"] + box["width"] <= 320, part
        assert box["y"] < 225, part
    assert tab.locator("#canvas").bounding_box()["height"] >= 160
    assert tab.evaluate("document.documentElement.scrollWidth") <= 320


def test_paper_shows_the_whole_picture_in_light_colours(opened):
    tab = opened(network_graph(), color_scheme="dark")
    tab.keyboard.press("+")
    tab.emulate_media(media="print", color_scheme="dark")
    tab.wait_for_function(
        "document.querySelector('#canvas > svg').getAttribute('viewBox').startsWith('0 0 ')"
    )
    assert tab.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert tab.locator("#canvas > svg").bounding_box()["height"] > 400
    assert not tab.is_visible("#playback")
    assert not tab.is_visible("#zoom")
    assert tab.is_visible("#step")


def test_boxes_are_named_by_their_words_and_say_what_they_are(opened):
    tab = opened(network_graph())
    op = tab.get_by_role("button", name="linear_1 5 × 6", exact=True)
    assert op.get_attribute("aria-description") == "op linear"
    assert (
        tab.get_by_role("button", name="0.bias 6", exact=True).get_attribute("aria-description")
        == "parameter"
    )
    assert tab.get_by_role("button", name="− Linear[0]", exact=True).get_attribute("aria-expanded") == "true"
