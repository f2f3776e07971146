"""Early stopping: the end of a training run that no longer improves, with the best weights put back."""

from __future__ import annotations

import math
from typing import Any

from tinygrad_mnist.arguments import require_bool, require_number, require_whole
from tinygrad_mnist.errors import CheckpointError
from tinygrad_mnist.hints import hinted
from tinygrad_mnist.training.callbacks import Callback
from tinygrad_mnist.training.history import Epoch
from tinygrad_mnist.training.loop import Training
from tinygrad_mnist.typing import Array


class EarlyStopping(Callback):
    """End the training when the loss has not improved for some epochs, and put the best weights back.

    The loss is that on the validation data, or on the training data if there are no validation data.

    Parameters
    ----------
    patience : int, default 5
        Number of epochs without an improvement after which the training ends.
    min_delta : float, default 0
        Smallest decrease of the loss that counts as an improvement, exclusive.
    restore_best : bool, default True
        At the end, put back the weights of the epoch with the lowest loss, also after the last epoch.  A
        training that is interrupted keeps its last weights, to continue from.

    Attributes
    ----------
    best_epoch : int or None
        Number of the epoch with the lowest loss; None before the first.
    best_loss : float
        Its loss.

    Raises
    ------
    TypeError, ValueError
        If `patience` is not a whole number >= 1, `min_delta` not a number >= 0, or `restore_best` not a
        boolean.

    Examples
    --------
    The learning rate is too high: each step doubles the error, and the first epoch is the best.

    >>> import numpy as np
    >>> from tinygrad_mnist import nn, optim
    >>> from tinygrad_mnist.training import fit
    >>> model = nn.Linear(1, 1, bias=False, weight_init=nn.init.ones)
    >>> optimizer = optim.SGD(model.parameters(), lr=1.5)
    >>> data = np.ones((1, 1), np.float32), np.zeros((1, 1), np.float32)
    >>> stopping = EarlyStopping(patience=2)
    >>> history = fit(model, nn.MSELoss(), optimizer, data, epochs=10, callbacks=[stopping])
    >>> [epoch.train_loss for epoch in history], stopping.best_epoch, model.weight.item()
    ([1.0, 4.0, 16.0], 1, -2.0)
    >>> history.stopped
    'no loss below 1 in 2 epochs: the weights of epoch 1 are put back'
    """

    @hinted
    def __init__(self, patience: int = 5, min_delta: float = 0.0, *, restore_best: bool = True) -> None:
        require_whole("patience", patience)
        require_number("min_delta", min_delta, low=0)
        require_bool("restore_best", restore_best)
        self.patience, self.min_delta, self.restore_best = patience, min_delta, restore_best
        self._begin()

    def _begin(self) -> None:
        self.best_loss, self.best_epoch, self._waited = math.inf, None, 0
        self._weights: dict[str, Array] = {}

    best_epoch: int | None

    def before_training(self, training: Training) -> None:
        """Start afresh, or stay stopped if the checkpoint was already stopped.

        Raises
        ------
        CheckpointError
            If the best weights of the checkpoint do not fit the model.
        """
        if not training.resumed:
            self._begin()
        if self._weights and _shapes(self._weights) != _shapes(_weights_of(training)):
            raise CheckpointError("the best weights in the checkpoint are those of another model")
        self._stop_after_patience(training)

    def after_epoch(self, training: Training, epoch: Epoch) -> None:
        """Compare with the best loss so far; keep the weights if it is lower."""
        loss = epoch.train_loss if epoch.validation_loss is None else epoch.validation_loss
        if loss < self.best_loss - self.min_delta:
            self.best_loss, self.best_epoch, self._waited = loss, epoch.epoch, 0
            self._weights = self._evaluated(training, epoch) if self.restore_best else {}
        else:
            self._waited += 1
        self._stop_after_patience(training)

    def at_end(self, training: Training) -> None:
        """Put the best weights back."""
        if self._weights and not training.history.interrupted:
            for group, module in training.parts.modules:
                start = f"{group}."
                own = {n.removeprefix(start): a for n, a in self._weights.items() if n.startswith(start)}
                module.load_state_dict(own)

    def _evaluated(self, training: Training, epoch: Epoch) -> dict[str, Array]:
        """Return the weights whose loss it is: the averages, if an EMA evaluates the validation data."""
        if epoch.validation_loss is None:
            return _weights_of(training)
        with training.evaluating():
            return _weights_of(training)

    def _stop_after_patience(self, training: Training) -> None:
        if self._waited >= self.patience:
            kept = f": the weights of epoch {self.best_epoch} are put back" if self._weights else ""
            training.stop(f"no loss below {self.best_loss:.4g} in {self._waited} epochs{kept}")

    def state_dict(self) -> dict[str, Any]:
        """Return the best loss, its epoch, the number of epochs since, and under "arrays" the weights."""
        best = self.best_loss if math.isfinite(self.best_loss) else None
        own = {"best": best, "best_epoch": self.best_epoch, "waited": self._waited}
        return {**own, "arrays": self._weights}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore the state that `state_dict` returned."""
        self.best_loss = math.inf if state["best"] is None else float(state["best"])
        epoch = state.get("best_epoch")  # checkpoints of earlier versions have none
        self.best_epoch = None if epoch is None else int(epoch)
        self._waited, self._weights = int(state["waited"]), dict(state.get("arrays", {}))


def _weights_of(training: Training) -> dict[str, Array]:
    """Return copies of all weights, with the names that a checkpoint gives them."""
    return {
        f"{group}.{name}": array
        for group, module in training.parts.modules
        for name, array in module.state_dict().items()
    }


def _shapes(arrays: dict[str, Array]) -> dict[str, tuple[int, ...]]:
    return {name: array.shape for name, array in arrays.items()}
