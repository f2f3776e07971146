"""The page as text: its data, its policy, and refusals."""

import base64
import hashlib
import json
import re

import numpy as np
import pytest

from tests.play.pages import data_in, numbers, pixels
from tinygrad_mnist import nn
from tinygrad_mnist.datasets import ImageDataset
from tinygrad_mnist.datasets.image_dataset import Split
from tinygrad_mnist.errors import DataError
from tinygrad_mnist.play import Points, examples, moons, page_text, play, spirals

HOSTILE = ["</script><script>alert(1)</script>", "<!-- <script>", "a\u2028b", "'\"&<>`${1}", "$x", "é漢"]
DIGITS = nn.perceptron("64-8-10", rng=0)
PAIR = (np.eye(2).repeat(5, axis=0), np.repeat([0, 1], 5))


@pytest.fixture(scope="module")
def page(digits):
    return play(nn.Sequential(nn.Flatten(), *DIGITS), digits)


def test_page_has_every_part_of_its_data(page, digits):
    data = data_in(page.html)
    assert (data["title"], data["kind"], data["shape"], data["bounds"]) == (
        "64-8-10 on digits",
        "image",
        [8, 8],
        None,
    )
    assert data["classes"] == list("0123456789")
    assert data["layers"] == [
        {
            "title": "Linear 64 → 8",
            "kind": "linear",
            "size": 8,
            "maps": None,
            "weight": "1.weight",
            "bias": "1.bias",
        },
        {
            "title": "ReLU",
            "kind": "activation",
            "size": 8,
            "maps": None,
            "forward": "max(x, 0)",
            "formula": "where(x <= 0, 0.0, g)",
        },
        {
            "title": "Linear 8 → 10",
            "kind": "linear",
            "size": 10,
            "maps": None,
            "weight": "3.weight",
            "bias": "3.bias",
        },
    ]
    assert [each["name"] for each in data["parameters"]] == ["1.weight", "1.bias", "3.weight", "3.bias"]
    for each, parameter in zip(data["parameters"], DIGITS.parameters()):
        assert np.array_equal(numbers(each["values"]).reshape(each["shape"]), parameter.data)
    assert data["framing"] == json.loads(json.dumps(digits.framing().to_dict()))
    assert (data["pixelMax"], data["loss"]) == (16, "cross-entropy")
    assert data["training"] == {"lr": 0.05, "momentum": 0.9, "batch": 16}
    assert data["formulas"]["linear"] == "g @ weight"
    compile(data["python"], "step", "exec")
    planted = {name for each in data["mistakes"] for name in each["programs"]}
    assert data["programs"].keys() == {"look", "loss", "blame", "step"} | planted
    assert data["programs"]["step"]["states"] == [
        *("1.weight", "1.bias", "3.weight", "3.bias"), *("v_1.weight", "v_1.bias", "v_3.weight", "v_3.bias"),
    ]  # fmt: skip
    assert data["programs"]["step"]["numbers"] == ["momentum", "lr"]


def test_weights_of_a_float64_network_stay_so(digits):
    model = nn.perceptron("64-3-10", rng=0, dtype=np.float64)
    for each, parameter in zip(data_in(play(model, digits).html)["parameters"], model.parameters()):
        values = numbers(each["values"], each["dtype"])
        assert np.array_equal(values, parameter.data.ravel())


def test_images_of_the_page_are_those_of_the_data_set(page, digits):
    data = data_in(page.html)
    for name, split, count in (("train", digits.train, len(digits.train)), ("test", digits.test, 300)):
        assert data[name]["count"] == len(data[name]["labels"]) == count
        assert np.array_equal(pixels(data[name], (8, 8)), split.raw_images[:count])
        assert data[name]["labels"] == split.labels[:count].tolist()


