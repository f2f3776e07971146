"""Loss and accuracy over the epochs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from tinygrad_mnist.report import marks
from tinygrad_mnist.report.axes import Axes, Scale, mark, per_cent, percent, plain
from tinygrad_mnist.report.drawing import Drawing, Panel

Epoch = Mapping[str, float | None]

WIDTH, HEIGHT = 360.0, 250.0
LEFT, TOP, BOTTOM, RIGHT = 52.0, 54.0, 40.0, 16.0
MOST_EPOCHS_WITH_MARKERS = 30
MOST_TICKS, MOST_LONG_TICKS = 12, 7  # of epochs: numbers of two digits, and of more
SMALLEST, LARGEST = 1e-300, 1e300  # of values that an axis tells apart
LOGARITHMIC_RATIO = 30.0  # a loss that falls further than this hides its end on a linear axis
LEAST_ACCURACY_SPAN = 0.01  # of the axis, and half of what is missing to 100 %: noise stays small


@dataclass(frozen=True)
class Curve:
    """Line of a panel: its values that can be drawn, and the last value, of any kind."""

    name: str
    color: str
    shape: str
    epochs: list[float]
    values: list[float]
    last: float


def learning_curves(history: Sequence[Epoch], chance: float | None = None) -> Drawing:
    """Draw loss and accuracy over the epochs, as far as they were recorded.

    The axis of a loss begins at 0, or is logarithmic where the loss falls far. That of the accuracy spans at
    least half of what is missing to 100 %, so that noise does not look like progress.

    Parameters
    ----------
    history
        One mapping per epoch with the key ``epoch`` and any of ``train_loss``, ``validation_loss``,
        ``train_accuracy`` and ``validation_accuracy`` (accuracies as fractions of 1). A missing,
        ``None`` or non-finite value is not drawn; the key shows the last recorded value, finite or not.
    chance
        Accuracy of always naming the largest class: a dashed line, if the axis comes near it.

    Examples
    --------
    >>> from tinygrad_mnist.report import plots
    >>> history = [{"epoch": epoch, "train_loss": 1 / epoch} for epoch in range(1, 6)]
    >>> plots.learning_curves(history)
    Drawing('In 5 epochs the training loss falls from 1 to 0.2.')
    """
    losses, accuracies = (find_curves(history, quantity) for quantity in ("loss", "accuracy"))
    panels = [loss_panel(losses)] if losses else []
    panels += [accuracy_panel(accuracies, chance)] if accuracies else []
    finding = finding_of(losses, accuracies)
    return Drawing(finding, panels, title="" if panels else finding)


def find_curves(history: Sequence[Epoch], quantity: str) -> list[Curve]:
    """Return the recorded curves of a quantity, training first."""
    curves = []
    for key, name, color, shape in (
        ("train", "training", "orange", "square"),
        ("validation", "validation", "blue", "circle"),
    ):
        values = [(row["epoch"], row.get(f"{key}_{quantity}")) for row in history]
        recorded = [(epoch, value) for epoch, value in values if epoch is not None and value is not None]
        finite = [(epoch, value) for epoch, value in recorded if abs(value) < LARGEST]
        if recorded:
            epochs, heights = [epoch for epoch, _ in finite], [value for _, value in finite]
            curves.append(Curve(name, color, shape, epochs, heights, last=recorded[-1][1]))
    return curves


def loss_panel(curves: Sequence[Curve]) -> Panel:
    """Draw the loss, on a logarithmic axis if it falls far; the title says so."""
    scale = loss_scale([value for curve in curves for value in curve.values])
    title = "Loss, logarithmic" if scale.is_log else "Loss"
    return curve_panel(title, curves, scale, write=plain, end="{:.3g}")


def loss_scale(values: Sequence[float]) -> Scale:
    """Return the scale of a loss: from 0, or logarithmic; losses below 0 have a margin on both sides."""
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    if low > SMALLEST and low * LOGARITHMIC_RATIO < high:
        return Scale(low / 1.2, high * 1.2, is_log=True)
    if low >= 0:
        return Scale(0.0, 1.05 * high if high > SMALLEST else 1.0)
    margin = max(0.05 * (high - low), 0.05 * abs(low), SMALLEST)
    return Scale(low - margin, high + margin)


def accuracy_panel(curves: Sequence[Curve], chance: float | None = None) -> Panel:
    """Draw the accuracy in per cent, with its best validation ringed."""
    values = [value for curve in curves for value in curve.values]
    best = best_validation(curves)
    title = f"Accuracy, best {per_cent(best[0])} at epoch {best[1]:g}" if best else "Accuracy"
    scale = accuracy_scale(values)
    return curve_panel(title, curves, scale, percent, "{:.2%}", best=best, chance=chance)


def accuracy_scale(values: Sequence[float]) -> Scale:
    """Return a scale that spans the values, and enough for noise to stay small."""
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    span = max(LEAST_ACCURACY_SPAN, (1 - high) / 2, 1.1 * (high - low))
    top = min(1.0, high + 0.05 * span)
    if top - span > 0:
        return Scale(top - span, top)
    return Scale(0.0, max(top, span))


def best_validation(curves: Sequence[Curve]) -> tuple[float, float] | None:
    """Return the highest validation accuracy and its first epoch."""
    for curve in curves:
        if curve.name == "validation" and curve.values:
            return max(zip(curve.values, curve.epochs), key=lambda pair: pair[0])
    return None


def curve_panel(
    title: str,
    curves: Sequence[Curve],
    y: Scale,
    write: Callable[[float], str],
    end: str,
    best: tuple[float, float] | None = None,
    chance: float | None = None,
) -> Panel:
    """Draw the curves of a quantity, its title and a key with the last values."""
    epochs = [epoch for curve in curves for epoch in curve.epochs]
    first, last = (min(epochs), max(epochs)) if epochs else (0.0, 1.0)
    margin = 0.02 * (last - first) or 0.5
    box = (LEFT, TOP, WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM)
    axes = Axes(Scale(first - margin, last + margin), y, *box)
    parts = [marks.text(0, 14, title, class_="title"), *key_of(curves, end)]
    if not epochs:
        return Panel(
            WIDTH, HEIGHT, [*parts, marks.text(LEFT, 90, "no value that can be drawn", class_="muted")]
        )
    parts += axes.y_axis(y.ticks(6), write)
    parts += axes.x_axis(
        axes.x.ticks(MOST_TICKS if last < 100 else MOST_LONG_TICKS, whole=True), "epoch", plain
    )
    if chance is not None and y.low <= chance <= y.high:
        parts += chance_line(axes, chance)
    for curve in curves:
        shown = [axes.curve(curve.epochs, curve.values)]
        if len(curve.epochs) <= MOST_EPOCHS_WITH_MARKERS:
            shown += axes.points(curve.epochs, curve.values, curve.shape)
        parts.append(marks.group(curve.color, shown))
    if best:
        parts.append(marks.group("blue", axes.points([best[1]], [best[0]], "ring")))
    return Panel(WIDTH, HEIGHT, parts)


def key_of(curves: Sequence[Curve], end: str) -> list[str]:
    """Return the names of the curves and their last values, in one line."""
    parts, left = [], 4.0
    for curve in curves:
        words = f"{curve.name} {end.format(curve.last)}".replace("%", " %").replace("-", "−")
        parts.append(marks.group(curve.color, [mark(curve.shape, left, 32)]))
        parts.append(marks.text(left + 10, 36, words))
        left += 34 + marks.width_of(words)
    return parts


def chance_line(axes: Axes, chance: float) -> list[str]:
    """Return a dashed line at the accuracy of chance, and its name."""
    _, y = axes.at(axes.x.high, chance)
    line = marks.path(
        [(axes.left, y), (axes.left + axes.width, y)], stroke_dasharray="4 4", stroke_opacity=0.6
    )
    right = axes.left + axes.width - 4
    return [line, marks.text(right, y - 5, f"chance {per_cent(chance)}", text_anchor="end", class_="muted")]


def finding_of(losses: Sequence[Curve], accuracies: Sequence[Curve]) -> str:
    """Say how far each curve goes, and which epoch is the best."""
    parts = []
    for quantity, curves, write in (("loss", losses, "{:.3g}".format), ("accuracy", accuracies, per_cent)):
        parts += [f"the {curve.name} {quantity} {way_of(curve, write)}" for curve in curves]
    if not parts:
        return "No epoch was recorded."
    epochs = max(len(curve.epochs) for curve in (*losses, *accuracies))
    best = best_validation(accuracies)
    ending = f"; the best validation accuracy is {per_cent(best[0])}, at epoch {best[1]:g}" if best else ""
    return f"In {epochs} epoch{'s' * (epochs != 1)} {', '.join(parts)}{ending}."


def way_of(curve: Curve, write: Callable[[float], str]) -> str:
    """Say from where to where a curve goes, as far as the digits shown tell."""
    end = write(curve.last)
    start = write(curve.values[0]) if curve.values else end
    if start == end:
        return f"{'is' if len(curve.values) < 2 else 'stays at'} {end}"
    return f"{'rises' if curve.last > curve.values[0] else 'falls'} from {start} to {end}"
