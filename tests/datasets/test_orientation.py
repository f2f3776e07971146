from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from tinygrad_mnist.datasets import ImageDataset, load_digits, load_mnist, write_idx
from tinygrad_mnist.datasets.orientation import exchange_axes, looks_transposed
from tinygrad_mnist.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

COUNT = 2000


def write(
    folder: Path, data: ImageDataset, prefix: str = "", *, transposed: bool = True, count: int = COUNT
) -> Path:
    test = "test" if prefix else "t10k"
    for name, split in (("train", data.train), (test, data.test)):
        images = split.raw_images[:count]
        images = images.transpose(0, 2, 1) if transposed else images
        write_idx(folder / f"{prefix}{name}-images-idx3-ubyte", images)
        write_idx(folder / f"{prefix}{name}-labels-idx1-ubyte", split.labels[:count])
    return folder


@pytest.mark.parametrize("prefix", ["", "emnist-digits-"])
def test_transposed_digits_are_put_right(tmp_path: Path, mnist: ImageDataset, prefix: str) -> None:
    found = load_mnist(write(tmp_path, mnist, prefix), validation=0)
    np.testing.assert_array_equal(found.train.raw_images, mnist.train.raw_images[:COUNT])
    np.testing.assert_array_equal(found.test.raw_images, mnist.test.raw_images[:COUNT])
    assert "rows and columns exchanged" in found.origin
    assert found.name == ("EMNIST digits" if prefix else tmp_path.name)


def test_upright_digits_stay_as_they_are(tmp_path: Path, mnist: ImageDataset) -> None:
    found = load_mnist(write(tmp_path, mnist, transposed=False), validation=0)
    np.testing.assert_array_equal(found.train.raw_images, mnist.train.raw_images[:COUNT])
    assert "exchanged" not in found.origin
    digits = load_digits(validation=0).train
    assert not looks_transposed(digits.raw_images, digits.labels)
    assert looks_transposed(digits.raw_images.transpose(0, 2, 1), digits.labels)


@pytest.mark.parametrize("seed", range(20))
def test_images_of_other_things_are_not_called_transposed(seed: int, mnist: ImageDataset) -> None:
    generator = np.random.default_rng(seed)
    images, labels = mnist.train.raw_images[:COUNT], mnist.train.labels[:COUNT]
    shuffled = generator.permutation(labels)
    assert not looks_transposed(images.transpose(0, 2, 1), shuffled)
    assert not looks_transposed(images.transpose(0, 2, 1), (labels + seed % 9 + 1) % 10)
    templates = generator.integers(0, 256, (10, 28, 28), np.uint8)
    assert not looks_transposed(templates[labels], labels)


def test_exchanging_twice_changes_nothing() -> None:
    images = np.random.default_rng(0).integers(0, 256, (2500, 3, 3), np.uint8)
    twice = exchange_axes(exchange_axes(images.copy()))
    np.testing.assert_array_equal(twice, images)
    assert exchange_axes(np.zeros((2, 3, 4), np.uint8)).shape == (2, 4, 3)


def test_several_emnist_parts_in_one_folder_are_named(tmp_path: Path, mnist: ImageDataset) -> None:
    for part in ("letters", "digits"):
        write(tmp_path, mnist, f"emnist-{part}-", count=1)
    with pytest.raises(DataError, match="holds the parts digits, letters of EMNIST: put the files of one"):
        load_mnist(tmp_path)


def test_incomplete_emnist_part_names_missing_files(tmp_path: Path, mnist: ImageDataset) -> None:
    write(tmp_path, mnist, "emnist-letters-", count=1)
    (tmp_path / "emnist-letters-test-labels-idx1-ubyte").unlink()
    with pytest.raises(DataError, match="lacks emnist-letters-test-labels-idx1-ubyte"):
        load_mnist(tmp_path)
