"""Curves over iterations and epochs."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, PercentFormatter
from numpy.typing import NDArray

from tinygrad_mnist.palette import BLUE, DARK_ORANGE, GREEN, ORANGE, VERMILION
from tinygrad_mnist.report.plots.house_style import FAINT, MUTED, place_axes, styled

Numbers = NDArray[np.float64]

FIGURE_WIDTH, FIGURE_HEIGHT = 7.0, 3.65
BOX = {"left": 0.75, "top": 0.5, "width": 4.5, "height": 2.6}
SEED_COLORS = (BLUE, ORANGE, GREEN)
NAMED_OUTPUTS = {5: (BLUE, BLUE), 4: (ORANGE, DARK_ORANGE), 7: (GREEN, GREEN)}  # colours of line and text


def one_panel(title: str, x_label: str) -> tuple[Figure, Axes]:
    """Return a figure with one panel and room for names at the right."""
    figure = Figure(figsize=(FIGURE_WIDTH, FIGURE_HEIGHT))
    axes = place_axes(figure, **BOX)
    axes.set_title(title, pad=10)
    axes.set_xlabel(x_label)
    axes.grid(axis="y")
    axes.tick_params(length=0)
    return figure, axes


@styled
def long_loss(losses: Numbers, shown: Sequence[int], published: Sequence[float]) -> Figure:
    """Draw the loss at every iteration, with a ring for each published value.

    losses: (iterations,); `shown` are the iterations, counted from 1, that `published` belongs to.
    """
    figure, axes = one_panel("Log loss, summed over the flowers", "iteration")
    axes.plot(np.arange(1, len(losses) + 1), losses, color=BLUE)
    axes.set_ylim(0, losses.max() * 1.05)
    axes.set_xlim(0, len(losses) * 1.02)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    if published:
        axes.plot(shown, published, "o", markersize=8, markerfacecolor="none", markeredgecolor=VERMILION)
        add_key(axes, "published")
    label(axes, len(losses), float(losses[-1]), f"{losses[-1]:.1f}", BLUE)
    return figure


@styled
def epoch_loss(losses: Sequence[float], published: Sequence[float]) -> Figure:
    """Draw the mean loss of each epoch, with a ring for each published value."""
    figure, axes = one_panel("Training loss", "epoch")
    epochs = np.arange(1, len(losses) + 1)
    axes.plot(epochs, losses, "o-", color=BLUE, markersize=3.5)
    axes.set_ylim(0, max(losses) * 1.05)
    axes.set_xlim(0.5, len(losses) + 0.5)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=10, integer=True, min_n_ticks=1))
    if published:
        axes.plot(epochs, published, "o", markersize=8, markerfacecolor="none", markeredgecolor=VERMILION)
        add_key(axes, "published")
    label(axes, len(losses), losses[-1], f"{losses[-1]:.4f}", BLUE)
    return figure


@styled
def output_paths(panels: Sequence[tuple[str, Numbers]]) -> Figure:
    """Draw ten outputs over the iterations, one panel per (title, (iterations, 10)); 4, 5 and 7 are named."""
    figure = Figure(figsize=(8.2, 3.5))
    for number, (title, outputs) in enumerate(panels):
        axes = place_axes(figure, 0.6 + 4.05 * number, 0.5, 3.15, 2.45)
        axes.set_title(title, pad=10)
        axes.set(xlabel="iteration", ylim=(-0.02, 1.02), xlim=(0, len(outputs)))
        axes.grid(axis="y")
        axes.tick_params(length=0)
        iterations = np.arange(1, len(outputs) + 1)
        for digit in range(outputs.shape[1]):
            color = NAMED_OUTPUTS[digit][0] if digit in NAMED_OUTPUTS else FAINT
            width, order = (1.8, 3) if digit in NAMED_OUTPUTS else (1.0, 2)
            axes.plot(iterations, outputs[:, digit], color=color, linewidth=width, zorder=order)
        for digit, (_, color) in NAMED_OUTPUTS.items():
            name_at_fall(axes, outputs[:, digit], digit, color)
    return figure


def name_at_fall(axes: Axes, path: Numbers, digit: int, color: str) -> None:
    """Write an output's digit next to the point where its path crosses one half."""
    crossings = np.flatnonzero(np.diff(path > 0.5))
    place = int(crossings[-1]) if len(crossings) else len(path) // 2
    rises = path[-1] > 0.5
    axes.annotate(
        str(digit),
        (place + 1, float(path[place])),
        (-5 if rises else 5, 4),
        textcoords="offset points",
        ha="right" if rises else "left",
        color=color,
        weight="bold",
    )


@styled
def accuracies(curves: Sequence[tuple[str, Sequence[float]]], first_epochs: Sequence[float]) -> Figure:
    """Draw named accuracy curves by epoch; rings are accuracies of other seeds after their first epoch."""
    figure, axes = one_panel("Test accuracy", "epoch")
    for (name, shares), (color, text_color) in zip(curves, ((BLUE, BLUE), (ORANGE, DARK_ORANGE))):
        epochs = np.arange(1, len(shares) + 1)
        axes.plot(epochs, shares, "o-", color=color, markersize=3)
        label(axes, len(shares), shares[-1], f"{per_cent(shares[-1])}  {name}", text_color)
    rings = axes.plot([1] * len(first_epochs), first_epochs, "o", markersize=4, zorder=1)
    rings[0].set(markerfacecolor="white", markeredgecolor=DARK_ORANGE)
    finish_accuracy(axes, max(len(shares) for _, shares in curves))
    return figure


@styled
def many_accuracies(curves: Mapping[str, Sequence[Sequence[float]]]) -> Figure:
    """Draw accuracy by epoch, one panel per name, one line for each of up to three seeds."""
    width, height, gap = 1.75, 2.2, 0.25
    figure = Figure(figsize=(0.8 + len(curves) * (width + gap), height + 1.1))
    for number, (name, seeds) in enumerate(curves.items()):
        axes = place_axes(figure, 0.75 + number * (width + gap), 0.5, width, height)
        for shares, color in zip(seeds, SEED_COLORS):
            epochs = np.arange(1, len(shares) + 1)
            axes.plot(epochs, shares, "o-", color=color, linewidth=1.3, markersize=2.5)
        axes.set_title(name, pad=8)
        axes.set_xlabel("epoch")
        axes.grid(axis="y")
        axes.tick_params(length=0, labelleft=number == 0)
        finish_accuracy(axes, max(map(len, seeds)))
    return figure


def finish_accuracy(axes: Axes, epochs: int) -> None:
    """Set limits and ticks of an accuracy panel, in per cent."""
    axes.set_ylim(0, 1)
    axes.set_xlim(0, epochs + 0.5)
    axes.yaxis.set_major_formatter(PercentFormatter(1, symbol=" %"))
    axes.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True, min_n_ticks=1))


def per_cent(share: float) -> str:
    """Write a share in per cent with one decimal."""
    return f"{100 * share:.1f} %"


def label(axes: Axes, x: float, y: float, text: str, color: str) -> None:
    """Write next to the end of a line."""
    axes.annotate(
        text, (x, y), (8, 0), textcoords="offset points", va="center", color=color, annotation_clip=False
    )


def add_key(axes: Axes, name: str) -> None:
    """Name the rings in the upper right corner."""
    rings = axes.plot([0.76], [0.92], "o", markersize=8, transform=axes.transAxes)
    rings[0].set(markerfacecolor="none", markeredgecolor=VERMILION)
    axes.text(0.79, 0.92, name, transform=axes.transAxes, va="center", color=MUTED)
