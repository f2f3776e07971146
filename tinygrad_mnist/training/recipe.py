"""A recipe says everything that a training run depends on, and builds its parts."""

from __future__ import annotations

import math
import reprlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinygrad_mnist import nn, optim
from tinygrad_mnist.arguments import require_choice, require_number, require_whole
from tinygrad_mnist.autodiff import ops
from tinygrad_mnist.errors import CheckpointError
from tinygrad_mnist.files.limits import MOST_COUNT, MOST_LAYERS, MOST_UNITS

ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {"relu": nn.ReLU, "sigmoid": nn.Sigmoid, "tanh": nn.Tanh}
LOSSES: dict[str, Callable[[], nn.Module]] = {
    "cross-entropy": nn.CrossEntropyLoss,
    "quadratic": nn.QuadraticLoss,
}
SCHEDULES: dict[str, Callable[[optim.SGD, int], optim.LRScheduler | None]] = {
    "constant": lambda optimizer, epochs: None,
    "cosine": lambda optimizer, epochs: optim.CosineAnnealingLR(optimizer, epochs),
}


@dataclass(frozen=True)
class Recipe:
    """The settings of a run.  The defaults reach about 98 % on MNIST in ten epochs.

    Attributes
    ----------
    hidden
        The sizes of the hidden layers; none for a network without.
    activation
        Of the hidden layers; "quadratic" loss takes sigmoid outputs, "cross-entropy" takes logits.
    dropout
        The share of hidden units that are left out in each training step.
    schedule
        "cosine" lowers the learning rate to 0 over the run, "constant" leaves it.

    Raises
    ------
    TypeError, ValueError
        If a setting is of another kind, out of range, or no such choice exists.
    """

    hidden: tuple[int, ...] = (128,)
    activation: str = "relu"
    loss: str = "cross-entropy"
    dropout: float = 0.0
    lr: float = 0.1
    momentum: float = 0.9
    weight_decay: float = 0.0
    schedule: str = "cosine"
    batch_size: int = 128
    epochs: int = 10
    seed: int = 0

    def __post_init__(self) -> None:
        for name, known in (("activation", ACTIVATIONS), ("loss", LOSSES), ("schedule", SCHEDULES)):
            require_choice(name, getattr(self, name), known)
        for name in ("lr", "momentum", "weight_decay"):
            require_number(name, getattr(self, name), low=0)
        require_number("dropout", self.dropout, low=0, below=1)
        for name, least in (("batch_size", 1), ("epochs", 1), ("seed", 0)):
            require_whole(name, getattr(self, name), low=least)

    @classmethod
    def from_dict(cls, settings: Any) -> Recipe:
        """A recipe from what ``to_dict`` gave.

        Raises
        ------
        CheckpointError
            When a setting is missing, unknown, of another type, or no such choice exists.
        """
        kinds = {field.name: type(field.default) for field in fields(cls)}
        if not isinstance(settings, dict) or set(settings) != set(kinds):
            found = reprlib.repr(settings)  # which may be a megabyte
            raise CheckpointError(f"a recipe has the settings {sorted(kinds)}, and this one is {found}")
        for name, kind in kinds.items():
            _require_kind(name, settings[name], kind)
        numbers = {name: float(settings[name]) for name, kind in kinds.items() if kind is float}
        settings = {**settings, **numbers, "hidden": _sizes(settings["hidden"])}
        for name, least in (
            ("lr", 0),
            ("momentum", 0),
            ("weight_decay", 0),
            ("seed", 0),
            ("dropout", 0),
            ("batch_size", 1),
            ("epochs", 1),
        ):
            value = settings[name]
            if not least <= value < math.inf:
                raise CheckpointError(f"the recipe's {name} is {value}, expected {least} or more")
            if name in ("batch_size", "epochs") and value > MOST_COUNT:
                raise CheckpointError(f"the recipe's {name} is {value}, expected at most {MOST_COUNT}")
        if settings["dropout"] >= 1:
            raise CheckpointError(f"the recipe's dropout is {settings['dropout']}, expected less than 1")
        choices = (("activation", ACTIVATIONS), ("loss", LOSSES), ("schedule", SCHEDULES))
        for name, known in choices:
            value = settings[name]
            if value not in known:
                raise CheckpointError(
                    f"the recipe asks for {reprlib.repr(value)}, and there is only {', '.join(known)}"
                )
        return cls(**settings)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON data."""
        return asdict(self)

    def count_parameters(self, image_shape: tuple[int, int], classes: int) -> int:
        """How many numbers the perceptron will learn, before anything is allocated for it."""
        return sum((fan_in + 1) * fan_out for fan_in, fan_out in self._fans(image_shape, classes))

    def _fans(self, image_shape: tuple[int, int], classes: int) -> Iterator[tuple[int, int]]:
        return pairwise((image_shape[0] * image_shape[1], *self.hidden, classes))

    def build_model(
        self, image_shape: tuple[int, int], classes: int, *, weight_init: nn.init.Initializer | None = None
    ) -> nn.Sequential:
        """The perceptron, its weights drawn from the seed, by default as `nn.Linear` draws them."""
        rng = np.random.default_rng(self.seed)
        layers: list[nn.Module] = [nn.Flatten()]
        for position, (fan_in, fan_out) in enumerate(self._fans(image_shape, classes)):
            if self.dropout and position:
                layers.append(nn.Dropout(self.dropout, rng=np.random.default_rng([self.seed, position])))
            layers.append(nn.Linear(fan_in, fan_out, rng=rng, weight_init=weight_init))
            layers.append(ACTIVATIONS[self.activation]())
        layers.pop()  # no activation after the last layer ...
        if self.loss == "quadratic":
            layers.append(nn.Sigmoid())  # ... unless the cost compares with 0 and 1, as the articles' does
        return nn.Sequential(*layers)

    def build_loss(self) -> nn.Module:
        """The loss."""
        return LOSSES[self.loss]()

    def build_optimizer(self, model: nn.Module) -> tuple[optim.SGD, optim.LRScheduler | None]:
        """The optimizer and its schedule."""
        optimizer = optim.SGD(
            model.parameters(), lr=self.lr, momentum=self.momentum, weight_decay=self.weight_decay
        )
        return optimizer, SCHEDULES[self.schedule](optimizer, self.epochs)

    def probabilities(self, outputs: NDArray[Any]) -> NDArray[Any]:
        """What the network's outputs say of each class, rows that sum to 1.  outputs: (n, classes)."""
        if self.loss == "quadratic":  # sigmoids need not sum to 1: normalised, as the articles do
            totals = outputs.sum(axis=1, keepdims=True)
            return np.asarray(outputs / np.maximum(totals, np.finfo(outputs.dtype).tiny))
        return np.asarray(ops.softmax(outputs))


def _require_kind(name: str, value: Any, kind: type) -> None:
    kinds = {tuple: (list, tuple), float: (float, int)}.get(kind, (kind,))
    if type(value) not in kinds:  # not isinstance: True is no number of epochs
        raise CheckpointError(f"the recipe's {name} is {reprlib.repr(value)}, expected {kinds[0].__name__}")


def _sizes(hidden: Sequence[Any]) -> tuple[int, ...]:
    if len(hidden) > MOST_LAYERS:
        raise CheckpointError(f"the recipe has {len(hidden)} hidden layers, expected at most {MOST_LAYERS}")
    for size in hidden:
        if type(size) is not int or not 1 <= size <= MOST_UNITS:
            raise CheckpointError(
                f"the recipe's hidden sizes are unreadable: {reprlib.repr(size)}, expected 1 to {MOST_UNITS}"
            )
    return tuple(hidden)
