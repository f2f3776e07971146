"""Checks for mistakes in the data, which are made before all others."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from tinygrad_mnist.autodiff.ops.shaping import as_positions
from tinygrad_mnist.autodiff.primitive import array_of, op_name
from tinygrad_mnist.checking.findings import TrainingFinding
from tinygrad_mnist.doctor.evidence import Evidence, classes_of
from tinygrad_mnist.doctor.reading import RANGES

Array = NDArray[np.float64]

# The root mean square of inputs: healthy ones measured 0.34 (MNIST, pixels / 255), 3.9 (iris in centimetres)
# and 5.0 (hot dogs); sick ones 85 (raw pixels) and 0.0013 (pixels divided by 255 twice).
LARGE, TINY = 20.0, 0.02
FEWEST_TO_COMPARE = 64  # with fewer examples the nearest neighbour proves nothing
BY_CHANCE = 1e-7  # probability that eight of ten digits are alike, or 25 of two classes
ALIKE = 0.5  # fraction of the examples; MNIST has no duplicate, iris has one
COMBINATIONS = 0.25  # fraction of the combinations of values: xor has all four


def not_finite(evidence: Evidence) -> Iterator[TrainingFinding]:
    """Find NaN or infinity in inputs, targets or parameters."""
    arrays = {"the inputs": evidence.inputs, "the targets": evidence.targets}
    arrays |= {name: parameter.data for name, parameter in evidence.parameters.items()}
    for name, array in arrays.items():
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            bad = int(np.count_nonzero(~np.isfinite(array)))
            rows = np.flatnonzero(~np.isfinite(array).reshape(len(np.atleast_1d(array)), -1).all(axis=1))
            yield TrainingFinding(
                "not-finite",
                f"There is NaN or infinity in {name} before anything is computed.",
                f"{bad:,} of {array.size:,} entries, the first in row {rows[0]}",
                "whatever is computed from NaN is NaN, and one row is enough to affect the whole batch",
                "find their origin: check these rows, then the code that fills them",
                name,
                numbers={"entries": bad, "first row": int(rows[0])},
            )
            return


def constant_inputs(evidence: Evidence) -> Iterator[TrainingFinding]:
    """Find examples that repeat each other."""
    if evidence.count < 8:
        return
    rows = [row.tobytes() for row in evidence.inputs]
    different = len(set(rows))
    if different > ALIKE * evidence.count or (different > 1 and _all_there_are(evidence, different)):
        return
    labels = evidence.labels
    pairs = len(set(zip(rows, labels.tolist()))) if labels is not None else different
    doubt = f"; with different labels {pairs - different} times" if pairs > different else ""
    name = "constant-inputs" if different == 1 else "duplicated-inputs"
    yield TrainingFinding(
        name,
        "All inputs are the same." if different == 1 else "Most inputs are copies of others.",
        f"{different} different input{'s' * (different != 1)} among {evidence.count} examples{doubt}",
        "a network gives the same answer to the same input: it can only learn how often each label occurs",
        "check the loader: an array that is filled again and again and kept as a view, an index that "
        "stands "
        "still, images that were cut to an empty part",
        numbers={"examples": evidence.count, "different": different},
    )


def _all_there_are(evidence: Evidence, different: int) -> bool:
    """Return True if few other examples are possible: xor, a parity, categories."""
    combinations = sum(math.log(len(np.unique(column))) for column in evidence.flat_inputs.T)
    return math.log(different / COMBINATIONS) > combinations


def one_class(evidence: Evidence) -> Iterator[TrainingFinding]:
    """Find batches of one class each: sorted data that were not shuffled."""
    batches = [classes_of(array_of(targets)) for _, targets in evidence.batches]
    found = [labels for labels in batches if labels is not None]
    loss, classes = evidence.read_loss, _outputs(evidence)
    if loss is not None and loss.is_binary:
        classes = max(classes, 2)
    if len(found) < len(batches) or classes < 2 or any(len(np.unique(labels)) > 1 for labels in found):
        return
    if sum(len(labels) - 1 for labels in found) * math.log(classes) > -math.log(BY_CHANCE):
        rare = classes == 2 and len({int(labels[0]) for labels in found}) == 1
        subject = "The batch holds" if len(found) == 1 else f"Each of {len(found)} batches holds"
        yield TrainingFinding(
            "one-class-a-batch",
            f"{subject} examples of one class only.",
            f"the first batch has {len(found[0])} examples, all of class {found[0][0]}",
            "data sorted by class: each step unlearns what the one before has learned"
            + (", or the other class is rare" if rare else ""),
            "shuffle: loader(batch_size, shuffle=True)",
            severity="warning" if rare else "error",
            numbers={"batches": len(found), "examples": len(found[0])},
        )


def unscaled_inputs(evidence: Evidence) -> Iterator[TrainingFinding]:
    """Find inputs far larger, or far smaller, than the first weights are scaled for."""
    x = evidence.flat_inputs
    size = float(np.sqrt(np.mean(x * x)))
    numbers = {
        "root mean square": size,
        "mean": float(x.mean()),
        "lowest": float(x.min()),
        "highest": float(x.max()),
    }
    measured = f"inputs from {x.min():.4g} to {x.max():.4g}, mean {x.mean():.3g}, root mean square {size:.3g}"
    if size > LARGE:
        consequence, why, more = _effect_of_large_inputs(evidence)
        yield TrainingFinding(
            "unscaled-inputs",
            "The inputs are not scaled: "
            + ("raw pixels, 0 to 255." if _raw_pixels(x) else f"they are up to {np.abs(x).max():.4g}."),
            measured + consequence,
            why,
            "divide pixels by 255; bring other features to mean 0 and standard deviation 1",
            numbers=numbers | more,
        )
    elif 0 < size < TINY:
        yield TrainingFinding(
            "tiny-inputs",
            "The inputs are almost 0.",
            measured,
            "the first layer's sums are its biases, whatever the input: were the pixels divided by 255 "
            "twice?",
            "scale once, to a root mean square near 1",
            numbers=numbers,
        )


def _effect_of_large_inputs(evidence: Evidence) -> tuple[str, str, dict[str, float]]:
    """Return the effect of large inputs on the first layer: (evidence, why, numbers)."""
    layer = next((layer for layer in evidence.layers if layer.first), None)
    if layer is None:
        return "", "weights are made for inputs near 1", {}
    z, fan_in = layer.z, layer.weight.shape[1]
    spread = float(layer.weight.std())
    why = (
        f"{fan_in} inputs of root mean square {np.sqrt(np.mean(layer.x**2)):.3g} and weights of standard "
        "deviation "
        f"{spread:.2g} make sums z of standard deviation {z.std():.3g}"
    )
    numbers = {"fan-in": float(fan_in), "weights' std": spread, "z std": float(z.std())}
    if layer.activation not in ("sigmoid", "tanh"):
        return "", f"{why}; gradients of the weights are as much too large", numbers
    share = float(np.mean(np.abs(z) > 20))
    said = f"; {share:.1%} of the sums in {layer.place} have |z| > 20"
    flat = "a sigmoid's slope is below 2.1e-9" if layer.activation == "sigmoid" else "tanh is flat"
    return said, f"{why}; beyond 20 {flat}, so the layer learns nothing", numbers | {"|z| > 20": share}


def _raw_pixels(x: Array) -> bool:
    return bool(x.min() == 0 and 128 < x.max() <= 255 and (x == np.rint(x)).all())


def unscaled_targets(evidence: Evidence) -> Iterator[TrainingFinding]:
    """Find regression targets far from 1, or outside the range of the last activation."""
    loss = evidence.read_loss
    if loss is None or not loss.is_quadratic:
        return
    y = array_of(loss.target).astype(np.float64)
    last = op_name(evidence.path[0]) if evidence.path else ""
    low, high = RANGES.get(last, (-np.inf, np.inf))
    outside = float(np.mean((y < low - 0.01) | (y > high + 0.01)))
    size = float(np.sqrt(np.mean(y * y)))
    numbers = {"root mean square": size, "mean": float(y.mean()), "out of reach": outside}
    measured = f"targets from {y.min():.4g} to {y.max():.4g}, root mean square {size:.3g}"
    if outside > 0:
        yield TrainingFinding(
            "unreachable-targets",
            f"Targets are outside the range of the last {last}.",
            f"{measured}; {outside:.0%} of them outside [{low:g}, {high:g}]",
            f"a {last} returns only numbers in [{low:g}, {high:g}]: the network moves to an end and stays",
            "scale the targets into that range, or leave the activation out of the last layer",
            evidence.path[0].scope,
            numbers=numbers,
        )
    elif size > LARGE:
        yield TrainingFinding(
            "unscaled-targets",
            f"The targets are not scaled: they are up to {np.abs(y).max():.4g}.",
            f"{measured}; the outputs' is "
            f"{np.sqrt(np.mean(array_of(loss.compared).astype(np.float64) ** 2)):.3g}",
            "errors, and with them gradients, are as large as the targets, and the learning rate is made for "
            "errors near 1",
            "train on (targets - mean) / std, and undo it on the network's outputs",
            numbers=numbers,
        )


def impossible_targets(evidence: Evidence) -> Iterator[TrainingFinding]:
    """Find cross-entropy targets that are not probabilities: -1 and 1, pixels up to 255, several classes."""
    loss = evidence.read_loss
    if loss is None or not loss.is_cross_entropy:
        return
    y = array_of(loss.target).astype(np.float64)
    if y.shape != loss.compared.shape:
        return  # labels
    rows = not loss.is_binary
    total = float((y.sum(axis=-1) if rows else y).max())
    if y.min() < -0.01 or total > 1.01:
        yield TrainingFinding(
            "impossible-targets",
            "The targets are not probabilities.",
            f"targets from {y.min():.4g} to {y.max():.4g}"
            + (f", rows that sum to up to {total:.4g}" if rows else ""),
            "a cross-entropy is least at the targets only where these lie in [0, 1]"
            + (" and each row sums to 1" if rows else "")
            + "; for others the best outputs are infinite, or the loss has no minimum",
            "give labels as 0 and 1 (from -1 and 1: (targets + 1) / 2; pixels divided by 255)"
            + ("; for several classes at once take BCEWithLogitsLoss" if rows else ""),
            numbers={"lowest": float(y.min()), "highest": float(y.max()), "total": total},
        )


def unrelated_labels(evidence: Evidence) -> Iterator[TrainingFinding]:
    """Find labels that nearest neighbours do not share: shuffled or shifted relative to their inputs."""
    labels, n = evidence.labels, evidence.count
    if labels is None or n < FEWEST_TO_COMPARE or len(np.unique(labels)) < 2:
        return
    right = int((labels[_nearest(evidence.flat_inputs)] == labels).sum())
    shares = np.bincount(as_positions(labels - labels.min())) / n
    chance = float((shares**2).sum())
    expected, deviation = n * chance, float(np.sqrt(n * chance * (1 - chance)))
    if abs(right - expected) <= 2 * deviation and _foretold(evidence.flat_inputs, labels) * math.sqrt(n) <= 2:
        yield TrainingFinding(
            "unrelated-labels",
            "The labels seem to have nothing to do with the inputs.",
            f"the nearest other example has the same label in {right} of {n} cases, and by chance it would "
            "be "
            f"{expected:.0f} ± {deviation:.0f}",
            "inputs and labels were probably shuffled apart, or one of them is shifted by a row: the "
            "network then learns only the training examples",
            "shuffle both with the same permutation, and check a few examples next to their labels",
            severity="warning",
            numbers={"right": right, "examples": n, "by chance": expected},
        )


def _nearest(x: Array) -> NDArray[np.intp]:
    """Return the index of the nearest other row, (n,)."""
    squares = (x * x).sum(axis=1)
    distances = squares[:, None] + squares - 2 * (x @ x.T)
    np.fill_diagonal(distances, np.inf)
    return np.asarray(distances.argmin(axis=1))


def _foretold(x: Array, labels: NDArray[np.int64]) -> float:
    """Return the correlation of labels with their prediction by a linear model; about 0 by chance.

    In many dimensions the nearest neighbour is not near.  Ridge regression with leave-one-out predictions
    (T. Hastie and others, The elements of statistical learning, 2009, section 7.10).
    """
    rows = (labels[:, None] == np.unique(labels)).astype(np.float64)
    rows, x = rows - rows.mean(axis=0), x - x.mean(axis=0)
    products, n = x @ x.T, len(x)
    ridge = max(float(np.trace(products)) / n, np.finfo(np.float64).tiny)
    hat = np.linalg.solve(products + ridge * np.eye(n), products) + 1 / n
    foretold = rows - (rows - hat @ rows) / (1 - np.diag(hat))[:, None]
    return float(np.corrcoef(rows.ravel(), foretold.ravel())[0, 1])


def _outputs(evidence: Evidence) -> int:
    shape = evidence.recorded.output.shape
    return int(shape[-1]) if len(shape) > 1 else 1
