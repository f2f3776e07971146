"""Distorted images against a plain loop in float64, and the statistics of the draws."""

from typing import Any

import numpy as np
import pytest

from tinygrad_mnist.datasets.augment import Distortions, warp
from tinygrad_mnist.errors import DataError
from tinygrad_mnist.typing import Array

STILL: dict[str, Any] = {"rotation": 0, "shear": 0, "scale": 0, "shift": 0, "elastic": 0}


def noise(count: int, height: int = 12, width: int = 9, seed: int = 1) -> Array:
    return np.random.default_rng(seed).random((count, height, width), np.float32)


def read_at(image: Array, down: float, right: float) -> float:
    """Bilinear interpolation between the four pixels around a point, each 0 outside of the image."""
    total = 0.0
    for y in (np.floor(down), np.floor(down) + 1):
        for x in (np.floor(right), np.floor(right) + 1):
            if 0 <= y < image.shape[0] and 0 <= x < image.shape[1]:
                total += (1 - abs(down - y)) * (1 - abs(right - x)) * float(image[int(y), int(x)])
    return total


@pytest.mark.parametrize("count", [1, 16, 37])  # part of a block, a whole one, several
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_warp_equals_bilinear_reading_in_float64(count: int, dtype: type) -> None:
    images = noise(count).astype(dtype)
    moves = np.random.default_rng(2).normal(0, 4, (count, 2, 12, 9))
    moves[0, :, 0, :3] = [[-20, 30, 0], [40, 0, -50]]  # far outside
    expected = [
        [[read_at(image, y + move[0, y, x], x + move[1, y, x]) for x in range(9)] for y in range(12)]
        for image, move in zip(images, moves)
    ]
    warped = warp(images, moves)
    assert warped.dtype == dtype
    np.testing.assert_allclose(warped, expected, atol=5e-6)


def test_no_displacement_returns_the_same_bits() -> None:
    images = noise(20)
    np.testing.assert_array_equal(Distortions(**STILL)(images, np.random.default_rng(0)), images)
    np.testing.assert_array_equal(warp(images, np.zeros((20, 2, 12, 9))), images)
    assert warp(images[:0], np.zeros((0, 2, 12, 9))).shape == (0, 12, 9)


def test_elastic_field_has_the_rms_and_smoothness_given() -> None:
    distort = Distortions(**STILL | {"elastic": 0.05, "smoothing": 1 / 7})
    moves = distort.displacements(np.zeros((4000, 28, 28), np.float32), np.random.default_rng(0))
    assert np.sqrt((moves**2).mean()) == pytest.approx(1.4, rel=0.01)
    np.testing.assert_allclose(np.sqrt((moves**2).mean(axis=(0, 1))), 1.4, rtol=0.05)  # at each point
    for distance in (2, 4, 8):
        alike = (moves[:, :, distance:] * moves[:, :, :-distance]).mean() / 1.4**2
        assert alike == pytest.approx(np.exp(-(distance**2) / (4 * 4**2)), abs=0.03)


@pytest.mark.parametrize(
    ("settings", "corner"),
    [  # the largest displacement of the upper left corner, 10 above and 8 to the left of the centre
        ({"rotation": 90}, (18, 18)),
        ({"shear": 0.5}, (0, 5)),
        ({"scale": 0.5}, (5, 4)),
        ({"shift": 0.1}, (2.1, 1.7)),
    ],
)
def test_affine_map_goes_up_to_its_bounds(settings: dict[str, float], corner: tuple[float, float]) -> None:
    distort = Distortions(**STILL | settings)
    moves = distort.displacements(np.zeros((3000, 21, 17), np.float32), np.random.default_rng(0))
    largest = np.abs(moves[:, :, 0, 0]).max(axis=0)
    np.testing.assert_allclose(largest, corner, rtol=0.02)
    assert "shift" in settings or not moves[:, :, 10, 8].any()  # the centre stays


def test_draws_follow_from_the_generator_alone() -> None:
    images, distort = noise(40), Distortions()
    first, again, other = (distort(images, np.random.default_rng(seed)) for seed in (5, 5, 6))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any(axis=(1, 2)).all()
    moves = distort.displacements(images, np.random.default_rng(5))
    np.testing.assert_allclose(first, warp(images, moves), atol=1e-5)
    assert len({move.tobytes() for move in moves}) == 40


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"rotation": -1}, "rotation is -1: expected a finite number >= 0"),
        ({"scale": 1.0}, "scale is 1.0: expected a finite number >= 0 and < 1"),
        ({"smoothing": 0}, "smoothing is 0: expected a finite number > 0"),
        ({"elastic": np.inf}, "elastic is inf: expected a finite number >= 0"),
    ],
)
def test_setting_out_of_range_is_refused(settings: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Distortions(**settings)


@pytest.mark.parametrize(
    ("images", "moves", "message"),
    [
        (np.zeros((2, 64), np.float32), 0, r"images is float32 of shape \(2, 64\): expected floats"),
        (np.zeros((2, 8, 8), np.uint8), 0, r"images is uint8 of shape \(2, 8, 8\): expected floats"),
        (np.zeros((2, 0, 8)), 0, r"images is float64 of shape \(2, 0, 8\): expected floats"),
        ([[1.0]], 0, "images is a list: expected floats"),
        (np.zeros((2, 8, 8)), np.zeros((2, 8, 8)), r"displacements has the shape .* expected \(2, 2, 8, 8\)"),
    ],
)
def test_arrays_of_other_kinds_are_refused(images: Any, moves: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        warp(images, moves)
