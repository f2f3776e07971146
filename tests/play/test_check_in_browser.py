"""The tab Check in a browser: nudges and gradients beside those of Python, and mistakes that are caught."""

import numpy as np
import pytest

from tests.play.browsing import wait_for
from tests.play.networks import in_double
from tinygrad_mnist import Tensor, nn

pytestmark = pytest.mark.long
CHECKED = "checkTab.arrays.length === page.data.parameters.length"


def check(opened, path):
    tab = opened(path)
    tab.click("#tab-check")
    wait_for(tab, "checkTab.verdict")
    return tab


def loss_of(model, tab):
    """The loss of the page's input in Python, in float64."""
    image, label = np.array([tab.evaluate("[...page.input]")]), np.array([tab.evaluate("page.label")])
    return nn.CrossEntropyLoss()(model(Tensor(image)), label)


def numbers(tab):
    """The numbers that the tab shows: loss above and below, by nudging, by backprop, difference."""
    return [
        float(text.replace("−", "-").replace("\n", ""))
        for text in tab.locator(".check .found dd").all_inner_texts()
    ]


def chosen(tab):
    return tab.evaluate("[checkTab.weight.name, checkTab.weight.index]")


def assert_as_in_python(tab, reader, h):
    model = in_double(reader)
    loss_of(model, tab).backward()
    name, index = chosen(tab)
    parameter = dict(model.named_parameters())[name]
    gradient, flat = np.ravel(parameter.grad)[index], parameter.data.reshape(-1)
    before, losses = flat[index], []
    for by in (h, -h):
        flat[index] = before + by
        losses.append(float(loss_of(model, tab).data))
    up, down, nudged, backprop, difference = numbers(tab)
    assert [up, down] == pytest.approx(losses, rel=1e-12)
    assert backprop == pytest.approx(gradient, rel=1e-8)
    assert nudged == pytest.approx((losses[0] - losses[1]) / (2 * h), rel=1e-6)
    assert difference == pytest.approx(
        abs(nudged - backprop) / max(abs(nudged), abs(backprop)), rel=0.05, abs=2e-9
    )


def test_nudge_and_backprop_are_those_of_python(opened, digits_page, reader):
    tab = check(opened, digits_page)
    assert_as_in_python(tab, reader, 1e-5)
    assert "They agree to" in tab.inner_text("#judgement")
    tab.select_option("#weight-array", "0.weight")
    wait_for(tab, "page.weight?.name === '0.weight'")
    tab.fill("#weight-to", "3")
    tab.press("#weight-to", "Tab")
    tab.fill("#weight-from", "30")
    tab.press("#weight-from", "Tab")
    wait_for(tab, "page.weight?.index === 2 * 64 + 29")
    assert "how much the pixel in row 4, column 6 counts for unit 3 of layer 1" in tab.inner_text(".check")
    assert_as_in_python(tab, reader, 1e-5)
    frame = tab.locator("#weight-image").bounding_box()
    tab.mouse.click(frame["x"] + 4.5 * frame["width"] / 8, frame["y"] + 2.5 * frame["height"] / 8)
    wait_for(tab, "page.weight?.index === 2 * 64 + 2 * 8 + 4")
    assert_as_in_python(tab, reader, 1e-5)
    tab.click("#largest")
    wait_for(tab, "page.weight.index !== 2 * 64 + 2 * 8 + 4")
    steepest = tab.evaluate("largestAt(page.blamed.slopes.get('0.weight').map(Math.abs))")
    assert chosen(tab) == ["0.weight", steepest]


def test_weight_touched_in_see_is_checked(opened, digits_page):
    tab = opened(digits_page)
    tab.evaluate("page.look({ layer: 0, index: 4 })")
    wait_for(tab, "document.querySelector('#unit-weights')")
    picture = tab.locator("#unit-weights")
    pixel = picture.bounding_box()["width"] / 8
    picture.click(position={"x": 2.5 * pixel, "y": 5.5 * pixel})
    wait_for(tab, "page.tab === 'check' && checkTab.verdict")
    assert chosen(tab) == ["0.weight", 4 * 64 + 5 * 8 + 2]


