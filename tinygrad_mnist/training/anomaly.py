"""Steps that are watched: the first number that is not finite, with its op, layer and examples."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinygrad_mnist.autodiff import backward as engine
from tinygrad_mnist.autodiff.tensor import Tensor
from tinygrad_mnist.training.doctor.finding import Finding
from tinygrad_mnist.training.doctor.origin import find_origin
from tinygrad_mnist.training.state import Parts, State
from tinygrad_mnist.training.step import train_step

Array = NDArray[Any]


@dataclass(frozen=True)
class Anomaly:
    """The first number that is not finite, and the rows of the batch it is in; None when it is in no row."""

    finding: Finding
    rows: Array | None


def watched_step(parts: Parts, inputs: Any, targets: Any, when: str) -> tuple[float, Array] | Anomaly:
    """A step op by op that ends well, as ``train_step``, or is undone and explained.

    Parameters
    ----------
    when
        " in epoch 1, step 7", for the explanation.
    """
    before = State.of(parts)
    value, output = train_step(parts.model, parts.loss, parts.optimizer, inputs, targets)
    if np.isfinite(value) and _all_finite(parts):
        return value, output
    learned = {p.label(): np.isfinite(p.data).all() for p in parts.optimizer.parameters}
    before.put_back(parts)
    loss = parts.loss(parts.model(inputs), targets)  # the same again, with the same random numbers
    finding = next(find_origin(loss, when), None) or _of_update(parts, learned, when)
    finding = replace(finding, evidence=f"{finding.evidence}; {_largest(parts)}")
    rows = _rows(loss, len(targets))
    before.put_back(parts)
    return Anomaly(finding, rows)


def _all_finite(parts: Parts) -> bool:
    arrays = [array for p in parts.optimizer.parameters for array in (p.data, p.grad) if array is not None]
    return all(np.isfinite(array).all() for array in arrays)


def _of_update(parts: Parts, learned: dict[str, Any], when: str) -> Finding:
    broken = next((name for name, finite in learned.items() if not finite), "a parameter")
    return Finding(
        "first-nan",
        f"The first number that is not finite is made by the update of {broken}{when}.",
        "loss and gradients of the step are finite",
        "learning rate times gradient, or the velocity, is larger than the dtype holds (3.4e38 in float32)",
        f"lower the learning rate (it is {parts.optimizer.lr:g})",
        broken,
    )


def _largest(parts: Parts) -> str:
    largest = max(float(np.abs(p.data).max(initial=0)) for p in parts.optimizer.parameters)
    return f"before this step the largest weight was {largest:.3g}"


def _rows(loss: Tensor, count: int) -> Array | None:
    """Which rows of the batch the first array that is not finite has them in, if its rows are the batch's."""
    for op in reversed(engine.upstream([loss])):
        bad = ~np.isfinite(op.data) if op.inputs and op.dtype.kind in "fc" else np.False_
        if bad.any():
            return (
                np.flatnonzero(bad.reshape(count, -1).any(axis=1))
                if len(op.shape) and len(op) == count
                else None
            )
    return None
