"""Progress of a training run: lines, a bar in a terminal, a live table with curves in a notebook."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from tinygrad_mnist.training.callbacks import Callback
from tinygrad_mnist.training.chance import chance_note
from tinygrad_mnist.training.history import Epoch
from tinygrad_mnist.training.history_view import history_html
from tinygrad_mnist.training.loop import Training

_STEPS_BETWEEN_UPDATES = 20  # redrawing at every step would cost more than a small network's step
_SECONDS_BETWEEN_UPDATES = 0.2  # of a notebook's page
_LAST_ROWS = 8  # that the page shows while the training runs


class Progress(Callback):
    """Print a line per epoch.

    `fit` itself reports in a terminal and in a notebook; this callback takes the place of that report.

    Parameters
    ----------
    write : callable, default print
        Called with each line.

    Examples
    --------
    The lines go to a list here; ``Progress(logging.info)`` logs them.

    >>> import numpy as np
    >>> from tinygrad_mnist import nn, optim
    >>> from tinygrad_mnist.training import fit
    >>> model = nn.Linear(1, 1, bias=False, weight_init=nn.init.ones)
    >>> optimizer = optim.SGD(model.parameters(), lr=0.25)
    >>> data = np.ones((1, 1), np.float32), np.zeros((1, 1), np.float32)
    >>> lines = []
    >>> history = fit(model, nn.MSELoss(), optimizer, data, epochs=2, callbacks=[Progress(lines.append)])
    >>> [line[:24] for line in lines]  # before the examples per second
    ['epoch   1/2  loss 1.0000', 'epoch   2/2  loss 0.2500']
    """

    unit = "examples"

    def __init__(self, write: Callable[[str], Any] = print) -> None:
        self.write = write

    def after_epoch(self, training: Training, epoch: Epoch) -> None:
        """Print losses, accuracy and speed of the epoch."""
        accuracy = epoch.validation_accuracy
        held_out = "" if accuracy is None else f"  validation accuracy {accuracy:7.2%}"
        self.write(
            f"epoch {epoch.epoch:>3}/{training.epochs}  loss {epoch.train_loss:.4f}{held_out}"
            f"  {epoch.examples_per_second:>9,.0f} {self.unit}/s"
        )


class TerminalProgress(Progress):
    """Show a bar for the running epoch, and a line for each finished one.

    Parameters
    ----------
    console : rich.console.Console
        Where it prints; a console that is not a terminal gets the lines alone.
    """

    def __init__(self, console: Any) -> None:
        from rich.progress import BarColumn, TextColumn
        from rich.progress import Progress as Bar

        super().__init__(console.print)
        self.console = console
        self.bar = Bar(
            TextColumn("epoch {task.fields[epoch]:>3}"),
            BarColumn(bar_width=30),
            TextColumn("loss {task.fields[loss]:.4f}"),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self.task = self.bar.add_task("epoch", epoch=1, loss=float("nan"), total=None)

    def __enter__(self) -> Self:
        self.bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.bar.stop()

    def after_step(self, training: Training) -> None:
        """Move the bar."""
        if training.step % _STEPS_BETWEEN_UPDATES == 0 or training.step == training.steps:
            fields: dict[str, Any] = {"epoch": training.epoch, "loss": training.last_loss}
            self.bar.update(self.task, completed=training.step, total=training.steps, **fields)

    def at_end(self, training: Training) -> None:
        """Say why the training ended before its last epoch, and if it learned next to nothing."""
        self.bar.stop()
        if training.history.stopped:
            self.console.print(f"stopped: {training.history.stopped}", markup=False, soft_wrap=True)
        note = chance_note(training)
        if note:
            self.console.print(note, style="yellow", markup=False, soft_wrap=True)


class NotebookProgress(Progress):
    """Show a table of the epochs and their curves in the output of a notebook's cell, while it runs."""

    def __init__(self) -> None:
        from IPython.display import display

        super().__init__()
        self._shown_at = -float("inf")
        self._page = _Page()
        self._handle = display(self._page, display_id=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            self._page.note = f"ended by {kind.__name__ if kind else 'an error'}"
        self._handle.update(self._page)

    def after_epoch(self, training: Training, epoch: Epoch) -> None:
        """Show the epochs so far; at most five times per second."""
        self._page.training = training
        if time.monotonic() - self._shown_at >= _SECONDS_BETWEEN_UPDATES:
            self._shown_at = time.monotonic()
            self._handle.update(self._page)

    def at_end(self, training: Training) -> None:
        """Note why the training ended before its last epoch, and if it learned next to nothing."""
        self._page.training, self._page.is_done = training, True
        stopped = training.history.stopped
        notes = [f"stopped: {stopped}" if stopped else "", chance_note(training) or ""]
        self._page.note = "\n".join(filter(None, notes))


class _Page:
    """The output of the cell: what a notebook draws, and text for a frontend that draws nothing."""

    training: Training | None = None
    is_done = False
    note = ""

    def _title(self) -> str:
        if self.training is None:
            return "the first epoch is running"
        return f"epoch {len(self.training.history)} of {self.training.epochs}"

    def _repr_html_(self) -> str:
        epochs = list(self.training.history) if self.training else []
        return history_html(epochs, self._title(), self.note, None if self.is_done else _LAST_ROWS)

    def __repr__(self) -> str:
        history = repr(self.training.history) if self.training else ""
        return "\n".join(filter(None, [self._title(), history, self.note]))


def progress_here() -> TerminalProgress | NotebookProgress | None:
    """Return the report for the place where the program runs; None if its output goes elsewhere."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    if getattr(shell, "kernel", None) is not None:
        return NotebookProgress()
    if sys.stdout is None or not sys.stdout.isatty():
        return None
    from rich.console import Console

    return TerminalProgress(Console(highlight=False, emoji=False))
