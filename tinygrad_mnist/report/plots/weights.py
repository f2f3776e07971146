"""Weights of the first layer as images."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tinygrad_mnist.report import marks
from tinygrad_mnist.report.drawing import Drawing, Panel
from tinygrad_mnist.report.plots.confusion import shortened

FEW, LARGE_SIDE, SIDE = 12, 104.0, 62.0  # the most images that are large, their side, and that of more
LIKE = 0.2  # correlation of neighbouring pixels: about 0 before training, 0.4 to 0.8 after it
SHARE_ON_SCALE = 99.8  # per cent of the weights; a few outliers must not fade the rest


def first_layer_weights(
    weight: ArrayLike, image_shape: tuple[int, int], names: Sequence[str] | None = None, limit: int = 64
) -> Drawing:
    """Draw the incoming weights of each unit as an image, all on one scale of colours.

    Positive weights are blue, negative ones vermilion, and 0 is the colour of the page. The scale covers
    99.8 % of the weights shown; the few beyond it have the colour of its end.

    Parameters
    ----------
    weight
        (units, height * width): one row per unit.
    image_shape
        (height, width) of the images the layer reads.
    names
        Names of the units, where they are classes: they stand above the images.
    limit
        Largest number of units shown, from the first on.

    Examples
    --------
    >>> from tinygrad_mnist import nn
    >>> from tinygrad_mnist.report import plots
    >>> layer = nn.Linear(64, 10, rng=0)  # not trained
    >>> plots.first_layer_weights(layer.weight.data, image_shape=(8, 8))
    Drawing('The weights of 10 units as images of 8 × 8, ...: neighbouring pixels differ, as in noise.')
    """
    rows = np.asarray(weight, float)
    shown = rows[:limit].reshape(-1, *image_shape)
    end = reach(shown)
    units = "classes" if names else "units"
    count = f"{len(shown)} of {len(rows)} {units}" if len(shown) < len(rows) else f"{len(rows)} {units}"
    side = LARGE_SIDE if len(shown) <= FEW else SIDE
    letters = int(side // marks.width_of("m", 13))
    titles = [shortened(name, letters) for name in names[:limit]] if names else [""] * len(shown)
    sizes = f"{f'{-end:.2g}'.replace('-', '−')} and below", f"+{end:.2g} and above"
    finding = (
        f"The weights of {count} as images of {image_shape[0]} × {image_shape[1]}, "
        f"from {np.nanmin(shown):.2g} to {np.nanmax(shown):.2g}: {structure_of(shown)}."
    ).replace("-", "−")
    panels = [weight_panel(image / end, side, title) for image, title in zip(shown, titles)]
    return Drawing(finding, panels, title=count, key=tuple(zip(("vermilion", "blue"), sizes)))


def structure_of(images: NDArray[np.float64]) -> str:
    """Say if neighbouring pixels have like weights, as in strokes, or unlike ones, as in noise."""
    left, right = images[:, :, :-1].ravel(), images[:, :, 1:].ravel()
    if not images.size or left.std() == 0 or right.std() == 0:
        return "all are alike"
    likeness = float(np.corrcoef(left, right)[0, 1])
    like, unlike = (
        "neighbouring pixels have like weights, as in strokes",
        "neighbouring pixels differ, as in noise",
    )
    return like if likeness > LIKE else unlike


def weight_panel(image: NDArray[np.float64], side: float, title: str) -> Panel:
    """Draw the weights of a unit, in units of the end of the scale."""
    top, height = (18.0 if title else 0.0), side * image.shape[0] / image.shape[1]
    parts = [marks.text(0, 13, title, class_="strong")] if title else []
    for colour, ink in (("blue", image), ("vermilion", -image)):
        parts.append(marks.group(colour, [marks.image(ink, 0, top, side, height)]))
    return Panel(side, top + height, [*parts, marks.outline(0, top, side, height)])


def reach(weights: NDArray[np.float64]) -> float:
    """Return the end of the colour scale: nearly the largest weight, and never 0."""
    sizes = np.abs(weights[np.isfinite(weights)])
    return float(np.percentile(sizes, SHARE_ON_SCALE)) if sizes.any() else 1.0
