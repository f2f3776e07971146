"""Small images side by side, each with a line of words."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from tinygrad_mnist.report import marks
from tinygrad_mnist.report.drawing import Drawing, Panel

SIDE, LINE = 88.0, 18.0


def images(inks: Sequence[ArrayLike], names: Sequence[str], title: str) -> Drawing:
    """Draw images in a row: positive values blue, negative ones vermilion, the largest of each in full.

    Parameters
    ----------
    inks
        Images of shape (height, width); each has a scale of its own.
    names
        The words below each image, at most 14 letters.
    title
        A sentence that says what to look at.

    Raises
    ------
    ValueError
        If the number of names is not that of the images.

    Examples
    --------
    >>> from tinygrad_mnist.datasets import load_digits
    >>> from tinygrad_mnist.report import plots
    >>> digits = load_digits().train
    >>> plots.images(digits.images[:3], [str(label) for label in digits.labels[:3]], "The first digits")
    Drawing('The first digits: 0, 1, 2.')
    """
    panels = []
    for ink, name in zip(inks, names, strict=True):
        values = np.asarray(ink, float)
        values = values / max(np.abs(values).max(), 1e-300)
        height = SIDE * values.shape[0] / values.shape[1]
        parts = [
            marks.group(colour, [marks.image(share, 0, 0, SIDE, height)])
            for colour, share in (("blue", values), ("vermilion", -values))
            if share.max() > 0
        ]
        words = marks.text(SIDE / 2, height + 14, name, text_anchor="middle", class_="muted")
        panels.append(Panel(SIDE, height + LINE, [*parts, marks.outline(0, 0, SIDE, height), words]))
    return Drawing(f"{title}: {', '.join(names)}.", panels, title=title)
