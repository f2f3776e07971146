"""The doctor: run all checks in causal order."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from tinygrad_mnist.checking.findings import TrainingDiagnosis, TrainingFinding
from tinygrad_mnist.checking.first_nan import first_nan
from tinygrad_mnist.datasets import Split
from tinygrad_mnist.datasets.batches import Batches, as_batches, dtype_of, is_pair
from tinygrad_mnist.doctor.checks import (
    data,
    first_loss,
    learning_rate,
    memorize,
    own_step,
    parameters,
    units,
    wiring,
)
from tinygrad_mnist.doctor.evidence import MOST_EXAMPLES, Evidence
from tinygrad_mnist.nn import Module
from tinygrad_mnist.nn.preserved import preserved
from tinygrad_mnist.nn.requirements import require_loss, require_model

Check = Callable[[Evidence], Iterable[TrainingFinding]]


def _made_not_finite(evidence: Evidence) -> Iterable[TrainingFinding]:
    """Find the op that makes the first NaN or infinity out of finite inputs."""
    return () if evidence.finite else first_nan(evidence.recorded.loss)


# A stage is run only if the earlier ones found no error, because its findings mostly follow from theirs.  Raw
# pixels saturate sigmoids, saturated sigmoids stop the gradient, and twenty images cannot be learned.  That
# is one finding with its reason instead of three.
STAGES: tuple[tuple[str, tuple[Check, ...]], ...] = (
    ("no numbers", (data.not_finite,)),
    ("made no numbers", (_made_not_finite,)),
    (
        "the wiring",
        (
            wiring.activation_before_loss,
            wiring.accidental_broadcast,
            wiring.mixed_examples,
            wiring.no_logarithms,
            data.impossible_targets,
            wiring.negative_loss,
            wiring.missing_activation,
            parameters.without_gradient,
            parameters.frozen,
            parameters.not_in_optimizer,
        ),
    ),
    ("the step", (learning_rate.wrong_gradient, own_step.watch_step)),
    ("the data", (data.constant_inputs, data.one_class, data.unscaled_targets, data.unscaled_inputs)),
    ("labels", (data.unrelated_labels,)),
    ("the first weights", (units.symmetric, units.saturated, units.dead_relus)),
    ("the first loss", (first_loss.initial_loss,)),
    ("the learning rate", (learning_rate.learning_rate,)),
    ("twenty examples", (memorize.cannot_overfit,)),
)


def diagnose_training(
    model: Module,
    loss: Any,
    batch: Batches,
    optimizer: Any = None,
    step: Callable[[Any, Any], Any] | None = None,
    clip_norm: float | None = None,
    clip_value: float | None = None,
) -> TrainingDiagnosis:
    """Find out why a model does not learn, from its graph, its gradients and a few trial steps.

    Parameters
    ----------
    model, loss
        Called as ``loss(model(inputs), targets)``.
    batch
        ``(inputs, targets)``, or several as in `fit`.  More examples make the findings more certain.
    optimizer
        The optimizer that will train the model, to check its learning rate and its parameters.
    step
        Your training step, ``step(inputs, targets)``.  The doctor checks that it clears the gradients, goes
        downhill and moves all parameters.
    clip_norm, clip_value
        Bounds of the gradients in training, as in `fit`; the trial steps keep them too.

    Returns
    -------
    TrainingDiagnosis
        The findings, the likeliest cause first; empty (``.ok``) if the network can learn.

    Notes
    -----
    Nothing is changed: parameters, gradients, the optimizer, modes and the modules' generators are restored.
    Other effects of your `step` (a counter, a file) are not undone.

    Raises
    ------
    DataError
        If there are no examples.

    Examples
    --------
    >>> from tinygrad_mnist import nn
    >>> model = nn.Sequential(nn.Linear(2, 3, rng=np.random.default_rng(0)), nn.Softmax())
    >>> batch = np.array([[0.0, 1.0], [1.0, 0.0]], np.float32), np.array([0, 2])
    >>> diagnose_training(model, nn.CrossEntropyLoss(), batch).names
    ('softmax-twice',)
    """
    order = "diagnose_training(model, loss, batch, optimizer)"
    require_model(model, order)
    require_loss(loss, order)
    batches = _batches_of(batch, model)
    small_products = threadpool_limits(1)  # threads would only wait for each other
    with small_products, preserved(model, loss, optimizer), np.errstate(all="ignore"):
        evidence = Evidence(model, loss, batches, optimizer, step, clip_norm, clip_value)
        model.eval()  # dropout off: results can be repeated and compared
        return TrainingDiagnosis(tuple(_run(evidence)), _subject(evidence))


def _batches_of(given: Any, model: Module) -> list[Any]:
    """Return a pair as one batch, the rows to examine of a split, and all batches of anything else."""
    if isinstance(given, Split):
        rows = np.linspace(0, len(given) - 1, min(len(given), MOST_EXAMPLES)).astype(int)
        given = Split(given.take(rows), given.labels[rows], given.pixel_max)
    elif is_pair(given):
        inputs, targets = (part if hasattr(part, "__array__") else np.asarray(part) for part in given)
        return [(inputs if inputs is given[0] else inputs.astype(dtype_of(model)), targets)]
    return list(as_batches("batch", given, model))


def _run(evidence: Evidence) -> list[TrainingFinding]:
    """Run all stages up to the first that finds an error."""
    found: list[TrainingFinding] = []
    for _, checks in STAGES:
        for check in checks:
            found += check(evidence)
        if any(finding.severity == "error" for finding in found):
            break
    return sorted(found, key=lambda finding: finding.severity != "error")


def _subject(evidence: Evidence) -> str:
    number = len(evidence.batches)
    return f"{evidence.count} examples of {number} batch{'es' * (number != 1)}"
