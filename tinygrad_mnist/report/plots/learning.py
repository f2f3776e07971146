"""Loss and accuracy over the epochs."""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator, PercentFormatter

from tinygrad_mnist.palette import BLUE, DARK_ORANGE, ORANGE
from tinygrad_mnist.report.page import CSS_DOTS_PER_INCH
from tinygrad_mnist.report.plots.house_style import MUTED, place_axes, png_of, styled

Epoch = Mapping[str, float | None]

LABEL_GAP_POINTS = 13.0
MOST_EPOCHS_WITH_MARKERS = 30
LOGARITHMIC_RATIO = 30.0  # a loss that falls further than this hides its end on a linear axis


@dataclass(frozen=True)
class Curve:
    """Line of a panel: its finite values, and the value in the label at its end."""

    name: str
    color: str
    text_color: str
    epochs: list[float]
    values: list[float]
    last: float


class ShownFigure(Figure):
    """A figure that a notebook shows without pyplot."""

    def _repr_png_(self) -> bytes:
        return png_of(self)

    def _repr_html_(self) -> str:
        """Show the picture at its natural size, in a box that scrolls where the page is too narrow."""
        data, width = b64encode(png_of(self)).decode("ascii"), CSS_DOTS_PER_INCH * self.get_figwidth()
        image = (
            f'<img src="data:image/png;base64,{data}" width="{width:.0f}" alt="Loss and accuracy by epoch"'
        )
        return f'<div style="overflow-x: auto; max-width: 100%">{image} style="max-width: none"></div>'


@styled
def learning_curves(history: Sequence[Epoch]) -> Figure:
    """Draw loss and accuracy over the epochs, side by side, each line labelled at its end.

    Parameters
    ----------
    history
        One mapping per epoch with the key ``epoch`` and any of ``train_loss``, ``validation_loss``,
        ``train_accuracy`` and ``validation_accuracy`` (accuracies as fractions of 1). A missing,
        ``None`` or non-finite value is not drawn; the label at the end of a line shows the last
        recorded value, finite or not.
    """
    figure = ShownFigure(figsize=(10.2, 3.6))
    loss_axes = place_axes(figure, left=0.7, top=0.45, width=2.8, height=2.65)
    accuracy_axes = place_axes(figure, left=5.65, top=0.45, width=2.8, height=2.65)
    draw_losses(loss_axes, find_curves(history, "loss"))
    draw_accuracies(accuracy_axes, find_curves(history, "accuracy"))
    return figure


def find_curves(history: Sequence[Epoch], quantity: str) -> list[Curve]:
    """Return the recorded curves of a quantity, training first."""
    curves = []
    for name, color, text_color in (("train", ORANGE, DARK_ORANGE), ("validation", BLUE, BLUE)):
        values = [(row["epoch"], row.get(f"{name}_{quantity}")) for row in history]
        recorded = [(epoch, value) for epoch, value in values if epoch is not None and value is not None]
        finite = [(epoch, value) for epoch, value in recorded if isfinite(value)]
        if recorded:
            epochs, heights = [epoch for epoch, _ in finite], [value for _, value in finite]
            curves.append(Curve(name, color, text_color, epochs, heights, last=recorded[-1][1]))
    return curves


def draw_losses(axes: Axes, curves: list[Curve]) -> None:
    """Draw the loss panel, on a logarithmic axis if the loss falls far."""
    axes.set_title("Loss")
    draw_curves(axes, curves)
    values = [value for curve in curves for value in curve.values]
    if values and 0 < min(values) * LOGARITHMIC_RATIO < max(values):
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5), numticks=8))
        axes.yaxis.set_minor_locator(NullLocator())
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    label_ends(axes, curves, "{:.3g}")


def draw_accuracies(axes: Axes, curves: list[Curve]) -> None:
    """Draw the accuracy panel in per cent; its title names the best epoch."""
    axes.set_title("Accuracy")
    draw_curves(axes, curves)
    axes.yaxis.set_major_formatter(PercentFormatter(1, symbol=" %"))
    axes.set_ylim(top=min(axes.get_ylim()[1], 1.005))
    validation = [curve for curve in curves if curve.name == "validation" and curve.values]
    for curve in validation:
        best, epoch = max(zip(curve.values, curve.epochs), key=lambda pair: pair[0])
        axes.set_title(f"Accuracy (best validation: {best:.2%} at epoch {epoch:g})".replace("%", " %"))
        axes.plot(epoch, best, "o", markersize=9, markerfacecolor="none", markeredgecolor=BLUE)
    label_ends(axes, curves, "{:.2%}")


def draw_curves(axes: Axes, curves: list[Curve]) -> None:
    """Draw the lines of one panel, without their labels."""
    axes.set_xlabel("epoch")
    axes.xaxis.set_major_locator(MaxNLocator(nbins=8, steps=[1, 2, 5, 10], integer=True, min_n_ticks=1))
    axes.tick_params(length=0)
    axes.grid(axis="y")
    if not curves:
        axes.text(0.5, 0.5, "not recorded", transform=axes.transAxes, ha="center", color=MUTED)
        axes.set(xticks=[], yticks=[])
    for curve in curves:
        marker = "o" if len(curve.epochs) <= MOST_EPOCHS_WITH_MARKERS else ""
        axes.plot(curve.epochs, curve.values, color=curve.color, marker=marker, markersize=3.5)
    drawn = {epoch for curve in curves for epoch in curve.epochs}
    if len(drawn) == 1:
        axes.set_xlim(min(drawn) - 0.5, min(drawn) + 0.5)


def label_ends(axes: Axes, curves: list[Curve], number: str) -> None:
    """Name each line next to its end, moving names apart if they would overlap."""
    axes.autoscale_view()  # limits are lazy, and the heights below depend on them
    ends = [(0.0, end_value(axes, curve)) for curve in curves]
    wanted = [axes.transData.transform(end)[1] * 72 / axes.figure.dpi for end in ends]
    for curve, natural, moved in zip(curves, wanted, spread_apart(wanted, LABEL_GAP_POINTS)):
        text = f"{curve.name} {number.format(curve.last).replace('%', ' %')}"
        axes.annotate(
            text,
            (1, end_value(axes, curve)),
            xycoords=("axes fraction", "data"),
            xytext=(8, moved - natural),
            textcoords="offset points",
            va="center",
            color=curve.text_color,
            weight="bold",
            annotation_clip=False,
        )


def end_value(axes: Axes, curve: Curve) -> float:
    """Return the height of a line's end; without a finite value it is the top of the panel."""
    return curve.values[-1] if curve.values else axes.get_ylim()[1]


def spread_apart(heights: list[float], gap: float) -> list[float]:
    """Move two heights apart, equally, until they differ by the gap."""
    if len(heights) < 2:
        return heights
    first, second = heights
    missing = max(0.0, gap - abs(first - second)) / 2
    return [first + missing, second - missing] if first >= second else [first - missing, second + missing]
