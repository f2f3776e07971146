"""Steps that are watched: the first number that is not finite, with its op, layer and examples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinygrad_mnist.autodiff import backward as engine
from tinygrad_mnist.autodiff.tensor import Tensor
from tinygrad_mnist.errors import DataError
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
    learned = {p._label(): np.isfinite(p.data).all() for p in parts.optimizer.parameters}
    before.put_back(parts)
    loss = _recorded(parts, inputs, targets)
    bad = _first_bad(loss)
    if bad is None:  # then by the backward pass, where the inputs' own gradient does not count
        before.put_back(parts)
        loss = parts.loss(parts.model(inputs), targets)
    finding = next(find_origin(loss, when), None) or _of_update(parts, learned, when)
    finding = replace(finding, evidence=f"{finding.evidence}; {_largest(parts)}")
    before.put_back(parts)  # the generators have drawn again
    return Anomaly(finding, None if bad is None else _rows(bad, len(targets)))


def _recorded(parts: Parts, inputs: Any, targets: Any) -> Tensor:
    """The forward pass again, with the same random numbers, and what is done to the inputs recorded too."""
    array = np.asarray(inputs.data if isinstance(inputs, Tensor) else inputs)
    if array.dtype.kind == "f":
        inputs = Tensor(array, requires_grad=True, name="inputs")
    loss: Tensor = parts.loss(parts.model(inputs), targets)
    return loss


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


def _first_bad(loss: Tensor) -> Array | None:
    """The first result in the graph that is not finite."""
    results = (op.data for op in reversed(engine.upstream([loss])) if op.inputs)
    return next((data for data in results if data.dtype.kind in "fc" and not np.isfinite(data).all()), None)


def _rows(bad: Array, count: int) -> Array | None:
    """Where it is not finite, if its rows are the batch's."""
    if bad.ndim == 0 or len(bad) != count:
        return None
    return np.flatnonzero(~np.isfinite(bad).reshape(count, -1).all(axis=1))


def shortened(numbers: Sequence[int]) -> str:
    """The first ten, for a message."""
    shown = ", ".join(map(str, numbers[:10]))
    return f"{shown}, ..." if len(numbers) > 10 else shown


def require_finite(inputs: Any, epoch: int, step: int) -> None:
    """Blame the data where it is at fault, and not the learning rate."""
    finite = np.isfinite(inputs.data if hasattr(inputs, "backward") else np.asarray(inputs))
    if not finite.all():
        example = int(np.flatnonzero(~finite.reshape(len(finite), -1).all(axis=1))[0])
        raise DataError(
            f"example {example} of the batch in epoch {epoch}, step {step} holds NaN or infinity: "
            "remove or repair it"
        )
