"""Handwritten digits: a few large ones, or many small ones with their outputs."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from tinygrad_mnist.palette import BLUE, VERMILION
from tinygrad_mnist.report.plots.house_style import (
    FAINT,
    HAIRLINE,
    INK,
    MUTED,
    place_axes,
    place_text,
    styled,
)
from tinygrad_mnist.typing import Array

DIGIT_SIDE, DIGIT_GAP = 1.3, 0.28  # inches
COLUMNS, CELL_WIDTH, CELL_HEIGHT = 20, 40, 52  # a sheet's cells, in pixels of the images
STRIP_TOP, STRIP_HEIGHT = 32, 12


@styled
def digits(images: Array, labels: Array) -> Figure:
    """Draw images (n, height, width) in rows of three, each below its label."""
    rows = -(-len(images) // 3)
    figure = Figure(figsize=(3 * DIGIT_SIDE + 4 * DIGIT_GAP, rows * (DIGIT_SIDE + DIGIT_GAP) + DIGIT_GAP))
    for number, (image, label) in enumerate(zip(images, labels)):
        row, column = divmod(number, 3)
        left = DIGIT_GAP + column * (DIGIT_SIDE + DIGIT_GAP)
        axes = place_axes(figure, left, DIGIT_GAP + row * (DIGIT_SIDE + DIGIT_GAP), DIGIT_SIDE, DIGIT_SIDE)
        axes.imshow(image, cmap="gray_r", interpolation="nearest")
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set(visible=True, color=HAIRLINE)
        axes.set_title(str(label), loc="center", pad=4)
    return figure


@styled
def answer_sheet(images: Array, labels: Array, shares: NDArray[np.float64]) -> Figure:
    """Draw many images, the digit read in each, and the ten outputs as bars; errors are framed.

    images (n, 28, 28), labels (n,), shares (n, 10), each row summing to 1.
    """
    rows = -(-len(images) // COLUMNS)
    width, height = 10.0, 10.0 * rows * CELL_HEIGHT / (COLUMNS * CELL_WIDTH)
    figure = Figure(figsize=(width + 0.2, height + 0.55))
    axes = place_axes(figure, 0.1, 0.45, width, height)
    axes.set(xlim=(0, COLUMNS * CELL_WIDTH), ylim=(rows * CELL_HEIGHT, 0), xticks=[], yticks=[])
    axes.spines[:].set_visible(False)
    wrong = 0
    for number, (image, label, row) in enumerate(zip(images, labels, shares)):
        top, left = (step * size for step, size in zip(divmod(number, COLUMNS), (CELL_HEIGHT, CELL_WIDTH)))
        draw_answer(axes, left, top, image, int(label), row)
        wrong += int(row.argmax() != label)
    place_text(figure, 0.1, 0.12, f"{wrong} of {len(images)} misread", size=11, weight="bold")
    place_text(figure, 2.2, 0.15, "bars: the outputs for 0 to 9, divided by their sum", color=MUTED)
    place_text(figure, 6.2, 0.15, "■ the digit read in an error", color=VERMILION)
    place_text(figure, 8.4, 0.15, "■ the true digit", color=BLUE)
    return figure


def draw_answer(
    axes: Axes, left: float, top: float, image: Array, label: int, shares: NDArray[np.float64]
) -> None:
    """Draw one cell of the sheet: image, digit read, bars."""
    read = int(shares.argmax())
    right = read == label
    axes.imshow(
        image,
        cmap="gray_r",
        interpolation="nearest",
        extent=(left + 1, left + 29, top + 30, top + 2),
        aspect="auto",
    )
    axes.text(left + 34, top + 16, str(read), size=10, ha="center", va="center",
              color=INK if right else VERMILION, weight="normal" if right else "bold")  # fmt: skip
    colors = [FAINT] * len(shares)
    colors[read] = MUTED if right else VERMILION
    if not right:
        colors[label] = BLUE
        axes.text(
            left + 34, top + 26, str(label), size=7, ha="center", va="center", color=BLUE, weight="bold"
        )
        axes.add_patch(_frame(left, top))
    base = top + STRIP_TOP + STRIP_HEIGHT
    places = left + 2.5 + 3.6 * np.arange(len(shares))
    axes.bar(places, -STRIP_HEIGHT * shares, width=2.8, bottom=base, color=colors)
    axes.hlines(base, left + 1, left + 37, color=HAIRLINE, linewidth=0.6)


def _frame(left: float, top: float) -> Rectangle:
    return Rectangle(
        (left - 0.5, top + 0.2),
        CELL_WIDTH - 1,
        CELL_HEIGHT - 5,
        fill=False,
        edgecolor=VERMILION,
        linewidth=1,
    )
