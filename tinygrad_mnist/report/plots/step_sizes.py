"""Error of numeric derivatives against the step size: a V for each method."""

from __future__ import annotations

from math import ceil, floor, log10
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator
from numpy.typing import NDArray

from tinygrad_mnist.palette import BLUE, DARK_GREEN, DARK_ORANGE, GREEN, ORANGE
from tinygrad_mnist.report.plots.house_style import INK, MUTED, place_axes, place_text, styled

if TYPE_CHECKING:
    from tinygrad_mnist.checking.slopes import Line
    from tinygrad_mnist.checking.v_curve import Curve, VCurve

WIDTH, HEIGHT = 9.4, 5.3
LEFT, TOP, PLOT_WIDTH, PLOT_HEIGHT = 0.8, 0.95, 5.6, 3.75
KEY_LEFT, KEY_TOP, KEY_STEP, KEY_INDENT = 6.65, 1.0, 0.97, 0.33
MOST_DECADES = 24  # errors further below the largest are drawn as 0
MOST_GAPS = 6  # between ticks
RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


class Look(NamedTuple):
    """Title, colours and marker of a method; the markers differ in grey too."""

    title: str
    formula: str
    color: str
    text_color: str
    marker: str
    size: float
    line: Any


LOOKS: Final = {
    "forward": Look("forward", "(f(x + h) − f(x)) / h", ORANGE, DARK_ORANGE, "o", 4.0, "-"),
    "central": Look("central", "C(h) = (f(x + h) − f(x − h)) / 2h", BLUE, BLUE, "s", 3.2, "-"),
    "richardson": Look("Richardson", "(4 C(h/2) − C(h)) / 3", GREEN, DARK_GREEN, "^", 4.0, "-"),
    "complex": Look("complex step", "Im f(x + ih) / h", INK, INK, "D", 4.6, (0, (4, 3))),
}


class Range(NamedTuple):
    """Range of the errors shown, as powers of ten."""

    low: int
    high: int

    @property
    def room(self) -> float:
        """Margin in decades: above the errors for words, below for errors of 0."""
        return 0.13 * (self.high - self.low)

    def height(self, error: Any) -> Any:
        """Return the height of an error; 0 has no logarithm and stands below all others."""
        return np.where(np.asarray(error) < 10.0**self.low, 10 ** (self.low - self.room / 2), error)


@styled
def v_curve(curve: VCurve) -> Figure:
    """Draw error against step size on logarithmic axes, with the fitted slopes.

    Markers are errors, lines are fitted to the errors next to them, and a ring marks the best step of a
    method.  Errors of exactly 0 stand below the axis, at "exact".

    Parameters
    ----------
    curve
        Result of `checking.v_curve`.
    """
    figure = Figure(figsize=(WIDTH, HEIGHT))
    title = "Numeric derivatives: the error against the step"
    place_text(figure, LEFT, 0.2, title, size=12.5, weight="bold")
    place_text(figure, LEFT, 0.53, subtitle(curve), color=MUTED)
    axes = place_axes(figure, LEFT, TOP, PLOT_WIDTH, PLOT_HEIGHT)
    shown = find_range(curve)
    prepare_axes(axes, curve, shown)
    steps = np.array(curve.steps)
    for row, method in enumerate(curve.curves):
        draw_curve(axes, steps, method, shown)
        draw_key(figure, KEY_TOP + row * KEY_STEP, method)
    return figure


def subtitle(curve: VCurve) -> str:
    """Name the derivative and its value."""
    entry = curve.entry()
    slope, value = (f"{number:.7g}".replace("-", "−") for number in (curve.reference, curve.value))
    return f"∂f / ∂{entry} = {slope}  at  {entry} = {value}"


def find_range(curve: VCurve) -> Range:
    """Return the range of all errors other than 0, in powers of ten."""
    errors = np.array([error for method in curve.curves for error in method.errors])
    errors = errors[np.isfinite(errors) & (errors > 0)]
    high = ceil(log10(errors.max())) if errors.size else 0
    low = floor(log10(errors.min())) if errors.size else -16
    return Range(max(min(low, high - 2), high - MOST_DECADES), high)


