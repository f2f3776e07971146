"""A page with points in the plane: chosen by finger and by keys, and read as by Python."""

import numpy as np
import pytest

from tests.play.browsing import wait_for
from tinygrad_mnist import nn, no_grad, ops
from tinygrad_mnist.play import play, spirals

pytestmark = pytest.mark.long


def test_point_is_chosen_by_finger_and_by_keys(opened, tmp_path):
    model = nn.perceptron("2-8-2", nn.Tanh, rng=0)
    page = play(model, spirals())
    tab = opened(page.save(tmp_path / "spirals.html"), has_touch=True, viewport={"width": 390, "height": 844})
    left, right, bottom, top = tab.evaluate("page.data.bounds")
    box = tab.locator("#plane").bounding_box()
    tab.touchscreen.tap(box["x"] + box["width"] / 4, box["y"] + box["height"] / 8)
    touched = tab.evaluate("[...page.input]")
    sides = right - left, top - bottom
    np.testing.assert_allclose(touched, [left + sides[0] / 4, top - sides[1] / 8], atol=sides[0] / 100)
    tab.focus("#plane")
    for key in ("ArrowRight", "ArrowDown", "ArrowDown"):
        tab.keyboard.press(key)
    wait_for(tab, "page.seen")
    point = tab.evaluate("[...page.input]")
    np.testing.assert_allclose(point, np.add(touched, [sides[0] / 50, -2 * sides[1] / 50]), rtol=1e-12)
    with no_grad():
        read = ops.softmax(model(np.float32([point]))).data[0]
    np.testing.assert_allclose(tab.evaluate("[...page.seen.answer]"), read, atol=1e-5)
    name = spirals().class_names[int(read.argmax())]
    assert tab.inner_text("#reading").startswith(f"The network reads this point as {name} (")