def test_points_of_the_page_are_float32_within_its_bounds():
    data = data_in(play(nn.perceptron("2-3-2", nn.Tanh, rng=0), moons()).html)
    train, test = moons().train, moons().test
    assert (data["kind"], data["shape"], data["framing"], data["pixelMax"]) == ("points", [2], None, 1)
    assert np.array_equal(numbers(data["train"]["values"]).reshape(-1, 2), train[0])
    assert data["test"]["labels"] == test[1].tolist()
    every = np.concatenate([train[0], test[0]])
    left, right, bottom, top = data["bounds"]
    assert ((every > (left, bottom)) & (every < (right, top))).all()
    assert data["classes"] == ["upper moon", "lower moon"]


def test_bounds_of_the_largest_points_are_finite():
    largest = np.finfo(np.float32).max * np.float32([[-1, 1], [1, -1]])
    some = largest, np.array([0, 1])
    data = data_in(
        play(nn.perceptron("2-3-2", rng=0), Points("far", some, some, ("a", "b")), batch_size=1).html
    )
    assert np.isfinite(data["bounds"]).all()


def test_data_sets_of_points_are_the_same_each_time_and_balanced():
    for make in (moons, spirals):
        first, second = make(), make()
        assert np.array_equal(first.train[0], second.train[0])
        assert not np.array_equal(first.train[0], first.test[0])
        assert np.bincount(first.train[1]).tolist() == [100, 100]


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_are_data_in_the_page(name):
    points = Points(name, moons().train, moons().test, (name, "b"))
    page = play(nn.perceptron("2-3-2", rng=0), points, title=name)
    assert len(re.findall("<script", page.html)) == len(re.findall("</script", page.html)) == 3
    assert "<!--" not in page.html
    assert "\u2028" not in re.sub("<title>.*?</title>|<h1>.*?</h1>", "", page.html)
    data = data_in(page.html)
    assert (data["title"], data["classes"][0]) == (name, name)
    assert page._repr_html_().count("<") == 2


def test_hostile_names_of_layers_stay_in_the_data():
    layers = {"</script><b>": nn.Linear(2, 3, rng=0), "<!--": nn.Tanh(), "\u2028*/": nn.Linear(3, 2, rng=1)}
    page = play(nn.Sequential(layers), moons())
    assert len(re.findall("</script", page.html)) == 3
    assert data_in(page.html)["parameters"][0]["name"] == "</script><b>.weight"
    assert "<b>" not in page.html
    assert "<!--" not in page.html


def test_policy_allows_the_own_texts_and_a_worker_alone(page):
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page.html)[1]
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert policy.endswith("worker-src blob:; img-src data: blob:; base-uri 'none'; form-action 'none'")
    assert "unsafe" not in policy
    inline = re.findall(
        r'<(?:script|script id="programs"|style)>(.*?)</(?:script|style)>', page.html, re.DOTALL
    )
    assert len(inline) == 3
    for text in inline:
        assert f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'" in policy
    assert not re.search(r'(?:src|href)="', page.html)


def test_same_network_gives_the_same_page_and_stays_as_it_was(page, digits):
    before = DIGITS.state_dict()
    assert play(nn.Sequential(nn.Flatten(), *DIGITS), digits).html == page.html
    assert all(np.array_equal(before[name], array) for name, array in DIGITS.state_dict().items())
    assert all(parameter.grad is None for parameter in DIGITS.parameters())


def test_playground_is_saved_and_shown(page, tmp_path, digits):
    assert page.save(tmp_path / "a.html").read_text("utf-8") == page.html
    size = f"{len(page.html.encode()):,} bytes"
    assert repr(page) == f"<page to play with 64-8-10 on digits: {size}; write .save('play.html')>"
    assert 'sandbox="allow-scripts allow-downloads"' in page._repr_html_()
    play(DIGITS, digits, tmp_path / "b.html", title="x", batch_size=3)
    assert data_in((tmp_path / "b.html").read_text("utf-8"))["training"]["batch"] == 3


# Examples


def knowing(*outputs):
    """Data whose classes are all 0, and outputs of three classes for them."""
    count = len(outputs)
    some = examples.Examples(np.zeros((count, 2), np.float32), np.zeros(count, np.uint8))
    return examples.PlayData("points", "points", (2,), ("a", "b", "c"), some, some), np.array(outputs)


