"""Checks for units that cannot learn: saturated, dead, or all alike."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from tinygrad_mnist.checking.findings import TrainingFinding
from tinygrad_mnist.doctor.evidence import Evidence
from tinygrad_mnist.doctor.reading import WeightedSum

# A unit is stuck when its mean slope over the examples is below 2 % of the steepest.  Measured on 200 MNIST
# images, 784-30-10 with N(0, 1) weights: pixels / 255, which learn (95 %), 0 to 3 % of the hidden units;
# hot dogs 0; inverted images, which do not learn, 47 to 67 %; raw pixels 100 %.  Not the share of |z| > 5,
# which is 57 % in the healthy network and 88 % in the inverted one: a unit that is saturated for some images
# only still learns.
STUCK_SLOPE, STUCK_SHARE = 0.02, 0.3
# After two epochs of chapter 1 it is 3 to 20 %, with |z| > 5 in 81 to 85 %: again not that share.
# Few examples may all be on one side by chance: with ten, a healthy 2-5-1 has 80 % stuck.  For few examples
# the share of |z| > 20 must be large too: healthy at most 8 % at first, inverted 38 to 55 %.
FEW, STUCK_SHARE_OF_FEW, FAR, FAR_SHARE = 32, 0.45, 20.0, 0.35
STEEP = 5.0  # where a sigmoid's slope is 2.7 % of its steepest

# Units that are 0 for all examples.  Measured at first: 0 to 2 % in a first layer, up to 61 % from the fourth
# layer of 64 on (30 seeds), where examples differ little and a unit is on or off for all of them; these
# networks learn.  A bias of -10 gives 100 %.
DEAD_SHARE = 0.9
NOTHING = 1e-6  # fraction of the loss; a smaller gradient is rounding


def saturated(evidence: Evidence) -> Iterator[TrainingFinding]:
    """Find the first layer of hidden sigmoids or tanhs that are saturated for all examples."""
    for layer in evidence.layers:
        if layer.activation in ("sigmoid", "tanh") and not _is_output(evidence, layer):
            z = layer.z * (2.0 if layer.activation == "tanh" else 1.0)  # tanh(z) = 2 sigmoid(2 z) - 1
            stuck, far = stuck_share(z), float(np.mean(np.abs(z) > FAR))
            few = len(z) < FEW
            if stuck >= (STUCK_SHARE_OF_FEW if few else STUCK_SHARE) and (not few or far >= FAR_SHARE):
                yield _saturated(layer, stuck)
                return


def stuck_share(z: NDArray[np.float64]) -> float:
    """Return the share of units whose sigmoid is flat for (nearly) all examples.  z: (n, units)"""
    half = np.exp(-np.abs(z) / 2)
    slopes = (2 / (half + 1 / np.maximum(half, 1e-150))) ** 2  # 4 * sigmoid'(z) = 1 / cosh(z / 2)**2
    return float(np.mean(slopes.mean(axis=0) < STUCK_SLOPE))


def _is_output(evidence: Evidence, layer: WeightedSum) -> bool:
    """Return True if the activation is the network's last, where outputs near 0 and 1 are right."""
    output = evidence.recorded.output
    return any(x is layer.sums for x in output.inputs)


def _steep(layer: WeightedSum) -> float:
    """Return the |z| above which the activation is flat."""
    return STEEP / 2 if layer.activation == "tanh" else STEEP  # tanh(z) = 2 sigmoid(2 z) - 1


def _saturated(layer: WeightedSum, stuck: float) -> TrainingFinding:
    z, steep, spread = layer.z, _steep(layer), float(layer.weight.std())
    share = float(np.mean(np.abs(z) > steep))
    x, fan_in = layer.x, layer.weight.shape[1]
    mean, common, varying = float(x.mean()), float(z.mean(axis=0).std()), float(z.std(axis=0).mean())
    numbers = {
        f"|z| > {steep:g}": share,
        "stuck units": stuck,
        "z std": float(z.std()),
        "inputs' mean": mean,
        "inputs' std": float(x.std()),
        "weights' std": spread,
        "fan-in": float(fan_in),
        "z std, the same for all examples": common,
        "z std, between examples": varying,
    }
    name, cause, remedy = _cause(layer, spread, mean, common, varying)
    return TrainingFinding(
        name,
        f"{layer.place}: its {layer.activation}s are saturated.",
        f"{share:.0%} of the sums have |z| > {steep:g}, and {stuck:.0%} of the {layer.weight.shape[0]} units "
        "are flat for (nearly) "
        f"every example; z has std {z.std():.3g}",
        cause,
        remedy,
        layer.place,
        numbers=numbers,
    )


