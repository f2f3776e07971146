"""Images that a model misreads with the highest probability."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tinygrad_mnist.report import marks
from tinygrad_mnist.report.drawing import Drawing, Panel
from tinygrad_mnist.report.plots.confusion import shortened

MOST_MISREAD = 24
"""Most misread images in a drawing.

Examples
--------
>>> MOST_MISREAD
24
"""
SIDE, STRIP_HEIGHT, MARK_HEIGHT = 104.0, 26.0, 2.5
MOST_NAMED_CLASSES, LONGEST_BELOW = 10, 1  # more names, or longer ones, would not fit below the strip
KEY = (("blue", "true class"), ("orange", "predicted class"))


def misread_images(
    images: ArrayLike, labels: ArrayLike, probabilities: ArrayLike, names: Sequence[str] | None = None
) -> Drawing:
    """Draw up to 24 misread images with their class probabilities, in the order given.

    Above each image stand the true class, the predicted one and its probability; the strip below shows
    the probability of every class, the true one blue and the predicted one orange.

    Parameters
    ----------
    images
        (n, height, width), the worst one first; the largest value of each is drawn as full ink.
    labels
        (n,) integers, the true classes.
    probabilities
        (n, classes), each row summing to 1.
    names
        Names of the classes; by default their numbers.

    Examples
    --------
    >>> from tinygrad_mnist.datasets import load_digits
    >>> from tinygrad_mnist.report import plots
    >>> digits = load_digits().test
    >>> shares = [[0, 0, 0.2, 0.1, 0, 0, 0, 0.7, 0, 0]]  # the network says 7
    >>> plots.misread_images(digits.images[:1], digits.labels[:1], shares)
    Drawing('Worst of all, 2 is read as 7 with a probability of 70.0 %; shown: 1 image.')
    """
    pictures = np.asarray(images, float)[:MOST_MISREAD]
    truths = np.asarray(labels, dtype=int)[:MOST_MISREAD]
    shares = np.asarray(probabilities, float)[:MOST_MISREAD]
    if len(pictures) == 0:
        return Drawing("No image is misread.", [], title="No image is misread")
    names = [shortened(name) for name in names or map(str, range(shares.shape[1]))]
    panels = [misread_panel(*one, names) for one in zip(pictures, truths, shares)]
    predicted = int(shares[0].argmax())
    finding = (
        f"Worst of all, {names[truths[0]]} is read as {names[predicted]} with a probability of "
        f"{percent(shares[0, predicted])}; shown: {len(pictures)} image{'s' * (len(pictures) > 1)}."
    )
    return Drawing(finding, panels, key=KEY)


def misread_panel(
    picture: NDArray[np.float64], truth: int, shares: NDArray[np.float64], names: Sequence[str]
) -> Panel:
    """Draw one image below its two classes and above its probabilities."""
    predicted = int(shares.argmax())
    certainty = percent(shares[predicted])
    if are_short(names):
        lines = [f"{names[truth]} → {names[predicted]}, {certainty}"]
    else:
        lines = [names[truth], f"→ {names[predicted]}", certainty]
    top = 16.0 * len(lines) + 4
    parts = [marks.text(0, 12 + 16 * row, line) for row, line in enumerate(lines)]
    height = SIDE * picture.shape[0] / picture.shape[1]
    parts.append(marks.image(picture / max(picture.max(), 1e-300), 0, top, SIDE, height))
    parts.append(marks.outline(0, top, SIDE, height))
    parts += strip(top + height + 6 + STRIP_HEIGHT, shares, truth, predicted, names)
    return Panel(SIDE, top + height + STRIP_HEIGHT + 26, parts)


def are_short(names: Sequence[str]) -> bool:
    """Return True if names fit into one line, and below bars."""
    return max(map(len, names)) <= LONGEST_BELOW


def percent(share: float) -> str:
    """Write a probability in per cent; one just below 1 is not rounded to 100 %."""
    return ">99.9 %" if 0.9995 <= share < 1 else f"{100 * share:.1f} %"


def strip(
    bottom: float, shares: NDArray[np.float64], truth: int, predicted: int, names: Sequence[str]
) -> list[str]:
    """Return the probabilities of all classes as small bars, with the names of few classes."""
    step = SIDE / len(shares)
    are_named = len(shares) <= MOST_NAMED_CLASSES and are_short(names)
    parts = [marks.path([(0, bottom), (SIDE, bottom)], stroke_opacity=0.3)]
    for place, (share, name) in enumerate(zip(shares, names)):
        marked = place in (truth, predicted)
        x, height = place * step, share * STRIP_HEIGHT
        below = MARK_HEIGHT if marked else 0  # a share of nearly 0 cannot be seen
        bar = marks.rectangle(x + 0.1 * step, bottom - height, 0.8 * step, height + below)
        if are_named:
            kind = "small strong" if marked else "small muted"
            parts.append(marks.text(x + step / 2, bottom + 14, name, text_anchor="middle", class_=kind))
        parts.append(marks.group({truth: "blue", predicted: "orange"}.get(place, "other"), [bar]))
    return parts
