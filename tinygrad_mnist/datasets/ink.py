"""The ink of one digit on any paper, without uneven light, frames, ruled lines, specks and noise."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tinygrad_mnist.datasets.strokes import Widths, components, extreme, frame, grown, slide, without_lines

if TYPE_CHECKING:
    from PIL.Image import Image

Array = NDArray[Any]
SIDE = 128  # pixels of the longer side at which ink is looked for
FAINTEST_INK = 0.08  # of the light on the paper
CELLS = 24  # a side of the grid at which light is estimated
MOST_CUTS = 6
FAINT_SHARE = 0.25  # of the threshold: ink of which some is above it
FARTHEST_FAINT = 9  # pixels
LEAST_SHARE = 1 / 3  # of the ink that the strokes of a digit hold
WIDEST = 2.5  # of the height of a digit
SHARPEST = 3  # pixels over which the grey changes at the edge of a desk
MOST_AROUND = 0.5  # of the strength of a digit's ink, on its paper: above it lies noise


def find_ink(picture: Image, invert: bool | None = None) -> Array | None:
    """Return the ink of the largest connected strokes, 0 to 1, on paper of 0; None where no digit is found.

    The picture is looked at with its longer side at 128 pixels, and again without its frame, or around what
    was found, as long as that is small.

    Parameters
    ----------
    picture
        In grey: mode "L".
    invert
        True where dark is ink.  When None, the paper is what covers more.
    """
    framed = True
    for _ in range(MOST_CUTS):
        grey, scale = _shrunk(picture)
        dark_ink = _is_dark_on_light(grey) if invert is None else invert
        slope, widths = _frame(grey, dark_ink) if framed else (0.0, (0, 0, 0, 0))
        if slope or any(widths):
            picture, framed = _without(picture, slope, widths, scale), False
            continue
        invert = dark_ink
        strength = _strength(grey if dark_ink else 1 - grey)
        strength = _without_lines(strength)
        threshold = _threshold(strength)
        faint = strength > max(FAINT_SHARE * threshold, FAINTEST_INK)
        kept = _kept(_led_to(strength > threshold, faint), strength)
        if kept is None:
            return None
        closer = _around(kept)
        if scale < 1.5 and closer is not None:
            picture = _cut(picture, closer, scale)
            continue
        return _soft(strength, kept, faint)
    return None


def even_ink(picture: Image, invert: bool | None = None) -> Array:
    """Return the ink of all pixels at the picture's own size, 0 to 1, on paper of exactly 0."""
    grey = np.asarray(picture, np.float32) / np.float32(255)
    if invert is None:
        invert = _is_dark_on_light(grey)
    strength = _strength(grey if invert else 1 - grey)
    strength = strength / max(float(strength.max()), FAINTEST_INK)
    return np.where(strength > FAINTEST_INK, strength, np.float32(0))


def _shrunk(picture: Image) -> tuple[Array, float]:
    """Return the picture at the size of work, 0 to 1, without single grains, and how it was scaled."""
    from PIL import Image, ImageFilter

    scale = SIDE / max(picture.size)
    size = max(8, round(picture.width * scale)), max(8, round(picture.height * scale))
    if scale <= 1:
        share = min(1, 2 * scale)  # at which a thin stroke is not a grain
        finer = [max(1, round(side * share)) for side in picture.size]
        without_grains = picture.resize(finer, Image.Resampling.BOX).filter(ImageFilter.MedianFilter(3))
        small = without_grains.resize(size, Image.Resampling.BOX)
    else:
        small = picture.resize(size, Image.Resampling.BICUBIC)
    grey = np.asarray(small, np.float32) / np.float32(255)
    return _blurred(grey), scale


def _blurred(image: Array) -> Array:
    kernel = np.array([1, 4, 6, 4, 1], np.float32) / 16
    for axis in (0, 1):
        image = slide(image, lambda windows, axis: windows @ kernel, 2, axis)
    return image


def _cut(picture: Image, box: tuple[float, float, float, float], scale: float) -> Image:
    left, top, right, bottom = (side / scale for side in box)
    corner = max(0, round(left)), max(0, round(top))
    opposite = min(picture.width, round(right)), min(picture.height, round(bottom))
    return picture.crop((*corner, *opposite))


def _frame(grey: Array, dark_ink: bool) -> tuple[float, Widths]:
    """Return the slope of the frame and its widths at the left, top, right and bottom.

    One that goes all around may be dark or light; the colour of the ink decides about a shadow at one side.
    """
    frames = []
    for version in (grey, 1 - grey):
        strength = _strength(version, shadows=False)
        frames.append(frame(strength > _threshold(strength)))
        if _goes_around(frames[-1]):
            return frames[-1]
    return _desk(grey) or frames[0 if dark_ink else 1]


def _goes_around(found: tuple[float, Widths]) -> bool:
    slope, widths = found
    return bool(slope or all(widths))


