"""Error of numeric derivatives against the step size: a V for each method."""

from __future__ import annotations

from math import ceil, floor, isfinite, log10
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from tinygrad_mnist.report import marks
from tinygrad_mnist.report.axes import Axes, Scale, mark
from tinygrad_mnist.report.drawing import Drawing, Panel

if TYPE_CHECKING:
    from tinygrad_mnist.checking.slopes import Line
    from tinygrad_mnist.checking.v_curve import Curve, VCurve

WIDTH, HEIGHT = 360.0, 330.0
LEFT, TOP, BOTTOM, RIGHT = 48.0, 24.0, 56.0, 8.0
KEY_STEP = 82.0
MOST_DECADES = 24  # errors further below the largest are drawn as 0
RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


class Look(NamedTuple):
    """Title, formula, colour and mark of a method; the marks differ in grey too."""

    title: str
    formula: str
    color: str
    shape: str


LOOKS: Final = {
    "forward": Look("forward", "(f(x + h) − f(x)) / h", "orange", "circle"),
    "central": Look("central", "C(h) = (f(x + h) − f(x − h)) / 2h", "blue", "square"),
    "richardson": Look("Richardson", "(4 C(h/2) − C(h)) / 3", "green", "triangle"),
    "complex": Look("complex step", "Im f(x + ih) / h", "ink", "diamond"),
}


class Range(NamedTuple):
    """Range of the errors shown, as powers of ten."""

    low: int
    high: int

    @property
    def room(self) -> float:
        """Margin in decades: above the errors for words, below for errors of 0."""
        return 0.13 * (self.high - self.low)

    def height(self, error: float) -> float:
        """Return the height of an error; 0 has no logarithm and stands below all others."""
        return 10 ** (self.low - self.room / 2) if error < 10.0**self.low else error

    def scale(self) -> Scale:
        """Return the scale with both margins."""
        return Scale(10 ** (self.low - 0.8 * self.room), 10 ** (self.high + self.room), is_log=True)


def v_curve(curve: VCurve) -> Drawing:
    """Draw error against step size on logarithmic axes, with the fitted slopes.

    Marks are errors, lines are fitted to the errors next to them, and a ring marks the best step of a
    method.  Errors of exactly 0 stand below the axis, at "exact".

    Parameters
    ----------
    curve
        Result of `checking.v_curve`.

    Examples
    --------
    >>> from tinygrad_mnist.checking import v_curve
    >>> from tinygrad_mnist.report import plots
    >>> plots.v_curve(v_curve(lambda x: x**3, 2.0))
    Drawing('The error of numeric derivatives falls with the step and rises again when it is too short: ...')
    """
    entry = curve.entry()
    slope, value = (f"{number:.7g}".replace("-", "−") for number in (curve.reference, curve.value))
    title = f"Numeric derivatives: ∂f / ∂{entry} = {slope} at {entry} = {value}"
    return Drawing(finding_of(curve), [error_panel(curve), key_panel(curve)], title=title)


def finding_of(curve: VCurve) -> str:
    """Say how close each method comes, and at which step."""
    words = ", ".join(f"{LOOKS[method.method].title} {best_of(method)}" for method in curve.curves)
    return (
        f"The error of numeric derivatives falls with the step and rises again when it is too short: {words}."
    )


def find_range(curve: VCurve) -> Range:
    """Return the range of all errors other than 0, in powers of ten."""
    errors = np.array([error for method in curve.curves for error in method.errors])
    errors = errors[np.isfinite(errors) & (errors > 0)]
    high = ceil(log10(errors.max())) if errors.size else 0
    low = floor(log10(errors.min())) if errors.size else -16
    return Range(max(min(low, high - 2), high - MOST_DECADES), high)


def error_panel(curve: VCurve) -> Panel:
    """Draw the errors of all methods, the lines fitted to them, and a ring around each best."""
    shortest, longest = log10(curve.steps[-1]), log10(curve.steps[0])
    margin = max(0.02 * (longest - shortest), 0.1)
    shown = find_range(curve)
    steps = Scale(10 ** (shortest - margin), 10 ** (longest + margin), is_log=True)
    axes = Axes(steps, shown.scale(), LEFT, TOP, WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM)
    ticks = [tick for tick in axes.y.powers(7) if 10.0**shown.low <= tick <= 10.0**shown.high]
    name = f"{'relative' if curve.relative else 'absolute'} error, logarithmic"
    parts = [
        marks.text(0, 12, name, class_="muted"),
        *axes.y_axis([shown.height(0.0), *ticks], lambda value: error_name(value, shown)),
        *axes.x_axis(steps.powers(7), "step h, logarithmic", power_of_ten),
        *words_in(axes, curve, shown),
    ]
    parts += [
        marks.group(LOOKS[method.method].color, method_marks(axes, curve, method, shown))
        for method in curve.curves
    ]
    parts.append(marks.text(LEFT, HEIGHT - 4, "line: fitted    ○ the best step", class_="muted"))
    return Panel(WIDTH, HEIGHT, parts)


