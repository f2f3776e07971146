"""Weights of the first layer as images."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from numpy.typing import ArrayLike, NDArray

from tinygrad_mnist.palette import BLUE, VERMILION
from tinygrad_mnist.report.plots.house_style import HAIRLINE, MUTED, place_axes, place_text, styled

COLORS = ["#00395A", BLUE, "#FFFFFF", VERMILION, "#6E3000"]
SIGNED = LinearSegmentedColormap.from_list("signed", COLORS).with_extremes(bad=HAIRLINE)  # bad: the rims

TILE_INCHES = 0.9
EDGE, HEADER, BAR_SPACE = 0.15, 0.45, 1.15
SHARE_ON_SCALE = 99.8  # per cent of the weights; a few outliers must not fade the rest


@styled
def first_layer_weights(weight: ArrayLike, image_shape: tuple[int, int], limit: int = 64) -> Figure:
    """Draw the incoming weights of each unit as an image, all on one colour scale that is white at 0.

    Negative weights are blue, positive ones vermilion. The scale covers 99.8 % of the weights shown; the
    pointed ends of the colour bar stand for the few beyond it.

    Parameters
    ----------
    weight
        (units, height * width): one row per unit.
    image_shape
        (height, width) of the images the layer reads.
    limit
        Largest number of units shown, from the first on.
    """
    rows = np.asarray(weight)
    shown = rows[:limit].reshape(-1, *image_shape)
    columns = column_count(len(shown))
    mosaic = tile(shown, columns)
    width = columns * TILE_INCHES
    height = width * mosaic.shape[0] / mosaic.shape[1]
    figure = Figure(figsize=(EDGE + width + BAR_SPACE, HEADER + height + EDGE))
    text = f"{len(shown)} of {len(rows)} units" if len(shown) < len(rows) else f"{len(rows)} units"
    place_text(figure, EDGE, 0.14, text, color=MUTED)
    axes = place_axes(figure, EDGE, HEADER, width, height)
    end = reach(shown)
    picture = axes.imshow(mosaic, cmap=SIGNED, clim=(-end, end), interpolation="nearest", aspect="auto")
    axes.set_axis_off()
    bar_axes = place_axes(figure, EDGE + width + 0.18, HEADER, 0.12, min(height, 3.0))
    draw_bar(bar_axes, picture, end)
    return figure


def column_count(units: int) -> int:
    """Choose between 5 and 10 columns, so that the last row is as full as possible."""
    choices = range(min(units, 5), min(units, 10) + 1)
    return min(choices, key=lambda columns: (-units % columns, -columns))


def tile(images: NDArray[np.float64], columns: int) -> NDArray[np.float64]:
    """Arrange images (n, height, width) in one array, row by row, with a rim of NaN around each."""
    rows = -(-len(images) // columns)
    rimmed = np.pad(images.astype(float), ((0, 0), (1, 1), (1, 1)), constant_values=np.nan)
    _, height, width = rimmed.shape
    slots = np.full((rows * columns, height, width), np.nan)
    slots[: len(images)] = rimmed
    return slots.reshape(rows, columns, height, width).swapaxes(1, 2).reshape(rows * height, columns * width)


def reach(weights: NDArray[np.float64]) -> float:
    """Return the end of the colour scale: nearly the largest weight, and never 0."""
    sizes = np.abs(weights[np.isfinite(weights)])
    return float(np.percentile(sizes, SHARE_ON_SCALE)) if sizes.any() else 1.0


def draw_bar(axes: Axes, picture: AxesImage, end: float) -> None:
    """Draw the colour bar, with labels at its ends and at 0."""
    bar = axes.figure.colorbar(picture, cax=axes, extend="both", ticks=[-end, 0, end])
    axes.set_yticklabels([f"−{end:.2g}", "0", f"+{end:.2g}"])
    axes.tick_params(length=0)
    bar.outline.set_visible(False)
