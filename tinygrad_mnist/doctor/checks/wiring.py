"""Checks of the structure of the network, read from the graph: certain for any data."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tinygrad_mnist.autodiff.primitive import array_of, op_name
from tinygrad_mnist.autodiff.tensor import Tensor
from tinygrad_mnist.checking.findings import TrainingFinding
from tinygrad_mnist.doctor.evidence import Evidence
from tinygrad_mnist.doctor.reading import ACTIVATIONS, RANGES, LossOp
from tinygrad_mnist.nn import NLLLoss

NORMALIZED = 1e-2  # largest deviation of a sum of probabilities from 1
MIXING = 1e-3  # fraction of the outputs' size; rounding in float32 gives 1e-6


def activation_before_loss(evidence: Evidence) -> Iterator[TrainingFinding]:
    """Find a softmax, sigmoid, tanh or relu before a loss that expects logits."""
    loss = evidence.read_loss
    chain = [op_name(op) for op in evidence.path]
    if loss is None or not chain:
        return
    place = evidence.path[0].scope or evidence.path[0]._origin()
    output = array_of(loss.compared)
    if chain[:2] == ["softmax", "softmax"] or (loss.takes_logits and chain[0] == "softmax"):
        yield _softmax_twice(output, place)
    elif loss.takes_logits and chain[0] in ACTIVATIONS:
        yield _squashed_logits(chain[0], loss, output, place)


def _softmax_twice(output: np.ndarray, place: str) -> TrainingFinding:
    classes = output.shape[-1]
    floor = float(np.log(1 + (classes - 1) * np.exp(-1)))
    total = float(np.abs(output.sum(axis=-1) - 1).max())
    return TrainingFinding(
        "softmax-twice",
        "Softmax is applied twice: once in the network and once after it.",
        f"what arrives at the second softmax lies in [{output.min():.3g}, {output.max():.3g}] and its rows "
        "sum "
        f"to 1 (within {total:.1g})",
        "the second softmax turns probabilities of 0 and 1 into weights of 1 and e, so a network that is "
        "sure "
        f"and right still has a loss of ln(1 + {classes - 1}/e) = {floor:.2f}, and gradients are small",
        "leave the Softmax out of the network: CrossEntropyLoss takes logits; or keep it and write "
        "CrossEntropyLoss(from_logits=False)",
        place,
        numbers={"lowest": float(output.min()), "highest": float(output.max()), "least loss": floor},
    )


def _squashed_logits(activation: str, loss: LossOp, output: np.ndarray, place: str) -> TrainingFinding:
    low, high = RANGES[activation]
    # a single logit is compared with 0 instead of the other classes'
    others, apart = (1, high) if loss.is_binary else (output.shape[-1] - 1, high - low)
    floor = float(np.log1p(others * np.exp(-apart)))
    name = "probabilities-as-logits" if activation == "sigmoid" else f"{activation}-before-loss"
    fix = {
        "sigmoid": "leave the Sigmoid out, or take the loss of probabilities (BCELoss) after it",
        "tanh": "leave the Tanh out of the last layer",
        "relu": "leave the ReLU out of the last layer",
    }[activation]
    why = (
        "a logit below 0 is cut off there: its unit gets no gradient, and no class can be ruled out"
        if activation == "relu"
        else f"logits are any numbers, and between {low:g} and {high:g} no class can be made likely or ruled "
        f"out: the loss cannot fall below {floor:.2f}"
    )
    return TrainingFinding(
        name,
        f"The loss expects logits but gets the output of a {activation}.",
        f"what arrives at the loss lies in [{output.min():.3g}, {output.max():.3g}]",
        why,
        fix,
        place,
        numbers={"lowest": float(output.min()), "highest": float(output.max()), "least loss": floor},
    )


def no_logarithms(evidence: Evidence) -> Iterator[TrainingFinding]:
    """Find NLLLoss on probabilities or on logits instead of on logarithms of probabilities."""
    output = array_of(evidence.recorded.output).astype(np.float64)
    if not isinstance(evidence.loss, NLLLoss) or not output.size:
        return
    totals = np.exp(np.minimum(output, 50)).sum(axis=-1)
    if np.abs(totals - 1).max() > NORMALIZED:
        probabilities = output.min() >= 0 and output.max() <= 1
        yield TrainingFinding(
            "probabilities-as-logarithms" if probabilities else "logits-as-logarithms",
            "NLLLoss expects log-probabilities but gets numbers that are not logarithms of probabilities.",
            f"outputs lie in [{output.min():.3g}, {output.max():.3g}]; e to their power, which would be the "
            f"probabilities, sums to {totals.min():.3g} to {totals.max():.3g} instead of 1; the loss is "
            f"{evidence.recorded.value:.3g}",
            "the loss is then minus a probability, whose gradient is small just where the network is wrong"
            if probabilities
            else "the loss is then minus the true class's output: it falls without bound when all outputs "
            "grow, and no output is ever pushed down",
            "end the network in LogSoftmax, or give the sums themselves to CrossEntropyLoss",
            numbers={"lowest": float(output.min()), "loss": evidence.recorded.value},
        )


def negative_loss(evidence: Evidence) -> Iterator[TrainingFinding]:
    """Find a negative loss that is made of squares or minus logarithms of probabilities."""
    loss, value = evidence.read_loss, evidence.recorded.value
    if loss is None or not value < 0:
        return
    if loss.kind == "log" and (not evidence.path or op_name(evidence.path[0]) not in ("softmax", "sigmoid")):
        return  # it may be the logarithm of something else, such as a density
    yield TrainingFinding(
        "negative-loss",
        "The loss is negative: its sign is wrong.",
        f"the loss is {value:.3g}, and it is made of {loss.kind.replace('_', ' ')}",
        "squares, and minus the logarithm of a probability, are at least 0; with the other sign the network "
        "learns to be as wrong as it can be",
        "take minus the logarithm, add squares, and descend",
        evidence.recorded.loss._origin(),
        numbers={"loss": value},
    )


def accidental_broadcast(evidence: Evidence) -> Iterator[TrainingFinding]:
    """Find a column (n, 1) and a row (n,) that are broadcast to (n, n)."""
    n = evidence.count
    for op in evidence.ops:
        elementwise = op.primitive is not None and op.primitive.elementwise
        shapes = [np.shape(array_of(x)) for x in op.inputs] if elementwise else []
        if n > 1 and sorted(shapes, key=len) == [(n,), (n, 1)]:
            yield TrainingFinding(
                "accidental-broadcast",
                f"{op_name(op)} of shapes {shapes[0]} and {shapes[1]} gives {op.shape}: every example is "
                "compared with every other.",
                f"{n} examples, and {n * n:,} numbers in the result",
                "NumPy lines axes up from the right, so a column and a row broadcast to a table: the loss "
                "is least when all outputs are the targets' mean",
                "give both one shape: targets.reshape(-1, 1), or output[:, 0]",
                op._origin(),
                numbers={"examples": n, "elements": n * n},
            )
            return


def mixed_examples(evidence: Evidence) -> Iterator[TrainingFinding]:
    """Find outputs that depend on other examples of the batch: an op along the wrong axis."""
    half = evidence.count // 2
    if half < 1 or evidence.count == half:
        return
    whole = array_of(evidence.recorded.output)
    try:
        part = array_of(evidence.model(evidence.as_given(evidence.inputs[:half])))
    except ValueError:  # the model takes only one batch size
        return
    if part.shape[:1] != (half,) or whole.shape[1:] != part.shape[1:] or not np.isfinite(whole).all():
        return
    size = float(np.abs(whole).max()) or 1.0
    off = float(np.abs(whole[:half] - part).max()) / size
    if off > MIXING:
        culprit = next((op for op in evidence.ops if _along_examples(op)), None)
        yield TrainingFinding(
            "examples-mixed",
            "The output for an example depends on the other examples in its batch.",
            f"on {half} of the {evidence.count} examples the same outputs differ by {off:.0%} of their size",
            "an op works along axis 0, the examples, instead of along the features or classes"
            + (
                f": {op_name(culprit)} with axis={culprit.attributes.get('axis')}"
                if culprit is not None
                else ""
            ),
            "use axis -1 for softmax, mean and the like in the network",
            culprit._origin() if culprit is not None else "",
            numbers={"difference": off},
        )


def _along_examples(op: Tensor) -> bool:
    axis = op.attributes.get("axis", -1)
    return op.ndim > 1 and (axis == 0 or axis == -op.ndim)


def missing_activation(evidence: Evidence) -> Iterator[TrainingFinding]:
    """Find a weighted sum of a weighted sum: two layers that act as one."""
    sums = {id(layer.sums): layer for layer in evidence.layers}
    for layer in evidence.layers:
        x = next((x for x in layer.sums.inputs if id(x) in sums), None)
        if x is not None:
            before = sums[id(x)]
            units = before.weight.shape[0]
            yield TrainingFinding(
                "missing-activation",
                f"No activation stands between {before.place} and {layer.place}.",
                f"{units} units in between, and their sums are passed on unchanged",
                "a weighted sum of weighted sums is a weighted sum: both layers together can do no more than "
                "one",
                "put a ReLU, Sigmoid or Tanh between them, or leave one of them out",
                layer.place,
                "warning",
                {"units": units},
            )
