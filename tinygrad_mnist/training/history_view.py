"""The epochs of a training run as a piece of HTML: curves and a table, without scripts or other files."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from tinygrad_mnist.tables import html_table
from tinygrad_mnist.training.history import Epoch, History, epoch_cells


def history_html(epochs: Sequence[Epoch], title: str, note: str = "", last_rows: int | None = None) -> str:
    """Return the page of a training run.

    Parameters
    ----------
    epochs : sequence of Epoch
        Epochs so far.
    title, note : str
        Lines above and below.
    last_rows : int, optional
        Number of rows that the table shows; all by default, in a box that scrolls.
    """
    curves = History(list(epochs)).plot() if epochs else None
    columns, rows = epoch_cells(epochs if last_rows is None else epochs[-last_rows:])
    table = html_table(rows, columns=columns) if rows else ""
    notes = "".join(f"<p>{escape(line)}</p>" for line in note.splitlines())
    return (
        f"<p><b>{escape(title)}</b></p>{curves._repr_html_() if curves else ''}"
        f'<div style="max-height:20em;overflow-y:auto">{table}</div>{notes}'
    )
