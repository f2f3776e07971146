"""The batches of an epoch: from a position on, and looked at before they are trained on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sized
from itertools import chain, islice

from tinygrad_mnist.datasets.batches import Batch, first_enough, read, unread
from tinygrad_mnist.training.run_state import Position


class EpochBatches:
    """Batches to train on, epoch by epoch.

    Parameters
    ----------
    train : iterable of (inputs, targets)
        A `Loader`, or batches of any other kind.
    together : bool
        True if several processes train: each then reads only its share of a `Loader`'s inputs.

    Attributes
    ----------
    length : int or None
        Number of batches in an epoch; None for batches without a length.
    first_loader_epoch : int or None
        Epoch of the loader, counted from 0, with which the training began; None for other batches.
    """

    def __init__(self, train: Iterable[Batch], *, together: bool) -> None:
        self._train, self._together = train, together
        self.length = len(train) if isinstance(train, Sized) else None
        self.first_loader_epoch = self.loader_epoch
        self._opened: Iterator[Batch] | None = None  # the first epoch's batches, once examined
        self._looked_at: list[Batch] = []

    @property
    def loader_epoch(self) -> int | None:
        """Epoch, counted from 0, whose batches a loader yields next."""
        return getattr(self._train, "epoch", None)

    @loader_epoch.setter
    def loader_epoch(self, epoch: int | None) -> None:
        if epoch is not None:
            self._train.epoch = epoch  # type: ignore[attr-defined]

    def rest(self, position: Position) -> Iterator[Batch]:
        """Return the batches of an epoch from the first that is not trained on yet."""
        batches = self._open(position) if self._opened is None else chain(self._looked_at, self._opened)
        self._opened, self._looked_at = None, []
        return batches

    def first(self, position: Position, examples: int, most: int, *, resumed: bool) -> list[Batch]:
        """Return the first batches of the training, with `examples` together; `rest` yields them too."""
        if resumed or position.steps:
            self.loader_epoch = self.first_loader_epoch
            found = first_enough([], map(read, unread(self._train)), examples, most)
            self.loader_epoch = position.loader_epoch
            return found
        if self._opened is None:
            self._opened = self._open(position)
        return list(map(read, first_enough(self._looked_at, self._opened, examples, most)))

    def _open(self, position: Position) -> Iterator[Batch]:
        self.loader_epoch = position.loader_epoch
        batches = unread(self._train) if self._together else self._train
        return islice(batches, position.step, None)
