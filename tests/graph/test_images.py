"""Arrays as pictures, and the update as the last step."""

from base64 import b64decode

import numpy as np
import pytest

from tinygrad_mnist import Tensor, nn, ops
from tinygrad_mnist.errors import ShapeError
from tinygrad_mnist.graph import Graph, draw
from tinygrad_mnist.graph.images import ImageShape
from tinygrad_mnist.graph.playback import playback_steps

rng = np.random.default_rng(0)
DIGITS = rng.random((3, 4, 5)).astype(np.float32)


def pixels(image):
    return np.frombuffer(b64decode(image.grey), np.uint8).reshape(image.height, image.width)


def graph(**settings):
    model = nn.Sequential(nn.Linear(20, 6, rng=0), nn.Sigmoid(), nn.Linear(6, 2, rng=1))
    loss = nn.CrossEntropyLoss()(model(Tensor(DIGITS.reshape(3, 20), name="digits")), np.array([0, 1, 1]))
    return Graph(loss, backward=True, images=DIGITS, **settings)


def test_values_and_gradients_are_pictures_where_they_are_images():
    nodes = graph(labels=["a", "b", "c"]).by_name
    titles = {name: [image.title for image in node.images] for name, node in nodes.items() if node.images}
    assert titles == {
        "digits": ["3 images, label a, b, c"],
        "0.weight": ["6 rows", "gradient of 6 rows"],
        "linear_1": ["6 units", "gradient of 6 units"],
        "sigmoid_2": ["6 units", "gradient of 6 units"],
        "linear_3": ["2 units", "gradient of 2 units"],
    }


def test_a_mosaic_has_each_image_at_its_place():
    (mosaic,) = graph().by_name["digits"].images
    shown = pixels(mosaic)
    assert shown.shape == (2 * 4 + 1, 2 * 5 + 1)
    scaled = np.rint(255 * DIGITS / DIGITS.max())
    for i, (top, left) in enumerate([(0, 0), (0, 6), (5, 0)]):
        np.testing.assert_array_equal(shown[top : top + 4, left : left + 5], scaled[i])
    assert (shown[4] == 255).all()


def test_zero_is_the_middle_of_a_signed_picture():
    shape = ImageShape(2, 2)
    (image,) = shape.images_of(np.array([[-2.0, 0.0, 1.0, 2.0]]), gradient=False, is_weight=True)
    assert image.signed
    assert pixels(image).tolist() == [[1, 128], [192, 255]]


@pytest.mark.parametrize(
    "array",
    [
        np.array([[np.nan, 1.0, 2.0, 3.0]]),
        np.array([0, 1, 2, 3]),
        np.zeros((3, 300)),
        np.zeros((2, 2, 2, 3)),
        np.array(1.0),
    ],
)
def test_what_is_no_picture_has_none(array):
    assert ImageShape(2, 2).images_of(array, gradient=False, is_weight=False) == ()


@pytest.mark.parametrize(
    ("images", "labels", "error", "said"),
    [
        (np.zeros(4), None, ShapeError, r"expected \(height, width\) or \(n, height, width\)"),
        (np.zeros((2, 3, 3)), [1], ShapeError, "labels has 1 entries and there are 2 images"),
        (None, [1], TypeError, "labels is given without images"),
    ],
)
def test_images_and_labels_that_do_not_fit_are_refused(images, labels, error, said):
    with pytest.raises(error, match=said):
        Graph(Tensor(1.0, requires_grad=True) * 2.0, images=images, labels=labels)


def test_the_last_step_is_the_update_that_sgd_makes():
    weight = Tensor([2.0, -1.0], requires_grad=True, name="weight")
    steps = playback_steps(Graph(ops.sum(weight * weight), backward=True), 0.25)
    assert steps[-1].status == (
        "update 1 of 1: gradient descent updates every parameter, weight: "
        "weight - 0.25 * ∂weight = [2, -1] - 0.25 * [4, -2] = [1, -0.5]"
    )


def test_the_update_of_a_large_weight_is_told_by_its_norm(tmp_path):
    layer = nn.Linear(20, 6, rng=0)
    loss = ops.sum(layer(DIGITS.reshape(3, 20)) ** 2)
    (line, _) = playback_steps(Graph(loss, backward=True), 0.1)[-1].lines
    loss.backward()
    moved = 0.1 * np.linalg.norm(layer.weight.grad)
    assert (
        line.note
        == f"it moves by a norm of {moved:.4g}, {moved / np.linalg.norm(layer.weight.data):.2g} of its norm"
    )
    assert "update" in draw(loss, tmp_path / "a.html", backward=True, learning_rate=0.1).read_text("utf-8")


def test_images_that_require_a_gradient_are_images_with_a_gradient():
    digits = Tensor(DIGITS.reshape(3, 20), requires_grad=True, name="digits")
    node = Graph(ops.sum(digits * digits), backward=True, images=DIGITS).by_name["digits"]
    assert [image.title for image in node.images] == ["3 images", "gradient of 3 images"]
    assert [image.signed for image in node.images] == [False, True]


def test_large_numbers_are_pictures_too():
    (image,) = ImageShape(2, 2).images_of(
        np.array([[1e308, -1e308, 0, 5e307]]), gradient=False, is_weight=True
    )
    assert pixels(image).tolist() == [[255, 1], [128, 192]]


@pytest.mark.parametrize("images", [[[[1.0]], [[1.0, 2.0]]], np.array([["a"]]), DIGITS + 1])
def test_images_of_something_else_are_refused(images):
    x = Tensor(DIGITS, requires_grad=True, name="x")
    with pytest.raises(ShapeError, match="images "):
        Graph(ops.sum(x * x), images=images)
