"""Points, histograms and recalls."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tinygrad_mnist.report import Drawing, Panel, marks
from tinygrad_mnist.report.axes import Axes, Scale, mark, plain

Numbers = NDArray[np.float64]
Integers = NDArray[np.int64]

CLASSES = (("orange", "not hot dog"), ("blue", "hot dog"))
SIDE, LEFT, TOP, BOTTOM = 290.0, 36.0, 26.0, 22.0
JITTER = 0.34  # of the distance between two digits
PIXELS = 480  # of a cloud of points: thousands of them are an image
PALE = 0.25  # opacity of a ground


def regions(
    points: Numbers, classes: Numbers, across: Numbers, up: Numbers, panels: Sequence[tuple[str, Numbers]]
) -> Drawing:
    """Draw the classes that models give to a grid, behind the points.

    points (n, 2); classes (n,) of 0 and 1; the grid's coordinates across (w,) and up (h,); for each panel a
    title and the class of each grid point (h, w).

    Examples
    --------
    >>> import numpy as np
    >>> from tinygrad_mnist.experiments import drawings
    >>> points, classes = np.array([[-1.0, -1.0], [1.0, 1.0], [0.5, -0.8]]), np.array([0, 1, 1])
    >>> grid = np.linspace(-2, 2, 81)
    >>> diagonal = np.add.outer(grid, grid) > 0
    >>> drawings.regions(points, classes, grid, grid, [("a line, 2 of 3 right", diagonal)])
    Drawing('The regions of two classes: a line, 2 of 3 right.')
    """
    drawn = []
    for title, said in panels:
        axes = Axes(Scale(across[0], across[-1]), Scale(up[0], up[-1]), LEFT, TOP, SIDE, SIDE)
        parts = [marks.text(0, 14, title, class_="title")]
        for kind, (color, _) in enumerate(CLASSES):
            ground = marks.image(PALE * (said[::-1] == kind), LEFT, TOP, SIDE, SIDE)
            parts.append(marks.group(color, [ground]))
        for kind, (color, _) in enumerate(CLASSES):
            dots = [mark("circle", *axes.at(x, y)) for x, y in points[classes == kind]]
            parts.append(marks.group(color, dots))
        parts += axes.y_axis(axes.y.ticks(6), plain)
        bottom = TOP + SIDE + 17
        parts += [
            marks.text(axes.at(tick, up[0])[0], bottom, plain(tick), text_anchor="middle", class_="muted")
            for tick in axes.x.ticks(6)
        ]
        drawn.append(Panel(LEFT + SIDE + 8, TOP + SIDE + BOTTOM, parts))
    titles = "; ".join(title for title, _ in panels)
    return Drawing(f"The regions of two classes: {titles}.", drawn, key=CLASSES)


def hidden_sums(raw: Numbers, scaled: Numbers, flat: float) -> Drawing:
    """Draw histograms of the hidden units' sums with raw and with scaled pixels, shaded beyond `flat`.

    Parameters
    ----------
    raw, scaled : ndarray of float64, any shape
        Weighted sums, before the sigmoid.
    flat : float
        Size beyond which the sigmoid is flat.

    Examples
    --------
    >>> import numpy as np
    >>> from tinygrad_mnist.experiments import drawings
    >>> sums = np.random.default_rng(0).normal(size=1000)
    >>> drawings.hidden_sums(255 * sums, sums, flat=5.0)
    Drawing('Weighted sums of the hidden units, ...; pixels 0 to 1: 0.0 % beyond ±5.')
    """
    panels, words = [], []
    for name, sums in (("raw pixels, 0 to 255", raw), ("pixels 0 to 1", scaled)):
        beyond, reach = float((np.abs(sums) > flat).mean()), float(np.abs(sums).max())
        title = f"{name}: {100 * beyond:.1f} % beyond ±{flat:g}"
        counts, edges = np.histogram(sums, bins=80, range=(-reach, reach))
        axes = Axes(Scale(-reach, reach), Scale(0.0, float(counts.max())), 24, TOP, 312, 150)
        boxes = [
            bar(axes, low, high, count)
            for low, high, count in zip(edges[:-1].tolist(), edges[1:].tolist(), counts.tolist())
        ]
        shades = [
            bar(axes, *ends, axes.y.high, fill_opacity=0.15) for ends in ((-reach, -flat), (flat, reach))
        ]
        parts = [marks.text(0, 14, title, class_="title"), *(shades if reach > flat else [])]
        parts += [marks.group("blue", boxes)]
        parts += axes.x_axis(axes.x.ticks(6), "weighted sum of a hidden unit", plain)
        panels.append(Panel(360, TOP + 190, parts))
        words.append(title)
    return Drawing(f"Weighted sums of the hidden units, {'; '.join(words)}.", panels)


def bar(axes: Axes, low: float, high: float, height: float, **attributes: object) -> str:
    """Return a bar from 0 to a height."""
    (left, top), (right, bottom) = axes.at(low, height), axes.at(high, 0.0)
    return marks.rectangle(left, top, right - left, bottom - top, **attributes)


def jittered(true: Integers, predicted: Integers) -> Drawing:
    """Draw a point per image at (true, predicted), moved a little at random; errors in another colour.

    Parameters
    ----------
    true, predicted : ndarray of int64, shape (n,)
        Digits.

    Examples
    --------
    >>> import numpy as np
    >>> from tinygrad_mnist.experiments import drawings
    >>> true = np.arange(1000) % 10
    >>> drawings.jittered(true, np.where(np.arange(1000) < 30, 7, true))
    Drawing('27 of 1,000 images misread.')
    """
    rng = np.random.default_rng(0)
    x, y = (digits + rng.uniform(-JITTER, JITTER, len(digits)) for digits in (true, predicted))
    axes = Axes(Scale(-0.5, 9.5), Scale(-0.5, 9.5), LEFT, TOP, SIDE, SIDE)
    right = true == predicted
    parts = [
        marks.group("blue", [marks.image(cloud(x[right], y[right], 1), LEFT, TOP, SIDE, SIDE)]),
        marks.group("vermilion", [marks.image(cloud(x[~right], y[~right], 2), LEFT, TOP, SIDE, SIDE)]),
    ]
    for digit in range(10):
        across, up = axes.at(digit, -0.5)[0], axes.at(-0.5, digit)[1]
        parts.append(marks.text(across, TOP + SIDE + 16, str(digit), text_anchor="middle", class_="muted"))
        parts.append(marks.text(LEFT - 8, up + 4, str(digit), text_anchor="end", class_="muted"))
    for edge in np.arange(-0.5, 10):
        (left, up), (across, _) = axes.at(-0.5, edge), axes.at(edge, -0.5)
        parts.append(marks.path([(left, up), (left + SIDE, up)], class_="grid"))
        parts.append(marks.path([(across, TOP), (across, TOP + SIDE)], class_="grid"))
    parts.append(
        marks.text(LEFT + SIDE / 2, TOP + SIDE + 34, "true digit", text_anchor="middle", class_="muted")
    )
    parts.append(marks.text(0, 14, "predicted digit", class_="muted"))
    title = f"{int((~right).sum()):,} of {len(true):,} images misread"
    key = (("blue", "right"), ("vermilion", "misread"))
    return Drawing(f"{title}.", [Panel(LEFT + SIDE + 8, TOP + SIDE + 40, parts)], title=title, key=key)


def cloud(x: Numbers, y: Numbers, size: int) -> Numbers:
    """Return an image of points from -0.5 to 9.5, each of `size` pixels; where many lie there is more ink."""
    ink = np.zeros((PIXELS, PIXELS))
    columns, rows = ((np.array(place) + 0.5) * PIXELS / 10 for place in (x, 9 - y))
    for down in range(-size, size + 1):
        for across in range(-size, size + 1):
            np.add.at(ink, (rows.astype(int) + down, columns.astype(int) + across), 0.35 * size)
    return np.minimum(ink, 1.0)


def recalls(seeds: Sequence[Numbers]) -> Drawing:
    """Draw the share of each digit that is found, per seed (epochs, 10): one row per digit, dark if lost.

    Examples
    --------
    >>> import numpy as np
    >>> from tinygrad_mnist.experiments import drawings
    >>> found = np.full((5, 10), 0.9)
    >>> found[2:, 8] = 0.1
    >>> drawings.recalls([found])
    Drawing('The digit that is found least at the end: 8 with first weights 1.')
    """
    panels, lost = [], []
    for number, shares in enumerate(seeds, 1):
        axes = Axes(Scale(0.5, len(shares) + 0.5), Scale(-0.5, 9.5), LEFT, TOP, SIDE, 200)
        parts = [marks.text(0, 14, f"first weights {number}", class_="title")]
        parts.append(marks.group("vermilion", [marks.image(1 - shares.T, LEFT, TOP, SIDE, 200)]))
        parts.append(marks.outline(LEFT, TOP, SIDE, 200))
        for digit in range(10):
            y = axes.at(1, 9 - digit)[1]
            parts.append(marks.text(LEFT - 8, y + 4, str(digit), text_anchor="end", class_="muted"))
        parts += axes.x_axis(axes.x.ticks(6, whole=True), "epoch", plain)
        panels.append(Panel(LEFT + SIDE + 8, TOP + 240, parts))
        lost.append(f"{int(shares[-1].argmin())} with first weights {number}")
    finding = f"The digit that is found least at the end: {', '.join(lost)}."
    return Drawing(finding, panels, key=(("vermilion", "not found"),))
