"""Curves over iterations and epochs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from tinygrad_mnist.report import Drawing, Panel, marks
from tinygrad_mnist.report.axes import Axes, Scale, per_cent, percent, plain

Numbers = NDArray[np.float64]

WIDTH, HEIGHT = 360.0, 230.0
LEFT, TOP, RIGHT, BOTTOM = 52.0, 30.0, 24.0, 40.0
SEED_COLORS = ("blue", "orange", "green")
NAMED_OUTPUTS = {5: "blue", 4: "orange", 7: "green"}


def axes_of(last: float, highest: float, first: float = 0.0) -> Axes:
    """Return axes from `first` to `last` and from 0 to `highest`."""
    box = (LEFT, TOP, WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM)
    return Axes(Scale(first, last), Scale(0.0, highest), *box)


def panel_of(
    title: str, axes: Axes, name: str, parts: Sequence[str], write: Callable[[float], str] = plain
) -> Panel:
    """Return a panel: title, axes with the horizontal quantity's name, and what is drawn on them."""
    frame = axes.y_axis(axes.y.ticks(6), write) + axes.x_axis(axes.x.ticks(6, whole=True), name, thousands)
    return Panel(WIDTH, HEIGHT, [marks.text(0, 14, title, class_="title"), *frame, *parts])


def thousands(value: float) -> str:
    """Write a whole number."""
    return f"{value:,.0f}"


def counted(values: Sequence[float] | Numbers) -> list[float]:
    """Return the numbers from 1 on of iterations or epochs."""
    return [float(number) for number in range(1, len(values) + 1)]


def long_loss(losses: Numbers, shown: Sequence[int], published: Sequence[float]) -> Drawing:
    """Draw the loss at every iteration, with a ring for each published value.

    Parameters
    ----------
    losses : ndarray of float64, shape (iterations,)
    shown : sequence of int
        Iterations, counted from 1, that `published` belongs to.
    published : sequence of float

    Examples
    --------
    >>> import numpy as np
    >>> from tinygrad_mnist.experiments import drawings
    >>> losses = 100 / np.arange(1, 51)
    >>> drawings.long_loss(losses, shown=[1, 50], published=[100.0, 2.0])
    Drawing('Log loss, summed over the flowers: from 100 to 2 in 50 iterations.')
    """
    axes = axes_of(1.02 * len(losses), 1.05 * float(losses.max()))
    parts = [marks.group("blue", [axes.curve(counted(losses), losses.tolist())])]
    return loss_drawing(
        "Log loss, summed over the flowers", "iteration", axes, parts, losses, shown, published
    )


def epoch_loss(losses: Sequence[float], published: Sequence[float]) -> Drawing:
    """Draw the mean loss of each epoch, with a ring for each published value.

    Parameters
    ----------
    losses : sequence of float
        One per epoch.
    published : sequence of float
        Of the first epochs.

    Examples
    --------
    >>> from tinygrad_mnist.experiments import drawings
    >>> drawings.epoch_loss([2.0, 1.0, 0.5], published=[2.0, 1.1])
    Drawing('Training loss: from 2 to 0.5 in 3 epochs.')
    """
    epochs = counted(losses)
    axes = axes_of(len(losses) + 0.5, 1.05 * max(losses), 0.5)
    parts = [marks.group("blue", [axes.curve(epochs, losses), *axes.points(epochs, losses)])]
    return loss_drawing("Training loss", "epoch", axes, parts, losses, epochs, published)


def loss_drawing(
    title: str,
    unit: str,
    axes: Axes,
    parts: list[str],
    losses: Sequence[float] | Numbers,
    shown: Sequence[float],
    published: Sequence[float],
) -> Drawing:
    """Return the drawing of a loss, with rings at the published values."""
    rings = axes.points(shown[: len(published)], published, "ring")
    panel = panel_of(title, axes, unit, [*parts, marks.group("vermilion", rings)])
    finding = f"{title}: from {losses[0]:.4g} to {losses[-1]:.4g} in {len(losses):,} {unit}s."
    key = [("blue", f"ours, {losses[-1]:.4g} at the end")]
    return Drawing(finding, [panel], key=[*key, ("vermilion", "published")] if published else key)


