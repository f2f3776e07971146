"""Straight lines, frames and connected strokes in a mask of ink, with NumPy alone."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

Array = NDArray[Any]
Widths = tuple[int, int, int, int]
MOST_INSIDE = 0.05  # of a line just inside of a frame has its colour
STEEPEST = 0.2  # rise of a line over its run: 11 degrees
LINE_SHARE = 0.7  # of the width that a ruled line covers
FAINTEST_LINE = 0.04  # of the light on the paper
THICKEST_LINE = 0.08  # of the height
DEEPEST_FRAME = 0.3  # of the height
FRAME_SHARE = 0.8  # of a line that belongs to a frame is ink
FARTHEST_FRAME = 0.04  # of the height, from the edge


def grown(mask: Array, radius: int) -> Array:
    """Return the mask with all pixels added that lie within a square of this radius."""
    return extreme(extreme(mask, np.maximum, radius, 0), np.maximum, radius, 1)


def slide(values: Array, reduce: Any, radius: int, axis: int) -> Array:
    """Return `reduce` over the window of `radius` around each entry along an axis; the edge is repeated."""
    width = [(radius, radius) if axis == i else (0, 0) for i in range(values.ndim)]
    windows = sliding_window_view(np.pad(values, width, mode="edge"), 2 * radius + 1, axis=axis)
    return np.asarray(reduce(windows, axis=-1))


def extreme(values: Array, choose: np.ufunc, radius: int, axis: int) -> Array:
    """Return the maximum or minimum of the entries within `radius` of each along an axis.

    It takes a fifth of the time of `slide`, because it compares whole arrays instead of single windows.

    Parameters
    ----------
    choose : np.maximum or np.minimum
    """
    along = np.moveaxis(values, axis, 0)
    padded = np.pad(along, [(radius, radius), *[(0, 0)] * (values.ndim - 1)], mode="edge")
    result = padded[: len(along)]
    for shift in range(1, 2 * radius + 1):
        result = choose(result, padded[shift : shift + len(along)])
    return np.asarray(np.moveaxis(result, 0, axis))


def components(mask: Array) -> Array:
    """Return the number of the connected part that each pixel is in, from 0, and -1 outside of the mask.

    Pixels that touch at a side or a corner are connected.  The parts are the trees of a forest: each edge
    hooks the higher root to the lower, then all paths are halved, until no edge joins two trees.
    """
    count = int(mask.sum())
    number = np.full(mask.shape, -1)
    number[mask] = np.arange(count)
    first, second = _edges(mask, number)
    parent = np.arange(count)
    while True:
        roots, others = parent[first], parent[second]
        apart = roots != others
        if not apart.any():
            break
        first, second, roots, others = first[apart], second[apart], roots[apart], others[apart]
        np.minimum.at(parent, np.maximum(roots, others), np.minimum(roots, others))
        while (parent != parent[parent]).any():
            parent = parent[parent]
    is_root = parent == np.arange(count)
    labels = np.full(mask.shape, -1)
    labels[mask] = (is_root.cumsum() - 1)[parent]
    return labels


def _edges(mask: Array, number: Array) -> tuple[Array, Array]:
    pairs = (
        (np.s_[:, :-1], np.s_[:, 1:]),
        (np.s_[:-1], np.s_[1:]),
        (np.s_[:-1, :-1], np.s_[1:, 1:]),
        (np.s_[:-1, 1:], np.s_[1:, :-1]),
    )
    joined = [(here, there, mask[here] & mask[there]) for here, there in pairs]
    first = np.concatenate([number[here][both] for here, _, both in joined])
    second = np.concatenate([number[there][both] for _, there, both in joined])
    return first, second


def frame(mask: Array) -> tuple[float, Widths]:
    """Return the slope of the frame, ink to the corners, and its widths at left, top, right and bottom.

    A width ends at the line through the middle of its side.  A frame that is turned goes all around and is
    turned as a whole: of several slopes, that which takes away most ink and least paper.
    """
    may_be_turned = mask[:: len(mask) - 1, :: mask.shape[1] - 1].all()
    best, most, slope = [(0.0, 0)] * 4, 0.0, 0.0
    for candidate in sorted(np.linspace(-STEEPEST, STEEPEST, 21), key=abs) if may_be_turned else [0.0]:
        sides = [_frame_side(np.rot90(mask, turns), candidate) for turns in range(4)]
        score = sum(ink for ink, _ in sides)
        if score > most and (not candidate or all(ink for ink, _ in sides)):
            best, most, slope = sides, score, float(candidate)
    top, right, bottom, left = (width for _, width in best)
    widths = left, top, right, bottom
    if all(ink for ink, _ in best) and not _is_paper_inside(mask, slope, widths):
        return 0.0, (0, 0, 0, 0)
    return slope, widths


def _is_paper_inside(mask: Array, slope: float, widths: Widths) -> bool:
    """Return False for the margin of a page, whose ink begins at three or four sides of the cut.

    A frame has lines just inside of it, two at least, that are nearly free of its colour.
    """
    left, top, right, bottom = (max(0, width) for width in widths)
    shares = []
    for turns, (before, width, after) in enumerate(
        ((left, top, right), (top, right, bottom), (right, bottom, left), (bottom, left, top))
    ):
        turned = np.rot90(mask, turns)
        columns = np.arange(before + 2, turned.shape[1] - after - 2)
        rows = _rows(np.array([width + 1]), slope, columns, turned.shape[1])[0]
        shares.append(turned[rows.clip(0, len(turned) - 1), columns].mean() if columns.size else 1.0)
    return bool(sorted(shares)[1] < MOST_INSIDE)


def _frame_side(mask: Array, slope: float) -> tuple[float, int]:
    """Return the ink beyond FRAME_SHARE on the lines of the frame at the upper edge, and where it ends."""
    height, width = mask.shape
    columns = np.arange(0, width, 4)
    rise, deepest = math.ceil(abs(slope) / 2 * width), max(1, int(DEEPEST_FRAME * height))
    rows = _rows(np.arange(-rise, deepest), slope, columns, width)
    seen = rows >= 0
    ink, ends = mask[rows.clip(0, height - 1), columns] | ~seen, max(1, len(columns) // 10)
    share = np.min([part.mean(axis=1) for part in (ink, ink[:, :ends], ink[:, -ends:])], axis=0)
    full = share > FRAME_SHARE
    first = int(full.argmax())
    count = int((~full[first:]).argmax())  # 0 where all or none are full: paper of the ink's colour
    if not count or first > FARTHEST_FRAME * height or seen[first + count].mean() < 0.25:
        return 0.0, 0
    lines = np.s_[first : first + count]
    score = float(((share - FRAME_SHARE) * seen.sum(axis=1))[lines].sum())
    return score, first + count - rise + 2  # the blurred edge goes with it


def without_lines(strength: Array) -> Array:
    """Return the strength of ink without ruled lines, nearly horizontal and across the picture.

    All lines have the slope at which they are strongest.  On a line lies what is at either side of it, so
    that strokes go on; a stroke that ends on it stays, if it is thicker or far stronger than the line.
    """
    slopes = np.linspace(-STEEPEST, STEEPEST, 41)
    profiles = _line_profiles(strength, slopes)
    steepest = (profiles**2).sum(axis=1).argmax()
    profile, rest = profiles[steepest], strength.copy()
    rows = np.flatnonzero(profile > FAINTEST_LINE)
    for line in np.split(rows, np.flatnonzero(np.diff(rows) > 1) + 1) if rows.size else []:
        _remove_line(rest, line, profile[line], slopes[steepest])
    return rest


def _line_profiles(strength: Array, slopes: Array) -> Array:
    """Return the strength of a line of each slope through each row in the middle, 0 where there is none.

    It is that which LINE_SHARE of the columns reach, at both ends some of them, less that of broad parts.
    """
    height, width = strength.shape
    columns = np.arange(0, width, 4)
    rows = _rows(np.arange(height), slopes[:, None, None], columns, width)
    seen = (rows >= 0) & (rows < height)
    along = np.where(seen, strength[rows.clip(0, height - 1), columns], np.inf)
    end = max(2, len(columns) // 8)
    reached = np.minimum(along[..., :end].max(axis=-1), along[..., -end:].max(axis=-1))
    weakest = ((1 - LINE_SHARE) * seen.sum(axis=-1, keepdims=True)).astype(int)
    along.sort(axis=-1)
    reached = np.minimum(reached, np.take_along_axis(along, weakest, axis=-1)[..., 0])
    radius = max(1, int(THICKEST_LINE / 2 * height))
    padded = np.pad(reached, ((0, 0), (radius, radius)))  # a line may lie at the very edge
    broad = extreme(extreme(padded, np.minimum, radius, 1), np.maximum, radius, 1)[:, radius:-radius]
    return np.asarray(reached - broad)


def _remove_line(strength: Array, line: Array, profile: Array, slope: float) -> None:
    """Draw the strength from above to below a line straight, but for strokes; its soft edges go with it."""
    height, width = strength.shape
    level = profile.max()
    thickness, reach = int((profile > level / 2).sum()), 2 * len(line) + 2
    columns = np.arange(width)
    rows = _rows(np.arange(line[0] - reach, line[-1] + reach + 1), slope, columns, width)
    inside = (rows >= 0) & (rows < height)
    band = np.where(inside, strength[rows.clip(0, height - 1), columns], np.float32(0))
    above, below = band[reach - 2], band[1 - reach]
    run = _run_lengths(band > level / 2)[reach:-reach].max(axis=0)
    ends_here = (run > 1.5 * thickness + 1) & (np.minimum(above, below) < level / 2)
    is_stroke = ends_here | (band[reach:-reach].max(axis=0) > 2 * level)
    share = np.linspace(0, 1, len(line) + 4, dtype=band.dtype)[1:-1, None]
    straight = (1 - share) * above + share * below
    near = np.s_[reach - 1 : 1 - reach]
    changed = inside[near] & ~is_stroke
    places = rows[near][changed], np.broadcast_to(columns, changed.shape)[changed]
    strength[places] = np.minimum(band[near], straight)[changed]


def _rows(middles: Array, slope: Any, columns: Array, width: int) -> Array:
    """Return the rows in which a line through each row in the middle lies in the columns."""
    return np.asarray(middles[:, None] + np.rint(slope * (columns - width / 2)).astype(int))


def _run_lengths(mask: Array) -> Array:
    """Return the length of the vertical run that each pixel of the mask is in."""
    row = np.arange(len(mask))[:, None]
    last = np.maximum.accumulate(np.where(mask, -1, row), axis=0)
    following = np.minimum.accumulate(np.where(mask, len(mask), row)[::-1], axis=0)[::-1]
    return np.asarray((following - last - 1) * mask)
