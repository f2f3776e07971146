"""Output of the commands in the terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.box import SIMPLE_HEAD
from rich.console import Console, ConsoleOptions, RenderableType
from rich.markup import escape
from rich.padding import Padding
from rich.segment import Segment
from rich.table import Column, Table
from rich.text import Text

from tinygrad_mnist.checking import WrongRule
from tinygrad_mnist.checking.network import NetworkCheck
from tinygrad_mnist.datasets import ImageDataset
from tinygrad_mnist.doctor import TrainingDiagnosis
from tinygrad_mnist.files import visible, visible_lines
from tinygrad_mnist.training import Training
from tinygrad_mnist.training.derivation import SideBySide
from tinygrad_mnist.training.job import RunResult
from tinygrad_mnist.training.progress import TerminalProgress
from tinygrad_mnist.typing import Array

if TYPE_CHECKING:
    from tinygrad_mnist.benchmark.tables import BenchmarkTable
    from tinygrad_mnist.experiments.reproduce import Reproduction

_WIDTH_OF_A_FILE = 150  # columns of a wide table if the output is not a terminal
_SURE = 0.5  # below this probability an answer is unsure
_SHADES, _PLAIN_SHADES = " ░▒▓█", " .:+#"


class _VisibleConsole(Console):
    """A console that shows each character: names and settings may come from anywhere.

    A cursor movement in a file name, or a letter that the terminal lacks, is printed as its escape.
    """

    def render_str(self, text: str, **settings: Any) -> Text:
        """Turn a string into styled text; its width is measured as it will be shown."""
        return super().render_str(visible_lines(text, self.encoding), **settings)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Render anything; texts that were styled elsewhere are made visible here."""
        for segment in super().render(renderable, options):
            if segment.control:
                yield segment
            else:
                yield Segment(visible_lines(segment.text, self.encoding), segment.style)


def console_of(to_stderr: bool = False) -> Console:
    """Return the console that all commands print on."""
    return _VisibleConsole(highlight=False, emoji=False, stderr=to_stderr)


def say(text: str, *, to_stderr: bool = False) -> None:
    """Print plain text, in lines as they are."""
    console_of(to_stderr).print(text, markup=False, soft_wrap=True)


class TrainingProgress(TerminalProgress):
    """Show the data, a bar for the running epoch, a line for each finished one, and the doctor's findings."""

    unit = "images"

    def __init__(self, dataset: ImageDataset) -> None:
        super().__init__(console_of())
        self.console.print(f"{dataset!r}", style="bold", markup=False, soft_wrap=True)
        self.console.print(f"data from {dataset.origin}", style="dim", markup=False, soft_wrap=True)

    def at_end(self, training: Training) -> None:
        """Leave the end to `print_result`, which has the test images too."""

    def on_diagnosis(self, diagnosis: TrainingDiagnosis) -> None:
        """Print what the doctor found."""
        self.console.print(diagnosis)
        self.console.print()


def print_result(result: RunResult) -> None:
    """Print the test accuracy of a training run and the path of its report."""
    console = console_of()
    if result.history.interrupted:
        console.print(
            f"interrupted in epoch {max(1, len(result.history))}: the weights of that moment and the history "
            f"up to it are kept; continue with  tinygrad-mnist train --resume {result.report.parent}",
            style="yellow",
            markup=False,
            soft_wrap=True,
        )
    elif result.history.stopped:
        console.print(f"stopped early: {result.history.stopped}", markup=False, soft_wrap=True)
    console.print(f"[bold]test accuracy {result.test.accuracy:.2%}[/]  (loss {result.test.loss:.4f})")
    if result.near_chance:
        advice = "run again with --doctor to find out why"
        if result.history.findings is not None:
            advice = (
                "see the doctor's advice above" if result.history.findings else "the doctor found no cause"
            )
        console.print(
            f"close to chance ({result.chance:.0%}): the network has learned next to nothing; {advice}",
            style="yellow",
            soft_wrap=True,
        )
    console.print(f"report: {result.report}  (open it in a browser)", markup=False, soft_wrap=True)


def print_evaluation(name: str, evaluation: Any) -> None:
    """Print accuracy and loss in one line."""
    console_of().print(
        f"{name}: accuracy {evaluation.accuracy:.2%}, loss {evaluation.loss:.4f}, "
        f"{evaluation.examples:,} images",
        markup=False,
        soft_wrap=True,
    )


def print_predictions(names: list[str], probabilities: Array, classes: Sequence[str]) -> None:
    """Print one row per image: class, probability, runners-up."""
    kind = "digit" if all(name.isdecimal() and len(name) == 1 for name in classes) else "class"
    table = Table(Column("image", overflow="fold"), kind, "probability", "next")
    surest = probabilities.max(axis=1)
    for name, row in zip(names, probabilities):
        best = np.argsort(-row, kind="stable")[:3]
        others = escape(visible(", ".join(f"{classes[k]} ({row[k]:.1%})" for k in best[1:])))
        first = escape(visible(classes[best[0]]))
        doubt = "unsure: " if row[best[0]] < _SURE else ""
        table.add_row(escape(visible(name)), f"[bold]{first}[/]", f"{row[best[0]]:.1%}", doubt + others)
    console_of().print(table)
    if (surest < _SURE).any():
        say(
            f"unsure of {(surest < _SURE).sum()} of {len(names)}: no digit reaches {_SURE:.0%}; "
            "--show shows what the network was given"
        )


