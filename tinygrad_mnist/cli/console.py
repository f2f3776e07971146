"""What the commands show in the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Column, Table

from tinygrad_mnist.benchmark import Row
from tinygrad_mnist.checking import Mistake
from tinygrad_mnist.cli.network_check import Outcome
from tinygrad_mnist.datasets import ImageDataset
from tinygrad_mnist.training import Epoch, Recipe
from tinygrad_mnist.training import Progress as Step
from tinygrad_mnist.training.job import Result

_STEPS_BETWEEN_UPDATES = 20  # redrawing at every step would cost more than a small network's step


class TrainingProgress:
    """A bar for the epoch that runs, and a line for each that is done."""

    def __init__(self, dataset: ImageDataset, recipe: Recipe) -> None:
        self.console = Console(highlight=False)
        self.console.print(f"{dataset!r}", style="bold", markup=False, soft_wrap=True)
        self.console.print(f"data from {dataset.origin}", style="dim", markup=False, soft_wrap=True)
        self.epochs = recipe.epochs
        self.progress = Progress(
            TextColumn("epoch {task.fields[epoch]:>3}"),
            BarColumn(bar_width=30),
            TextColumn("loss {task.fields[loss]:.4f}"),
            console=self.console,
            transient=True,
            disable=not self.console.is_terminal,
        )
        self.task = self.progress.add_task("epoch", epoch=1, loss=float("nan"), total=None)

    def __enter__(self) -> TrainingProgress:
        self.progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.progress.stop()

    def on_step(self, step: Step) -> None:
        """Move the bar."""
        if step.step % _STEPS_BETWEEN_UPDATES == 0 or step.step == step.steps:
            self.progress.update(
                self.task, completed=step.step, total=step.steps, epoch=step.epoch, loss=step.loss
            )

    def on_epoch(self, epoch: Epoch) -> None:
        """Print the line of an epoch."""
        accuracy = epoch.validation_accuracy
        held_out = "" if accuracy is None else f"  validation accuracy {accuracy:7.2%}"
        self.console.print(
            f"epoch {epoch.epoch:>3}/{self.epochs}  loss {epoch.train_loss:.4f}{held_out}"
            f"  {epoch.examples_per_second:>9,.0f} images/s"
        )


def print_result(result: Result) -> None:
    """The end of a training: the test accuracy, and where everything is."""
    console = Console(highlight=False)
    if result.history.interrupted:
        console.print(
            f"interrupted in epoch {max(1, len(result.history))}: the weights of that moment and the history "
            "up to it are kept",
            style="yellow",
            soft_wrap=True,
        )
    console.print(f"[bold]test accuracy {result.test.accuracy:.2%}[/]  (loss {result.test.loss:.4f})")
    console.print(f"report: {result.report}  (open it in a browser)", markup=False, soft_wrap=True)


def print_evaluation(name: str, evaluation: Any) -> None:
    """A line: accuracy and loss."""
    Console(highlight=False).print(
        f"{name}: accuracy {evaluation.accuracy:.2%}, loss {evaluation.loss:.4f}, "
        f"{evaluation.examples:,} images",
        markup=False,
        soft_wrap=True,
    )


def print_predictions(names: list[str], probabilities: NDArray[Any]) -> None:
    """A row an image: what it is read as, how surely, and what comes next."""
    table = Table(Column("image", overflow="fold"), "digit", "probability", "next")
    for name, row in zip(names, probabilities):
        best = np.argsort(-row, kind="stable")[:3]
        others = ", ".join(f"{k} ({row[k]:.1%})" for k in best[1:])
        table.add_row(escape(name), f"[bold]{best[0]}[/]", f"{row[best[0]]:.1%}", others)
    Console(highlight=False).print(table)


def print_rows(header: Sequence[str], rows: Sequence[Sequence[str]], title: str | None = None) -> None:
    """A plain table."""
    table = Table(*(Column(name, overflow="fold") for name in header), title=title)
    for row in rows:
        table.add_row(*map(escape, row))
    Console(highlight=False).print(table)


def print_benchmark(
    machine: str, threads: int, steps: Sequence[Row], epoch: Row, memory: dict[str, float]
) -> None:
    """Three tables: steps, an epoch of the main job, memory."""

    def cells(row: Row, unit: float) -> list[str]:
        return [row.name] + [
            f"{t / unit:,.4g} ({row.ratios[name]:.2f})" for name, t in row.microseconds.items()
        ]

    title = f"{machine}, {threads} thread{'s' if threads > 1 else ''}"
    names = [f"{name} µs (ratio to by_hand)" for name in steps[0].microseconds]
    print_rows(["training step", *names], [cells(row, 1) for row in steps], title)
    names = [f"{name} s (ratio to eager)" for name in epoch.microseconds]
    print_rows(["epoch", *names], [cells(epoch, 1e6)])
    print_rows(["peak memory of a step", "eager / by_hand"], [(k, f"{v:.2f}") for k, v in memory.items()])


def print_mistakes(mistakes: Sequence[Mistake], *, to_stderr: bool = False) -> None:
    """The classic mistakes: names, places, and why people make them."""
    console = Console(highlight=False, stderr=to_stderr)
    for mistake in mistakes:
        console.print(f"[bold]{mistake.name}[/]  [dim]{escape(mistake.place())}[/]")
        console.print(Padding(escape(mistake.why), (0, 0, 0, 4), expand=False))


def print_gradcheck(outcome: Outcome, mistake: Mistake | None) -> None:
    """What was checked and broken, the table, and where the mistake is."""
    console = Console(highlight=False)
    if mistake is not None:
        console.print(f"[bold]{mistake.name}[/]: {escape(mistake.place())} is wrong on purpose")
        console.print(Padding(escape(mistake.why), (0, 0, 0, 4), expand=False), style="italic")
    console.print(f"gradients of {outcome.subject}", markup=False)
    console.print(outcome.report)
    if not outcome.ok:
        console.print()
        console.print(outcome.diagnosis)