RIGHT, SECOND, THIRD = (3, 2, 1), (2, 3, 1), (1, 3, 2)


@pytest.mark.parametrize(
    ("outputs", "start"),
    [
        ([RIGHT, RIGHT], 0),
        ([RIGHT, THIRD, RIGHT, THIRD], 1),
        ([RIGHT, THIRD, RIGHT, SECOND, SECOND], 3),
    ],
)
def test_first_example_is_a_near_miss_or_else_a_miss(outputs, start):
    assert examples.chosen_test(*knowing(*outputs))[1] == start


def test_rare_misses_are_among_the_test_examples():
    data, outputs = knowing(*[RIGHT] * 400, *[THIRD] * 20, SECOND)
    shown, start = examples.chosen_test(data, outputs)
    assert len(shown) == 300
    assert start == 290


def test_examples_sorted_by_class_are_spread_over_all_classes():
    sorted_labels = np.repeat([0, 1, 2], 1000)
    assert examples.few(sorted_labels, 300).tolist() == list(range(0, 3000, 10))
    assert examples.few(np.tile([0, 1, 2], 1000), 300).tolist() == list(range(300))
    assert examples.few(sorted_labels, 5000).tolist() == list(range(3000))


@pytest.mark.parametrize("scale", [1, 255])
def test_pair_of_arrays_is_split_and_scaled(scale):
    images = np.linspace(0, 1, 20 * 16).reshape(20, 4, 4)
    x = (255 * images).round().astype(np.uint8) if scale == 255 else images
    page = play(
        nn.perceptron("16-3-2", rng=0), (x, np.arange(20) % 2), class_names=["even", "odd"], batch_size=8
    )
    data = data_in(page.html)
    assert (data["train"]["count"], data["test"]["count"], data["pixelMax"]) == (16, 4, 255)
    assert data["classes"] == ["even", "odd"]
    found = np.concatenate([pixels(data[name], (4, 4)) for name in ("train", "test")])
    assert np.array_equal(np.unique(found), np.unique((255 * images).round()))


# Sizes


def noise(count, side):
    raw = np.random.default_rng(0).integers(0, 256, (count, side, side), np.uint8)
    split = Split(raw, np.arange(count, dtype=np.uint8) % 2)
    return ImageDataset("noise", "here", split, Split(raw[:0], split.labels[:0]), split, 2)


def test_page_has_as_many_examples_as_fit(monkeypatch):
    monkeypatch.setattr(page_text, "MOST_BYTES", 560_000)
    html = play(nn.perceptron("256-4-2", rng=0), noise(900, 16)).html
    assert 300 < data_in(html)["train"]["count"] < 900
    assert 400_000 < len(html.encode()) <= 560_000


def test_network_that_makes_the_page_too_large_is_refused(digits):
    with pytest.raises(
        DataError,
        match=r"^model is 64-12000-10 with 900,010 weights: expected a page of at most 3,000,000 bytes, "
        r"and with 300 examples it has 4,\d{3},\d{3}; take smaller hidden layers$",
    ):
        play(nn.perceptron("64-12000-10", rng=0), digits)


# Refusals

PERCEPTRON = nn.perceptron("2-3-2", rng=0)
TWICE = nn.Linear(2, 2, rng=0)
DIVERGED = nn.Sequential(nn.Flatten(), nn.Linear(2, 2, rng=0))
DIVERGED[1].weight.data[0, 0] = np.inf


class Twice(nn.Sequential):
    def forward(self, x):
        return super().forward(x) * 2


