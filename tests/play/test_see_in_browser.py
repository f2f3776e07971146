"""See: by pointer and by keys, with the numbers of Python."""

import numpy as np
import pytest

from tests.play.browsing import drag, wait_for
from tinygrad_mnist import no_grad, ops
from tinygrad_mnist.datasets import load_digits

pytestmark = pytest.mark.long


def answer_of(model, pixels):
    with no_grad():
        return ops.softmax(model(np.asarray(pixels, np.float32).reshape(1, -1))).data[0]


def seen(tab):
    """The answer of the network on the page."""
    return tab.evaluate("page.refresh(), [...page.seen.answer]")


def test_first_screen_shows_a_digit_read_wrongly(opened, digits_page, reader):
    tab, test = opened(digits_page), load_digits().test
    index = tab.evaluate("page.example.index")
    read = answer_of(reader, test.images[index])
    assert read.argmax() != test.labels[index]
    text = tab.inner_text("#reading")
    assert text.startswith(f"The network reads this as {read.argmax()} (")
    assert f"It should be {test.labels[index]} (" in text
    assert tab.is_visible("#why")
    np.testing.assert_allclose(seen(tab), read, atol=1e-5)


def test_drawing_is_framed_and_read_as_by_python(opened, digits_page, reader):
    tab = opened(digits_page)
    tab.click("#clear")
    drag(tab, "#pad", (0.3, 0.2), (0.65, 0.2), (0.45, 0.5), (0.65, 0.75), (0.3, 0.8))
    ink = np.array(tab.evaluate("[...PARTS.find((part) => part instanceof Pad).ink]"), np.float32)
    side = round(ink.size**0.5)
    ink = ink.reshape(side, side)
    expected = load_digits().framing().place(ink, (8, 8))
    np.testing.assert_allclose(tab.evaluate("[...page.input]"), expected.ravel(), atol=1e-5)
    np.testing.assert_allclose(seen(tab), answer_of(reader, expected), atol=1e-5)
    assert "It should be" not in tab.inner_text("#reading")


def test_stroke_on_an_example_adds_ink_and_rubbing_takes_it(opened, digits_page):
    tab = opened(digits_page)
    before = np.array(tab.evaluate("[...page.input]"))
    drag(tab, "#pad", (0.05, 0.05), (0.05, 0.95))
    drawn = np.array(tab.evaluate("[...page.input]"))
    assert (drawn >= before - 1e-9).all()
    assert (drawn > before).any()
    tab.click("#rub")
    drag(tab, "#pad", (0.05, 0.05), (0.05, 0.95))
    rubbed = np.array(tab.evaluate("[...page.input]")).reshape(8, 8)
    assert (rubbed[1:-1, 0] < 0.2).all()


def test_pointed_unit_tells_its_sum(opened, digits_page, reader):
    tab = opened(digits_page)
    tab.locator("#values-0").hover(position={"x": 10, "y": 40})
    wait_for(tab, "document.querySelector('#panel-see h2').textContent !== ''")
    unit = tab.evaluate("page.refresh(), page.current.index")
    assert tab.inner_text("#panel-see h2") == f"Unit {unit + 1} of layer 1"
    x = np.array(tab.evaluate("[...page.input]"))
    layer = reader[0]
    total = layer.weight.data[unit] @ x + layer.bias.data[unit]
    assert tab.evaluate("page.seen.values[0][page.current.index]") == pytest.approx(total, abs=1e-5)
    said = tab.evaluate("(x) => short(x)", float(tab.evaluate("page.seen.values[0][page.current.index]")))
    assert said in tab.inner_text("#panel-see")
    parts = tab.evaluate("[...contributions(page.current).products]")
    np.testing.assert_allclose(parts, layer.weight.data[unit] * x, atol=1e-6)


def test_keys_choose_units_pixels_and_tabs(opened, digits_page):
    tab = opened(digits_page)
    tab.focus("#layer-0")
    tab.keyboard.press("ArrowDown")
    tab.keyboard.press("ArrowDown")
    assert tab.evaluate("[page.unit.layer, page.unit.index]") == [0, 1]
    assert "Unit 2 of layer 1" in tab.inner_text("#status")
    tab.focus("#pad")
    for key in ("ArrowRight", "ArrowUp", "+", "+"):
        tab.keyboard.press(key)
    index = tab.evaluate("page.unit.index")
    assert tab.evaluate("page.unit.layer") == -1
    assert tab.evaluate("(index) => page.input[index]", index) >= 0.5
    tab.focus("#tab-see")
    tab.keyboard.press("ArrowRight")
    wait_for(tab, "page.tab === 'blame' && document.activeElement.id === 'tab-blame'")
    assert tab.is_visible("#panel-blame")
    assert tab.is_hidden("#panel-see")


def test_gallery_marks_what_is_read_wrongly(opened, digits_page, reader):
    tab, test = opened(digits_page), load_digits().test
    for index in range(24):
        read = answer_of(reader, test.images[index]).argmax()
        classes = tab.get_attribute(f"#example-{index}", "class")
        assert ("wrong" in classes) == (read != test.labels[index])
    tab.click("#example-3")
    np.testing.assert_allclose(seen(tab), answer_of(reader, test.images[3]), atol=1e-5)


def test_all_units_of_a_layer_are_there_as_text(opened, digits_page):
    tab = opened(digits_page)
    tab.focus("#layer-0")
    tab.keyboard.press("ArrowDown")
    tab.click("#open-layer > summary")
    rows = tab.locator("#open-layer tbody tr")
    rows.nth(11).wait_for()
    assert rows.count() == 12
    values = tab.evaluate("[...page.seen.values[1]].map(short)")
    assert [rows.nth(i).locator("td").nth(2).inner_text() for i in range(12)] == values


def test_finger_draws_as_a_mouse_does(opened, digits_page, reader):
    tab = opened(digits_page, has_touch=True, is_mobile=True, viewport={"width": 390, "height": 844})
    tab.tap("#clear")
    box, send = tab.locator("#pad").bounding_box(), tab.context.new_cdp_session(tab).send
    for kind, height in [("Start", 0.8), *(("Move", 0.8 - step / 10) for step in range(7)), ("End", None)]:
        place = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] * (height or 0)}
        send(
            "Input.dispatchTouchEvent",
            {"type": f"touch{kind}", "touchPoints": [] if height is None else [place]},
        )
    wait_for(tab, "page.input.some((ink) => ink > 0.5)")
    assert tab.evaluate("scrollY") == 0
    ink = np.array(tab.evaluate("[...PARTS.find((part) => part instanceof Pad).ink]"))
    assert ink.reshape(round(ink.size**0.5), -1).any(axis=1).mean() > 0.6  # the whole stroke
    pixels = tab.evaluate("[...page.input]")
    np.testing.assert_allclose(seen(tab), answer_of(reader, pixels), atol=1e-5)
