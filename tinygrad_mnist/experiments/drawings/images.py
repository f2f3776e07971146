"""Handwritten digits: a few large ones, or many small ones with their outputs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tinygrad_mnist.report import Drawing, Panel, marks
from tinygrad_mnist.typing import Array

DIGIT_SIDE = 104.0
SHEET_SIDE, SHEET_WIDTH, STRIP_HEIGHT = 44.0, 62.0, 14.0


def digits(images: Array, labels: Array) -> Drawing:
    """Draw images (n, height, width), each below its label.

    Examples
    --------
    >>> from tinygrad_mnist.datasets import load_digits
    >>> from tinygrad_mnist.experiments import drawings
    >>> test = load_digits().test
    >>> drawings.digits(test.images[:3], test.labels[:3])
    Drawing('The digits 2, 3, 4.')
    """
    panels = []
    for image, label in zip(images, labels):
        ink = marks.image(ink_of(image), 0, 20, DIGIT_SIDE, DIGIT_SIDE)
        frame = marks.outline(0, 20, DIGIT_SIDE, DIGIT_SIDE)
        panels.append(Panel(DIGIT_SIDE, DIGIT_SIDE + 20, [marks.text(0, 14, str(label)), ink, frame]))
    return Drawing(f"The digits {', '.join(map(str, labels))}.", panels)


def ink_of(image: Array) -> NDArray[np.float64]:
    """Return the share of ink of each pixel; the darkest has all."""
    return np.asarray(image / max(image.max(), 1))


def answer_sheet(images: Array, labels: Array, shares: NDArray[np.float64]) -> Drawing:
    """Draw many images, the digit read in each, and the ten outputs as bars; errors are framed.

    images (n, height, width), labels (n,), shares (n, 10), each row summing to 1.

    Examples
    --------
    >>> import numpy as np
    >>> from tinygrad_mnist.datasets import load_digits
    >>> from tinygrad_mnist.experiments import drawings
    >>> test = load_digits().test  # begins with 2, 3, 4
    >>> shares = np.eye(10)[[2, 3, 9]]
    >>> drawings.answer_sheet(test.images[:3], test.labels[:3], shares)
    Drawing('1 of 3 misread; each image has its ten outputs as bars.')
    """
    wrong = int((shares.argmax(axis=1) != labels).sum())
    panels = [answer_panel(*one) for one in zip(images, labels.tolist(), shares)]
    key = (("vermilion", "the digit read in an error"), ("blue", "the true digit"))
    title = f"{wrong} of {len(images)} misread"
    return Drawing(f"{title}; each image has its ten outputs as bars.", panels, title=title, key=key)


def answer_panel(image: Array, label: int, shares: NDArray[np.float64]) -> Panel:
    """Draw one image, the digit read, and the bars of the outputs."""
    read = int(shares.argmax())
    base, step = SHEET_SIDE + 4 + STRIP_HEIGHT, SHEET_WIDTH / len(shares)
    colors = {label: "blue", read: "vermilion"} if read != label else {}
    bars = [
        marks.group(
            colors.get(place, "other"),
            [marks.rectangle(place * step, base - share * STRIP_HEIGHT, 0.8 * step, share * STRIP_HEIGHT)],
        )
        for place, share in enumerate(shares)
    ]
    parts = [marks.image(ink_of(image), 0, 0, SHEET_SIDE, SHEET_SIDE), *bars]
    parts.append(marks.text(SHEET_SIDE + 4, 18, str(read), class_="title" if colors else "muted"))
    if colors:
        parts.append(marks.text(SHEET_SIDE + 4, 36, str(label), class_="muted"))
        frame = marks.rectangle(0, 0, SHEET_WIDTH, base, fill="none", stroke="currentColor", stroke_width=1.5)
        parts.append(marks.group("vermilion", [frame]))
    return Panel(SHEET_WIDTH, base + 2, parts)
