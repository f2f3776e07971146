from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from tinygrad_mnist.datasets import write_idx

if TYPE_CHECKING:
    from pathlib import Path

NAMES = (
    "train-images-idx3-ubyte.gz",
    "train-labels-idx1-ubyte.gz",
    "t10k-images-idx3-ubyte.gz",
    "t10k-labels-idx1-ubyte.gz",
)


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder that all examples of a property may overwrite."""
    return tmp_path_factory.mktemp("scratch")


@pytest.fixture
def four_files(tmp_path: Path) -> Path:
    """Return a folder called "tiny" with 12 training and 5 test images of 2 x 3, labels 0 to 3."""
    folder = tmp_path / "tiny"
    folder.mkdir()
    generator = np.random.default_rng(0)
    for images, labels, count in ((*NAMES[:2], 12), (*NAMES[2:], 5)):
        write_idx(folder / images, generator.integers(0, 256, (count, 2, 3), np.uint8))
        write_idx(folder / labels, np.arange(count, dtype=np.uint8) % 4)
    return folder
