"""Confusions of classes: counts, drawn as a matrix or, for many classes, as a list."""

from collections.abc import Iterable, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, to_rgb
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from tinygrad_mnist.palette import ORANGE, VERMILION
from tinygrad_mnist.report.plots.house_style import (
    HAIRLINE,
    MUTED,
    place_axes,
    place_text,
    styled,
)

DIAGONAL = "#EEF1F4"
ERRORS = LinearSegmentedColormap.from_list("errors", ["#FFFFFF", "#FBE3B5", ORANGE, VERMILION])

FONT_POINTS = 9.0
DIGIT_WIDTH = 0.64  # of a DejaVu Sans digit, in units of the font size
LEFT, TOP, EDGE = 1.15, 1.05, 0.2  # inches: class names, title, the other two sides
RECALL_WIDTH, PRECISION_HEIGHT = 0.85, 0.45  # inches
MOST_CLASSES = 30  # of a matrix: more cells cannot be read, and take gigabytes to draw
MOST_CONFUSIONS, BAR_HEIGHT, BAR_WIDTH, NAMES_WIDTH = 25, 0.24, 4.0, 2.6  # the others in inches
LONGEST_NAME = 14  # letters


def confusion_counts(labels: ArrayLike, predicted: ArrayLike, classes: int) -> NDArray[np.int_]:
    """Count each pair of a true and a predicted class.

    Parameters
    ----------
    labels, predicted
        (n,) integers from 0 to ``classes - 1``.

    Returns
    -------
    counts
        (classes, classes): rows are the true class, columns the predicted one.
    """
    pairs = classes * np.asarray(labels, dtype=int) + np.asarray(predicted)
    return np.bincount(pairs, minlength=classes**2).reshape(classes, classes)


@styled
def confusion_matrix(counts: ArrayLike, names: Sequence[str] | None = None) -> Figure:
    """Draw a confusion matrix in which rare errors stand out from the large diagonal.

    The diagonal is grey; the errors have another colour scale, from white (none) to vermilion
    (the most frequent error). The right margin gives the recall of each true class, the bottom margin the
    precision of each predicted class, both in per cent; "–" where a class never occurs.

    With more than 30 classes the largest confusions are drawn instead, as bars.

    Parameters
    ----------
    counts
        (classes, classes) integers: rows are the true class, columns the predicted one.
    names
        Names of the classes; by default their numbers.
    """
    table = np.asarray(counts)
    if table.ndim != 2 or table.shape[0] != table.shape[1] or table.size == 0:
        raise ValueError(f"a confusion matrix is square and not empty, got shape {table.shape}")
    classes = len(table)
    names = [shortened(name) for name in names or map(str, range(classes))]
    if classes > MOST_CLASSES:
        return draw_largest(table, names)
    cell = cell_inches(table, names)
    width, height = classes * cell + RECALL_WIDTH, classes * cell + PRECISION_HEIGHT
    figure = Figure(figsize=(LEFT + width + EDGE, TOP + height + EDGE))
    axes = place_axes(figure, LEFT, TOP, width, height)
    axes.set(xlim=(-0.5, width / cell - 0.5), ylim=(height / cell - 0.5, -0.5))  # one unit is one cell
    draw_cells(axes, table)
    draw_recall(axes, table, names, column=classes - 0.5 + 0.6 * RECALL_WIDTH / cell)
    draw_precision(axes, table, names, row=classes - 0.5 + 0.6 * PRECISION_HEIGHT / cell)
    draw_frame(axes, classes)
    draw_title(figure, table)
    return figure


def shortened(name: str) -> str:
    """Return the name, cut to fit next to a row."""
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…"


