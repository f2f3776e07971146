"""Confusions of classes: counts, drawn as a matrix or, for many classes, as a list."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import sqrt

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tinygrad_mnist.report import marks
from tinygrad_mnist.report.drawing import Drawing, Panel

MOST_CLASSES = 30
"""Most classes of a confusion matrix: more cells cannot be read.

Examples
--------
>>> MOST_CLASSES
30
"""
MOST_CONFUSIONS, MOST_BESIDE_MATRIX, ROW_HEIGHT, LIST_WIDTH = 25, 8, 34.0, 360.0
LIST_TITLE = "largest confusions, and their share of the true class"
LONGEST_NAME = 12  # letters
MOST_LETTERS_ACROSS = 3  # longer names of columns are written upwards
CELL_WIDTH, CELL_HEIGHT, RECALL_WIDTH = 30.0, 26.0, 36.0  # a cell is at least so wide
LEGEND_WIDTH = 290.0
DIGIT_WIDTH = 7.6  # of the widest usual font
FAINTEST, STRONGEST = 0.08, 0.75  # opacity of the colour of an error: numbers on it stay readable


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

    Examples
    --------
    >>> import numpy as np
    >>> from tinygrad_mnist.report import plots
    >>> plots.confusion_counts(np.array([0, 1, 1]), np.array([0, 1, 0]), 2)
    array([[1, 0],
           [1, 1]])
    """
    pairs = classes * np.asarray(labels, dtype=int) + np.asarray(predicted)
    pairs = pairs.astype(np.intp, casting="same_kind", copy=False)  # where pointers have 32 bits, not int64
    return np.bincount(pairs, minlength=classes**2).reshape(classes, classes)


def confusion_matrix(
    counts: ArrayLike, names: Sequence[str] | None = None, examples: str = "examples"
) -> Drawing:
    """Draw a confusion matrix in which rare errors stand out from the large diagonal.

    The diagonal is grey; the errors are vermilion, the more frequent the stronger. The right margin gives the
    recall of each true class, the bottom margin the precision of each predicted class, both in per cent;
    "–" where a class never occurs.

    The largest confusions stand beside it as bars, and instead of it with more than 30 classes.

    Parameters
    ----------
    counts
        (classes, classes) integers: rows are the true class, columns the predicted one.
    names
        Names of the classes; by default their numbers.
    examples
        The examples counted, for the title, such as "test images".

    Raises
    ------
    ValueError
        If `counts` is not square, or empty.

    Examples
    --------
    >>> from tinygrad_mnist.report import plots
    >>> plots.confusion_matrix([[8, 2], [1, 9]], ["cat", "dog"], "photos")
    Drawing('Accuracy 85.00 %: 3 wrong of 20 photos; most often cat is read as dog, 2 times; ...')
    """
    table = np.asarray(counts)
    if table.ndim != 2 or table.shape[0] != table.shape[1] or table.size == 0:
        raise ValueError(f"a confusion matrix is square and not empty, got shape {table.shape}")
    names = [shortened(name) for name in names or map(str, range(len(table)))]
    if len(table) > MOST_CLASSES:
        panels = [largest_panel(table, names, MOST_CONFUSIONS)]
    else:
        panels = [matrix_panel(table, names), largest_panel(table, names, MOST_BESIDE_MATRIX)]
    return Drawing(finding_of(table, names, examples), panels, title=title_of(table, examples))


def shortened(name: str, longest: int = LONGEST_NAME) -> str:
    """Return the name, cut to a number of letters."""
    return name if len(name) <= longest else f"{name[: longest - 1]}…"


def title_of(table: NDArray[np.int_], examples: str) -> str:
    """Return accuracy, number of errors and the examples that were counted."""
    total, correct = int(table.sum()), int(np.trace(table))
    accuracy = f"{100 * correct / total:.2f} %" if total else "–"
    return f"Accuracy {accuracy}: {total - correct:,} wrong of {total:,} {examples}"


def errors_of(table: NDArray[np.int_]) -> NDArray[np.int_]:
    """Return the counts without the diagonal."""
    return np.where(np.eye(len(table), dtype=bool), 0, table)


def largest_errors(table: NDArray[np.int_], most: int) -> list[tuple[int, int]]:
    """Return (true, predicted) of the most frequent confusions, the largest first."""
    errors = errors_of(table)
    largest = np.argsort(-errors, axis=None, kind="stable")[:most]
    return [
        (int(true), int(read))
        for true, read in (divmod(p, len(table)) for p in largest)
        if errors[true, read]
    ]