def print_images(names: list[str], images: Array) -> None:
    """Print each image under its name, in shades from paper to ink, two characters per pixel."""
    console = console_of()
    shades = _SHADES if console.encoding.startswith("utf") else _PLAIN_SHADES
    for name, image in zip(names, images):
        say(f"\n{visible(name)}")
        levels = (image * (len(shades) - 1)).round().astype(int)
        rule = "+" + "-" * (2 * image.shape[1]) + "+"
        say("\n".join([rule, *(f"|{''.join(2 * shades[level] for level in row)}|" for row in levels), rule]))


def print_data(images: ImageDataset) -> None:
    """Print the source, the sizes and the classes of a data set."""
    height, width = images.image_shape
    counts = f"{len(images.train):,} training and {len(images.test):,} test images"
    say(f"{images.name}: {counts}, {height} x {width}, in {images.classes} classes")
    say(f"source: {images.origin}")
    parts = [np.bincount(part.labels, minlength=images.classes) for part in (images.train, images.test)]
    rows = [(name, f"{train:,}", f"{test:,}") for name, train, test in zip(images.class_names, *parts)]
    print_rows(("class", "training", "test"), rows)


def print_rows(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table."""
    table = Table(*(Column(name, overflow="fold") for name in header))
    for row in rows:
        table.add_row(*map(escape, row))
    console_of().print(table)


@contextmanager
def working() -> Iterator[Callable[[str], None]]:
    """Show the current measurement on stderr while the block runs."""
    with console_of(to_stderr=True).status("") as status:
        yield lambda text: status.update(f"measuring {escape(text)}")


def print_benchmark(conditions: str, tables: Sequence[BenchmarkTable]) -> None:
    """Print the machine and the tables; further lines of a cell stand dim below its number."""
    console = console_of()
    console.print(conditions, style="dim", markup=False)
    for figures in tables:
        first, *others = ("\n".join(cell) for cell in figures.header)
        columns = [Column(first), *(Column(name, justify="right") for name in others)]
        table = Table(*columns, box=SIMPLE_HEAD, pad_edge=False, show_header=any(map(any, figures.header)))
        for row in figures.rows:
            table.add_row(*("\n".join([cell[0], *(f"[dim]{line}[/]" for line in cell[1:])]) for cell in row))
        console.print(f"\n{figures.title}", style="bold", markup=False)
        console.print(table)


def print_wrong_rules(wrong_rules: Sequence[WrongRule], *, to_stderr: bool = False) -> None:
    """Print the classic wrong rules: names, affected ops, and why people write them."""
    console = console_of(to_stderr)
    for wrong_rule in wrong_rules:
        console.print(f"[bold]{wrong_rule.name}[/]  [dim]{escape(wrong_rule.blames())}[/]")
        console.print(Padding(escape(wrong_rule.why), (0, 0, 0, 4), expand=False))


def print_gradcheck(subject: str, checked: NetworkCheck, wrong_rule: WrongRule | None) -> None:
    """Print the subject of the check, the table, and the place of the error.

    Parameters
    ----------
    subject
        The network and its batch, in words.
    """
    console = console_of()
    if wrong_rule is not None:
        console.print(f"[bold]{wrong_rule.name}[/]: {escape(wrong_rule.blames())} is wrong on purpose")
        console.print(Padding(escape(wrong_rule.why), (0, 0, 0, 4), expand=False), style="italic")
    if checked.of_example:
        subject = "a small example, since the error does not show in the network"
    console.print(f"gradients of {subject}", markup=False)
    console.print(checked.report)
    if not checked.diagnosis.ok and not checked.report.findings:  # an error that shows in no gradient
        console.print()
        console.print(checked.diagnosis)


def print_side_by_side(derived: SideBySide) -> None:
    """Print two columns of code and how far apart their results are."""
    from rich.syntax import Syntax

    def code(text: str) -> Syntax:
        return Syntax(text, "python", theme="ansi_light", background_color="default", word_wrap=True)

    table = Table(
        Column("from the graph", ratio=1),
        Column("derived by hand", ratio=1),
        title=escape(derived.subject),
        title_justify="left",
        expand=True,
    )
    for left, right in derived.rows:
        table.add_row(code(left), code(right))
    console = console_of()
    console.print(table)
    console.print(
        f"After this step on real images the parameters differ by at most {derived.distance:.1f} units in "
        "the last place of the largest one.",
        soft_wrap=True,
    )


def print_reproduction(done: Reproduction, *, listing: bool) -> None:
    """Print the table of an experiment, the listing of the original if `listing`, and the report's path."""
    console = console_of()
    if not console.is_terminal:
        console.width = _WIDTH_OF_A_FILE
    console.print(f"\n{done.experiment.name}: {done.experiment.article}", style="bold", markup=False)
    console.print(done.experiment.network, style="dim", markup=False)
    content = done.result.table()
    table = Table(
        *(Column(name, overflow="fold") for name in content.columns), box=SIMPLE_HEAD, pad_edge=False
    )
    styles = {None: "", True: "green", False: "bold red"}
    for figure in done.result.figures:
        *cells, verdict = map(escape, figure.cells())
        style = styles[figure.holds]
        table.add_row(*cells, f"[{style}]{verdict}[/]" if style else verdict)
    console.print(table)
    if listing and done.result.listing:
        console.print(done.result.listing, markup=False, soft_wrap=True)
    console.print(f"{done.seconds:.1f} s; report: {done.report}", markup=False, soft_wrap=True)
