"""Random distortions of images, drawn afresh for each batch, so that a network hardly sees an image twice.

An image is read at moved points: new(p) = image(p + displacement(p)).  The displacement is a random affine
map about the centre, plus an elastic field: noise smoothed by a Gaussian (P. Simard, D. Steinkraus and
J. Platt, Best practices for convolutional neural networks applied to visual document analysis, 2003).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from threading import get_ident
from typing import Any

import numpy as np

from tinygrad_mnist.arguments import require_number
from tinygrad_mnist.errors import DataError
from tinygrad_mnist.hints import hinted
from tinygrad_mnist.typing import Array

__all__ = ["Distortions", "warp"]

_BLOCK = 16  # images at a time: what is computed between stays in the cache
_SHARE = 0.998  # of the variance along an axis that the elastic field keeps


class Distortions:
    """Random affine maps and elastic fields for batches of images: a transform of a `Loader`.

    Each image of a batch gets a map of its own.  The numbers of its affine map are uniform between minus and
    plus the given bounds; rotation, shear and scale leave the centre where it is.

    Parameters
    ----------
    rotation : float, default 10
        Largest angle, in degrees.
    shear : float, default 0.15
        Largest shift to the side, as a share of the distance from the middle row.
    scale : float, default 0.12
        Largest relative change of size, along each axis by itself.
    shift : float, default 0.05
        Largest shift along each axis, as a share of the image: 1.4 pixels of 28.
    elastic : float, default 0.05
        Root mean square of the elastic displacement along each axis, over all points and images, as a share
        of the image: 1.4 pixels of 28, as with Simard's alpha of 34.
    smoothing : float, default 0.14
        Standard deviation of the Gaussian that smooths the elastic field, as a share of the image: Simard's
        4 pixels of 28.

    Raises
    ------
    TypeError, ValueError
        If a parameter is not a number, is negative, or is a scale of 1 or more; if there is no smoothing.

    Notes
    -----
    White noise smoothed by a Gaussian of standard deviation s has the covariance ``exp(-d**2 / (4 * s**2))``
    between points at distance d, which is a product over the two axes.  The field is drawn along the leading
    eigenvectors of each axis, which keep 99.8 % of the variance: at 28 pixels, 6 x 6 normals times a fixed
    basis.  The affine map adds three rows to the basis, so that one matrix product moves all points.

    Examples
    --------
    >>> from tinygrad_mnist.datasets import load_digits
    >>> digits = load_digits()
    >>> batches = digits.train.loader(16, shuffle=True, transform=Distortions(rotation=15))
    >>> images, labels = next(iter(batches))
    >>> images.shape
    (16, 8, 8)
    """

    @hinted
    def __init__(
        self,
        *,
        rotation: float = 10.0,
        shear: float = 0.15,
        scale: float = 0.12,
        shift: float = 0.05,
        elastic: float = 0.05,
        smoothing: float = 0.14,
    ) -> None:
        self.rotation = require_number("rotation", rotation, low=0)
        self.shear = require_number("shear", shear, low=0)
        self.scale = require_number("scale", scale, low=0, below=1)
        self.shift = require_number("shift", shift, low=0)
        self.elastic = require_number("elastic", elastic, low=0)
        self.smoothing = require_number("smoothing", smoothing, above=0)

    def __repr__(self) -> str:
        return f"Distortions({', '.join(f'{name}={value!r}' for name, value in vars(self).items())})"

    def __call__(self, images: Array, rng: np.random.Generator) -> Array:
        """Return distorted copies of images (n, height, width), floats, in their dtype."""
        weights, basis = self._draw(images, rng)
        return _warped(images, lambda rows, out: np.matmul(weights[rows], basis, out=out))

    def displacements(self, images: Array, rng: np.random.Generator) -> Array:
        """Draw displacements for images (n, height, width): float32, (n, 2, height, width), as for `warp`."""
        weights, basis = self._draw(images, rng)
        return np.asarray(weights @ basis).reshape(len(images), 2, *images.shape[1:])

    def _draw(self, images: Array, rng: np.random.Generator) -> tuple[Array, Array]:
        """Draw the weights (n, 2, k) of a basis (k, height * width), for displacements down and right."""
        _require_images(images)
        count, height, width = images.shape
        basis = _basis(height, width, self.smoothing)
        weights = rng.standard_normal((count, 2, len(basis)), np.float32)
        weights *= self.elastic * np.array([[height], [width]], np.float32)
        angle, shear, taller, wider, down, right = rng.uniform(-1, 1, (6, count))
        angle, shear = angle * np.deg2rad(self.rotation), shear * self.shear
        taller, wider = 1 + taller * self.scale, 1 + wider * self.scale
        cos, sin = np.cos(angle), np.sin(angle)
        weights[:, 0, 0], weights[:, 0, 1] = (cos + sin * shear) * taller - 1, sin * wider
        weights[:, 1, 0], weights[:, 1, 1] = (cos * shear - sin) * taller, cos * wider - 1
        weights[:, 0, 2], weights[:, 1, 2] = down * self.shift * height, right * self.shift * width
        return weights, basis


def warp(images: Array, displacements: Array) -> Array:
    """Read images at moved points, in proportion between four pixels; beyond the edges all is 0.

    Parameters
    ----------
    images : array of shape (n, height, width)
        Floats.
    displacements : array of shape (n, 2, height, width)
        Distance from each pixel to where it is read, down and to the right, in pixels.

    Returns
    -------
    array of shape (n, height, width)
        In the dtype of `images`, computed in float32.

    Raises
    ------
    DataError
        If a shape is another one, or the images are not floats.

    Examples
    --------
    >>> half_a_pixel_to_the_right = np.zeros((1, 2, 1, 3)) + [[[0.0]], [[0.5]]]
    >>> warp(np.array([[[0.0, 1.0, 0.0]]]), half_a_pixel_to_the_right)
    array([[[0.5, 0.5, 0. ]]])
    """
    _require_images(images)
    count, height, width = images.shape
    expected = (count, 2, height, width)
    if np.shape(displacements) != expected:
        raise DataError(f"displacements has the shape {np.shape(displacements)}: expected {expected}")
    moves = np.asarray(displacements).reshape(count, 2, height * width)
    return _warped(images, lambda rows, out: np.copyto(out, moves[rows], casting="same_kind"))


def _require_images(images: Any) -> None:
    if getattr(images, "ndim", None) != 3 or images.dtype.kind != "f" or not all(images.shape[1:]):
        is_array = isinstance(images, np.ndarray)
        found = f"{images.dtype} of shape {images.shape}" if is_array else f"a {type(images).__name__}"
        raise DataError(f"images is {found}: expected floats of shape (n, height, width)")


def _warped(images: Array, displace: Callable[[slice, Array], Any]) -> Array:
    """Read images at moved points, a block at a time in the same memory: new memory costs more than the work.

    Parameters
    ----------
    displace
        Writes the displacements of a slice of the images into an array (m, 2, height * width).
    """
    count, height, width = images.shape
    padded, points, corners, places, pixels = _memory(get_ident(), height, width)
    stride, flat = width + 3, padded.reshape(-1)
    starts = np.arange(_BLOCK)[:, None] * padded[0].size
    warped = np.empty_like(images, shape=(count, height * width))
    for start in range(0, count, _BLOCK):
        rows = slice(start, min(start + _BLOCK, count))
        own = slice(rows.stop - start)
        padded[own, 1:-2, 1:-2] = images[rows]
        point, corner, place, pixel = points[own], corners[own], places[own], pixels[:, own]
        displace(rows, point)
        point += _grid(height, width)
        down, right = point[:, 0], point[:, 1]
        np.clip(down, 0, height + 1, out=down)
        np.clip(right, 0, width + 1, out=right)
        np.floor(point, out=corner)
        point -= corner
        corner[:, 0] *= stride
        np.add(corner[:, 0], corner[:, 1], out=place, casting="unsafe")
        place += starts[own]
        for number, distance in enumerate((0, 1, stride, stride + 1)):
            flat[distance:].take(place, mode="wrap", out=pixel[number])  # no place is outside
        upper_left, upper, lower_left, lower = pixel
        for left, between in ((upper_left, upper), (lower_left, lower)):
            between -= left
            between *= right
            between += left
        lower -= upper
        lower *= down
        np.add(upper, lower, out=warped[rows], casting="same_kind")
    return warped.reshape(images.shape)


@lru_cache(maxsize=4)
def _memory(thread: int, height: int, width: int) -> tuple[Array, ...]:
    """Return the memory of a thread for a block: padded images, points, their corners, places and pixels.

    The images have a frame of paper; points outside are moved onto it.  Their last row and column are read
    with weight 0.
    """
    size = height * width
    padded = np.zeros((_BLOCK, height + 3, width + 3), np.float32)
    points, corners = np.empty((2, _BLOCK, 2, size), np.float32)
    return padded, points, corners, np.empty((_BLOCK, size), np.intp), np.empty((4, _BLOCK, size), np.float32)


@lru_cache
def _grid(height: int, width: int) -> Array:
    """Return the positions of the pixels in their frame: (2, height * width)."""
    return (np.indices((height, width), np.float32) + 1).reshape(2, -1)


@lru_cache
def _basis(height: int, width: int, smoothing: float) -> Array:
    """Return rows of displacements (k, height * width): down, right, 1, and those of the elastic field."""
    middle = np.array([height - 1, width - 1]).reshape(2, 1, 1) / 2
    affine = [*(np.indices((height, width)) - middle), np.ones((height, width))]
    down, right = _directions(height, smoothing), _directions(width, smoothing)
    elastic = np.einsum("iy,jx->ijyx", down, right).reshape(-1, height, width)
    return np.concatenate([affine, elastic]).reshape(-1, height * width).astype(np.float32)


def _directions(length: int, smoothing: float) -> Array:
    """Return the leading eigenvectors of smoothed noise along an axis, times standard deviations.

    Their shape is (k, length), and their squares add up to 1 in the mean over the axis.
    """
    place = np.arange(length) / length
    variances, vectors = np.linalg.eigh(np.exp(-((place[:, None] - place) ** 2) / (4 * smoothing**2)))
    shares = np.cumsum(variances[::-1]) / length
    kept = min(int(np.searchsorted(shares, _SHARE)) + 1, length)
    return np.asarray((vectors[:, -kept:] * np.sqrt(variances[-kept:] / shares[kept - 1])).T)
