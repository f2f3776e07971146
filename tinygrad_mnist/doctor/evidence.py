"""Evidence for the doctor: the recorded graph of a forward pass, its gradients, and trial steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from tinygrad_mnist.autodiff import backward as engine
from tinygrad_mnist.autodiff.modes import no_grad
from tinygrad_mnist.autodiff.primitive import array_of
from tinygrad_mnist.autodiff.tensor import Tensor
from tinygrad_mnist.doctor.reading import LossOp, WeightedSum, find_loss, loss_behind, weighted_sums
from tinygrad_mnist.errors import DataError
from tinygrad_mnist.nn import Module
from tinygrad_mnist.typing import Array

Batch = tuple[Any, Any]

MOST_EXAMPLES = 512  # for statistics: shares are accurate to about two per cent


@dataclass(frozen=True)
class Recorded:
    """A forward pass, and the gradients of its loss by parameter name (None for no gradient)."""

    output: Tensor
    loss: Tensor
    gradients: dict[str, Array | None]

    @property
    def value(self) -> float:
        """The loss."""
        return float(self.loss.item())


class Evidence:
    """A model, its loss and a few batches, examined once and read by all checks.

    Parameters
    ----------
    model, loss
        Called as ``loss(model(inputs), targets)``.
    batches
        ``(inputs, targets)`` each.
    optimizer, step
        As for `diagnose_training`; None if the learning rate or the step is not checked.
    clip_norm, clip_value
        As for `diagnose_training`.
    """

    def __init__(
        self,
        model: Module,
        loss: Any,
        batches: Sequence[Batch],
        optimizer: Any = None,
        step: Any = None,
        clip_norm: float | None = None,
        clip_value: float | None = None,
    ) -> None:
        self.model, self.loss, self.batches = model, loss, list(batches)
        self.optimizer, self.step = optimizer, step
        self.clip_norm, self.clip_value = clip_norm, clip_value
        self.modes = [(module, module.training) for module in model.modules()]
        self.parameters: dict[str, Tensor] = dict(model.named_parameters())
        self.inputs, self.targets = _join(self.batches)
        self.count = len(self.inputs)

    @cached_property
    def recorded(self) -> Recorded:
        """The forward pass on all batches together."""
        return self.look(self.inputs, self.targets)

    def look(self, inputs: Any, targets: Any) -> Recorded:
        """Run a forward pass, and a backward pass that leaves each ``.grad`` unchanged."""
        output = self.model(self.as_given(inputs))
        loss = self.loss(output, targets)
        named = {name: p for name, p in self.parameters.items() if p.requires_grad}
        if not loss.requires_grad:
            return Recorded(output, loss, dict.fromkeys(named))
        seed = np.ones(loss.shape, loss.dtype)
        found = engine.pull_back([loss], [seed], list(named.values()))
        return Recorded(output, loss, dict(zip(named, found)))

    def value(self, inputs: Any, targets: Any) -> float:
        """Return the loss on examples, without a graph."""
        with no_grad():
            return float(self.loss(self.model(self.as_given(inputs)), targets).item())

    def as_given(self, inputs: Any) -> Any:
        """Return the inputs as a Tensor if the batches consist of Tensors."""
        given = isinstance(self.batches[0][0], Tensor) and not isinstance(inputs, Tensor)
        return Tensor(inputs) if given else inputs

    # Read from the graph

    @cached_property
    def ops(self) -> list[Tensor]:
        """All computed tensors, each after its inputs."""
        return [t for t in reversed(engine.upstream([self.recorded.loss])) if t.inputs]

    @cached_property
    def layers(self) -> list[WeightedSum]:
        """The weighted sums of inputs, first layer first."""
        return weighted_sums(self.ops, self.parameters)

    @cached_property
    def read_loss(self) -> LossOp | None:
        """The loss as read from the graph; None if it is of an unknown kind."""
        return find_loss(self.ops)

    @cached_property
    def path(self) -> list[Tensor]:
        """The chain of ops before the loss that only reshape or squash their input, the latest first."""
        return loss_behind(self.read_loss)

    @cached_property
    def labels(self) -> Array | None:
        """Classes as integers (n,), from any form of targets; None if the targets are not classes."""
        return classes_of(self.targets)

    @cached_property
    def flat_inputs(self) -> Array:
        """Inputs as float64, (n, features)."""
        return self.inputs.reshape(self.count, -1).astype(np.float64)

    @cached_property
    def finite(self) -> bool:
        """True if the loss and all gradients are finite."""
        gradients = self.recorded.gradients.values()
        return bool(np.isfinite(self.recorded.value)) and all(
            g is None or bool(np.isfinite(g).all()) for g in gradients
        )


def classes_of(targets: Array) -> Array | None:
    """Return labels (n,) from integer labels, 0 and 1, or one-hot rows; None for other targets."""
    if targets.ndim == 2 and targets.shape[1] > 1:
        one_hot = bool(((targets == 0) | (targets == 1)).all() and (targets.sum(axis=1) == 1).all())
        return targets.argmax(axis=1) if one_hot else None
    flat = targets.reshape(len(targets), -1)
    if flat.shape[1] != 1:
        return None
    if flat.dtype.kind in "iub" or bool(np.isin(flat, (0.0, 1.0)).all()):
        return flat[:, 0].astype(np.int64)
    return None


def _join(batches: Sequence[Batch]) -> tuple[Array, Array]:
    """Join all batches, thinned evenly to `MOST_EXAMPLES`, so that sorted data show every class."""
    if not batches or not all(len(array_of(x)) for x, _ in batches):
        raise DataError(
            "batch has no examples: expected one batch or more; give (inputs, targets) with examples"
        )
    inputs, targets = (np.concatenate([array_of(batch[i]) for batch in batches]) for i in (0, 1))
    if len(inputs) > MOST_EXAMPLES:
        chosen = np.linspace(0, len(inputs) - 1, MOST_EXAMPLES).astype(int)
        inputs, targets = inputs[chosen], targets[chosen]
    return inputs, targets
