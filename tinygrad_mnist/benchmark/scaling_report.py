"""Tables and the picture of how the cost of a step grows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import ceil, floor, log10

from tinygrad_mnist.benchmark.contestants import eager, hand, hand_in_place, native, products, replay
from tinygrad_mnist.benchmark.libraries import pytorch
from tinygrad_mnist.benchmark.scaling import Point, ScalingResults
from tinygrad_mnist.benchmark.tables import NOTHING, BenchmarkTable, ratio_text, short
from tinygrad_mnist.report import marks
from tinygrad_mnist.report.axes import Axes, Scale
from tinygrad_mnist.report.drawing import Drawing, Panel

_PAIRS = (
    *((replay, hand_in_place), (native, products), (eager, hand)),
    *((replay, pytorch), (native, pytorch), (eager, pytorch)),
)
_COLOURS = {eager: "orange", replay: "blue", native: "green", pytorch: "vermilion", hand_in_place: "ink"}
_WIDTH, _HEIGHT, _LEFT, _RIGHT, _TOP, _BOTTOM = 350.0, 250.0, 58.0, 18.0, 30.0, 42.0


def scaling_tables(figures: ScalingResults) -> list[BenchmarkTable]:
    """Return a table per axis, and one of the chains of ops."""
    chains = [
        [(f"{chain.ops:,}",), *((short(seconds * 1e6),) for seconds in (chain.eager, chain.alone))]
        for chain in figures.chains
    ]
    header = [("ops",), ("eager",), ("NumPy's calls alone",)]
    return [
        *(_axis(axis, points) for axis, points in figures.axes.items()),
        BenchmarkTable("µs per op of a chain, forward and backward, one element", header, chains),
    ]


def _axis(axis: str, points: Sequence[Point]) -> BenchmarkTable:
    rows = [
        [(f"{each.name}, µs",), *((short(point.timing.seconds(each.name) * 1e6),) for point in points)]
        for each in (hand_in_place, products, replay, native, eager, pytorch)
        if each.name in points[0].timing.rounds
    ]
    for one, base in _PAIRS:
        cells = [(ratio_text(point.timing, one.name, base.name),) for point in points]
        if cells[0] != (NOTHING,):
            rows.append([(f"{one.name} / {base.name}",), *cells])
    rows += [
        [(f"memory: {name}, kB",), *((short(p.memory[name] / 1000),) for p in points)]
        for name in points[0].memory
    ]
    return BenchmarkTable(axis[0].upper() + axis[1:], [("",), *((f"{p.size:,}",) for p in points)], rows)


def scaling_picture(figures: ScalingResults) -> Drawing:
    """Draw seconds and memory of a step against size, both on logarithmic scales."""
    panels = []
    present: dict[str, str] = {}
    for axis, points in figures.axes.items():
        times, peaks = {}, {}
        for each, colour in _COLOURS.items():
            if all(each.name in point.timing.rounds for point in points):
                times[colour] = [point.timing.seconds(each.name) for point in points]
                present[colour] = each.name
            if all(each.name in point.memory for point in points):
                peaks[colour] = [float(point.memory[each.name]) for point in points]
        sizes = [point.size for point in points]
        panels += [_panel(axis, "time", sizes, times, _seconds), _panel(axis, "memory", sizes, peaks, _bytes)]
    finding = f"Time and memory of a training step by {', '.join(present.values())} against its size"
    return Drawing(finding, panels, "Time and memory of a training step", tuple(present.items()))


def _panel(
    axis: str,
    what: str,
    sizes: Sequence[int],
    lines: Mapping[str, Sequence[float]],
    write: Callable[[float], str],
) -> Panel:
    """One plot: a line per colour."""
    every = [value for line in lines.values() for value in line]
    name, _, network = axis.partition(" (")
    x = Scale(sizes[0], sizes[-1], is_log=True)
    y = Scale(10.0 ** floor(log10(min(every))), 10.0 ** ceil(log10(max(every))), is_log=True)
    axes = Axes(x, y, _LEFT, _TOP, _WIDTH - _LEFT - _RIGHT, _HEIGHT - _TOP - _BOTTOM)
    parts = [
        marks.text(0, 14, f"{what} ({network}", class_="strong"),
        *axes.y_axis(y.powers(6), write),
        *axes.x_axis(sizes, name, "{:,.0f}".format),
    ]
    for colour, line in lines.items():
        parts.append(marks.group(colour, [axes.curve(sizes, line), *axes.points(sizes, line)]))
    return Panel(_WIDTH, _HEIGHT, parts)


def _seconds(value: float) -> str:
    power = round(log10(value))
    return f"{10 ** (power % 3)} {'s' if power >= 0 else 'ms' if power >= -3 else 'µs'}"


def _bytes(value: float) -> str:
    power = round(log10(value))
    return f"{10 ** (power % 3)} {['B', 'kB', 'MB', 'GB'][power // 3]}"
