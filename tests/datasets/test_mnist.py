from __future__ import annotations

import gzip
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tinygrad_mnist.datasets import ImageDataset, load_digits, load_mnist, write_idx
from tinygrad_mnist.datasets import mnist as mnist_module
from tinygrad_mnist.datasets.bundled import BUNDLED, CHECKSUMS, is_mnist
from tinygrad_mnist.errors import DataError

VARIABLE = "TINYGRAD_MNIST_DATA"


def test_bundled_files_have_the_published_checksums() -> None:
    assert is_mnist([BUNDLED["MNIST"] / name for name in CHECKSUMS])
    source = (BUNDLED["MNIST"] / "SOURCE.md").read_text(encoding="utf-8")
    authors = "Yann LeCun", "Corinna Cortes", "Christopher J.C. Burges"
    for fact in (*CHECKSUMS.values(), *authors, "CC BY-SA 3.0"):
        assert fact in source


def test_bundled_mnist_is_loaded_by_default(mnist: ImageDataset) -> None:
    assert (mnist.name, mnist.directory) == ("MNIST", None)
    assert mnist.origin == "the files bundled with this package"


def test_digits_are_the_same_by_their_folder() -> None:
    digits, again = load_digits(), load_mnist(BUNDLED["digits"], validation=200)
    assert again.checksum() == digits.checksum()
    assert (again.name, again.directory, again.train.pixel_max) == ("digits", None, 16)


def test_copied_mnist_is_recognized_by_its_checksums(tmp_path: Path, mnist: ImageDataset) -> None:
    shutil.copytree(BUNDLED["MNIST"], tmp_path / "copy")
    copied = load_mnist(tmp_path / "copy")
    assert (copied.name, copied.directory, copied.checksum()) == ("MNIST", None, mnist.checksum())
    labels = tmp_path / "copy" / "train-labels-idx1-ubyte.gz"
    labels.write_bytes(gzip.compress(gzip.decompress(labels.read_bytes())))
    repacked = load_mnist(tmp_path / "copy")
    assert (repacked.name, repacked.directory) == ("copy", (tmp_path / "copy").resolve())


@pytest.mark.parametrize("name", BUNDLED)
def test_folder_named_like_bundled_data_is_read_itself(four_files: Path, name: str) -> None:
    folder = four_files.rename(four_files.with_name(name))
    found = load_mnist(folder, validation=0)
    assert (len(found.train), found.train.pixel_max, found.directory) == (12, 255, folder.resolve())


def test_mnist_is_split_50000_10000_10000(mnist: ImageDataset) -> None:
    assert (len(mnist.train), len(mnist.validation), len(mnist.test)) == (50_000, 10_000, 10_000)
    assert mnist.train.labels[:5].tolist() == [5, 0, 4, 1, 9]
    assert mnist.test.labels[:5].tolist() == [7, 2, 1, 0, 4]
    assert (mnist.image_shape, mnist.classes, mnist.train.pixel_max) == ((28, 28), 10, 255)
    base = mnist.train.raw_images.base
    assert base is not None
    assert base is mnist.validation.raw_images.base
    assert base.size == 60_000 * 28 * 28
    assert round(base.mean() / 255, 4) == 0.1307


def test_digits_are_complete_balanced_and_split_as_documented() -> None:
    digits = load_digits()
    assert (len(digits.train), len(digits.validation), len(digits.test)) == (1237, 200, 360)
    assert (digits.name, digits.image_shape, digits.classes) == ("digits", (8, 8), 10)
    assert digits.train.pixel_max == digits.train.raw_images.max() == 16
    assert digits.train.labels[:12].tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1]
    for split in (digits.train, digits.validation, digits.test):
        share = np.bincount(split.labels) / len(split)
        assert (abs(share - 0.1) < 0.015).all()
    assert len(load_digits(validation=0).train) == 1437


def test_folder_with_four_files_is_loaded(four_files: Path) -> None:
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


def test_environment_names_the_folder_unless_the_caller_does(
    four_files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, str(four_files))
    assert load_mnist(validation=0).name == "tiny"
    assert load_mnist(BUNDLED["MNIST"]).name == "MNIST"
    with pytest.raises(DataError, match=r"elsewhere: expected a folder.* name another, or none") as caught:
        load_mnist(four_files / "elsewhere")
    assert not hasattr(caught.value, "__notes__")
    monkeypatch.setenv(VARIABLE, str(four_files / "nowhere"))
    with pytest.raises(DataError, match="nowhere: expected a folder") as caught:
        load_mnist()
    assert f"{VARIABLE} names {four_files / 'nowhere'}: unset it" in caught.value.__notes__[0]
    monkeypatch.setenv(VARIABLE, "")
    assert load_mnist().name == "MNIST"


def test_incomplete_folder_names_missing_files(four_files: Path) -> None:
    (four_files / "t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(DataError, match=r"tiny: lacks t10k-labels-idx1-ubyte \(plain or \.gz\)"):
        load_mnist(four_files)


@pytest.mark.parametrize("name", CHECKSUMS)
def test_folder_with_the_name_of_a_file_is_named(four_files: Path, name: str) -> None:
    (four_files / name).unlink()
    (four_files / name).mkdir()
    with pytest.raises(DataError, match=f"{name} is an empty folder: expected a file"):
        load_mnist(four_files, validation=0)


@pytest.mark.parametrize("name", CHECKSUMS)
def test_folder_next_to_the_file_is_ignored(four_files: Path, name: str) -> None:
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
def test_file_that_vanishes_while_loading_is_named(
    four_files: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    find = mnist_module.ImageFiles.find

    def find_and_lose(place: Path) -> object:
        found = find(place)
        (four_files / name).unlink()
        return found

    monkeypatch.setattr(mnist_module.ImageFiles, "find", find_and_lose)
    with pytest.raises(DataError, match=f"{name}: No such file"):
        load_mnist(four_files, validation=0)


def test_files_of_different_counts_are_named(four_files: Path) -> None:
    write_idx(four_files / "t10k-labels-idx1-ubyte.gz", np.zeros(3, np.uint8))
    with pytest.raises(DataError, match=r"t10k-images.* with t10k-labels.*: 5 images and 3 labels"):
        load_mnist(four_files)


def test_importing_brings_numpy_and_nothing_heavier() -> None:
    code = (
        "import sys, tinygrad_mnist.datasets; print({'socket', 'requests', 'rich', 'PIL'} & set(sys.modules))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "set()"