def test_wrong_size_of_nudge_is_told_apart(opened, digits_page, reader):
    tab = check(opened, digits_page)
    for key, words in (("Home", "so large that the curve bends"), ("End", "so small that the two losses")):
        tab.press("#nudge", key)
        wait_for(tab, f"checkTab.h === {'1e-1' if key == 'Home' else '1e-12'}")
        assert words in tab.inner_text("#judgement")
    tab.press("#nudge", "Home")
    wait_for(tab, "checkTab.h === 1e-1")
    assert_as_in_python(tab, reader, 1e-1)
    tab.press("#v-curve summary", "Enter")
    wait_for(tab, "document.querySelector('#chart-v .name')")
    words = tab.inner_text("#v-curve")
    assert "the curve bends" in words
    assert "digits run out" in words
    best, error = tab.evaluate(
        """() => {
          const weight = checkTab.weight, backprop = page.blamed.slopes.get(weight.name)[weight.index];
          return errorsOverStep(weight, page.label, backprop).reduce((a, b) => (b[1] < a[1] ? b : a));
        }"""
    )
    assert 1e-8 < best < 1e-3
    assert error < 1e-7


def test_rounding_of_a_tiny_loss_is_not_called_wrong(opened, digits_page):
    tab = check(opened, digits_page)
    for loss in (1e-4, 1e-6, 1e-8, 1e-10, 1e-13):
        tab.evaluate(
            """(wanted) => {
              page.choose("test", page.sets.test.labels.findIndex((label, i) => {
                return largestAt(page.network.look(page.sets.test.at(i)).answer) === label;
              }));
              page.refresh();
              const outer = ["2.weight", "2.bias"].map((name) => page.network.arrays.get(name));
              while (page.network.lossAt(page.input, page.label) > wanted) {
                for (const array of outer) array.forEach((weight, i) => { array[i] = 1.1 * weight; });
              }
              page.changed("weights");
            }""",
            loss,
        )
        wait_for(tab, "page.blamed.loss < 1e-3")
        tab.click("#check-all")
        wait_for(tab, CHECKED)
        assert tab.locator(".check button.small.wrong").count() == 0, loss
        wrong = tab.evaluate(
            """[...page.blamed.slopes].flatMap(([name, slopes]) => [...slopes.keys()].filter((index) => {
              const best = bestSlope({ name, index }, page.label, slopes[index]);
              return judged(slopes[index], best, best, 1e-5, roundingOf(page.blamed)) === "wrong";
            }))"""
        )
        assert wrong == [], loss
    tab.evaluate("page.chooseWeight({ name: '2.weight', index: 0 })")
    wait_for(tab, "checkTab.verdict === 'tiny'")
    assert "Too small to tell" in tab.inner_text("#judgement")


def test_check_says_where_there_is_nothing_to_see(opened, digits_page):
    tab = check(opened, digits_page)
    dark = tab.evaluate("page.input.indexOf(0)")
    tab.select_option("#weight-array", "0.weight")
    wait_for(tab, "page.weight?.name === '0.weight'")
    tab.fill("#weight-from", str(dark + 1))
    tab.press("#weight-from", "Tab")
    wait_for(tab, "checkTab.verdict === 'zero'")
    assert "Both are 0" in tab.inner_text("#judgement")
    tab.evaluate("page.expect(null)")
    wait_for(tab, "page.label === null")
    assert "First say what it should be" in tab.inner_text(".check")
    assert tab.is_hidden("#nudge")


def test_every_mistake_is_caught_while_the_loss_falls(opened, digits_page):
    tab = check(opened, digits_page)
    tab.click("#check-all")
    wait_for(tab, CHECKED)
    assert tab.locator(".check button.small.wrong").count() == 0
    for mistake in tab.evaluate("page.data.mistakes.map(({ id, text }) => ({ id, text }))"):
        tab.select_option("#mistake", mistake["id"])
        wait_for(tab, f"page.mistake === '{mistake['id']}' && !checkTab.arrays.length")
        assert mistake["text"] in tab.inner_text(".check")
        tab.click("#check-all")
        wait_for(tab, CHECKED)
        wrong = tab.locator(".check button.small.wrong")
        assert wrong.count() >= 1, mistake
        wrong.first.click()
        wait_for(tab, "checkTab.verdict === 'wrong'")
        assert "The rule is wrong" in tab.inner_text("#judgement")
        tab.click("#tab-learn")
        wait_for(tab, "learning.report?.turn === learning.turn")  # then the buttons stand still
        tab.click("#reset")
        wait_for(tab, "learning.start === 'fresh' && learning.report.turn === learning.turn")
        assert "A mistake is planted" in tab.inner_text(".learn .notice")
        tab.evaluate("learning.run(150)")
        wait_for(tab, "learning.report.at === 150")
        losses = np.reshape(tab.evaluate("[...learning.report.losses]"), (-1, 2))[:, 1]
        first, last = losses[:10].mean(), losses[-10:].mean()
        assert last < 0.97 * first, mistake
        assert tab.evaluate("learning.report.plan[0].mistake") == mistake["id"]
        tab.click("#original")
        tab.click("#tab-check")
