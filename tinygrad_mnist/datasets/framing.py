"""Place, size and darkness of the ink in a data set's images: what a picture from elsewhere is brought to."""

from __future__ import annotations

import math
import reprlib
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

import numpy as np

from tinygrad_mnist.errors import DataError
from tinygrad_mnist.typing import Array

Side = Literal["height", "width", "longest"]
Centre = Literal["mass", "box", "between"]
SIDES: tuple[Side, ...] = ("height", "width", "longest")
CENTRES: tuple[Centre, ...] = ("mass", "box", "between")
Extremes = tuple[float, float, float]
FAINTEST = 0.25  # of full ink, inside the box: half-way up the blurred edge of a grey stroke
MOST_MEASURED = 10_000
_BLOCK = 500  # images that are measured at a time: more take longer, and memory
MOST_OUTSIDE = 0.5  # pixels that a side of the box, with its soft edges, may be longer than the image
SLACK = 0.1  # pixels by which an image may lie outside of those that were measured
DARK = 0.5  # of full ink
MOVED = 2.5  # percent of the places at either end: a digit there was more likely moved
UNUSUAL = 25  # percent of the images at either end of the darkness: those of an unusual pen
MOST_POWER = 4  # of the ink; the least is 1 / 4
ANY_SHARE: Extremes = (0.0, 0.5, 1.0)


