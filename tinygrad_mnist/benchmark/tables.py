"""Tables of the results as text, for the terminal and for `examples/speed.md`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from tinygrad_mnist.benchmark.contestants import eager, hand, hand_in_place, native, products, replay
from tinygrad_mnist.benchmark.epoch import STEPS_ALONE
from tinygrad_mnist.benchmark.libraries import pytorch
from tinygrad_mnist.benchmark.measure import Contestant, Timing
from tinygrad_mnist.benchmark.processes import TrainingProcess
from tinygrad_mnist.benchmark.results import BenchmarkResults

Cell = tuple[str, ...]  # lines; those after the first say more about it
NOTHING = "-"


@dataclass(frozen=True)
class BenchmarkTable:
    """Title, header and rows; a cell has one line or more."""

    title: str
    header: Sequence[Cell]
    rows: Sequence[Sequence[Cell]]


class Measured(Protocol):
    """Results of a run, with its conditions."""

    @property
    def machine(self) -> dict[str, Any]:
        """The result of `machine.machine`."""

    @property
    def threads(self) -> int:
        """BLAS threads of each contestant."""


def benchmark_tables(figures: BenchmarkResults) -> list[BenchmarkTable]:
    """Return all tables: steps, their ratios, an epoch, memory, processes."""
    perceptrons = [row for row in figures.steps if products.name in row.rounds]
    networks = [row for row in figures.steps if products.name not in row.rounds]
    return [
        _steps("A training step", perceptrons, {pytorch: "PyTorch's", products: "the matrix products'"}),
        _side_by_side(perceptrons),
        _steps("A training step of other networks", networks, {pytorch: "PyTorch's"}),
        _epoch(figures.epoch),
        _memory(figures.memory),
        _processes(figures.imports, figures.training, figures.epoch.name),
    ]


def conditions(figures: Measured) -> str:
    """Describe machine, versions and threads in a sentence."""
    machine = figures.machine
    threads = f"{figures.threads} thread{'s' if figures.threads > 1 else ''}"
    versions = (f"{name} {version}" for name, version in machine["packages"].items())
    return (
        f"{machine['processor']}, {machine['cores']} cores, {machine['system']}, "
        f"Python {machine['python']}, NumPy {machine['numpy']} with {machine['blas']}"
        f"{''.join(f', {version}' for version in versions)}; float32, {threads} for each contestant."
    )


def markdown(figures: Measured, tables: Sequence[BenchmarkTable]) -> str:
    """Return text for `examples/speed.md`: the machine and the tables."""
    return "\n\n".join([conditions(figures), *map(_markdown_table, tables)])


def _markdown_table(table: BenchmarkTable) -> str:
    def line(cells: Iterable[str]) -> str:
        return f"| {' | '.join(cells)} |"

    def row(cells: Sequence[Cell]) -> str:
        return line(f"{first} ({', '.join(more)})" if more else first for first, *more in cells)

    columns = len(table.header)
    rule = line(["---", *["---:"] * (columns - 1)])
    return "\n".join([f"{table.title}:", "", line(map(", ".join, table.header)), rule, *map(row, table.rows)])


def _workloads(names: Iterable[str]) -> list[Cell]:
    return [("",), *(tuple(name.split(", ")) for name in names)]


def _steps(title: str, rows: Sequence[Timing], bases: dict[Contestant, str]) -> BenchmarkTable:
    contestants = dict.fromkeys(name for row in rows for name in row.rounds)

    def cell(row: Timing, name: str) -> Cell:
        if name not in row.rounds:
            return (NOTHING,)
        return short(row.seconds(name) * 1e6), " · ".join(ratio_text(row, name, base.name) for base in bases)

    return BenchmarkTable(
        f"{title} in µs (as multiples of {' · of '.join(bases.values())})",
        _workloads(row.name for row in rows),
        [[(name,), *(cell(row, name) for row in rows)] for name in contestants],
    )


def short(number: float) -> str:
    """Return a number with a decimal if it is below 100."""
    return f"{number:.1f}" if number < 100 else f"{number:,.0f}"


def _side_by_side(rows: Sequence[Timing]) -> BenchmarkTable:
    pairs = ((replay, hand_in_place), (native, hand_in_place), (eager, hand), (replay, eager))
    return BenchmarkTable(
        "Ratios of these times, measured side by side",
        _workloads(row.name for row in rows),
        [
            [(f"{one.name} / {base.name}",), *((ratio_text(row, one.name, base.name),) for row in rows)]
            for one, base in pairs
            if any(one.name in row.rounds for row in rows)
        ],
    )


def ratio_text(row: Timing, name: str, base: str) -> str:
    """Return a ratio of times, or `NOTHING` if one is missing."""
    ratio = row.ratio(name, base)
    return NOTHING if ratio is None else f"{ratio:.2f}" if ratio < 100 else f"{ratio:,.0f}"


def _epoch(row: Timing) -> BenchmarkTable:
    contestants = [name for name in row.rounds if not name.endswith(STEPS_ALONE)]

    def cells(name: str) -> list[Cell]:
        ratios = ratio_text(row, name, pytorch.name), ratio_text(row, name, name + STEPS_ALONE)
        return [(name,), (f"{row.seconds(name):.3f}",), *((ratio,) for ratio in ratios)]

    return BenchmarkTable(
        f"An epoch of the main job ({row.name}), loader included",
        [("",), ("seconds",), ("/ PyTorch",), ("/ the sum of its steps",)],
        [cells(name) for name in contestants],
    )


def _memory(memory: dict[str, dict[str, int]]) -> BenchmarkTable:
    contestants = dict.fromkeys(name for peaks in memory.values() for name in peaks)

    def cell(peaks: dict[str, int], name: str) -> Cell:
        return short(peaks[name] / 1000), f"{peaks[name] / peaks[hand.name]:.2f}"

    return BenchmarkTable(
        f"Peak memory of a step beside parameters and data in kB (as a multiple of {hand.name}'s)",
        _workloads(memory),
        [[(name,), *(cell(peaks, name) for peaks in memory.values())] for name in contestants],
    )


def _processes(imports: dict[str, float], training: TrainingProcess, data: str) -> BenchmarkTable:
    rows = [(f"import {module}", f"{seconds:.2f} s") for module, seconds in imports.items()]
    rows += [
        ("train --epochs 1, from its start to a trained network", f"{training.trained:.2f} s"),
        ("... to its end, with test and report", f"{training.finished:.2f} s"),
    ]
    if training.peak_bytes is not None:
        rows.append(("... its peak memory", f"{training.peak_bytes / 1e6:.0f} MB"))
    cells = [[(what,), (figure,)] for what, figure in rows]
    return BenchmarkTable(f"Whole processes (the training on {data})", [("",), ("",)], cells)
