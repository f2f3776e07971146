"""A model as a table: layer, shape, parameters."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import Any

from tinygrad_mnist.nn.module import Module, Parameter


@dataclass(frozen=True)
class Row:
    """A layer: dotted name, repr, the shapes of its own parameters, and how many numbers these are."""

    name: str
    layer: str
    shapes: str
    parameters: int


@dataclass(frozen=True)
class Summary:
    """The layers of a model; prints as a table in a terminal and in a notebook."""

    title: str
    rows: tuple[Row, ...]
    total: int

    def __str__(self) -> str:
        from io import StringIO

        from rich.console import Console

        text = StringIO()
        Console(file=text, width=100).print(self)
        return text.getvalue().rstrip()

    def __rich__(self) -> Any:
        from rich.table import Table

        table = Table("name", "layer", "shapes", title=self.title, show_footer=True)
        table.add_column("parameters", justify="right", footer=f"{self.total:,}")
        for row in self.rows:
            table.add_row(row.name, row.layer, row.shapes, f"{row.parameters:,}" if row.parameters else "")
        return table

    def _repr_html_(self) -> str:
        cells = "".join(
            f"<tr><td>{escape(row.name)}</td><td>{escape(row.layer)}</td><td>{escape(row.shapes)}</td>"
            f"<td style='text-align:right'>{row.parameters:,}</td></tr>"
            for row in self.rows
        )
        return (
            f"<table><caption>{escape(self.title)}: {self.total:,} parameters</caption><tr><th>name</th>"
            f"<th>layer</th><th>shapes</th><th>parameters</th></tr>{cells}</table>"
        )


def summary(model: Module) -> Summary:
    """The table of a model's layers.

    Examples
    --------
    >>> from tinygrad_mnist import nn
    >>> nn.summary(nn.Sequential(nn.Linear(784, 30), nn.Sigmoid(), nn.Linear(30, 10))).total
    23860
    """
    rows: list[Row] = []
    counted: set[int] = set()  # a shared parameter counts where it stands first, as in `parameters`
    for name, module in model.named_modules():
        own = {key: part for key, part in vars(module).items() if isinstance(part, Parameter)}
        if own or not any(True for _ in module.children()):
            shapes = ", ".join(f"{key} {part.shape}" for key, part in own.items())
            layer = f"{type(module).__name__}({module.extra_repr()})"
            fresh = [part for part in own.values() if id(part) not in counted]
            counted |= {id(part) for part in fresh}
            rows.append(Row(name or "-", layer, shapes, sum(part.size for part in fresh)))
    return Summary(type(model).__name__, tuple(rows), model.count_parameters())
