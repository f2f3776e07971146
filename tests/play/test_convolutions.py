"""The page of a network with convolutions: it reads what is drawn, and shows the feature maps."""

from importlib.resources import files

import numpy as np
import pytest

from tests.play.browsing import drag, wait_for
from tests.play.test_play_for_everybody import UNREADABLE
from tinygrad_mnist import load_pretrained, nn, no_grad, ops
from tinygrad_mnist.datasets import load_digits
from tinygrad_mnist.play import play

SIZES = [(390, "light"), (768, "dark"), (1280, "light"), (1280, "dark")]


def small(first=None, dtype=np.float32):
    """A network of each kind of layer that a page shows, for images of 8 x 8."""
    settings = {"rng": 0, "dtype": dtype}
    layers = (
        *(nn.Conv2d(1, 3, 3, padding=1, **settings), nn.Tanh(), nn.AvgPool2d(2)),
        *(nn.Conv2d(3, 4, 2, **settings), nn.BatchNorm2d(4, dtype=dtype), nn.ReLU(), nn.Flatten()),
        *(nn.Dropout(0.5, rng=0), nn.Linear(36, 5, **settings), nn.Sigmoid(), nn.Linear(5, 10, **settings)),
    )
    return nn.Sequential(*([first] if first else []), *layers)


@pytest.fixture(scope="module")
def record_page(mnist, tmp_path_factory):
    """The page of the network of the record."""
    return play(load_pretrained("record"), mnist).save(tmp_path_factory.mktemp("play") / "record.html")


@pytest.fixture(scope="module")
def small_page(tmp_path_factory):
    """The page of a small network."""
    return play(small(), load_digits()).save(tmp_path_factory.mktemp("play") / "small.html")


def shown(tab, count):
    """The answers of a page to the first test images."""
    given = f"Array.from({{length: {count}}}, (_, i) => [...page.network.look(page.sets.test.at(i)).answer])"
    return np.array(tab.evaluate(given))


@pytest.mark.long
def test_page_reads_images_as_python_does(record_page, opened, mnist):
    with no_grad():
        expected = ops.softmax(load_pretrained("record")(mnist.test.images[:20])).data
    assert np.abs(shown(opened(record_page), 20) - expected).max() < 1e-5


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
    model, digits = small(first, dtype), load_digits()
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


@pytest.mark.long
def test_page_without_training_says_so(small_page, opened):
    tab = opened(small_page)
    assert tab.locator("[role=tab]").all_inner_texts() == ["See"]
    assert not tab.is_visible("#why")
    assert tab.evaluate("page.sets.train.count") == 0  # nothing to train on, which makes the page smaller
    assert "tinygrad-mnist play --layers 64-32-10" in tab.inner_text("#tasks")


@pytest.mark.parametrize(("width", "scheme"), SIZES)
@pytest.mark.long
def test_page_of_convolutions_is_for_everybody(width, scheme, record_page, opened):
    axe = pytest.importorskip("axe_playwright_python", reason="axe-playwright-python is not installed")
    tab = opened(record_page, color_scheme=scheme, viewport={"width": width, "height": 900})
    tab.evaluate(f"{files(axe).joinpath('axe.min.js').read_text(encoding='utf-8')}; undefined")
    for unit in ("{layer: 1, index: 7}", "{layer: 2, index: 7}"):
        tab.evaluate(f"page.look({unit})")
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
