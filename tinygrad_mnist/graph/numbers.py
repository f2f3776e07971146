"""What a node says of itself: statistics, formulas, work done."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tinygrad_mnist.autodiff.backward import differentiated
from tinygrad_mnist.autodiff.formula import forward_formula, input_names, rule_formula
from tinygrad_mnist.autodiff.tensor import Tensor
from tinygrad_mnist.graph.data import Rule, Statistics

MOST_VALUES = 12  # entries that are kept in full
FEW = 4  # entries that a label or an equation shows in full


def statistics(array: Any) -> Statistics | None:
    """The array in a few numbers; None when it is empty or holds no real numbers."""
    array = np.asarray(array)
    if not array.size or array.dtype.kind not in "biuf":
        return None
    wide = array.astype(np.float64)
    values = wide.tolist() if array.size <= MOST_VALUES else None
    return Statistics(float(wide.mean()), float(wide.std()), float(wide.min()), float(wide.max()), values)


def arrays_of(tensor: Tensor) -> tuple[Any, ...]:
    """The inputs of an op as arrays and numbers."""
    return tuple(x.data if isinstance(x, Tensor) else x for x in tensor.inputs)


def formula_of(tensor: Tensor, sources: tuple[str, ...]) -> str:
    """The forward computation in the names of the nodes it reads."""
    return forward_formula(tensor.primitive, sources, tensor.attributes) if tensor.primitive else ""


def rules_of(tensor: Tensor, sources: tuple[str, ...]) -> tuple[Rule, ...]:
    """The rules of the inputs that get a gradient, as text."""
    primitive = tensor.primitive
    if primitive is None:
        return ()
    names = input_names(primitive, len(tensor.inputs))
    return tuple(
        Rule(names[position], sources[position], _rule_text(tensor, position))
        for position in differentiated(tensor)
    )


def _rule_text(tensor: Tensor, position: int) -> str:
    """The formula; a learner's wrong rule may fail in any way, and the drawing goes on."""
    try:
        return rule_formula(tensor.primitive, position, arrays_of(tensor), tensor.attributes)  # type: ignore[arg-type]
    except Exception as error:
        return f"fails: {error}"


def flops_of(tensor: Tensor) -> int:
    """Return the additions and multiplications behind a tensor, as its op counts them."""
    return tensor.primitive.flops(tensor.data, *arrays_of(tensor)) if tensor.primitive else 0


def bytes_of(tensor: Tensor) -> int:
    """Read and written by a forward."""
    return sum(a.nbytes for a in arrays_of(tensor) if isinstance(a, np.ndarray)) + tensor.data.nbytes


def short_number(value: float) -> str:
    """Four digits, and a word for what is not finite."""
    return f"{value:.4g}" if math.isfinite(value) else str(value)


def shown(statistics: Statistics, most: int = MOST_VALUES) -> str:
    """Values in full when there are few, else mean and spread."""
    if statistics.values is not None and np.size(statistics.values) <= most:
        return nested(statistics.values)
    return f"{short_number(statistics.mean)} ± {short_number(statistics.std)}"


def nested(values: Any) -> str:
    """An array, nested lists of numbers, or a single one, as text."""
    if np.ndim(values):
        return "[" + ", ".join(nested(value) for value in values) + "]"
    return short_number(float(values))


def short_count(number: float, unit: str) -> str:
    """1234 B as 1.23 kB, 5e6 FLOP as 5 MFLOP."""
    for prefix in ("", "k", "M", "G"):
        if abs(number) < 1000:
            return f"{number:.3g} {prefix}{unit}"
        number /= 1000
    return f"{number:.3g} T{unit}"
