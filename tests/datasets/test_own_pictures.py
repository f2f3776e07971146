"""What a network reads, it reads in people's pictures too: 95 % of it, for each kind of damage."""

import os

import numpy as np
import pytest

from tests.datasets.damage import DAMAGES
from tinygrad_mnist.autodiff.modes import no_grad
from tinygrad_mnist.datasets.picture import read_pictures
from tinygrad_mnist.training import Recipe, fit

pytestmark = pytest.mark.long

PICTURES = int(os.environ.get("PICTURES", "24"))  # that the network reads clean, per kind and data set
SMALL_PICTURES = 10 * PICTURES  # of 8 x 8 pixels: these are read in less time
LEAST_SHARE = 0.95
EPOCHS = {"digits": 30, "mnist": 1}


@pytest.fixture(scope="module", params=["digits", "mnist"])
def reader(request):
    """A data set, a function from images to digits, and test images that it reads, with their labels."""
    dataset = request.getfixturevalue(request.param)
    batch_size = 16 if request.param == "digits" else 128
    recipe = Recipe(hidden=(64,), batch_size=batch_size, epochs=EPOCHS[request.param])
    model = recipe.build_model(dataset.image_shape, dataset.classes)
    train = dataset.train.loader(recipe.batch_size, shuffle=True)
    optimizer, schedule = recipe.build_optimizer(model, len(train))
    fit(model, recipe.build_loss(), optimizer, train, epochs=recipe.epochs, schedule=schedule)

    def read(images):
        with no_grad():
            return model.eval()(np.asarray(images, np.float32)).data.argmax(axis=1)

    clean = dataset.test.raw_images / np.float32(dataset.test.pixel_max)
    readable = np.flatnonzero(read(clean) == dataset.test.labels)
    chosen = np.random.default_rng(0).permutation(readable)[:SMALL_PICTURES]
    return dataset, read, clean[chosen], dataset.test.labels[chosen]


@pytest.mark.parametrize("kind", DAMAGES)
def test_a_damaged_picture_is_read_as_the_clean_one(reader, kind, tmp_path):
    dataset, read, images, labels = reader
    rng, framing, prepared = np.random.default_rng(1), dataset.framing(), []
    is_small = kind.startswith("own_size") and dataset.name == "digits"
    count = SMALL_PICTURES if is_small else PICTURES
    for ink in images[:count]:
        DAMAGES[kind](ink, rng).save(tmp_path / "digit.png")
        prepared.append(read_pictures(tmp_path / "digit.png", dataset.image_shape, framing)[0])
    assert (read(prepared) == labels[:count]).mean() >= LEAST_SHARE
