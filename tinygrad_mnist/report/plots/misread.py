"""Images that a model misreads with the highest probability."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from tinygrad_mnist.palette import BLUE, DARK_ORANGE, ORANGE
from tinygrad_mnist.report.plots.confusion import shortened
from tinygrad_mnist.report.plots.house_style import FAINT, HAIRLINE, MUTED, place_axes, place_text, styled

MOST_MISREAD = 24
COLUMNS = 6
CELL_WIDTH, CELL_HEIGHT = 1.62, 2.1
IMAGE_SIDE, STRIP_HEIGHT = 1.15, 0.32
EDGE, HEADER = 0.1, 0.45
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
    for left, color, name in ((0.32, BLUE, "true class"), (1.35, ORANGE, "predicted class")):
        place_text(figure, left, 0.12, "■", color=color)
        place_text(figure, left + 0.15, 0.12, name, color=MUTED)
    for index, (picture, truth, shares) in enumerate(zip(pictures, truths, rows_of_probabilities)):
        row, column = divmod(index, columns)
        left, top = EDGE + column * CELL_WIDTH, HEADER + row * CELL_HEIGHT
        draw_misread(figure, left, top, picture, truth, shares, names)
    return figure


def draw_nothing_wrong() -> Figure:
    """Draw that no image is misread."""
    figure = Figure(figsize=(4, 0.8))
    figure.text(0.5, 0.5, "no image is misread", ha="center", va="center", size=12, color=MUTED)
    return figure


def draw_misread(
    figure: Figure,
    left: float,
    top: float,
    picture: NDArray[np.generic],
    truth: int,
    shares: NDArray[np.float64],
    names: Sequence[str],
) -> None:
    """Draw one image with title and strip in the cell whose upper left corner is given in inches."""
    predicted = int(shares.argmax())
    inset = (CELL_WIDTH - IMAGE_SIDE) / 2
    image_axes = place_axes(figure, left + inset, top + 0.25, IMAGE_SIDE, IMAGE_SIDE)
    image_axes.imshow(picture, cmap="gray_r", interpolation="nearest")
    image_axes.set(xticks=[], yticks=[])
    image_axes.spines[:].set(visible=True, color=HAIRLINE)
    image_axes.set_title(
        f"true {names[truth]} → {names[predicted]}, {percent(shares[predicted])}",
        size=8.5,
        loc="center",
        pad=4,
    )
    strip = place_axes(figure, left + inset, top + 0.3 + IMAGE_SIDE, IMAGE_SIDE, STRIP_HEIGHT)
    draw_strip(strip, shares, truth, predicted, names)


def percent(share: float) -> str:
    """Write a probability in per cent; one just below 1 is not rounded to 100 %."""
    return ">99.9 %" if 0.9995 <= share < 1 else f"{100 * share:.1f} %"


def draw_strip(
    axes: Axes, shares: NDArray[np.float64], truth: int, predicted: int, names: Sequence[str]
) -> None:
    """Draw the probabilities of all classes as small bars."""
    colors = [FAINT] * len(shares)
    colors[predicted] = ORANGE
    colors[truth] = BLUE
    places = range(len(shares))
    axes.bar(places, shares, width=0.8, color=colors)
    axes.set(ylim=(0, 1), xlim=(-0.6, len(shares) - 0.4), yticks=[], xticks=[])
    axes.spines["left"].set_visible(False)
    if len(shares) <= MOST_NAMED_CLASSES and max(map(len, names)) <= LONGEST_BELOW:
        axes.set_xticks(places, names, size=7)
        axes.tick_params(length=0, pad=2)
        for place, color in ((predicted, DARK_ORANGE), (truth, BLUE)):
            axes.get_xticklabels()[place].set(color=color, weight="bold")
