"""Networks with convolutions on a page: feature maps, and the numbers of Python in blame and training."""

import shutil
from importlib.resources import files

import numpy as np
import pytest

from tests.play.browsing import drag, wait_for
from tests.play.networks import convolutional, flat, in_double
from tests.play.test_blame_in_browser import blamed
from tests.play.test_learn_in_browser import assert_same, learn, settled, trained, weights
from tests.play.test_play_for_everybody import UNREADABLE
from tests.play.test_programs import assert_programs_agree
from tinygrad_mnist import Tensor, load, load_pretrained, nn, no_grad, ops
from tinygrad_mnist.datasets import load_digits
from tinygrad_mnist.play import play

NODE = pytest.mark.skipif(shutil.which("node") is None, reason="Node is not installed")
SIZES = [(390, "light"), (1280, "dark")]


@pytest.fixture(scope="module")
def record_page(mnist, tmp_path_factory):
    """The page of the network of the record."""
    return play(load_pretrained("record"), mnist).save(tmp_path_factory.mktemp("play") / "record.html")


@pytest.fixture(scope="module")
def small_page(tmp_path_factory):
    """The page of a small network."""
    return play(convolutional(), load_digits()).save(tmp_path_factory.mktemp("play") / "small.html")


def shown(tab, count):
    """The answers of a page to the first test images."""
    given = f"Array.from({{length: {count}}}, (_, i) => [...page.network.look(page.sets.test.at(i)).answer])"
    return np.array(tab.evaluate(given))


@pytest.mark.long
def test_page_reads_images_as_python_does(record_page, opened, mnist):
    with no_grad():
        expected = ops.softmax(load_pretrained("record")(mnist.test.images[:20])).data
    assert np.abs(shown(opened(record_page), 20) - expected).max() < 1e-5


def layers_of(model, *entry):
    """The layers that a page shows, in float64 and behind the one that gives an image its shape."""
    left_out = (nn.Dropout, nn.Identity)
    return [nn.Unflatten(1, entry), *(layer for layer in flat(model) if not isinstance(layer, left_out))]


@NODE
@pytest.mark.parametrize(
    ("settings", "loss"),
    [({}, None), ({"dtype": np.float64}, None), ({}, nn.QuadraticLoss())],
)
def test_programs_of_convolutions_give_what_python_gives(settings, loss, digits):
    model = convolutional(**settings)
    for name, tensor in model.named_buffers():  # as after a training
        tensor.data[...] = 0.5 + len(name) / 40
    html = play(model, digits, loss=loss, lr=0.3, momentum=0.5, batch_size=4).html
    test, train = ((each.images.reshape(-1, 64).astype(np.float64), each.labels.astype(np.int64))
                   for each in (digits.test, digits.train))  # fmt: skip
    arrays = assert_programs_agree(html, layers_of(in_double(model), 1, 8, 8), test, train, loss is not None)
    assert set(arrays) == set(model.state_dict())


@NODE
@pytest.mark.long
def test_programs_of_the_record_give_what_python_gives(mnist):
    model = load_pretrained("record")
    html = play(model, mnist, lr=0.3, momentum=0.5, batch_size=4).html
    test, train = ((each.images[:4].reshape(-1, 784).astype(np.float64), each.labels[:4].astype(np.int64))
                   for each in (mnist.test, mnist.train))  # fmt: skip
    assert_programs_agree(html, layers_of(in_double(model), 28, 28), test, train)


@pytest.mark.long
def test_blame_of_the_record_is_the_gradient_of_autodiff(record_page, opened, mnist):
    tab, model = opened(record_page), in_double(load_pretrained("record"))
    tab.evaluate("(page.choose('test', 5), page.expect(3))")
    found = blamed(tab)
    x = Tensor(mnist.test.images[5:6].astype(np.float64), requires_grad=True)
    loss = nn.CrossEntropyLoss()(model(x), np.array([3]))
    loss.backward()
    assert found["loss"] == pytest.approx(loss.item(), rel=1e-10)
    np.testing.assert_allclose(found["input"], x.grad.ravel(), rtol=1e-10, atol=1e-13)
    slopes = dict(found["slopes"])
    for name, parameter in model.named_parameters():
        np.testing.assert_allclose(slopes[name], parameter.grad.ravel(), rtol=1e-10, atol=1e-13)
    assert tab.evaluate("page.network.lossAt(page.input, 3)") == pytest.approx(loss.item(), rel=1e-10)