@dataclass(frozen=True)
class Framing:
    """Place, size and darkness of the ink in the images of a data set.

    Attributes
    ----------
    side : str
        The side of the ink's box that is nearly the same in all images: "height", "width" or "longest".
    centre : tuple of two strs
        The point whose row, and the point whose column, is nearly the same in all images: the centre of
        "mass" of the ink, the centre of its "box", or the point half-way "between" the centres of its box
        and of its area.
    size : tuple of three floats
        The lowest, usual and highest length of `side` in pixels.
    row, column : tuple of three floats
        2.5th, 50th and 97.5th percentile of the place of `centre`, in pixels from the upper left corner.
    paper : float
        The lowest share of the pixels that are exactly background.
    dark : tuple of three floats
        25th, 50th and 75th percentile of the share of an image's pixels that are more than half ink.  A thin
        pen leaves few.

    Examples
    --------
    A stroke four pixels high stands in the middle. A larger one is brought to its size and place:

    >>> import numpy as np
    >>> from tinygrad_mnist.datasets import Framing
    >>> images = np.zeros((1, 8, 8), np.uint8)
    >>> images[0, 2:6, 3:5] = 255
    >>> framing = Framing.measure(images, pixel_max=255)
    >>> framing.side, framing.row, framing.column
    ('height', (4.0, 4.0, 4.0), (4.0, 4.0, 4.0))
    >>> placed = framing.place(np.ones((40, 20)), shape=(8, 8))
    >>> np.array_equal(placed > 0.5, images[0] > 0)
    True
    """

    side: Side
    centre: tuple[Centre, Centre]
    size: Extremes
    row: Extremes
    column: Extremes
    paper: float
    dark: Extremes = ANY_SHARE

    @classmethod
    def measure(cls, images: Array, pixel_max: int) -> Framing:
        """Return the framing of the first 10,000 images, of shape (n, height, width) and 0 to `pixel_max`.

        Side and centre are those that vary least.  Without ink the whole image counts as its box.
        """
        images = images[:MOST_MEASURED]
        starts = range(0, max(len(images), 1), _BLOCK)
        blocks = zip(*(_measured(images[i : i + _BLOCK], pixel_max) for i in starts))
        boxes, centres, paper, dark = (np.concatenate(parts, axis=-1) for parts in blocks)
        if not boxes.size:
            height, width = images.shape[1:]
            return cls.filling((int(height), int(width)))
        sides, points = _sides(boxes), dict(zip(CENTRES, centres))
        side = min(SIDES, key=lambda name: sides[name].std() / sides[name].mean())
        row_centre, column_centre = (
            min(CENTRES, key=lambda name: points[name][axis].var()) for axis in (0, 1)
        )
        return cls(
            side,
            (row_centre, column_centre),
            _extremes(sides[side]),
            _extremes(points[row_centre][0], MOVED),
            _extremes(points[column_centre][1], MOVED),
            round(float(paper.min()), 4),
            _extremes(dark, UNUSUAL),
        )

    @classmethod
    def filling(cls, shape: tuple[int, int]) -> Framing:
        """Return the framing of ink whose box is the whole image."""
        height, width = map(float, shape)
        middles = (height / 2,) * 3, (width / 2,) * 3
        return cls("height", ("box", "box"), (height,) * 3, *middles, 0.0)

    @classmethod
    def of_mnist(cls, shape: tuple[int, int]) -> Framing:
        """Return MNIST's framing, which Y. LeCun, C. Cortes and C. Burges publish, in images of `shape`.

        The ink is fitted into 20 of 28 pixels, its centre of mass put into the middle.  The box ends half-way
        up its soft edges, a quarter of a pixel outside at either side.
        """
        size = 20 / 28 * min(shape) + 0.5
        row, column = (side / 2 + 0.5 for side in shape)
        return cls(
            "longest",
            ("mass", "mass"),
            (0.8 * size, size, size),
            (row - 0.5, row, row + 0.5),
            (column - 0.5, column, column + 0.5),
            0.5,
        )

    @classmethod
    def from_dict(cls, record: Any, shape: tuple[int, int]) -> Framing:
        """Return what `to_dict` gave, for images of `shape`.

        Raises
        ------
        DataError
            A field is missing, unknown or of another kind, or lies outside of the image.
        """
        names = {field.name for field in fields(cls)}
        if not isinstance(record, dict) or {*record, "dark"} != names:
            raise DataError(f"framing is {reprlib.repr(record)}: expected an object with {sorted(names)}")
        record = {"dark": ANY_SHARE, **record}  # earlier runs have none
        if isinstance(record["centre"], str):
            record = _with_soft_edges(record)
        side, centre = record["side"], record["centre"]
        if side not in SIDES:
            raise DataError(f"framing: side is {reprlib.repr(side)}: expected one of {SIDES}")
        if not isinstance(centre, (list, tuple)) or len(centre) != 2 or not all(c in CENTRES for c in centre):
            raise DataError(f"framing: centre is {reprlib.repr(centre)}: expected two of {CENTRES}")
        most = {"size": max(shape) + 1, "row": shape[0], "column": shape[1], "dark": 1}
        triples = {name: _triple(name, record[name], limit) for name, limit in most.items()}
        if triples["size"][1] <= 0:
            raise DataError(f"framing: size is {record['size']}: expected a usual size above 0")
        paper = record["paper"]
        if type(paper) not in (int, float) or not 0 <= paper <= 1:
            raise DataError(f"framing: paper is {reprlib.repr(paper)}: expected 0 to 1")
        return cls(**{**record, **triples, "centre": tuple(centre), "paper": float(paper)})

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON data."""
        return asdict(self)

    def fits(self, image: Array) -> bool:
        """Return True for an image, 0 to 1, that could be one of the data set's own.

        Its paper is exactly 0, it has full ink, and the ink lies where the data set's lies.
        """
        if image.max(initial=0) < 0.9 or (image == 0).mean() < 0.9 * self.paper:
            return False
        boxes = _boxes(image[None])
        measured = float(_sides(boxes)[self.side][0]), *self._point(image, boxes)
        return all(
            low - SLACK <= value <= high + SLACK
            for value, (low, _, high) in zip(measured, (self.size, self.row, self.column), strict=True)
        )

    def place(self, ink: Array, shape: tuple[int, int]) -> Array:
        """Return the ink, an array of any size from 0 (paper) to 1, as an image of the data set: `shape`."""
        from PIL import Image

        boxes = _boxes(ink[None])
        sides = {name: float(lengths[0]) for name, lengths in _sides(boxes).items()}
        height, width = (side + MOST_OUTSIDE for side in shape)
        most = (self.side, self.size[1]), ("height", height), ("width", width)
        scale = max(sides[name] / length for name, length in most)
        row, column = self._point(ink, boxes)
        top, left = row - self.row[1] * scale, column - self.column[1] * scale
        bottom, right = top + shape[0] * scale, left + shape[1] * scale
        margin = math.ceil(max(0, -top, -left, bottom - ink.shape[0], right - ink.shape[1]))
        page = Image.fromarray(np.pad(ink, margin).astype(np.float32))
        box = (left + margin, top + margin, right + margin, bottom + margin)
        small = page.resize((shape[1], shape[0]), Image.Resampling.BOX, box=box)
        return self._as_dark(np.asarray(small, np.float32).clip(0, 1))

    def _as_dark(self, image: Array) -> Array:
        """Return the image with as many dark pixels as the data set's have, whatever the pen.

        The ink is raised to the power that makes the last of these pixels half ink.
        """
        low, _, high = self.dark
        share = (image > DARK).mean()
        if low <= share <= high:
            return image
        count = round((low if share < low else high) * image.size)
        last = np.sort(image, axis=None)[-max(1, count)]
        power = math.log(DARK) / math.log(min(max(float(last), 1e-9), 1 - 1e-9))
        return np.asarray(image ** np.float32(min(max(power, 1 / MOST_POWER), MOST_POWER)))

    def _point(self, image: Array, boxes: Array) -> tuple[float, float]:
        """Return row and column of `centre` in an image."""
        points = _points(image[None], boxes)
        row, column = (float(points[name][axis, 0]) for axis, name in enumerate(self.centre))
        return row, column


def _measured(images: Array, pixel_max: int) -> tuple[Array, Array, Array, Array]:
    """Return boxes, centres of each kind, shares of background and of dark pixels, of images with ink."""
    ink = images.astype(np.float32) / np.float32(pixel_max)
    ink = ink[(ink > FAINTEST).any(axis=(1, 2))]
    boxes = _boxes(ink)
    points = _points(ink, boxes)
    centres = np.stack([points[name] for name in CENTRES])
    return boxes, centres, (ink == 0).mean(axis=(1, 2)), (ink > DARK).mean(axis=(1, 2))


def _boxes(images: Array) -> Array:
    """Return top, bottom, left, right of the ink, shape (4, n); every image has ink.

    An edge lies where the strongest ink of the rows or columns, drawn as a line through the middles of the
    pixels, crosses `FAINTEST`: so it is found to a part of a pixel, and the same at every size.
    """
    edges = []
    for profile in (images.max(axis=2), images.max(axis=1)):
        padded = np.pad(profile.astype(np.float64), ((0, 0), (1, 1)))
        length = profile.shape[1]
        edges += [_first_edge(padded), length - _first_edge(padded[:, ::-1])]
    return np.stack(edges)


def _first_edge(profiles: Array) -> Array:
    """Return where each profile, shape (n, length + 2) with a 0 at either end, first crosses `FAINTEST`."""
    each = np.arange(len(profiles))
    inside = (profiles > FAINTEST).argmax(axis=1)
    here, before = profiles[each, inside], profiles[each, inside - 1]
    return np.asarray(inside - 0.5 - (here - FAINTEST) / (here - before))


def _sides(boxes: Array) -> dict[str, Array]:
    height, width = boxes[1] - boxes[0], boxes[3] - boxes[2]
    return {"height": height, "width": width, "longest": np.maximum(height, width)}


def _points(images: Array, boxes: Array) -> dict[str, Array]:
    """Return row and column, shape (2, n), of each kind of centre."""
    box = np.stack([boxes[:2].mean(axis=0), boxes[2:].mean(axis=0)])
    area = _centres_of_mass(np.minimum(images, FAINTEST))
    return {"mass": _centres_of_mass(images), "box": box, "between": (area + box) / 2}


def _centres_of_mass(images: Array) -> Array:
    """Return row and column, shape (2, n), the middle of the first pixel being 0.5."""
    profiles = images.sum(axis=2, dtype=np.float64), images.sum(axis=1, dtype=np.float64)
    return np.stack(
        [profile @ (np.arange(profile.shape[1]) + 0.5) / profile.sum(axis=1) for profile in profiles]
    )


def _extremes(values: Array, rare: float = 0) -> Extremes:
    """Return the percentiles `rare`, 50 and ``100 - rare``, rounded."""
    low, usual, high = np.percentile(values, [rare, 50, 100 - rare])
    return round(float(low), 3), round(float(usual), 3), round(float(high), 3)


def _with_soft_edges(record: dict[str, Any]) -> dict[str, Any]:
    """Return an earlier run's framing, of one centre and of boxes without soft edges, in today's form."""
    size = record["size"]
    if isinstance(size, (list, tuple)) and all(type(length) in (int, float) for length in size):
        size = [length + MOST_OUTSIDE for length in size]
    return {**record, "centre": [record["centre"]] * 2, "size": size}


def _triple(name: str, values: Any, most: int) -> Extremes:
    numbers = values if isinstance(values, (list, tuple)) and len(values) == 3 else ()
    if not numbers or not all(type(value) in (int, float) and 0 <= value <= most for value in numbers):
        raise DataError(f"framing: {name} is {reprlib.repr(values)}: expected three numbers of 0 to {most}")
    return float(numbers[0]), float(numbers[1]), float(numbers[2])