def _desk(grey: Array) -> tuple[float, Widths] | None:
    """Return the frame that a darker desk is around a sheet, None without a desk.

    It may be so broad that it passes for dim light, but its edge is sharp, as that of dim light is not.
    """
    level = _threshold(grey)
    darker = frame(grey < 0.8 * level)
    if not _goes_around(darker):
        return None
    lighter = frame(grey < 1.2 * level)
    is_sharp = np.abs(np.subtract(darker[1], lighter[1])).max() <= SHARPEST
    return darker if is_sharp else None


def _without(picture: Image, slope: float, widths: Widths, scale: float) -> Image:
    """Return the picture turned until its frame is upright, and cut off.  Outside, the edge is repeated."""
    from PIL import Image

    left, top, right, bottom = (width / scale for width in widths)
    if slope:
        margin = math.ceil(abs(slope) * max(picture.size) / 2) + 1
        padded = Image.fromarray(np.pad(np.asarray(picture), margin, mode="edge"))
        upright = padded.rotate(math.degrees(math.atan(slope)), Image.Resampling.BILINEAR)
        picture = upright.crop((margin, margin, margin + picture.width, margin + picture.height))
    return _cut(picture, (left, top, picture.width - right, picture.height - bottom), 1)


def _is_dark_on_light(grey: Array) -> bool:
    """Return True when more is removed by filling narrow dark parts than by removing narrow light ones.

    Ink is narrow; paper, shadows and light that changes slowly are wide.
    """
    cells = _cells(grey)
    dark, light = _closed(cells, 2) - cells, _closed(1 - cells, 2) - (1 - cells)
    least = 0.4 * max(dark.max(), light.max())
    return bool(dark[dark >= least].sum() >= light[light >= least].sum())


def _edge(image: Array) -> Array:
    return np.concatenate([image[0], image[-1], image[:, 0], image[:, -1]])


def _cells(grey: Array) -> Array:
    from PIL import Image

    return np.asarray(Image.fromarray(grey).resize((CELLS, CELLS), Image.Resampling.BOX))


def _strength(grey: Array, *, shadows: bool = True) -> Array:
    """Return by how much each pixel is darker than its paper, as a share of the light there."""
    from PIL import Image

    light = _light(_cells(grey), shadows).astype(np.float32)
    whole = np.asarray(Image.fromarray(light).resize(grey.shape[::-1], Image.Resampling.BICUBIC))
    strength = 1 - grey / np.maximum(whole, 0.05)
    paper = min(np.median(strength[strength <= np.median(strength)]), 0.1)
    return np.asarray((strength - paper).clip(0, 1), np.float32)


def _light(cells: Array, shadows: bool) -> Array:
    """Return the light on the paper: of several kinds, the simplest with which nearly the most is paper."""
    light = _surface(cells, 2)
    if shadows:
        closed = np.maximum(_closed(cells, 7), 0.05)
        for other in (closed * _surface(cells / closed, 2), _surface(cells, 4)):
            if _flat_share(cells / other) > _flat_share(cells / light) + 0.02:
                light = other
    return light


def _flat_share(relative: Array) -> Any:
    return (relative > 0.9).mean()


def _surface(cells: Array, degree: int) -> Array:
    """Return a polynomial that most light cells lie on and dark ones below: weights fall with the depth."""
    axis = np.linspace(-1, 1, CELLS)
    powers = [(i, j) for i in range(degree + 1) for j in range(degree + 1 - i)]
    terms = np.stack([np.outer(axis**j, axis**i).ravel() for i, j in powers], axis=-1)
    weight, fit = np.ones(CELLS * CELLS), cells.ravel()
    for scale in np.geomspace(0.4, 0.03, 12):
        weighted = terms * weight[:, None]
        factors = np.linalg.solve(terms.T @ weighted + 1e-6 * np.eye(len(powers)), weighted.T @ cells.ravel())
        fit = terms @ factors
        below = np.minimum(cells.ravel() - fit, 0)
        weight = 1 / (1 + (below / scale) ** 2) ** 2
    return np.asarray(np.maximum(fit.reshape(cells.shape), 0.05))


def _closed(cells: Array, radius: int) -> Array:
    """Return the cells without what is dark and narrower than a square of this radius."""
    margin = 2 * radius
    padded = np.pad(cells, margin, mode="edge")
    for choose in (np.maximum, np.minimum):
        for axis in (0, 1):
            padded = extreme(padded, choose, radius, axis)
    return np.asarray(padded[margin:-margin, margin:-margin])


def _threshold(strength: Array) -> float:
    """Return the strength above which there is ink: N. Otsu's threshold, above the noise."""
    counts, edges = np.histogram(strength, 128)
    share, middle = counts / counts.sum(), (edges[1:] + edges[:-1]) / 2
    below, moment, mean = share.cumsum()[:-1], (share * middle).cumsum()[:-1], share @ middle
    with np.errstate(divide="ignore", invalid="ignore"):
        between = np.nan_to_num((mean * below - moment) ** 2 / (below * (1 - below)))
    otsu = middle[:-1][between >= between.max() * 0.999].mean()
    return max(float(otsu), FAINTEST_INK)


