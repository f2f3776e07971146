from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tinygrad_mnist.datasets import load_mnist, write_idx
from tinygrad_mnist.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

    from tinygrad_mnist.datasets import ImageDataset


def folder_with(folder: Path, training: Any, test: Any, dtype: Any = np.uint8) -> Path:
    for name, labels in (("train", training), ("t10k", test)):
        write_idx(folder / f"{name}-images-idx3-ubyte", np.zeros((len(labels), 4, 4), np.uint8))
        write_idx(folder / f"{name}-labels-idx1-ubyte", np.array(labels, dtype))
    return folder


def loaded(folder: Path) -> ImageDataset:
    return load_mnist(folder, validation=0)


SETS: dict[str, tuple[list[int], list[int], int]] = {
    "two digits": ([3, 7, 7, 3], [7, 3], 2),
    "letters from 1": ([*range(1, 27)], [26, 1], 26),
    "62 classes": ([*range(62)], [61, 0], 62),
    "all bytes": ([*range(256)], [255], 256),
    "a class of the training images alone": ([0, 1, 2], [0, 2], 3),
}


@pytest.mark.parametrize(("training", "test", "classes"), SETS.values(), ids=SETS)
@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.int32])
def test_classes_are_those_that_occur(
    tmp_path: Path, training: list[int], test: list[int], classes: int, dtype: Any
) -> None:
    data = loaded(folder_with(tmp_path, training, test, dtype))
    assert data.classes == classes
    for split, labels in ((data.train, training), (data.test, test)):
        assert [data.class_names[position] for position in split.labels] == [str(label) for label in labels]
        assert split.labels.max() < classes


REFUSED: dict[str, tuple[Any, Any, str]] = {
    "no label as a byte": ([0, 1, 255, 9], np.uint8, r"label 2 is 255: expected a class number >= 0"),
    "no label": ([0, -1], np.int32, r"label 1 is -1: expected a class number >= 0"),
    "too many classes": (np.arange(257), np.int16, r"257 classes, expected at most 256"),
    "fractions": ([0.5, 1.0], np.float32, r"labels are float32 .*: expected whole numbers"),
    "rows": ([[0, 1], [1, 0]], np.uint8, r"of shape \(2, 2\): expected whole numbers of shape \(n,\)"),
}


@pytest.mark.parametrize(("labels", "dtype", "message"), REFUSED.values(), ids=REFUSED)
@pytest.mark.parametrize("where", ["training", "test"])
def test_labels_out_of_range_are_refused_when_read(
    tmp_path: Path, labels: Any, dtype: Any, message: str, where: str
) -> None:
    training, test = (labels, [0]) if where == "training" else ([0], labels)
    with pytest.raises(DataError, match=message):
        loaded(folder_with(tmp_path, training, test, dtype))


def test_class_of_the_test_alone_gives_a_warning(tmp_path: Path) -> None:
    with pytest.warns(
        UserWarning, match="the test labels hold class 5, and no training image does"
    ) as caught:
        loaded(folder_with(tmp_path, [0, 1], [1, 5]))
    assert caught[0].filename == __file__


def test_labels_are_renumbered_for_other_classes(tmp_path: Path) -> None:
    data = loaded(folder_with(tmp_path, [3, 7, 7, 3], [7]))
    wider = data.with_classes([str(digit) for digit in range(10)])
    assert (wider.classes, wider.train.labels.tolist(), wider.test.labels.tolist()) == (10, [3, 7, 7, 3], [7])
    assert data.with_classes(data.class_names) is data
    with pytest.raises(DataError, match="has the class 3: expected classes among 0, 7"):
        data.with_classes(["0", "7"])


def test_checksum_depends_on_class_names(tmp_path: Path) -> None:
    def checksum(labels: list[int]) -> str:
        return loaded(folder_with(tmp_path, labels, labels)).checksum()

    assert checksum([3, 7]) != checksum([3, 8]) != checksum([0, 1])