@pytest.mark.parametrize(
    ("model", "settings", "sentence"),
    [
        (
            nn.Linear(2, 2, rng=0),
            {},
            r"model is Linear\(2, 2\): expected an nn.Sequential .*; write nn.perceptron",
        ),
        (Twice(*PERCEPTRON), {}, "model is the class Twice: expected an nn.Sequential"),
        (nn.Sequential(), {}, "model begins with no layer: expected a Linear layer; write"),
        (nn.Sequential(nn.ReLU()), {}, r"model begins with ReLU\(\): expected a Linear layer; write"),
        (
            nn.Sequential(nn.Linear(2, 2, rng=0), nn.BatchNorm1d(2)),
            {},
            r"model has the layer BatchNorm1d\(2.*expected",
        ),
        (
            nn.Sequential(nn.Linear(2, 2, rng=0), nn.Softmax(dim=0)),
            {},
            r"model has the layer Softmax\(dim=0\): exp",
        ),
        (
            nn.Sequential(TWICE, TWICE),
            {},
            "model has one Linear layer at two places: expected each once; write",
        ),
        (
            PERCEPTRON,
            {"loss": nn.MSELoss()},
            r"loss is MSELoss\(\): expected the mean of .*; write nn.CrossE",
        ),
        (
            PERCEPTRON,
            {"loss": nn.CrossEntropyLoss(label_smoothing=0.1)},
            "loss is .*0.1.*: expected the mean",
        ),
        (
            DIVERGED,
            {},
            "model has a number in 1.weight that is not finite: expected .*; train it with a smaller",
        ),
        (PERCEPTRON, {"lr": -1}, "lr is -1: expected a finite number >= 0"),
        (
            PERCEPTRON,
            {"batch_size": 9},
            "batch_size is 9: expected at most the 8 examples .*; write batch_size=8",
        ),
        (
            nn.perceptron("3-4-2", rng=0),
            {},
            r'model is 3-4-2: expected 2 inputs .*; write nn.perceptron\("2-4-2"\)',
        ),
        (nn.perceptron("2-4-1", rng=0), {}, r'model is 2-4-1: expected 2 inputs and 2 .*\("2-4-2"\)'),
    ],
)
def test_network_that_cannot_be_shown_is_refused(model, settings, sentence):
    with pytest.raises((TypeError, ValueError), match=f"^{sentence}"):
        play(model, PAIR, **{"batch_size": 4} | settings)


@pytest.mark.parametrize(
    ("data", "settings", "sentence"),
    [
        ("mnist", {}, "data is 'mnist': expected a data set or a pair of arrays; write load_digits"),
        (
            (np.zeros((5, 3)), np.zeros(5, int)),
            {},
            r"x is an array of shape \(5, 3\) and float64: expected .*points",
        ),
        ((np.array([["a", "b"]] * 5), np.zeros(5, int)), {}, "x is .* and <U1: expected"),
        ((PAIR[0], PAIR[1] + 0.5), {}, "y has classes of float64: expected whole numbers; write y.astype"),
        (
            (PAIR[0], PAIR[1][:3]),
            {},
            r"y is an array of shape \(3,\): expected the classes of 10 examples, of",
        ),
        ((PAIR[0], PAIR[1] - 1), {}, "y has classes from -1 to 0: expected 0 to 0"),
        (PAIR, {"class_names": ["a"]}, "y has classes from 0 to 1: expected 0 to 0"),
        ((PAIR[0], 0 * PAIR[1]), {}, "data has 1 class: expected at least two; add examples"),
        ((PAIR[0] * np.nan, PAIR[1]), {}, "train has a point that is not finite"),
        ((PAIR[0] * 1e39, PAIR[1]), {}, "train has a point that is not finite in float32"),
        (
            (np.full((5, 2, 2), 2.0), np.arange(5) % 2),
            {},
            "x has pixels from 2 to 2: expected uint8, or .*; write x / x",
        ),
        ((np.ma.masked_less(PAIR[0], 0.5), PAIR[1]), {}, "x is a masked array"),
        (
            moons(),
            {"class_names": ["a", "b"]},
            r"class_names is \['a', 'b'\]: expected none beside Points\(moons.*leave",
        ),
    ],
)
def test_data_that_cannot_be_shown_are_refused(data, settings, sentence):
    with pytest.raises(DataError, match=f"^{sentence}"):
        play(PERCEPTRON, data, batch_size=4, **settings)