def prepare_axes(axes: Axes, curve: VCurve, shown: Range) -> None:
    """Set scales and ticks, and name the two sides of the V."""
    shortest, longest = log10(curve.steps[-1]), log10(curve.steps[0])
    margin = max(0.02 * (longest - shortest), 0.1)
    axes.set(xscale="log", yscale="log", xlabel="step h")
    axes.set_ylabel("relative error" if curve.relative else "absolute error")
    axes.set_xlim(10 ** (shortest - margin), 10 ** (longest + margin))
    axes.set_ylim(10 ** (shown.low - 0.8 * shown.room), 10 ** (shown.high + shown.room))
    axes.xaxis.set_major_locator(FixedLocator(powers(ceil(shortest), floor(longest))))
    axes.yaxis.set_major_locator(FixedLocator([float(shown.height(0.0)), *powers(*shown)]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: power_of_ten(value)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: error_name(value, shown)))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_minor_locator(NullLocator())
    axes.tick_params(length=0)
    axes.grid()
    words: dict[str, Any] = {"va": "top", "color": MUTED, "style": "italic", "transform": axes.transAxes}
    axes.text(0.012, 0.985, "too short: rounding", ha="left", **words)
    axes.text(0.988, 0.985, "too long: truncation", ha="right", **words)
    if curve.relative and curve.curves[0].errors[-1] == 1 and shown.high - shown.low > 8:
        place: dict[str, Any] = {"xytext": (0, 6), "textcoords": "offset points", "size": 8, "color": MUTED}
        axes.annotate("f(x + h) = f(x)", (curve.steps[-1], 1.0), **place)
    words["style"] = "normal"
    axes.text(1, -0.105, "line: fitted    ○ the best step", ha="right", **words)


def powers(low: int, high: int) -> list[float]:
    """Return a few evenly spaced powers of ten, with the highest."""
    gap = max(1, -(-(high - low) // MOST_GAPS))
    return [10.0**power for power in range(high, low - 1, -gap)][::-1]


def power_of_ten(value: float) -> str:
    """Write 10 with its exponent."""
    return f"$10^{{{round(log10(value))}}}$"


def error_name(value: float, shown: Range) -> str:
    """Return the label of a tick on the error axis."""
    return "exact" if value < 10.0**shown.low * 0.9 else power_of_ten(value)


def draw_curve(axes: Axes, steps: NDArray[np.float64], curve: Curve, shown: Range) -> None:
    """Draw the errors, the lines fitted to them, and a ring around the best."""
    look = LOOKS[curve.method]
    heights = shown.height(np.array(curve.errors))
    axes.plot(steps, heights, linestyle="none", **marker_of(look, 0.55))
    for line in (curve.truncation, curve.rounding):
        if line is not None:
            draw_line(axes, line, look)
    if np.isfinite(curve.best_error):
        ring: dict[str, Any] = {
            "markersize": 11,
            "markerfacecolor": "none",
            "markeredgewidth": 1.4,
            "zorder": 5,
        }
        axes.plot(
            curve.best_step, shown.height(curve.best_error), "o", markeredgecolor=look.text_color, **ring
        )


def marker_of(look: Look, alpha: float = 1.0) -> dict[str, Any]:
    """Return the marker of a method as settings of a line."""
    return {
        "marker": look.marker,
        "markersize": look.size,
        "markerfacecolor": "none" if look is LOOKS["complex"] else look.color,
        "markeredgecolor": look.color,
        "markeredgewidth": 0.9 if look is LOOKS["complex"] else 0,
        "alpha": alpha,
    }


def draw_line(axes: Axes, line: Line, look: Look) -> None:
    """Draw a fitted line over the steps of its fit."""
    ends = np.array([line.low, line.high])
    axes.plot(
        ends, 10**line.intercept * ends**line.slope, color=look.color, linewidth=1.5, linestyle=look.line
    )


def draw_key(figure: Figure, top: float, curve: Curve) -> None:
    """Draw marker, name, formula, slopes and best error next to the plot."""
    look = LOOKS[curve.method]
    width, height = figure.get_size_inches()
    sample = Line2D([(KEY_LEFT + 0.1) / width], [1 - (top + 0.075) / height], **marker_of(look))
    sample.set(markersize=1.7 * look.size, transform=figure.transFigure)
    figure.add_artist(sample)
    left = KEY_LEFT + KEY_INDENT
    place_text(figure, left, top, look.title, size=10, weight="bold", color=look.text_color)
    place_text(figure, left, top + 0.2, look.formula, size=8, color=MUTED)
    place_text(figure, left, top + 0.39, slopes_of(curve), size=8.5)
    place_text(figure, left, top + 0.58, best_of(curve), size=8.5)


def slopes_of(curve: Curve) -> str:
    """The slopes of both sides, as far as there are any."""
    sides = (curve.truncation, curve.rounding)
    found = [f"{line.slope:+.2f}".replace("-", "−") for line in sides if line is not None]
    return f"slope{'s' * (len(found) - 1)} {' and '.join(found)}" if found else "no slope"


def best_of(curve: Curve) -> str:
    """The best error and its step; a method without rounding is as good at every shorter one."""
    if not np.isfinite(curve.best_error):
        return "not defined here"
    error = scientific(curve.best_error) if curve.best_error else "exact"
    return f"best {error} at h {'≤' if curve.stays_down else '='} {scientific(curve.best_step)}"


def scientific(number: float) -> str:
    """One digit and a power of ten, as written by hand."""
    digit, power = f"{number:.0e}".split("e")
    return f"{digit}·10{str(int(power)).translate(RAISED)}" if int(power) else digit
