"""Images that a model misreads with the highest probability."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import ArrayLike, NDArray

from tinygrad_mnist.palette import BLUE, DARK_ORANGE, ORANGE
from tinygrad_mnist.report.plots.confusion import shortened
from tinygrad_mnist.report.plots.house_style import FAINT, HAIRLINE, MUTED, place_axes, styled

MOST_MISREAD = 24
COLUMNS = 6
CELL_WIDTH, CELL_HEIGHT = 1.62, 2.1
IMAGE_SIDE, STRIP_HEIGHT = 1.15, 0.32
EDGE, HEADER = 0.1, 0.45
POINT = 1 / 72  # inches
MOST_NAMED_CLASSES, LONGEST_BELOW = 10, 2  # more names, or longer ones, would not fit below the strip


@styled
def misread_images(
    images: ArrayLike, labels: ArrayLike, probabilities: ArrayLike, names: Sequence[str] | None = None
) -> Figure:
    """Draw up to 24 misread images with their class probabilities, in the order given.

    Above each image stand the true class, the predicted one and its probability; the strip below shows
    the probability of every class, the true one blue and the predicted one orange.

    Parameters
    ----------
    images
        (n, height, width), the worst one first; the largest value is drawn as black ink.
    labels
        (n,) integers, the true classes.
    probabilities
        (n, classes), each row summing to 1.
    names
        Names of the classes; by default their numbers.
    """
    pictures = np.asarray(images)[:MOST_MISREAD]
    truths = np.asarray(labels, dtype=int)[:MOST_MISREAD]
    rows_of_probabilities = np.asarray(probabilities)[:MOST_MISREAD]
    if len(pictures) == 0:
        return draw_nothing_wrong()
    names = [shortened(name) for name in names or map(str, range(rows_of_probabilities.shape[1]))]
    columns = max(2, min(COLUMNS, len(pictures)))
    rows = -(-len(pictures) // columns)
    figure = Figure(figsize=(2 * EDGE + columns * CELL_WIDTH, HEADER + rows * CELL_HEIGHT + EDGE))
    axes = axes_in_inches(figure)
    for left, color, name in ((0.32, BLUE, "true class"), (1.35, ORANGE, "predicted class")):
        axes.text(left, 0.12, "■", va="top", color=color)
        axes.text(left + 0.15, 0.12, name, va="top", color=MUTED)
    for index, (picture, truth, shares) in enumerate(zip(pictures, truths, rows_of_probabilities)):
        row, column = divmod(index, columns)
        left, top = EDGE + column * CELL_WIDTH, HEADER + row * CELL_HEIGHT
        draw_misread(axes, left + (CELL_WIDTH - IMAGE_SIDE) / 2, top + 0.25, picture, truth, shares, names)
    return figure


def axes_in_inches(figure: Figure) -> Axes:
    """Return axes over the whole figure, in inches from its upper left corner.

    A pair of axes per image would take three times as long to make and to draw.
    """
    width, height = figure.get_size_inches()
    axes = place_axes(figure, 0, 0, width, height)
    axes.set(xlim=(0, width), ylim=(height, 0), autoscale_on=False)
    axes.set_axis_off()
    return axes


def draw_nothing_wrong() -> Figure:
    """Draw that no image is misread."""
    figure = Figure(figsize=(4, 0.8))
    figure.text(0.5, 0.5, "no image is misread", ha="center", va="center", size=12, color=MUTED)
    return figure


def draw_misread(
    axes: Axes,
    left: float,
    top: float,
    picture: NDArray[np.generic],
    truth: int,
    shares: NDArray[np.float64],
    names: Sequence[str],
) -> None:
    """Draw one image with title and strip; `left` and `top` are its upper left corner."""
    predicted = int(shares.argmax())
    right, bottom = left + IMAGE_SIDE, top + IMAGE_SIDE
    axes.imshow(picture, cmap="gray_r", interpolation="nearest", extent=(left, right, bottom, top))
    axes.add_artist(
        Rectangle((left, top), IMAGE_SIDE, IMAGE_SIDE, fill=False, edgecolor=HAIRLINE, linewidth=0.8)
    )
    title = f"true {names[truth]} → {names[predicted]}, {percent(shares[predicted])}"
    axes.text(left + IMAGE_SIDE / 2, top - 4 * POINT, title, size=8.5, ha="center")
    draw_strip(axes, left, bottom + 0.05 + STRIP_HEIGHT, shares, truth, predicted, names)


def percent(share: float) -> str:
    """Write a probability in per cent; one just below 1 is not rounded to 100 %."""
    return ">99.9 %" if 0.9995 <= share < 1 else f"{100 * share:.1f} %"


def draw_strip(
    axes: Axes,
    left: float,
    bottom: float,
    shares: NDArray[np.float64],
    truth: int,
    predicted: int,
    names: Sequence[str],
) -> None:
    """Draw the probabilities of all classes as small bars."""
    step = IMAGE_SIDE / (len(shares) + 0.2)
    centres = left + (0.6 + np.arange(len(shares))) * step
    fills, inks = [FAINT] * len(shares), [MUTED] * len(shares)
    fills[predicted], inks[predicted] = ORANGE, DARK_ORANGE
    fills[truth], inks[truth] = BLUE, BLUE
    for centre, share, fill in zip(centres, shares, fills):
        axes.add_artist(
            Rectangle((centre - 0.4 * step, bottom), 0.8 * step, -share * STRIP_HEIGHT, facecolor=fill)
        )
    axes.plot([left, left + IMAGE_SIDE], [bottom, bottom], color=FAINT, linewidth=0.8)
    if len(shares) <= MOST_NAMED_CLASSES and max(map(len, names)) <= LONGEST_BELOW:
        for place, (centre, name, ink) in enumerate(zip(centres, names, inks)):
            weight = "bold" if place in (predicted, truth) else "normal"
            axes.text(
                centre, bottom + 2 * POINT, name, size=7, ha="center", va="top", color=ink, weight=weight
            )
