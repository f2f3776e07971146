"""Straight lines, frames and connected strokes in a mask of ink, with NumPy alone."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

Array = NDArray[Any]
STEEPEST = 0.2  # rise of a line over its run: 11 degrees
LINE_SHARE = 0.7  # of the width that a ruled line covers
THICKEST_LINE = 0.08  # of the height
DEEPEST_FRAME = 0.3  # of the height


def grown(mask: Array, radius: int) -> Array:
    """Return the mask with all pixels added that lie within a square of this radius."""
    return slide(slide(mask, np.max, radius, 0), np.max, radius, 1).astype(bool)


def slide(values: Array, reduce: Any, radius: int, axis: int) -> Array:
    """Return `reduce` over the window of `radius` around each entry along an axis; the edge is repeated."""
    width = [(radius, radius) if axis == i else (0, 0) for i in range(values.ndim)]
    windows = sliding_window_view(np.pad(values, width, mode="edge"), 2 * radius + 1, axis=axis)
    return np.asarray(reduce(windows, axis=-1))


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


def frame_widths(mask: Array) -> tuple[int, int, int, int]:
    """Return how wide the frame, ink to the corners, is at the left, top, right and bottom."""
    top, right, bottom, left = (_frame_height(np.rot90(mask, turns)) for turns in range(4))
    return left, top, right, bottom


def _frame_height(mask: Array) -> int:
    height, width = mask.shape
    end, deepest = max(1, width // 10), int(DEEPEST_FRAME * height)
    ends = np.min([mask[:, :end].mean(axis=1), mask[:, -end:].mean(axis=1)], axis=0)[:deepest]
    full = np.flatnonzero(np.minimum(mask.mean(axis=1)[:deepest], ends) > 0.8)
    if not full.size or full[0] > 0.02 * height:
        return 0
    quarter = max(end + 1, width // 4)
    inside = np.maximum(mask[:, end:quarter].mean(axis=1), mask[:, -quarter:-end].mean(axis=1))[:deepest]
    beyond = np.flatnonzero(inside[full[0] :] < 0.3)
    if not beyond.size:
        return 0  # paper of the ink's colour: it does not end
    return int(min(full[0] + beyond[0] + 2, deepest))  # the blurred edge goes with it


def straight_lines(mask: Array) -> Array:
    """Return the pixels of ruled lines, nearly horizontal and across the picture, but for strokes on them.

    All lines have the slope at which they cover most.  A column of a line that is thicker than the line is
    a stroke that crosses it.
    """
    height, width = mask.shape
    columns = np.arange(0, width, 4)
    end, margin = max(2, len(columns) // 8), int(STEEPEST / 2 * width) + 2
    padded = np.pad(mask, ((margin, margin), (0, 0)))
    lines, best, slope = np.zeros_like(mask), 0.0, 0.0
    covered = np.zeros(height)
    for candidate in np.linspace(-STEEPEST, STEEPEST, 41):
        along = padded[_rows(height, candidate, columns, width) + margin, columns]
        ends = along[:, :end].any(axis=1) & along[:, -end:].any(axis=1)
        share = along.mean(axis=1) * ends
        score = float((share[share > LINE_SHARE] ** 2).sum())
        if score > best:
            best, slope, covered = score, candidate, share
    if best:
        _mark(lines, mask, _rows(height, slope, np.arange(width), width)[covered > LINE_SHARE])
    return lines


def _rows(height: int, slope: float, columns: Array, width: int) -> Array:
    """Return the row that the line through the middle of each row has in each column."""
    return np.asarray(np.arange(height)[:, None] + np.rint(slope * (columns - width / 2)).astype(int))


def _mark(lines: Array, mask: Array, rows: Array) -> None:
    thick, starts = _runs(mask)
    for row in rows:
        inside = np.flatnonzero((row >= 0) & (row < len(mask)))
        column = inside[mask[row[inside], inside]]
        thickness = thick[row[column], column]
        usual = np.median(thickness)
        if usual <= THICKEST_LINE * len(mask):
            for x in column[thickness <= 1.5 * usual + 1]:
                start = starts[row[x], x]
                lines[start : start + thick[row[x], x], x] = True


def _runs(mask: Array) -> tuple[Array, Array]:
    """Return length and first row of the vertical run that each pixel of the mask is in."""
    height = len(mask)
    row = np.arange(height)[:, None]
    before = np.where(mask, -1, row)
    after = np.where(mask, height, row)
    last = np.maximum.accumulate(before, axis=0)
    following = np.minimum.accumulate(after[::-1], axis=0)[::-1]
    return (following - last - 1) * mask, last + 1
