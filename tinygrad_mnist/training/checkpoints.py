"""Checkpoints: the callback that saves and resumes training."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Any

from tinygrad_mnist.datasets import Loader
from tinygrad_mnist.errors import CheckpointError, DivergenceError
from tinygrad_mnist.files.records import ADDED, read_record
from tinygrad_mnist.hints import hinted
from tinygrad_mnist.training.checkpoint_files import CheckpointFolder
from tinygrad_mnist.training.history import Epoch, History
from tinygrad_mnist.training.loop import Training
from tinygrad_mnist.training.run_state import Position, RunState
from tinygrad_mnist.training.settings import WEIGHTS, are_among, require_same, settings_of, settings_of_data
from tinygrad_mnist.training.totals import COUNT
from tinygrad_mnist.typing import Array

_CALLBACKS = "callbacks."  # start of the names of arrays in the states of callbacks


class Checkpoints(CheckpointFolder):
    """Save training to a folder at the end of each epoch; resume from the newest state in it.

    With the same network, data and settings, a resumed training ends with the same weights and history, bit
    for bit, as one that never stopped.  The training data must repeat their batches, as a ``Loader`` does.
    Different settings are refused; different weights are replaced by the saved ones, with a warning.

    Parameters
    ----------
    folder : str or Path
        Created if missing.
    every_steps : int, optional
        Also save every N steps.
    every_seconds : float, optional
        Also save when this many seconds have passed since the last save.
    keep : int, default 3
        Number of the newest checkpoints to keep; the one with the lowest loss is kept too.

    Examples
    --------
    The second call trains the epochs that the first has not done.

    >>> import tempfile
    >>> import numpy as np
    >>> from tinygrad_mnist import nn, optim
    >>> from tinygrad_mnist.training import fit
    >>> def train(epochs, folder):
    ...     model = nn.Linear(1, 1, bias=False, weight_init=nn.init.ones)
    ...     optimizer = optim.SGD(model.parameters(), lr=0.25)
    ...     data = np.ones((1, 1), np.float32), np.zeros((1, 1), np.float32)
    ...     return fit(model, nn.MSELoss(), optimizer, data, epochs=epochs, callbacks=[Checkpoints(folder)])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     started, finished = train(2, folder), train(4, folder)
    >>> [epoch.train_loss for epoch in finished]
    [1.0, 0.25, 0.0625, 0.015625]
    >>> started[1] == finished[1]  # also in its seconds: it was not trained again
    True
    """

    @hinted
    def __init__(
        self,
        folder: str | Path,
        *,
        every_steps: int | None = None,
        every_seconds: float | None = None,
        keep: int = 3,
    ) -> None:
        for name, value in (("every_steps", every_steps), ("every_seconds", every_seconds), ("keep", keep)):
            if value is not None and not value > 0:
                raise ValueError(f"{name} is {value}: expected more than 0")
        super().__init__(folder, keep=keep)
        self.every_steps, self.every_seconds = every_steps, every_seconds
        self._saved_at = time.monotonic()  # not the time of day, which can be set back
        # Settings to compare on resuming: those of the first step, or those at the time of the save.
        self._data_settings: dict[str, str] = {}
        self._settings: dict[str, str] = {}

    def due(self, steps: int) -> bool:
        """Return True if a checkpoint is due after this number of updates in all epochs."""
        if self.every_steps and steps % self.every_steps == 0:
            return True
        return self.every_seconds is not None and time.monotonic() - self._saved_at >= self.every_seconds

    # As a callback

    def before_training(self, training: Training) -> None:
        """Resume from the newest whole checkpoint, if there is any.

        Raises
        ------
        CheckpointError
            If it is of another training, or none of the checkpoints is whole.
        """
        self._data_settings = settings_of_data(train=training.train, validation=training.validation)
        self._data_settings |= training.arithmetic
        self._settings = settings_of(training.parts) | self._data_settings
        before = RunState.of(training.parts)
        copies = 2 + len(training.optimizer.STATES)  # the weights, the best ones, the optimizer's arrays
        _, own = _states_of(training.callbacks)  # such as moving averages
        most_bytes = copies * _bytes(before.arrays) + _bytes(own) + 2**20
        saved = self.newest(most_bytes)
        if saved is None:
            return
        checkpoint, arrays = saved
        try:
            self._restore(training, arrays, checkpoint.contents, before.arrays)
        except CheckpointError as error:
            before.put_back(training.parts)
            raise CheckpointError(f"{checkpoint.path} does not fit: {error}") from error
        except (LookupError, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise CheckpointError(f"{checkpoint.path} is damaged: {error!r}") from error

    def after_step(self, training: Training) -> None:
        """Save if a checkpoint is due, or if the run ends within the epoch."""
        if training.processes.rank == 0 and (training.stopping or self.due(training.all_steps)):
            self._save(training)

    def after_epoch(self, training: Training, epoch: Epoch) -> None:
        """Save with the epoch's loss, on the validation data if there are any."""
        if training.processes.rank == 0:
            self._save(training, epoch.train_loss if epoch.validation_loss is None else epoch.validation_loss)

    def on_error(self, training: Training, error: Exception) -> None:
        """Name the last good checkpoint."""
        newest = self.newest_path()
        if newest and isinstance(error, DivergenceError):
            error.add_note(f"the last good checkpoint is {newest}")

    def save(
        self, steps: int, arrays: Mapping[str, Any], contents: dict[str, Any], loss: float | None = None
    ) -> Path | None:
        """Write a checkpoint as `CheckpointFolder.save` does; `every_seconds` count from here."""
        self._saved_at = time.monotonic()
        return super().save(steps, arrays, contents, loss)

    def _save(self, training: Training, loss: float | None = None) -> None:
        state = training.remember()
        states, arrays = _states_of(training.callbacks)
        contents = {
            "state": state.numbers,
            "place": asdict(training.position),
            "history": training.history.to_dict(),
            "first loader epoch": training.batches.first_loader_epoch,
            "data": _data(training),
            "settings": {
                "start": self._settings,
                "saved": settings_of(training.parts) | self._data_settings,
            },
            "callbacks": states,
        }
        self.save(training.all_steps, {**state.arrays, **arrays}, contents, loss)

    def _restore(
        self,
        training: Training,
        arrays: dict[str, Any],
        contents: dict[str, Any],
        before: Mapping[str, Array],
    ) -> None:
        saved = read_record(_Contents, {key.replace(" ", "_"): contents[key] for key in contents}, "contents")
        position = saved.place
        if saved.data != _data(training):
            raise CheckpointError(
                f"the training data were {saved.data}, and are {_data(training)}: the same batches "
                "are needed to continue"
            )
        if position.step > (training.steps or position.step):
            raise CheckpointError(f"it is of step {position.step}, and an epoch has {training.steps}")
        own = {name: array for name, array in arrays.items() if not name.startswith(_CALLBACKS)}
        RunState(own, saved.state).put_back(training.parts)
        if saved.settings is not None:
            start, last = saved.settings["start"], saved.settings["saved"]
            is_own = are_among(_weights_in(before), _weights_in(arrays))  # averages, or the best weights
            present = {**self._settings, WEIGHTS: last.get(WEIGHTS)} if is_own else self._settings
            require_same(present, start, last)
            self._settings = saved.settings["start"]
        training.batches.first_loader_epoch = saved.first_loader_epoch
        for name, state in saved.states(arrays).items():
            load = getattr(training.callbacks.get(name), "load_state_dict", None)
            if load:
                load(state)
        training.go_on(position, saved.history.epochs)