def _cause(
    layer: WeightedSum, spread: float, mean: float, common: float, varying: float
) -> tuple[str, str, str]:
    """Return the name of the finding, why, and the remedy."""
    fan_in = layer.weight.shape[1]
    scale = f"scale the weights by 1/sqrt({fan_in}) = {1 / math.sqrt(fan_in):.3f}"
    bias = 0.0 if layer.bias is None else float(np.abs(layer.bias).mean())
    sums = layer.z if layer.bias is None else layer.z - layer.bias
    if bias > 3 * float(np.abs(sums).mean()):
        why = f"the biases are {bias:.3g} in the mean, the weighted inputs only {np.abs(sums).mean():.2g}"
        return "biases-too-large", why, "start with biases of 0"
    made = (
        f"the inputs' mean is {mean:.2f} and the weights' std {spread:.2g}, so z has std {layer.z.std():.2g}"
    )
    if layer.first and common > 1.5 * varying:
        why = (
            f"{made}; nearly all of it is the same for every example (std {common:.3g}), only {varying:.2g} "
            "tells examples apart: a unit whose sum begins at one flat end stays there whatever the image"
        )
        inverted = layer.x.min() >= 0 and mean > (layer.x.min() + layer.x.max()) / 2
        back = "turn the images back to background 0 (1 - x)" if inverted else "subtract the inputs' mean"
        # Chapter 1 inverted, two epochs, two seeds: 37 and 56 %; the mean subtracted 83 and 93; and with the
        # weights scaled too 95 and 95; only the weights scaled 10 and 10, at a tenth of the rate 89 and 90.
        alone = "the weights alone need a lower rate too, since updates are as long as the inputs"
        return "off-center-inputs", why, f"{back}, and {scale}; {alone}"
    slope = f"beyond |z| = {_steep(layer):g} a {layer.activation}'s slope is below 2.7 % of its steepest"
    why = f"{made} over {fan_in} inputs; {slope}"
    return "weights-too-large", why, scale


def dead_relus(evidence: Evidence) -> Iterator[TrainingFinding]:
    """Find the first layer with many relus that are 0 for all examples."""
    for layer in evidence.layers:
        if layer.activation != "relu":
            continue
        z = layer.z
        dead = float(np.mean((z <= 0).all(axis=0)))
        if dead >= DEAD_SHARE and z.any():
            bias = 0.0 if layer.bias is None else float(layer.bias.mean())
            weighted = z - (0 if layer.bias is None else layer.bias)
            lowered = bias < -2 * weighted.std()
            yield TrainingFinding(
                "dead-relus",
                f"{layer.place}: {dead:.0%} of its relus are 0 for every example.",
                f"sums from {z.min():.3g} to {z.max():.3g} on {len(z)} examples; the weighted inputs have "
                "mean "
                f"{weighted.mean():.2g} and std {weighted.std():.2g}, the biases mean {bias:.2g}",
                "where a relu gives 0 its slope is 0 too: a unit that is 0 for all examples gets no "
                "gradient, "
                "and never comes back",
                "start with biases of 0"
                if lowered
                else "lower the learning rate, bring inputs to mean 0, and take nn.init.kaiming_normal() "
                "weights",
                layer.place,
                numbers={
                    "dead": dead,
                    "biases' mean": bias,
                    "weighted inputs' std": float(weighted.std()),
                    "highest": float(z.max()),
                },
            )
            return


def symmetric(evidence: Evidence) -> Iterator[TrainingFinding]:
    """Find hidden units with equal weights and equal gradients, which stay equal for ever."""
    gradients = evidence.recorded.gradients
    names = [layer.weight_name for layer in evidence.layers]
    for layer, name in zip(evidence.layers[:-1], names):
        g, units = gradients.get(name), layer.weight.shape[0]
        if g is None or units < 2:
            continue
        g = g if g.shape == layer.weight.shape else g.T
        nothing = bool(np.abs(g).max() <= NOTHING * abs(evidence.recorded.value))
        if _rows_alike(layer.weight) and (nothing or _rows_alike(g)):
            zero = not layer.weight.any()
            yield TrainingFinding(
                "symmetric-weights",
                f"{layer.place}: all {units} units are the same unit.",
                f"the rows of {name} are equal"
                + (" (all 0)" if zero else "")
                + ", and so are those of its gradient"
                + (" (all 0 but for rounding)" if nothing else ""),
                "units that begin equal and get equal gradients stay equal: the layer is worth one unit, "
                "however "
                "wide it is",
                "draw the weights at random (nn.Linear does); biases may begin at 0",
                layer.place,
                numbers={"units": units, "largest gradient": float(np.abs(g).max())},
            )
            return


def _rows_alike(matrix: NDArray[np.float64]) -> bool:
    size = float(np.abs(matrix).max())
    return bool(np.ptp(matrix, axis=0).max() <= 1e-5 * size)
