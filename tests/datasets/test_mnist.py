from __future__ import annotations

import gzip
import subprocess
import sys
from pathlib import Path

import numpy as np
import pooch
import pytest

from tinygrad_mnist.datasets import ImageDataset, load_default, load_digits, load_mnist, survey, write_idx
from tinygrad_mnist.datasets import mnist as mnist_module
from tinygrad_mnist.datasets.download import CHECKSUMS
from tinygrad_mnist.errors import DataError

VARIABLE = "TINYGRAD_MNIST_DATA"


@pytest.fixture(autouse=True)
def nothing_at_hand(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setattr(pooch, "os_cache", lambda project: tmp_path / "cache" / project)


def test_mnist_is_nielsens_50000_10000_10000(mnist: ImageDataset) -> None:
    assert (len(mnist.train), len(mnist.validation), len(mnist.test)) == (50_000, 10_000, 10_000)
    assert mnist.train.labels[:5].tolist() == [5, 0, 4, 1, 9]
    assert mnist.test.labels[:5].tolist() == [7, 2, 1, 0, 4]
    assert (mnist.image_shape, mnist.classes, mnist.train.pixel_max) == ((28, 28), 10, 255)
    base = mnist.train.raw_images.base
    assert base is not None
    assert base is mnist.validation.raw_images.base
    assert base.size == 60_000 * 28 * 28
    assert round(base.mean() / 255, 4) == 0.1307


def test_digits_are_whole_balanced_and_cut_as_the_source_says() -> None:
    digits = load_digits()
    assert (len(digits.train), len(digits.validation), len(digits.test)) == (1237, 200, 360)
    assert (digits.name, digits.image_shape, digits.classes) == ("digits", (8, 8), 10)
    assert digits.train.pixel_max == digits.train.raw_images.max() == 16
    assert digits.train.labels[:12].tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1]
    for split in (digits.train, digits.validation, digits.test):
        share = np.bincount(split.labels) / len(split)
        assert (abs(share - 0.1) < 0.015).all()
    assert len(load_digits(validation=0).train) == 1437


def test_any_folder_with_four_files_serves(four_files: Path) -> None:
    dataset = load_mnist(four_files, validation=2)
    assert dataset.name == "tiny"
    assert str(four_files) in dataset.origin
    assert (len(dataset.train), len(dataset.validation), len(dataset.test), dataset.classes) == (10, 2, 5, 4)
    assert len(load_mnist(four_files, validation=0).train) == 12
    with pytest.raises(DataError, match="validation=10000 of 12 training images"):
        load_mnist(four_files)


def test_files_may_be_plain_and_spelled_with_a_dot(four_files: Path) -> None:
    expected = load_mnist(four_files, validation=0)
    for index, path in enumerate(sorted(four_files.iterdir())):
        name = path.name.removesuffix(".gz")
        name = name if index % 2 else name.replace("-idx", ".idx")
        (four_files / name).write_bytes(gzip.decompress(path.read_bytes()))
        path.unlink()
    found = load_mnist(str(four_files), validation=0)
    np.testing.assert_array_equal(found.train.raw_images, expected.train.raw_images)
    np.testing.assert_array_equal(found.test.labels, expected.test.labels)


def test_the_environment_names_the_folder_unless_the_caller_does(
    four_files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, str(four_files))
    assert load_mnist(validation=0).name == "tiny"
    with pytest.raises(DataError, match="elsewhere: expected a folder"):
        load_mnist(four_files / "elsewhere")


def test_an_incomplete_folder_says_what_it_lacks(four_files: Path) -> None:
    (four_files / "t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(DataError, match=r"tiny: lacks t10k-labels-idx1-ubyte \(plain or \.gz\)"):
        load_mnist(four_files)


@pytest.mark.parametrize("name", CHECKSUMS)
def test_a_folder_in_the_place_of_a_file_is_named(four_files: Path, name: str) -> None:
    (four_files / name).unlink()
    (four_files / name).mkdir()
    with pytest.raises(DataError, match=f"{name}: Is a directory"):
        load_mnist(four_files, validation=0)


@pytest.mark.parametrize("name", CHECKSUMS)
def test_a_folder_beside_the_file_is_passed_over(four_files: Path, name: str) -> None:
    plain = name.removesuffix(".gz")
    (four_files / plain).write_bytes(gzip.decompress((four_files / name).read_bytes()))
    (four_files / name).unlink()
    (four_files / name).mkdir()
    assert len(load_mnist(four_files, validation=0).train) == 12
    (four_files / "beside").mkdir()
    (four_files / plain).rename(four_files / "beside" / plain)
    (four_files / name).rmdir()
    (four_files / "beside").rename(four_files / plain)  # an archive unpacked to a folder of the file's name
    assert len(load_mnist(four_files, validation=0).train) == 12


@pytest.mark.parametrize("name", CHECKSUMS)
def test_a_file_that_vanishes_after_it_was_seen_is_named(
    four_files: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    def vanish(files: list[Path]) -> bool:
        (four_files / name).unlink()
        return False

    monkeypatch.setattr(mnist_module, "is_mnist", vanish)
    with pytest.raises(DataError, match=f"tiny: lacks {name.removesuffix('.gz')}"):
        load_mnist(four_files, validation=0)


def test_files_that_do_not_belong_together_are_named(four_files: Path) -> None:
    write_idx(four_files / "t10k-labels-idx1-ubyte.gz", np.zeros(3, np.uint8))
    with pytest.raises(DataError, match=r"t10k-images.* with t10k-labels.*: 5 images and 3 labels"):
        load_mnist(four_files)


def test_default_is_the_digits_only_when_nothing_was_named(
    four_files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    digits = load_default(download=False)
    assert (digits.name, len(digits.validation)) == ("digits", 200)
    assert "in the place of MNIST" in digits.origin
    assert "lacks train-images" in digits.origin
    assert load_default(four_files, validation=2).name == "tiny"
    assert len(load_default(validation=0, download=False).validation) == 0
    with pytest.raises(DataError, match="expected a folder"):
        load_default(four_files / "elsewhere")
    monkeypatch.setenv(VARIABLE, str(four_files / "nowhere"))
    with pytest.raises(DataError, match="nowhere: expected a folder"):
        load_default()


def test_survey_says_what_is_where(four_files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = survey()
    assert rows[0] == (VARIABLE, "", "not set")
    assert rows[1][0] == "cache"
    assert rows[1][2].startswith("lacks train-images-idx3-ubyte.gz")
    assert rows[-1][::2] == ("embedded digits", "all four files")
    monkeypatch.setenv(VARIABLE, str(four_files))
    assert survey()[0] == (VARIABLE, str(four_files), "all four files")
    monkeypatch.setenv(VARIABLE, str(four_files / "nowhere"))
    assert "nowhere: expected a folder" in survey()[0][2]


def test_importing_brings_numpy_and_nothing_heavier() -> None:
    code = (
        "import sys, tinygrad_mnist.datasets; print({'pooch', 'requests', 'rich', 'PIL'} & set(sys.modules))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "set()"
