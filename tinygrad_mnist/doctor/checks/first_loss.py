"""Check of the first loss against the loss of an untrained network."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from tinygrad_mnist.autodiff.primitive import array_of
from tinygrad_mnist.checking.findings import TrainingFinding
from tinygrad_mnist.doctor.evidence import Evidence
from tinygrad_mnist.doctor.reading import WeightedSum

# The first loss over that of a network with one output for all examples.  Healthy, measured: main job and
# two-layer 1.0, hot dogs 1.0 to 3.0 (100 seeds), chapter 1 2.2 to 7.1 (quadratic cost, 60 seeds); sick:
# N(0, 1) weights on 784-128-10 relu 35 to 75, its last layer a hundred times too large 4.6 to
# 8.5 (10 seeds each).
# A quadratic cost is compared with the targets' mean square (chapter 1's is 0.1), or 1 if that is larger.
FAR_OF_TWO, FAR, FAR_QUADRATIC = 6.0, 2.5, 30.0
# sqrt(fan-in) times the weights' root mean square: 1 keeps the size of the signal.  Measured:
# PyTorch's default 0.58, two-layer 0.28, iris 0.02, N(0, 1) on 784 inputs 28.
GAIN = 5.0


def initial_loss(evidence: Evidence) -> Iterator[TrainingFinding]:
    """Find a loss far above ln(classes), or above the loss of the answer 0."""
    measured = against_ignorance(evidence)
    if measured is None:
        return
    value, ignorant, said, limit = measured
    if not value > limit:
        return
    large = [layer for layer in evidence.layers if _gain(layer) > GAIN]
    numbers = {"loss": value, "expected": ignorant}
    evidence_said = f"the loss of an example is {value:.3g}, and {said} = {ignorant:.3g} is that of guessing"
    if large:
        yield _too_large(evidence, large[0], evidence_said, numbers)
    else:
        yield TrainingFinding(
            "initial-loss",
            "The loss is far above that of a network that guesses.",
            evidence_said + _outputs_said(evidence),
            "the network is sure of wrong answers before it has learned anything; the first steps only undo "
            "that",
            "start with a small last layer: biases of 0, weights of std 1/sqrt(inputs); check that labels "
            "and outputs mean the same",
            numbers=numbers,
        )


def against_ignorance(evidence: Evidence) -> tuple[float, float, str, float] | None:
    """Return the mean loss, that of an untrained network, its formula, and the largest healthy loss."""
    loss = evidence.read_loss
    if loss is None:
        return None
    mean = loss.mean
    if mean is not None:
        classes, ignorant = loss.classes, math.log(loss.classes)
        return mean, ignorant, f"ln({classes})", ignorant * (FAR_OF_TWO if classes == 2 else FAR)
    if loss.is_quadratic:
        target = array_of(loss.target).astype(np.float64)
        compared = array_of(loss.compared).astype(np.float64)
        if target.shape == compared.shape:
            ignorant = float(np.mean(target**2))
            # outputs of about 1 are healthy for first weights, however small the targets are
            limit = FAR_QUADRATIC * max(ignorant, 1.0)
            return float(np.mean((target - compared) ** 2)), ignorant, "the targets' mean square", limit
    return None


def _gain(layer: WeightedSum) -> float:
    return float(np.sqrt(np.mean(np.square(layer.weight, dtype=np.float64)) * layer.weight.shape[1]))


def _outputs_said(evidence: Evidence) -> str:
    loss = evidence.read_loss
    output = array_of(loss.compared if loss else evidence.recorded.output).astype(np.float64)
    return f"; the loss receives numbers from {output.min():.3g} to {output.max():.3g}"


def _too_large(
    evidence: Evidence, layer: WeightedSum, said: str, numbers: dict[str, float]
) -> TrainingFinding:
    fan_in, spread, gain = layer.weight.shape[1], float(layer.weight.std()), _gain(layer)
    all_gains = ", ".join(f"{each.place} {_gain(each):.3g}" for each in evidence.layers)
    return TrainingFinding(
        "weights-too-large",
        f"{layer.place}: the first weights are too large.",
        f"{said}; weights of std {spread:.3g} over {fan_in} inputs make sums {gain:.3g} times as large as "
        "the "
        f"inputs (a factor for each layer: {all_gains}){_outputs_said(evidence)}",
        "the signal grows by that factor: outputs are large and far from any target, and gradients "
        "are large too",
        f"weights of std {math.sqrt(2 / fan_in):.2g} (nn.init.kaiming_normal()), or nn.Linear's own",
        layer.place,
        numbers=numbers | {"weights' std": spread, "fan-in": float(fan_in), "gain": gain},
    )