def _states_of(callbacks: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Array]]:
    """Return the states of callbacks by name, and the arrays in them by ``callbacks.NAME.KEY``."""
    states = {name: dict(c.state_dict()) for name, c in callbacks.items() if hasattr(c, "state_dict")}
    arrays = {
        f"{_CALLBACKS}{name}.{key}": array
        for name, state in states.items()
        for key, array in state.pop("arrays", {}).items()
    }
    return states, arrays


def _weights_in(arrays: Mapping[str, Array]) -> list[Array]:
    """Return the weights of model and loss, and what callbacks keep of them."""
    return [array for name, array in arrays.items() if name.startswith(("model.", "loss.", _CALLBACKS))]


def averages_in(arrays: Mapping[str, Array], names: Iterable[str]) -> dict[str, Array]:
    """Return the averages of an EMA in a checkpoint's arrays, by the parameters' names, given in order."""
    positions = enumerate(names)
    return {name: arrays[key] for i, name in positions if (key := f"{_CALLBACKS}EMA.{i}") in arrays}


def _bytes(arrays: Mapping[str, Array]) -> int:
    return sum(array.nbytes for array in arrays.values())


@dataclass(frozen=True)
class _Contents:
    """The contents of a checkpoint; earlier versions wrote no settings, and only the doctor's state."""

    state: dict[str, Any]
    place: Position
    history: History
    first_loader_epoch: Annotated[int | None, COUNT]
    data: dict[str, Any]
    settings: dict[str, Any] | None = field(default=None, metadata=ADDED)
    callbacks: dict[str, Any] | None = field(default=None, metadata=ADDED)
    doctor: dict[str, Any] | None = field(default=None, metadata=ADDED)

    def states(self, arrays: Mapping[str, Array]) -> dict[str, Any]:
        """Return the states of the callbacks by name, each with its arrays."""
        if self.callbacks is None:
            return {"Doctor": {**self.doctor, "findings": self.history.findings}} if self.doctor else {}
        states = {}
        for name, state in self.callbacks.items():
            start = f"{_CALLBACKS}{name}."
            own = {key.removeprefix(start): array for key, array in arrays.items() if key.startswith(start)}
            states[name] = {**state, "arrays": own} if own else state
        return states


def _data(training: Training) -> dict[str, Any]:
    """Return the settings of the training data that are known without reading the data."""
    train = training.train
    return train.settings() if isinstance(train, Loader) else {"steps": training.steps}
