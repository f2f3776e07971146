from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tinygrad_mnist.datasets import load_mnist
from tinygrad_mnist.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

GENERATOR = np.random.default_rng(0)
ARRAYS = {
    "x_train": GENERATOR.integers(0, 256, (12, 5, 4), np.uint8),
    "y_train": np.arange(12, dtype=np.uint8) % 3,
    "x_test": GENERATOR.integers(0, 256, (6, 5, 4), np.uint8),
    "y_test": np.arange(6, dtype=np.uint8) % 3,
}


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("as_folder", [False, True])
def test_keras_file_is_read_by_path_or_folder(
    tmp_path: Path, save: Callable[..., None], as_folder: bool
) -> None:
    save(tmp_path / "mnist.npz", **ARRAYS)
    data = load_mnist(tmp_path if as_folder else tmp_path / "mnist.npz", validation=2)
    np.testing.assert_array_equal(data.train.raw_images, ARRAYS["x_train"][:10])
    np.testing.assert_array_equal(data.test.labels, ARRAYS["y_test"])
    assert (data.name, data.classes, len(data.validation)) == ("mnist", 3, 2)


def test_other_layouts_of_the_same_numbers_are_read(tmp_path: Path) -> None:
    arrays = {
        "x_train": np.asfortranarray(ARRAYS["x_train"])[..., None],
        "y_train": ARRAYS["y_train"].astype(np.int64)[:, None],
        "x_test": ARRAYS["x_test"],
        "y_test": ARRAYS["y_test"].astype(">i4"),
        "another": np.zeros(3),
    }
    np.savez(tmp_path / "a.npz", **arrays)
    data = load_mnist(tmp_path / "a.npz", validation=0)
    np.testing.assert_array_equal(data.train.raw_images, ARRAYS["x_train"])
    np.testing.assert_array_equal(data.train.labels, ARRAYS["y_train"])


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "an array is missing": ({"y_test": None}, "lacks y_test, and holds x_test, x_train, y_train"),
    "floats": ({"x_train": ARRAYS["x_train"] / 255}, r"x_train holds float64: .*; scale to 0\.\.255, then"),
    "objects": ({"y_train": np.array([None] * 12)}, "y_train holds object: expected whole numbers"),
    "colours": ({"x_train": np.zeros((12, 5, 4, 3), np.uint8)}, "expected uint8 with 3 axes"),
    "one-hot rows": ({"y_test": np.eye(6, dtype=int)}, r"expected whole numbers of shape \(n,\)"),
    "counts": ({"y_test": ARRAYS["y_test"][:5]}, "6 images and 5 labels"),
}


@pytest.mark.parametrize(("changes", "message"), BAD.values(), ids=BAD)
def test_other_contents_are_refused_by_name(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    arrays = {name: array for name, array in {**ARRAYS, **changes}.items() if array is not None}
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(DataError, match=message):
        load_mnist(tmp_path / "a.npz", validation=0)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9, 0.999])
def test_truncated_file_is_refused(tmp_path: Path, share: float) -> None:
    path = tmp_path / "a.npz"
    np.savez_compressed(path, **ARRAYS)
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(DataError, match=r"expected a whole \.npz file"):
        load_mnist(path, validation=0)


@pytest.mark.parametrize("offset", range(0, 900, 7))
def test_changed_byte_is_refused_or_harmless(tmp_path: Path, offset: int) -> None:
    path = tmp_path / "a.npz"
    np.savez_compressed(path, **ARRAYS)
    content = bytearray(path.read_bytes())
    content[offset % len(content)] ^= 0x41
    path.write_bytes(content)
    try:
        found = load_mnist(path, validation=0)
    except DataError:
        return
    np.testing.assert_array_equal(found.train.raw_images, ARRAYS["x_train"])
    np.testing.assert_array_equal(found.test.raw_images, ARRAYS["x_test"])


def test_promise_that_the_file_cannot_hold_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    header = b"{'descr': '|u1', 'fortran_order': False, 'shape': (1000000, 28, 28), }"
    header += b" " * (-(len(header) + 11) % 64) + b"\n"
    with zipfile.ZipFile(path, "w") as archive:
        for name in ARRAYS:
            archive.writestr(f"{name}.npy", b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header)
    with pytest.raises(DataError, match="x_train promises 784000000 bytes, found fewer"):
        load_mnist(path)
