"""History of a training run, epoch by epoch."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from tinygrad_mnist.files import finite_or_text, read_json_lines, write_atomically
from tinygrad_mnist.files.records import ADDED, read_record
from tinygrad_mnist.hints.rooms import NotInEpoch, NotInHistory
from tinygrad_mnist.tables import Tabular
from tinygrad_mnist.training.totals import COUNT

if TYPE_CHECKING:
    from tinygrad_mnist.report import Drawing

MOST_HISTORY_BYTES = 16 * 2**20  # some 30,000 epochs


@dataclass(frozen=True)
class Epoch(NotInEpoch):
    """One epoch, counted from 1.

    Losses are means over examples; accuracies are fractions of 1, None if they cannot be measured.
    Training numbers are gathered while the weights change, validation numbers afterwards.

    Examples
    --------
    >>> from tinygrad_mnist import nn, optim
    >>> from tinygrad_mnist.datasets import load_digits
    >>> from tinygrad_mnist.training import fit
    >>> data = load_digits()
    >>> model = nn.Sequential(nn.Flatten(), nn.Linear(64, 10, rng=0))
    >>> optimizer = optim.SGD(model.parameters(), lr=0.1)
    >>> history = fit(model, nn.CrossEntropyLoss(), optimizer, data.train, epochs=2, progress=False)
    >>> history[-1].epoch, history[-1].examples
    (2, 1237)
    """

    epoch: Annotated[int, COUNT]
    learning_rate: float
    train_loss: float
    train_accuracy: float | None
    validation_loss: float | None
    validation_accuracy: float | None
    examples: Annotated[int, COUNT]
    seconds: float = field(default=0.0, metadata=ADDED)

    @property
    def examples_per_second(self) -> float:
        """Number of training examples per second, without the time of the evaluation."""
        return self.examples / self.seconds if self.seconds else 0.0


@dataclass
class History(Tabular, NotInHistory):
    """The epochs of a run; iterate over it, index it, or print it as a table.

    Attributes
    ----------
    epochs
        The epochs, in order.
    interrupted
        True if Ctrl-C or SIGTERM ended the run.
    stopped
        The reason that a callback gave for the end of the run; None if none did.
    findings
        The doctor's findings, the likeliest cause first; None without a doctor.

    Examples
    --------
    >>> from tinygrad_mnist import nn, optim
    >>> from tinygrad_mnist.datasets import load_digits
    >>> from tinygrad_mnist.training import fit
    >>> data = load_digits()
    >>> model = nn.Sequential(nn.Flatten(), nn.Linear(64, 10, rng=0))
    >>> optimizer = optim.SGD(model.parameters(), lr=0.1)
    >>> history = fit(model, nn.CrossEntropyLoss(), optimizer, data.train, epochs=2, progress=False)
    >>> [epoch.epoch for epoch in history]
    [1, 2]
    """

    epochs: list[Epoch] = field(default_factory=list)
    interrupted: bool = False
    findings: list[Any] | None = None
    stopped: str | None = field(default=None, metadata=ADDED)

    def __iter__(self) -> Iterator[Epoch]:
        return iter(self.epochs)

    def __len__(self) -> int:
        return len(self.epochs)

    def __getitem__(self, position: int) -> Epoch:
        if isinstance(position, str):
            raise TypeError(
                f"position is {position!r}: expected the place of an epoch; write "
                "[epoch.train_loss for epoch in history]"
            )
        return self.epochs[position]

    def records(self) -> list[dict[str, Any]]:
        """Return plain dicts, one per epoch."""
        return [asdict(epoch) for epoch in self]

    def to_dict(self) -> dict[str, Any]:
        """Return plain data, ready for JSON, from which `from_dict` builds the same history."""
        findings = None if self.findings is None else [finding.to_dict() for finding in self.findings]
        return {"epochs": self.records(), "interrupted": self.interrupted, "findings": findings}

    @classmethod
    def from_dict(cls, history: dict[str, Any]) -> History:
        """Return the history from the data of `to_dict`, without findings, which their callback restores."""
        return replace(read_record(cls, history, "history"), findings=None)

    def save(self, path: Path) -> None:
        """Write one JSON object per epoch and line, without the seconds, which differ between runs."""
        records = [finite_or_text(record) for record in self.records()]
        lines = [json.dumps({k: v for k, v in record.items() if k != "seconds"}) + "\n" for record in records]
        write_atomically(path, "".join(lines))

    @classmethod
    def load(cls, path: Path) -> History:
        """Read what `save` wrote.

        Raises
        ------
        CheckpointError
            If the file is missing or too large, or a line is not such an object; the error has its number.
        """
        records = read_json_lines(path, max_bytes=MOST_HISTORY_BYTES)
        return cls([read_record(Epoch, each, f"{path}, line {line}") for line, each in enumerate(records, 1)])

    def plot(self) -> Drawing:
        """Draw loss and accuracy over the epochs.

        Returns
        -------
        Drawing
            A notebook shows it, light or dark as its page; ``drawing.save("curves.svg")`` writes it.
        """
        from tinygrad_mnist.report.plots import learning_curves

        return learning_curves(self.records())

    def _columns(self) -> list[str]:
        return epoch_cells(self.epochs)[0]

    def _cells(self) -> list[list[str]]:
        return epoch_cells(self.epochs)[1]

    def __repr__(self) -> str:
        if not self.epochs:
            return "History(no epoch)"
        last = self.epochs[-1]
        accuracy = "" if last.validation_accuracy is None else f", accuracy {last.validation_accuracy:.2%}"
        return f"History({len(self)} epochs, last: training loss {last.train_loss:.4f}{accuracy})"


def epoch_cells(epochs: Sequence[Epoch]) -> tuple[list[str], list[list[str]]]:
    """Return the heads of a table of epochs, and its rows; a quantity never measured has no column."""
    every = {
        "epoch": [str(e.epoch) for e in epochs],
        "loss": [f"{e.train_loss:.4f}" for e in epochs],
        "accuracy": [_percent(e.train_accuracy) for e in epochs],
        "validation loss": ["" if e.validation_loss is None else f"{e.validation_loss:.4f}" for e in epochs],
        "validation accuracy": [_percent(e.validation_accuracy) for e in epochs],
        "seconds": [f"{e.seconds:.2f}" for e in epochs],
    }
    columns = [name for name, cells in every.items() if any(cells) or not epochs]
    return columns, [list(row) for row in zip(*(every[name] for name in columns))]


def _percent(share: float | None) -> str:
    return "" if share is None else f"{share:.2%}"
