"""A digit drawn on the page reaches the network as a picture of it reaches `predict`."""

import json
import shutil
import subprocess

import numpy as np
import pytest
from PIL import Image, ImageDraw

from tests.play.scripts import PAGE
from tinygrad_mnist.datasets import load_digits, load_mnist

pytestmark = pytest.mark.skipif(shutil.which("node") is None, reason="Node is not installed")
SIDE = 112
RUN = """
const { ink, framing, shape, side } = JSON.parse(require("fs").readFileSync(0, "utf8"));
const images = ink.map((each) => framed(framing, Float64Array.from(each), side, shape));
process.stdout.write(JSON.stringify(images.map((image) => image && [...image])));
"""


def drawn(rng):
    """Ink of a few strokes anywhere, from 0 to 1."""
    picture = Image.new("L", (SIDE * 4, SIDE * 4))
    low, high = sorted(rng.integers(20, 4 * SIDE - 20, 2))
    places = rng.integers(low, max(high, low + 40), (4, 2)).clip(0, 4 * SIDE - 1)
    width = int(rng.integers(8, 60))
    ImageDraw.Draw(picture).line([tuple(map(int, place)) for place in places], fill=255, width=width)
    return np.asarray(picture.resize((SIDE, SIDE), Image.Resampling.BOX), np.float64) / 255


def framed(dataset, ink):
    """What the page makes of pads."""
    given = {"ink": [each.ravel().tolist() for each in ink], "side": SIDE}
    given |= {"framing": dataset.framing().to_dict(), "shape": dataset.image_shape}
    script = (PAGE / "framing.js").read_text() + RUN
    done = subprocess.run(
        ["node", "-e", script], input=json.dumps(given).encode(), capture_output=True, check=True
    )
    return json.loads(done.stdout)


@pytest.mark.parametrize("load", [load_mnist, load_digits])
def test_drawn_digit_is_framed_as_a_picture_is(load):
    dataset, rng = load(), np.random.default_rng(5)
    framing, shape = dataset.framing(), dataset.image_shape
    ink = [drawn(rng) for _ in range(40)]
    expected = [framing.place(each.astype(np.float32), shape).ravel() for each in ink]
    distance = np.abs(np.subtract(framed(dataset, ink), expected))
    # Pillow rounds a box to single precision, so that now and then a row of the pad falls to the next pixel.
    assert np.quantile(distance, 0.99) < 1e-6
    assert distance.mean(axis=1).max() < 0.05


def test_empty_pad_has_no_frame():
    assert framed(load_digits(), [np.zeros((SIDE, SIDE))]) == [None]