def finding_of(table: NDArray[np.int_], names: Sequence[str], examples: str) -> str:
    """Name the most frequent confusion and the class with the lowest recall."""
    pairs = largest_errors(table, 1)
    if not pairs:
        return f"{title_of(table, examples)}."
    (true, read), totals = pairs[0], table.sum(axis=1)
    often = f"most often {names[true]} is read as {names[read]}, {table[true, read]:,} times"
    recalls = np.divide(table.diagonal(), totals, out=np.full(len(table), np.inf), where=totals > 0)
    worst = int(recalls.argmin())
    lowest = f"the lowest recall has {names[worst]}, {100 * recalls[worst]:.1f} %"
    return f"{title_of(table, examples)}; {often}; {lowest}."


def matrix_panel(table: NDArray[np.int_], names: Sequence[str]) -> Panel:
    """Draw counts with their colours, and recall and precision beside them."""
    cell = max(CELL_WIDTH, DIGIT_WIDTH * len(str(table.max())) + 2.2)
    longest = max(marks.width_of(name) for name in names)
    are_short = max(map(len, names)) <= MOST_LETTERS_ACROSS
    left, top = max(27.0, longest + 6), 38 if are_short else longest + 28
    right, bottom = left + len(table) * cell, top + len(table) * CELL_HEIGHT
    edge = right + RECALL_WIDTH
    recalls, precisions = (percentages(table.diagonal(), table.sum(axis=axis)) for axis in (1, 0))
    parts = [
        marks.text((left + right) / 2, 12, "predicted", text_anchor="middle", class_="muted"),
        marks.text(0, top - 6, "true", class_="muted"),
        marks.text(edge, top - 6, "recall", text_anchor="end", class_="muted"),
        marks.text(0, bottom + 42, "below: precision, right: recall, in per cent", class_="muted"),
    ]
    for place, name in enumerate(names):
        x, y = left + (place + 0.5) * cell, top + place * CELL_HEIGHT + 17
        parts.append(head_of_column(name, x, top - 6, are_short))
        parts.append(marks.text(left - 6, y, name, text_anchor="end"))
        parts.append(marks.text(edge, y, recalls[place], text_anchor="end", class_="recall"))
        parts.append(marks.text(x, bottom + 18, precisions[place], text_anchor="middle", class_="precision"))
    panel = [*cells_of(table, left, top, cell), *parts]
    return Panel(max(LEGEND_WIDTH, edge), bottom + 46, panel)


def head_of_column(name: str, x: float, y: float, is_short: bool) -> str:
    """Return the name of a column: across, or upwards if it is long."""
    if is_short:
        return marks.text(x, y, name, text_anchor="middle")
    return marks.text(0, 0, name, transform=f"translate({x + 4:.1f} {y:.1f}) rotate(-90)")


def cells_of(table: NDArray[np.int_], left: float, top: float, cell: float) -> list[str]:
    """Return the grounds of the cells, then the counts."""
    most, grounds, errors, counts = errors_of(table).max(), [], [], []
    for (row, column), count in np.ndenumerate(table):
        x, y = left + column * cell, top + row * CELL_HEIGHT
        box = (x + 0.5, y + 0.5, cell - 1, CELL_HEIGHT - 1)
        if row == column:
            grounds.append(marks.rectangle(*box, fill_opacity=0.12))
        elif count:
            strength = FAINTEST + (STRONGEST - FAINTEST) * sqrt(count / most)
            errors.append(marks.rectangle(*box, fill_opacity=strength))
        else:
            grounds.append(marks.rectangle(*box, fill_opacity=0.03))
        kind = None if count else "muted"
        counts.append(marks.text(x + cell / 2, y + 17, str(count), text_anchor="middle", class_=kind))
    return [*grounds, marks.group("error", errors), *counts]


def largest_panel(table: NDArray[np.int_], names: Sequence[str], limit: int) -> Panel:
    """Draw the most frequent confusions as bars, with their share of the true class."""
    pairs, totals = largest_errors(table, limit), table.sum(axis=1)
    most = max([1, *(int(table[pair]) for pair in pairs)])
    parts = [marks.text(0, 12, LIST_TITLE if pairs else "no confusions", class_="muted")]
    for row, (true, read) in enumerate(pairs):
        y, count = 24 + row * ROW_HEIGHT, int(table[true, read])
        share = percentages([count], [totals[true]])[0]
        parts.append(marks.text(0, y + 13, f"{names[true]} read as {names[read]}"))
        words = f"{count:,}, {share} %"
        parts.append(marks.text(LIST_WIDTH, y + 13, words, text_anchor="end", class_="muted"))
        parts.append(marks.group("orange", [marks.rectangle(0, y + 18, LIST_WIDTH * count / most, 6)]))
    return Panel(LIST_WIDTH, 24 + len(pairs) * ROW_HEIGHT, parts)


def percentages(correct: Iterable[int], total: Iterable[int]) -> list[str]:
    """Write each share in per cent with three digits, or a dash if the total is 0."""
    shares = (100 * part / whole if whole else None for part, whole in zip(correct, total))
    return [
        "–" if share is None else "100" if share == 100 else f"{min(share, 99.9):.1f}" for share in shares
    ]