def output_paths(panels: Sequence[tuple[str, Numbers]]) -> Drawing:
    """Draw ten outputs over the iterations, one panel per (title, (iterations, 10)); 4, 5 and 7 are named.

    Examples
    --------
    >>> import numpy as np
    >>> from tinygrad_mnist.experiments import drawings
    >>> outputs = np.full((20, 10), 0.1)
    >>> outputs[:, 7] = np.linspace(0.1, 0.9, 20)
    >>> drawings.output_paths([("a seven", outputs)])
    Drawing('At the end, a seven: 7 is the largest.')
    """
    drawn = []
    for title, outputs in panels:
        axes = axes_of(len(outputs), 1.02)
        curves = [axes.curve(counted(path), path, stroke_opacity=0.3) for path in outputs.T.tolist()]
        named = [
            marks.group(color, [axes.curve(counted(outputs), outputs[:, digit].tolist())])
            for digit, color in NAMED_OUTPUTS.items()
        ]
        drawn.append(panel_of(title, axes, "iteration", [*curves, *named]))
    ends = "; ".join(f"{title}: {int(outputs[-1].argmax())} is the largest" for title, outputs in panels)
    key = [(color, f"output {digit}") for digit, color in sorted(NAMED_OUTPUTS.items())]
    return Drawing(f"At the end, {ends}.", drawn, key=key)


def accuracies(curves: Sequence[tuple[str, Sequence[float]]], first_epochs: Sequence[float]) -> Drawing:
    """Draw named accuracy curves by epoch; rings are accuracies of other seeds after their first epoch.

    Parameters
    ----------
    curves : sequence of (str, sequence of float)
        Up to three names, each with its accuracies as shares of 1.
    first_epochs : sequence of float
        Shares of 1.

    Examples
    --------
    >>> from tinygrad_mnist.experiments import drawings
    >>> drawings.accuracies([("softmax", [0.7, 0.8, 0.9]), ("sigmoid", [0.4, 0.6, 0.7])], [0.65, 0.72])
    Drawing('The test accuracy ends at 90.0 % with softmax and 70.0 % with sigmoid.')
    """
    axes = axes_of(max(len(shares) for _, shares in curves) + 0.5, 1.0, 0.5)
    parts, key, ends = [], [], []
    for (name, shares), color in zip(curves, SEED_COLORS):
        parts.append(accuracy_curve(axes, shares, color))
        key.append((color, f"{name}, {per_cent(shares[-1], 1)}"))
        ends.append(f"{per_cent(shares[-1], 1)} with {name}")
    parts.append(marks.group("orange", axes.points([1.0] * len(first_epochs), first_epochs, "ring")))
    panel = panel_of("Test accuracy", axes, "epoch", parts, percent)
    return Drawing(f"The test accuracy ends at {' and '.join(ends)}.", [panel], key=key)


def many_accuracies(curves: Mapping[str, Sequence[Sequence[float]]]) -> Drawing:
    """Draw accuracy by epoch, one panel per name, one line for each of up to three seeds.

    Parameters
    ----------
    curves : mapping of str to sequences of float
        Name of each panel, and the accuracies of each seed as shares of 1.

    Examples
    --------
    >>> from tinygrad_mnist.experiments import drawings
    >>> drawings.many_accuracies({"784-30-10": [[0.8, 0.95], [0.7, 0.94]], "784-10": [[0.8, 0.9]]})
    Drawing('The test accuracy at the end: 784-30-10: 95.0 %, 94.0 %; 784-10: 90.0 %.')
    """
    panels, ends = [], []
    for name, seeds in curves.items():
        axes = axes_of(max(map(len, seeds)) + 0.5, 1.0, 0.5)
        parts = [accuracy_curve(axes, shares, color) for shares, color in zip(seeds, SEED_COLORS)]
        panels.append(panel_of(name, axes, "epoch", parts, percent))
        ends.append(f"{name}: {', '.join(per_cent(shares[-1], 1) for shares in seeds)}")
    return Drawing(f"The test accuracy at the end: {'; '.join(ends)}.", panels)


def accuracy_curve(axes: Axes, shares: Sequence[float], color: str) -> str:
    """Return a curve with a mark at each epoch."""
    epochs = counted(shares)
    return marks.group(color, [axes.curve(epochs, shares), *axes.points(epochs, shares)])
