"""Err and blame: the loss, the gradients and their formulas, with the numbers of Python."""

import numpy as np
import pytest

from tests.play.browsing import wait_for
from tinygrad_mnist import Tensor, nn
from tinygrad_mnist.datasets import load_digits

pytestmark = pytest.mark.long


def gradients(model, pixels, label):
    """The loss, and its gradients by the input, the outputs of the layers and the parameters."""
    model.zero_grad()
    x = Tensor(np.asarray(pixels, np.float32).reshape(1, -1), requires_grad=True)
    values = [x]
    for layer in model:
        values.append(layer(values[-1]))
        values[-1].retain_grad()
    loss = nn.CrossEntropyLoss()(values[-1], np.array([label]))
    loss.backward()
    slopes = {name: parameter.grad.ravel() for name, parameter in model.named_parameters()}
    return loss.item(), [value.grad.ravel() for value in values], slopes


def blamed(tab):
    return tab.evaluate(
        "page.refresh(), {loss: page.blamed.loss, input: [...page.blamed.input],"
        " gradients: page.blamed.gradients.map((each) => [...each]),"
        " slopes: [...page.blamed.slopes].map(([name, values]) => [name, [...values]])}"
    )


def test_blame_is_the_gradient_of_autodiff(opened, digits_page, reader):
    tab, test = opened(digits_page), load_digits().test
    for index, label in ((5, 3), (17, int(test.labels[17]))):
        tab.evaluate("([index, label]) => (page.choose('test', index), page.expect(label))", [index, label])
        found, (loss, (by_input, *by_values), slopes) = (
            blamed(tab),
            gradients(reader, test.images[index], label),
        )
        assert found["loss"] == pytest.approx(loss, abs=1e-5)
        np.testing.assert_allclose(found["input"], by_input, atol=1e-5)
        for one, other in zip(found["gradients"], by_values, strict=True):
            np.testing.assert_allclose(one, other, atol=1e-5)
        assert [name for name, _ in found["slopes"]] == list(slopes)
        for name, values in found["slopes"]:
            np.testing.assert_allclose(values, slopes[name], atol=1e-5)


def test_why_plays_from_the_loss_to_the_picture(opened, digits_page):
    tab = opened(digits_page)
    tab.clock.install()
    tab.click("#why")
    headings = []
    for _ in range(4):
        tab.evaluate("page.refresh()")
        headings.append(tab.inner_text("#panel-blame .moment h2"))
        tab.clock.run_for(4000)
    assert [heading.split(":")[0] for heading in headings] == [
        "The loss",
        "Blame of the answer",
        "Blame of layer 1",
        "The blame reaches the input",
    ]
    assert tab.inner_text("#play-back") == "Play"
    assert tab.is_disabled("#forward")
    assert tab.is_visible("#picture-slope")


def test_formula_is_the_graphs_with_the_numbers_of_the_unit(opened, digits_page):
    tab = opened(digits_page)
    tab.click("#tab-blame")
    for _ in range(3):
        tab.click("#forward")
    tab.click("#values-0", position={"x": 5, "y": 30})
    tab.mouse.move(0, 0)
    unit = tab.evaluate("page.refresh(), page.unit.index")
    assert tab.inner_text("#panel-blame .rule") == "g * (1 - y * y)"
    numbers = tab.evaluate("(i) => [page.blamed.gradients[1][i], page.blamed.values[1][i]].map(short)", unit)
    result = tab.evaluate("(i) => short(page.blamed.gradients[0][i])", unit)
    g, y = numbers
    assert tab.inner_text("#panel-blame .filled") == f"= {g} * (1 - {y} * {y}) = {result}"


def test_chosen_answer_changes_the_loss(opened, digits_page):
    tab = opened(digits_page)
    tab.click("#tab-blame")
    tab.focus("#label-0")
    tab.keyboard.press("ArrowRight")
    tab.click("#forward")
    tab.evaluate("page.refresh()")
    label, probability, loss = tab.evaluate("[page.label, page.seen.answer[page.label], page.blamed.loss]")
    assert label == 1
    assert loss == pytest.approx(-np.log(probability))
    assert tab.evaluate("(x) => short(x)", loss) in tab.inner_text("#panel-blame .moment h2")


def test_walk_makes_it_the_chosen_digit_and_undo_puts_it_back(opened, digits_page):
    tab = opened(digits_page)
    before = tab.evaluate("[...page.input]")
    tab.click("#tab-blame")
    for _ in range(4):
        tab.click("#forward")
    tab.click("#walk")
    wait_for(tab, "page.seen.answer[page.label] > 0.95 && BLAME.walk === null")
    after = np.array(tab.evaluate("[...page.input]"))
    assert 0 < np.abs(after - before).max() <= 1
    tab.click("#undo")
    assert tab.evaluate("[...page.input]") == before
