from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinygrad_mnist.datasets import ImageDataset, Split, framing, load_digits
from tinygrad_mnist.datasets.image_dataset import cut_validation
from tinygrad_mnist.errors import DataError


def split_of(count: int, height: int = 2) -> Split:
    return Split(np.full((count, height, 3), 16, np.uint8), np.arange(count, dtype=np.uint8) % 5, 16)


@given(count=st.integers(1, 20), data=st.data())
def test_validation_is_a_view_of_the_last_training_images(count: int, data: st.DataObject) -> None:
    whole = split_of(count)
    held_out = data.draw(st.integers(0, count - 1))
    train, validation = cut_validation(whole, held_out)
    assert (len(train), len(validation)) == (count - held_out, held_out)
    np.testing.assert_array_equal(np.concatenate([train.labels, validation.labels]), whole.labels)
    assert np.shares_memory(train.raw_images, whole.raw_images)
    assert held_out == 0 or np.shares_memory(validation.raw_images, whole.raw_images)
    assert train.pixel_max == validation.pixel_max == 16


@pytest.mark.parametrize("count", [-1, 4, 10_000])
def test_validation_must_leave_training_images(count: int) -> None:
    with pytest.raises(DataError, match=f"validation={count} of 4 training images"):
        cut_validation(split_of(4), count)


def test_data_set_without_training_images_is_named() -> None:
    with pytest.raises(DataError, match="there are no training images: expected at least one"):
        cut_validation(split_of(0), 0)


def test_full_ink_becomes_one_for_any_pixel_maximum() -> None:
    inputs, targets = next(iter(split_of(4).loader(3, shuffle=True, seed=1, dtype=np.float64)))
    assert inputs.shape == (3, 2, 3)
    assert (inputs == 1).all()
    assert inputs.dtype == np.float64
    assert targets.dtype == np.int64
    assert len(split_of(4).loader(3, drop_last=True)) == 1


PIXELS, LABELS = np.zeros((3, 2, 2), np.uint8), np.zeros(3, np.uint8)
BAD = {
    "counts": (PIXELS, LABELS[:2], 255, r"3 images and 2 labels"),
    "image axes": (
        PIXELS[0],
        LABELS,
        255,
        r"images: expected uint8 with 3 axes, found uint8 of shape \(2, 2\)",
    ),
    "label axes": (PIXELS, PIXELS, 255, r"labels: expected uint8 with 1 axes"),
    "image dtype": (PIXELS.astype(float), LABELS, 255, r"images: .* found float64"),
    "label dtype": (PIXELS, LABELS.astype(int), 255, r"labels: .* found int64"),
    "pixel": (PIXELS + np.uint8(17), LABELS, 16, r"a pixel is 17, expected at most 16"),
}


@pytest.mark.parametrize(("images", "labels", "pixel_max", "message"), BAD.values(), ids=BAD)
def test_impossible_split_is_refused(
    images: np.ndarray[tuple[int, ...], np.dtype[np.uint8]],
    labels: np.ndarray[tuple[int, ...], np.dtype[np.uint8]],
    pixel_max: int,
    message: str,
) -> None:
    with pytest.raises(DataError, match=message):
        Split(images, labels, pixel_max)


def test_splits_must_have_one_image_shape() -> None:
    with pytest.raises(DataError, match=r"images of one shape, found \(2, 3\) and \(4, 3\)"):
        ImageDataset("odd", "a test", split_of(5), split_of(0), split_of(5, height=4), 5)
    with pytest.raises(DataError, match="a label is 4, expected one of 0 to 3"):
        ImageDataset("odd", "a test", split_of(4), split_of(0), split_of(5), 4)


def test_repr_shows_name_and_counts() -> None:
    dataset = ImageDataset("odd", "a test", split_of(1500), split_of(0), split_of(5), 5)
    assert repr(dataset) == "ImageDataset(odd: 1,500 train + 0 validation + 5 test, 2 x 3, 5 classes)"
    assert repr(dataset.train) == "Split(1,500 images of 2 x 3)"
    assert dataset.image_shape == (2, 3)


def test_images_equal_those_of_a_loader() -> None:
    split = Split(np.arange(24, dtype=np.uint8).reshape(4, 2, 3) % 17, np.arange(4, dtype=np.uint8), 16)
    images, labels = split
    inputs, targets = next(iter(split.loader(4)))
    np.testing.assert_array_equal(images, inputs)
    np.testing.assert_array_equal(labels, targets)
    assert (images.dtype, images.max(), split.raw_images.max()) == (np.float32, 1, 16)
    with pytest.raises(ValueError, match="read-only"):
        images[0, 0, 0] = 5


def test_names_must_match_the_number_of_classes() -> None:
    whole = ImageDataset("odd", "a test", split_of(5), split_of(0), split_of(5), 5)
    assert whole.class_names == ("0", "1", "2", "3", "4")
    with pytest.raises(DataError, match="5 classes and 2 names"):
        ImageDataset("odd", "a test", split_of(5), split_of(0), split_of(5), 5, class_names=("a", "b"))


@pytest.mark.parametrize("block", [1, 7, 10_000])
def test_framing_does_not_depend_on_the_blocks_it_is_measured_in(
    block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = np.concatenate([np.zeros((9, 8, 8), np.uint8), load_digits().train.raw_images])  # no ink first
    expected = framing.Framing.measure(images, 16)
    monkeypatch.setattr(framing, "_BLOCK", block)
    assert framing.Framing.measure(images, 16) == expected


def test_framing_is_measured_once(monkeypatch: pytest.MonkeyPatch) -> None:
    digits = load_digits()
    found = digits.framing()
    monkeypatch.setattr(framing.Framing, "measure", None)  # a second measurement would fail
    assert digits.framing() == found