@pytest.mark.long
def test_training_of_convolutions_gives_the_numbers_of_python(small_page, opened):
    tab, model = learn(opened, small_page), in_double(convolutional())
    tab.click("#step-ten")
    settled(tab, 10)
    rows = nn.Sequential(nn.Unflatten(1, (1, 8, 8)), *model).eval()
    count = tab.evaluate("page.sets.train.count")
    losses = trained(rows, 10, seed=1, lr=0.05, momentum=0.9, count=count)
    assert_same(tab, model)
    curve = np.reshape(tab.evaluate("[...learning.report.losses]"), (-1, 2))
    np.testing.assert_allclose(curve[:, 1], losses, rtol=1e-10)


@pytest.mark.long
def test_record_learns_without_holding_up_the_page(record_page, opened):
    tab = learn(opened, record_page)
    tab.click("#step-one")
    tab.click("#tab-see")  # while it computes
    settled(tab, 1)
    assert tab.is_visible("#panel-see")
    wait_for(tab, "byId('facts').textContent.includes('of the 300 shown test images')")


@pytest.mark.long
def test_fresh_network_begins_with_a_normalization_that_changes_nothing(small_page, opened):
    tab = learn(opened, small_page)
    tab.click("#reset")
    wait_for(tab, "learning.start === 'fresh'")
    found = weights(tab)
    ones = {"4.weight", "4.running_var"}
    assert all((found[name] == (name in ones)).all() for name in found if name.startswith("4."))
    assert all((values == 0).all() for name, values in found.items() if name.endswith("bias"))
    assert abs(found["3.weight"]).max() <= np.sqrt(3 / 12)
    assert found["3.weight"].std() > 0.2


@pytest.mark.long
def test_weights_of_the_page_are_those_of_python(small_page, opened, tmp_path):
    tab = learn(opened, small_page)
    tab.click("#step-ten")
    settled(tab, 10)
    tab.click("#tab-take")
    with tab.expect_download() as download:
        tab.click("#save-weights")
    path = tmp_path / "weights.safetensors"
    download.value.save_as(path)
    model = convolutional()
    load(model, path)
    found = weights(tab)
    for name, values in model.state_dict().items():
        np.testing.assert_array_equal(values.ravel(), found[name].astype(values.dtype))
    tab.click("#tab-learn")
    tab.click("#reset")
    wait_for(tab, "learning.start === 'fresh'")
    tab.click("#tab-take")
    tab.set_input_files("#open-weights", path)
    wait_for(tab, "learning.start === 'file'")
    for name, values in weights(tab).items():
        np.testing.assert_allclose(values, found[name], rtol=1e-6, atol=1e-7)


@pytest.mark.long
def test_blame_runs_through_the_maps_to_the_picture(small_page, opened):
    tab = opened(small_page)
    tab.click("#tab-blame")
    headings = []
    while not tab.is_disabled("#forward"):
        tab.click("#forward")
        wait_for(tab, "true")
        headings.append(tab.inner_text("#panel-blame .moment h2"))
    layers = [f"Blame of layer {number}" for number in (3, 2, 1)]
    assert headings[1:] == ["Blame of the answer", *layers, "The blame reaches the input"]
    tab.click("#back")
    wait_for(tab, "true")
    assert tab.locator("#blame-map, #blame-of-map, #blame-of-sums, #blame-of-weights").count() == 4
    assert "lies under several windows of the next layer" in tab.inner_text("#panel-blame")
    tab.evaluate("page.look({layer: 0, index: 2})")
    wait_for(tab, "page.unit.index === 2")
    values = np.reshape(tab.evaluate("[...page.blamed.gradients[page.network.blocks[0].shown]]"), (3, 4, 4))
    row, column = np.unravel_index(np.abs(values[2]).argmax(), (4, 4))
    assert f"map 3, row {row + 1}, column {column + 1}: " in tab.inner_text("#panel-blame")
    tab.click("#blame-of-weights")
    wait_for(tab, "page.tab === 'check' && checkTab.verdict === 'agrees'")
    assert "This weight is in the window of map" in tab.inner_text("#panel-check")
    tab.click("#tab-blame")
    tab.click("#back")
    wait_for(tab, "true")
    assert "feeds every unit of the next layer" in tab.inner_text("#panel-blame")
    assert tab.locator("#edges path").count() == 5  # to the units of the third layer


