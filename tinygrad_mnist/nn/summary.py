"""Table of a model: layers, shapes, numbers of parameters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from tinygrad_mnist.nn.module import Module
from tinygrad_mnist.nn.parameters import Parameter
from tinygrad_mnist.tables import Tabular


@dataclass(frozen=True)
class SummaryRow:
    """Row of the table: dotted name, repr, and shapes and size of the layer's own parameters."""

    name: str
    layer: str
    shapes: str
    parameters: int


@dataclass(frozen=True, repr=False)
class Summary(Tabular):
    """Layers of a model; prints as a table in a terminal and in a notebook."""

    model: str
    rows: tuple[SummaryRow, ...]
    total: int

    _words: ClassVar = ("name", "layer", "shapes")

    def title(self) -> str:
        """Return the model's class."""
        return self.model

    def _columns(self) -> list[str]:
        return ["name", "layer", "shapes", "parameters"]

    def _cells(self) -> list[list[str]]:
        return [
            [row.name, row.layer, row.shapes, f"{row.parameters:,}" if row.parameters else ""]
            for row in self.rows
        ]

    def _footer(self) -> list[str]:
        return ["", "", "", f"{self.total:,}"]


def summary(model: Module) -> Summary:
    """Return a table of a model's layers.

    Parameters
    ----------
    model : Module

    Returns
    -------
    Summary

    Examples
    --------
    >>> from tinygrad_mnist import nn
    >>> nn.summary(nn.Sequential(nn.Linear(784, 30), nn.Sigmoid(), nn.Linear(30, 10))).total
    23860
    """
    rows: list[SummaryRow] = []
    counted: set[int] = set()  # a shared parameter counts in the first layer that has it, as in `parameters`
    for name, module in model.named_modules():
        own = {key: part for key, part in vars(module).items() if isinstance(part, Parameter)}
        if own or not any(True for _ in module.children()):
            shapes = ", ".join(f"{key} {part.shape}" for key, part in own.items())
            layer = f"{type(module).__name__}({module.extra_repr()})"
            fresh = [part for part in own.values() if id(part) not in counted]
            counted |= {id(part) for part in fresh}
            rows.append(SummaryRow(name or "-", layer, shapes, sum(part.size for part in fresh)))
    return Summary(type(model).__name__, tuple(rows), model.num_parameters())