def _without_lines(strength: Array) -> Array:
    """Return the strength without ruled lines in both directions; one upright line that is all ink is a 1."""
    strength = without_lines(strength)
    rest = without_lines(strength.T).T
    ink, line = strength > FAINTEST_INK, strength - rest > FAINTEST_INK
    is_one = rest[ink].sum() <= 0.15 * strength[ink].sum() and components(line).max() == 0
    return strength if is_one else rest


def _kept(mask: Array, strength: Array) -> Array | None:
    """Return the largest connected strokes: the heaviest part, and long ones near it.

    None where they hold little of the ink, lie like a piece of a line, or their paper is nearly as dark.
    """
    labels = components(mask)
    count = int(labels.max()) + 1
    if not count:
        return None
    inside = labels >= 0
    part = labels[inside]
    mass = np.bincount(part, strength[inside], count)
    boxes = _boxes(part, np.argwhere(inside), count)
    on_edge = _edge(labels)
    mass[np.bincount(on_edge[on_edge >= 0], minlength=count) > 0.6 * on_edge.size] = 0  # what lies around
    mass[[_is_box_around(labels, boxes, mass, number) for number in range(count)]] = 0
    main = mass.argmax()
    if not mass[main] or np.percentile(strength[labels == main], 85) < FAINTEST_INK:
        return None
    top, left, bottom, right = boxes.T
    size = np.maximum(bottom - top, right - left)
    gap = np.max(
        [top - bottom[main], top[main] - bottom, left - right[main], left[main] - right, 0 * top], axis=0
    )
    near = (mass > 0.02 * mass[main]) & (size >= 0.25 * size[main]) & (gap < 0.35 * size[main])
    near[main] = True
    kept = np.asarray(near[labels] & inside)
    low, high = boxes[near, :2].min(axis=0), boxes[near, 2:].max(axis=0)
    rows, columns = high - low
    if mass[near].sum() < LEAST_SHARE * mass.sum() or columns > WIDEST * rows:
        return None
    paper = ~(grown(kept, 3) | (inside & (mass[labels] == 0)))
    return None if _is_noisy(strength, kept, paper) else kept


def _led_to(mask: Array, faint: Array) -> Array:
    """Return the connected parts of the faint ink that have a pixel in the mask."""
    labels = components(faint)
    whole = np.zeros(labels.max() + 2, bool)
    whole[labels[mask]] = True
    whole[-1] = False
    return np.asarray(whole[labels])


def _is_noisy(strength: Array, kept: Array, paper: Array) -> bool:
    """Return True where a part of the paper is nearly as dark as the strokes."""
    if not paper.any():
        return False
    return bool(np.percentile(strength[paper], 95) > MOST_AROUND * np.percentile(strength[kept], 85))


def _is_box_around(labels: Array, boxes: Array, mass: Array, number: int) -> bool:
    """Return True for a drawn box: it reaches into its four corners, and something large stands in it."""
    top, left, bottom, right = boxes[number]
    inner = (boxes[:, :2] > boxes[number, :2]).all(1) & (boxes[:, 2:] < boxes[number, 2:]).all(1)
    size = (boxes[:, 2:] - boxes[:, :2]).max(axis=1)
    if not (inner & (size > 0.2 * size[number]) & (mass > 0.05 * mass[number])).any():
        return False
    own = labels[top:bottom, left:right] == number
    height, width = (max(1, side // 8) for side in own.shape)
    return all(
        own[rows, columns].any()
        for rows in (np.s_[:height], np.s_[-height:])
        for columns in (np.s_[:width], np.s_[-width:])
    )


def _boxes(part: Array, places: Array, count: int) -> Array:
    """Return top, left, bottom, right of each part, shape (count, 4)."""
    low, high = np.full((count, 2), SIDE), np.zeros((count, 2), int)
    np.minimum.at(low, part, places)
    np.maximum.at(high, part, places + 1)
    return np.concatenate([low, high], axis=1)


def _around(kept: Array) -> tuple[float, float, float, float] | None:
    """Return the box around ink that is small in its picture, with a margin; None when it is large."""
    rows, columns = (np.flatnonzero(kept.any(axis=axis)) for axis in (1, 0))
    longest = max(rows[-1] - rows[0], columns[-1] - columns[0]) + 1
    if longest > 0.45 * SIDE:
        return None
    margin = 0.35 * longest + 2
    return columns[0] - margin, rows[0] - margin, columns[-1] + 1 + margin, rows[-1] + 1 + margin


def _soft(strength: Array, kept: Array, faint: Array) -> Array:
    """Return the kept strokes with the faint ink that they lead to and its soft edges.

    Ink is full where it is strongest.
    """
    level = np.percentile(strength[kept], 85)
    edge = grown(_led_to(kept, faint) & grown(kept, FARTHEST_FAINT), 2)
    return np.asarray((strength / level).clip(0, 1) * edge, np.float32)
