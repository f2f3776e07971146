"""Training images beside what a random transform makes of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tinygrad_mnist.report import marks
from tinygrad_mnist.report.drawing import Drawing, Panel

MOST_DISTORTED = 8
"""Most distorted images side by side.

Examples
--------
>>> MOST_DISTORTED
8
"""
SIDE, GAP = 72.0, 6.0


def distorted_images(images: ArrayLike, distorted: ArrayLike) -> Drawing:
    """Draw images, each above several distorted copies of itself.

    Parameters
    ----------
    images
        (n, height, width); 0 is paper, and the largest value of all is drawn as full ink.
    distorted
        (copies, n, height, width).

    Examples
    --------
    >>> import numpy as np
    >>> from tinygrad_mnist.datasets import load_digits
    >>> from tinygrad_mnist.report import plots
    >>> images = load_digits().train.images[:5]
    >>> plots.distorted_images(images, np.stack([images[:, ::-1], images[:, :, ::-1]]))
    Drawing('5 training images, each above 2 distorted copies of itself.')
    """
    originals, copies = np.asarray(images, float), np.asarray(distorted, float)
    full = max(originals.max(), 1e-300)
    panels = [
        distorted_panel([image / full, *own / full]) for image, own in zip(originals, copies.swapaxes(0, 1))
    ]
    finding = f"{len(originals)} training images, each above {len(copies)} distorted copies of itself."
    return Drawing(finding, panels, title="Above: as in the data. Below: as the network gets them")


def distorted_panel(inks: Sequence[NDArray[np.float64]]) -> Panel:
    """Draw an image above its copies; ink from 0 to 1."""
    height = SIDE * inks[0].shape[0] / inks[0].shape[1]
    parts, top = [], 0.0
    for number, ink in enumerate(inks):
        parts += [marks.image(ink, 0, top, SIDE, height), marks.outline(0, top, SIDE, height)]
        top += height + (GAP if number else 3 * GAP)
    return Panel(SIDE, top - GAP, parts)