def draw_largest(table: NDArray[np.int_], names: Sequence[str]) -> Figure:
    """Draw the most frequent confusions as bars, the largest first, with their share of the true class."""
    errors = np.where(np.eye(len(table), dtype=bool), 0, table)
    largest = np.argsort(-errors, axis=None, kind="stable")[:MOST_CONFUSIONS]
    pairs = [divmod(int(place), len(table)) for place in largest if errors.flat[place]]
    bars = max(1, len(pairs))
    figure = Figure(figsize=(NAMES_WIDTH + BAR_WIDTH + 1.6, TOP + bars * BAR_HEIGHT + EDGE))
    axes = place_axes(figure, NAMES_WIDTH, TOP, BAR_WIDTH, bars * BAR_HEIGHT)
    counts, totals = [int(errors[pair]) for pair in pairs], table.sum(axis=1)
    axes.barh(range(len(pairs)), counts, height=0.7, color=ORANGE)
    axes.set(ylim=(bars - 0.5, -0.5), xticks=[], xlim=(0, max([1, *counts])))
    axes.set_yticks(range(len(pairs)), [f"{names[true]} read as {names[read]}" for true, read in pairs])
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    for row, ((true, _), count) in enumerate(zip(pairs, counts)):
        text = f"{count:,}  ({percentages([count], [totals[true]])[0]} % of {names[true]})"
        axes.annotate(text, (count, row), (4, 0), textcoords="offset points", va="center", color=MUTED)
    draw_title(figure, table)
    return figure


def cell_inches(table: NDArray[np.int_], names: Sequence[str]) -> float:
    """Return the side of a cell: wide enough for the longest text, smaller with many classes."""
    longest_text = max(len(str(table.max())), len("100.0"), *map(len, names))
    return max(longest_text * DIGIT_WIDTH * FONT_POINTS / 72 * 1.12, min(1.1, 5.5 / len(table)))


def draw_cells(axes: Axes, table: NDArray[np.int_]) -> None:
    """Draw the counts and their colours."""
    classes = len(table)
    errors = np.where(np.eye(classes, dtype=bool), 0, table)
    colors = ERRORS(errors / max(1, errors.max()))[..., :3]
    colors[np.diag_indices(classes)] = to_rgb(DIAGONAL)
    axes.imshow(colors, aspect="auto", extent=(-0.5, classes - 0.5, classes - 0.5, -0.5))
    lines = np.arange(classes + 1) - 0.5
    axes.hlines(lines, -0.5, classes - 0.5, color=HAIRLINE, linewidth=0.8)
    axes.vlines(lines, -0.5, classes - 0.5, color=HAIRLINE, linewidth=0.8)
    for (row, column), count in np.ndenumerate(table):
        color = "black" if count else MUTED  # grey has too little contrast on vermilion
        axes.text(column, row, str(count), ha="center", va="center_baseline", color=color)


def draw_recall(axes: Axes, table: NDArray[np.int_], names: Sequence[str], column: float) -> None:
    """Draw the right margin: the share of each true class that is found."""
    for row, rate in enumerate(percentages(np.diagonal(table), table.sum(axis=1))):
        axes.text(column, row, rate, ha="center", va="center_baseline", gid="recall")
    axes.set_xticks([*range(len(table)), column], [*names, "recall %"])


def draw_precision(axes: Axes, table: NDArray[np.int_], names: Sequence[str], row: float) -> None:
    """Draw the bottom margin: the share of each predicted class that is right."""
    for column, rate in enumerate(percentages(np.diagonal(table), table.sum(axis=0))):
        axes.text(column, row, rate, ha="center", va="center_baseline", gid="precision")
    axes.set_yticks([*range(len(table)), row], [*names, "precision %"])


def draw_frame(axes: Axes, classes: int) -> None:
    """Name rows and columns."""
    axes.tick_params(length=0, top=True, labeltop=True, bottom=False, labelbottom=False)
    axes.spines[:].set_visible(False)
    middle = (classes - 1) / 2
    axes.annotate("predicted", (middle, -0.5), (0, 20), textcoords="offset points", ha="center", color=MUTED)
    true = axes.annotate("true", (-0.5, middle), (-28, 0), textcoords="offset points", color=MUTED)
    true.set(va="center", rotation=90)


def percentages(correct: Iterable[int], total: Iterable[int]) -> list[str]:
    """Write each share in per cent with one decimal, or a dash if the total is 0."""
    return [f"{100 * part / whole:.1f}" if whole else "–" for part, whole in zip(correct, total)]


def draw_title(figure: Figure, table: NDArray[np.int_]) -> None:
    """Write the accuracy and the number of errors."""
    total, correct = int(table.sum()), int(np.trace(table))
    accuracy = f"{100 * correct / total:.2f} %" if total else "–"
    place_text(figure, 0.2, 0.15, f"Accuracy {accuracy}", size=12, weight="bold")
    place_text(figure, 0.2, 0.4, f"{total - correct:,} wrong of {total:,}", color=MUTED)
