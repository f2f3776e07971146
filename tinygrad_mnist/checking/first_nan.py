"""Search for the origin of a NaN or infinity: the first op with finite inputs and a result that is not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from tinygrad_mnist.autodiff.backward import Sent, upstream, walk
from tinygrad_mnist.autodiff.primitive import array_of, op_name
from tinygrad_mnist.autodiff.tensor import Tensor
from tinygrad_mnist.checking.findings import TrainingFinding
from tinygrad_mnist.graph import Graph
from tinygrad_mnist.graph.build import names_of

_REASONS = {
    "log": (
        "the logarithm of 0 is -infinity, of a negative number NaN",
        "add a small number, or use ops.log_softmax and the losses that take logits",
    ),
    "sqrt": (
        "the square root of a negative number is NaN, and its slope at 0 is infinite",
        "take sqrt(x + 1e-8), and find out why x is negative",
    ),
    "exp": (
        "e**x is infinite in float32 from x = 88.7 on, in float64 from 709.8",
        "subtract the maximum first, as ops.softmax and ops.logsumexp do",
    ),
    "divide": (
        "a number over 0 is infinite, 0 over 0 is NaN",
        "add a small number to the divisor, or find out why it is 0",
    ),
    "power": (
        "a negative number to a fractional power is NaN, 0 to a negative one infinite",
        "keep the base above 0",
    ),
}
_OVERFLOW = (
    "a result is larger than the dtype holds (3.4e38 in float32), or infinities cancel",
    "check the inputs of the op: are weights or data that large? lower the learning rate, scale the inputs",
)
_CAME_IN = (
    "it existed before this op, the first one recorded: made by NumPy on plain arrays, or in the data",
    "check what forward() does to the inputs before the first layer",
)


def first_nan(loss: Tensor, when: str = "") -> Iterator[TrainingFinding]:
    """Find the first op of a recorded graph whose result is not finite, forward or backward.

    Parameters
    ----------
    loss : Tensor
        The end of the graph.
    when : str
        Epoch and step, for the finding: ``" in epoch 1, step 7"``.

    Yields
    ------
    TrainingFinding
        At most one finding; none if all results and gradients are finite.
    """
    for op in reversed(upstream([loss])):
        if op.inputs and not _is_finite(op.data):
            yield _forward(loss, op, when)
            return
    sent: Sent = []
    for tensor, g in walk([loss], sent=sent):
        if not _is_finite(g):
            yield _backward(loss, _culprit(tensor, sent), tensor, when)
            return


def _culprit(tensor: Tensor, sent: Sent) -> Tensor:
    """Return the reader whose rule sent `tensor` a non-finite part; else the last one."""
    readers: list[tuple[Tensor, Any]] = [
        (reader, part) for reader, position, part in sent if reader.inputs[position] is tensor
    ]
    return next((reader for reader, part in readers if not _is_finite(part)), readers[-1][0])


def _forward(loss: Tensor, op: Tensor, when: str) -> TrainingFinding:
    came_in = not all(_is_finite(array_of(x)) for x in op.inputs)
    why, remedy = _CAME_IN if came_in else _REASONS.get(op_name(op), _OVERFLOW)
    bad = int(np.count_nonzero(~np.isfinite(op.data)))
    node = _node(loss, op)
    kind = "NaN" if np.isnan(op.data).any() else "infinity"
    return TrainingFinding(
        "first-nan",
        f"The first {kind} {'enters at' if came_in else 'is made by'} {node.name} = {node.formula}{when}.",
        f"{bad:,} of {op.size:,} results are not finite; its inputs are: {_inputs(op)}",
        why,
        remedy,
        op._origin(),
        numbers={"not finite": bad, "results": int(op.size)},
    )


def _backward(loss: Tensor, reader: Tensor, into: Tensor, when: str) -> TrainingFinding:
    why, remedy = _REASONS.get(op_name(reader), _OVERFLOW)
    node = _node(loss, reader)
    rule = next(r for r in node.rules if r.source == names_of(loss)[id(into)])
    return TrainingFinding(
        "first-nan",
        f"The first number that is not finite is made in the backward pass, by the rule of {node.name} = "
        f"{node.formula}{when}.",
        f"the rule is {rule.formula}; the forward pass is finite: {_inputs(reader)}",
        why,
        remedy,
        reader._origin(),
        numbers={"results": int(reader.size)},
    )


def _node(loss: Tensor, op: Tensor) -> Any:
    """Return the op's node in the graph as plain data: its name counted there, its formula, its rules."""
    name = names_of(loss)[id(op)]
    return next(node for node in Graph(loss).nodes if node.name == name)


def _inputs(op: Tensor) -> str:
    parts = []
    for x in op.inputs:
        array = array_of(x)
        if array.size and array.dtype.kind in "iuf":
            label = x._label() if isinstance(x, Tensor) and not x.inputs else op_name(x) or "an array"
            parts.append(f"{label} from {array.min():.4g} to {array.max():.4g}")
    return ", ".join(parts)


def _is_finite(array: Any) -> bool:
    return np.asarray(array).dtype.kind not in "fc" or bool(np.isfinite(array).all())
