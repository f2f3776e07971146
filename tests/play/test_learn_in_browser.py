"""The tab Learn in a browser: its numbers beside those of Python, and its controls."""

import numpy as np
import pytest

from tests.play.browsing import wait_for
from tests.play.networks import in_double
from tests.play.test_training_of_the_page import order_of, uniforms
from tinygrad_mnist import Tensor, nn, optim
from tinygrad_mnist.datasets import load_digits

pytestmark = pytest.mark.long
BATCH = 16
FORBIDDEN = {
    "at once": "() => { window.Worker = class { constructor() { throw new Error('no'); } }; }",
    "later": """() => {
      window.Worker = class { constructor() { setTimeout(() => this.onerror(), 50); } postMessage() {} };
    }""",
}


def settled(tab, step):
    """Wait until the page has come to a step and rests there."""
    wait_for(
        tab,
        f"learning.report?.at === {step} && !learning.isRunning && learning.report.turn === learning.turn",
    )


def learn(opened, path, **settings):
    tab = opened(path, **settings)
    tab.click("#tab-learn")
    settled(tab, 0)
    return tab


def weights(tab):
    found = tab.evaluate("[...page.network.arrays].map(([name, values]) => [name, [...values]])")
    return {name: np.array(values) for name, values in found}


def trained(model, steps, seed, lr, momentum, count=None):
    """The same training in Python, in float64: the loss of each step; the model is changed."""
    digits = load_digits()
    count = len(digits.train) if count is None else count
    loss, optimizer = nn.CrossEntropyLoss(), optim.SGD(list(model.parameters()), lr=lr, momentum=momentum)
    per_epoch, losses = count // BATCH, []
    for step in range(steps):
        first = step % per_epoch * BATCH
        chosen = order_of(count, seed, step // per_epoch)[first : first + BATCH]
        optimizer.zero_grad()
        images = digits.train.images[chosen].reshape(-1, 64).astype(np.float64)
        value = loss(model(Tensor(images)), digits.train.labels[chosen])
        value.backward()
        optimizer.step()
        losses.append(float(value.data))
    return losses


def assert_same(tab, model):
    found = weights(tab)
    for name, parameter in model.named_parameters():
        np.testing.assert_allclose(found[name], parameter.data.ravel(), rtol=1e-9, atol=1e-12)


def test_training_gives_the_numbers_of_python(opened, digits_page, reader):
    tab, model = learn(opened, digits_page), in_double(reader)
    tab.click("#step-one")
    settled(tab, 1)
    for _ in range(8):
        tab.click("#step-ten")
    settled(tab, 81)  # an epoch has 77 steps
    losses = trained(model, 81, seed=1, lr=0.05, momentum=0.9)
    assert_same(tab, model)
    assert tab.evaluate("learning.report.loss") == pytest.approx(losses[-1], rel=1e-9)
    curve = np.reshape(tab.evaluate("[...learning.report.losses]"), (-1, 2))
    np.testing.assert_allclose(curve, np.column_stack([np.arange(1, 82), losses]), rtol=1e-9)
    test = load_digits().test
    count = tab.evaluate("page.sets.test.count")
    answers = np.argmax(model(Tensor(test.images.reshape(-1, 64).astype(np.float64))).data, axis=1)
    shown = tab.evaluate("learning.report.places.at(-1).accuracy")
    labels = tab.evaluate("page.sets.test.labels")
    assert len(labels) == count
    if count == len(test):
        assert sorted(labels) == sorted(test.labels)
        assert shown == pytest.approx(np.mean(answers == test.labels))
    assert "81, epoch 1.1" in tab.inner_text(".learn .state")
    assert "smoothed training loss" in tab.get_attribute("#chart-loss", "aria-label")


def test_fresh_weights_follow_from_the_seed(opened, digits_page):
    tab = learn(opened, digits_page)
    first = weights(tab)
    tab.fill("#seed", "5")
    tab.press("#seed", "Tab")
    tab.click("#reset")
    wait_for(tab, "learning.report.seed === 5")
    draws, model = uniforms(5), nn.perceptron("64-12-10", nn.Tanh, rng=0, dtype=np.float64)
    for parameter in model.parameters():
        bound = np.sqrt(3 / parameter.shape[-1])
        if len(parameter.shape) == 2:
            values = [bound * (2 * next(draws) - 1) for _ in range(parameter.size)]
            parameter.data[...] = np.reshape(values, parameter.shape)
        else:
            parameter.data[...] = 0
    assert_same(tab, model)
    tab.focus("#lr")
    tab.keyboard.press("ArrowRight")
    tab.focus("#momentum")
    tab.keyboard.press("Home")
    assert tab.get_attribute("#lr", "aria-valuetext") == "0.1"
    tab.click("#step-ten")
    settled(tab, 10)
    trained(model, 10, seed=5, lr=0.1, momentum=0)
    assert_same(tab, model)
    tab.click("#original")
    settled(tab, 0)
    for name, values in weights(tab).items():
        np.testing.assert_array_equal(values, first[name])


def test_reader_goes_back_in_time_by_keyboard(opened, digits_page, reader):
    tab = learn(opened, digits_page)
    tab.select_option("#speed", "as fast as it can")
    tab.press("#play", "Enter")
    wait_for(tab, "learning.report.at > 200")
    tab.press("#play", "Enter")
    wait_for(tab, "!learning.report.running")
    last = tab.evaluate("learning.report.at")
    count = tab.evaluate("learning.report.places.length")
    assert 12 <= count <= 61
    tab.focus("#time")
    tab.keyboard.press("Home")
    tab.keyboard.press("ArrowRight")
    wait_for(tab, "learning.report.place === 1")
    step, model = tab.evaluate("learning.report.at"), in_double(reader)
    assert 0 < step < last
    trained(model, step, seed=1, lr=0.05, momentum=0.9)
    assert_same(tab, model)
    assert f"step {step}" in tab.get_attribute("#time", "aria-valuetext")
    tab.click("#step-one")
    settled(tab, step + 1)
    assert tab.evaluate("learning.report.places.length") == 3
    model = in_double(reader)
    trained(model, step + 1, seed=1, lr=0.05, momentum=0.9)
    assert_same(tab, model)


@pytest.mark.parametrize("forbidden", FORBIDDEN)
def test_page_without_a_worker_trains_by_itself(forbidden, opened, digits_page, reader, tmp_path):
    tab = opened(digits_page)
    tab.evaluate(FORBIDDEN[forbidden])
    tab.click("#tab-learn")
    settled(tab, 0)
    tab.click("#step-ten")
    settled(tab, 10)
    model = in_double(reader)
    trained(model, 10, seed=1, lr=0.05, momentum=0.9)
    assert_same(tab, model)


def test_too_large_steps_are_explained(opened, digits_page):
    tab = learn(opened, digits_page)
    tab.press("#lr", "End")
    tab.select_option("#speed", "as fast as it can")
    tab.click("#play")
    wait_for(tab, "learning.report.at > 100")
    tab.click("#play")
    wait_for(tab, "!learning.report.running")
    assert "It has forgotten" in tab.inner_text(".learn .notice")
    tab.evaluate("learning.set({ lr: Infinity })")
    tab.click("#step-ten")
    wait_for(tab, "Number.isNaN(learning.report.loss)")
    assert "beyond any number" in tab.inner_text(".learn .notice")
    tab.press("#time", "Home")
    wait_for(tab, "learning.report.at === 0")
    assert tab.is_hidden(".learn .notice")


def test_page_answers_while_it_trains(opened, digits_page):
    tab = learn(opened, digits_page)
    tab.select_option("#speed", "as fast as it can")
    tab.click("#play")
    before, frames = (
        weights(tab),
        tab.evaluate(
            """async () => {
          const at = [];
          const next = () => new Promise((done) => requestAnimationFrame(done));
          for (let i = 0; i < 20; i++) at.push(await next());
          return at.length;
        }"""
        ),
    )
    assert frames == 20
    wait_for(tab, "learning.report.at > 500")
    assert any(np.any(values != before[name]) for name, values in weights(tab).items())
    assert "steps per second" in tab.inner_text(".learn .state")
    tab.click("#tab-see")
    tab.click("#tab-learn")
    assert tab.inner_text("#play") == "❚❚ Pause"
    tab.click("#play")
    wait_for(tab, "!learning.report.running")