def words_in(axes: Axes, curve: VCurve, shown: Range) -> list[str]:
    """Return the names of the two sides of the V, and of the plateau of a relative error of 1."""
    right = axes.left + axes.width
    parts = [
        marks.text(axes.left + 4, TOP + 12, "too short: rounding", class_="muted"),
        marks.text(right - 4, TOP + 12, "too long: truncation", class_="muted", text_anchor="end"),
    ]
    if curve.relative and curve.curves[0].errors[-1] == 1 and shown.high - shown.low > 8:
        x, y = axes.at(curve.steps[-1], 1.0)
        parts.append(marks.text(x, y - 8, "f(x + h) = f(x)", class_="muted"))
    return parts


def method_marks(axes: Axes, curve: VCurve, method: Curve, shown: Range) -> list[str]:
    """Return the marks, fitted lines and ring of a method."""
    pairs = [
        (step, shown.height(error)) for step, error in zip(curve.steps, method.errors) if isfinite(error)
    ]
    shape = LOOKS[method.method].shape
    parts = axes.points([step for step, _ in pairs], [error for _, error in pairs], shape)
    for line in (method.truncation, method.rounding):
        if line is not None:
            dash = "4 3" if shape == "diamond" else None
            parts.append(axes.curve(*ends_within(line, axes.y), stroke_dasharray=dash))
    if isfinite(method.best_error):
        parts.append(mark("ring", *axes.at(method.best_step, shown.height(method.best_error))))
    return parts


def ends_within(line: Line, scale: Scale) -> tuple[list[float], list[float]]:
    """Return steps and errors at the ends of a fitted line, as far as it lies on the scale."""
    low, high = log10(line.low), log10(line.high)
    if line.slope:
        crossings = [(log10(end) - line.intercept) / line.slope for end in (scale.low, scale.high)]
        low, high = max(low, min(crossings)), min(high, max(crossings))
    steps = [low, high] if low < high else []
    return [10**step for step in steps], [10 ** (line.intercept + line.slope * step) for step in steps]


def power_of_ten(value: float) -> str:
    """Write 10 with its exponent."""
    return f"10{str(round(log10(value))).translate(RAISED)}"


def error_name(value: float, shown: Range) -> str:
    """Return the label of a tick on the error axis."""
    return "exact" if value < 10.0**shown.low * 0.9 else power_of_ten(value)


def key_panel(curve: VCurve) -> Panel:
    """Draw mark, name, formula, slopes and best error of each method."""
    parts = []
    for row, method in enumerate(curve.curves):
        look, top = LOOKS[method.method], row * KEY_STEP
        parts.append(marks.group(look.color, [mark(look.shape, 8, top + 12)]))
        parts.append(marks.text(24, top + 16, look.title, class_="title"))
        parts.append(marks.text(24, top + 33, look.formula, class_="muted"))
        parts.append(marks.text(24, top + 49, slopes_of(method)))
        parts.append(marks.text(24, top + 65, best_of(method)))
    return Panel(WIDTH, HEIGHT, parts)


def slopes_of(curve: Curve) -> str:
    """The slopes of both sides, as far as there are any."""
    sides = (curve.truncation, curve.rounding)
    found = [f"{line.slope:+.2f}".replace("-", "−") for line in sides if line is not None]
    return f"slope{'s' * (len(found) - 1)} {' and '.join(found)}" if found else "no slope"


def best_of(curve: Curve) -> str:
    """The best error and its step; a method without rounding is as good at every shorter one."""
    if not isfinite(curve.best_error):
        return "not defined here"
    error = scientific(curve.best_error) if curve.best_error else "exact"
    return f"best {error} at h {'≤' if curve.stays_down else '='} {scientific(curve.best_step)}"


def scientific(number: float) -> str:
    """One digit and a power of ten, as written by hand."""
    digit, power = f"{number:.0e}".split("e")
    return f"{digit}·10{str(int(power)).translate(RAISED)}" if int(power) else digit