@pytest.mark.long
def test_check_finds_the_mistake_of_every_array(small_page, opened):
    tab = opened(small_page)
    tab.click("#tab-check")
    verdicts = "checkTab.arrays.map(({isWrong, isSilent}) => (isSilent ? 0 : isWrong ? -1 : 1))"
    count = len([*convolutional().named_parameters()])
    tab.click("#check-all")
    wait_for(tab, f"checkTab.arrays.length === {count}")
    assert tab.evaluate(verdicts) == [1] * count
    tab.select_option("#mistake", "blame-not-passed-on")
    tab.click("#check-all")
    wait_for(tab, f"checkTab.arrays.length === {count}")
    assert tab.evaluate(verdicts) == [-1] * (count - 2) + [1, 1]
    assert "Layer 2, scales of BatchNorm2d" in tab.inner_text("#panel-check")


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("first", "shape"),
    [
        (None, (1, 8, 8)),
        (nn.Unflatten(0, (-1, 1)), (8, 8)),
        (nn.Unflatten(1, (1, 8, 8)), (64,)),
    ],
)
@pytest.mark.long
def test_network_may_take_images_in_any_of_three_shapes(first, shape, dtype, opened, tmp_path):
    model, digits = convolutional(first, dtype), load_digits()
    path = play(model, digits).save(tmp_path / "page.html")
    assert model.training
    with no_grad():
        images = digits.test.images[:10].reshape(-1, *shape).astype(dtype)
        expected = ops.softmax(model.eval()(images)).data
    assert np.abs(shown(opened(path), 10) - expected).max() < 1e-5


@pytest.mark.long
def test_drawing_changes_the_answer_and_the_maps(record_page, opened):
    tab = opened(record_page)
    before = tab.evaluate("byId('values-0').toDataURL()")
    tab.click("#clear")
    wait_for(tab, "isEmpty()")
    drag(tab, "#pad", (0.5, 0.2), (0.5, 0.8))
    wait_for(tab, "!isEmpty()")
    assert "The network reads this as 1" in tab.inner_text("#reading")
    assert tab.evaluate("byId('values-0').toDataURL()") != before


@pytest.mark.long
def test_chosen_map_shows_its_window_and_its_sums(small_page, opened):
    tab = opened(small_page)
    canvas = tab.locator("#values-1")
    box = canvas.bounding_box()
    canvas.click(position={"x": box["width"] * 0.75, "y": box["height"] * 0.75})  # the last of 2 x 2
    wait_for(tab, "page.unit.layer === 1")
    assert tab.inner_text("#panel-see h2 >> nth=0") == "Map 4 of layer 2"
    assert "A window of 2 × 2 weights slides over the 3 maps before it" in tab.inner_text("#panel-see")
    assert tab.locator("#unit-weights, #unit-sums, #unit-map").count() == 3
    tab.focus("#layer-1")
    tab.keyboard.press("ArrowLeft")
    wait_for(tab, "page.unit.index === 2")
    tab.mouse.move(0, 0)  # away from the map, which is shown while the pointer is there
    tab.evaluate("page.look({layer: 2, index: 1})")
    wait_for(tab, "true")
    assert tab.locator("#edges path").count() > 3


@pytest.mark.long
def test_address_holds_the_image_and_the_chosen_map(small_page, opened):
    tab = opened(small_page, "#test=3&unit=1_2&start=fresh&seed=1&steps=5&lr=0.1")
    wait_for(tab, "page.unit.layer === 1 && page.example.index === 3")
    tab.evaluate("page.look({layer: 0, index: 1})")
    wait_for(tab, "location.hash.includes('unit=0_1')")
    assert "test=3" in tab.evaluate("location.hash")


@pytest.mark.parametrize(("width", "scheme"), SIZES)
@pytest.mark.long
def test_page_of_convolutions_is_for_everybody(width, scheme, record_page, opened):
    axe = pytest.importorskip("axe_playwright_python", reason="axe-playwright-python is not installed")
    tab = opened(record_page, color_scheme=scheme, viewport={"width": width, "height": 900})
    tab.evaluate(f"{files(axe).joinpath('axe.min.js').read_text(encoding='utf-8')}; undefined")
    units = [f"page.look({{layer: {layer}, index: 7}})" for layer in (1, 2)]
    blame = [f"page.show('blame'); BLAME.go({moment})" for moment in range(1, 7)]
    for state in (*units, *blame, "page.show('check')", "page.show('learn')", "page.show('take')"):
        tab.evaluate(state)
        wait_for(tab, "true")
        tab.evaluate("for (const each of document.querySelectorAll('details')) each.open = true")
        found = tab.evaluate(
            "axe.run().then(({violations}) => violations.map((v) => [v.id, v.nodes[0].html]))"
        )
        assert found == []
        assert tab.evaluate(UNREADABLE) == []
        assert tab.evaluate("document.documentElement.scrollWidth") <= width


def test_images_of_another_size_are_refused(mnist):
    with pytest.raises(TypeError, match=r"model takes no images of shape \(8, 8\): expected \(n, 1, height"):
        play(load_pretrained("record"), load_digits())
