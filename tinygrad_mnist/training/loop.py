"""The training loop: epochs of steps, saved and resumed to the last bit."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator, Sized
from dataclasses import asdict, dataclass
from itertools import islice
from typing import Any, NoReturn

from tinygrad_mnist.datasets import Loader
from tinygrad_mnist.errors import CheckpointError, DataError, DivergenceError
from tinygrad_mnist.training.anomaly import Anomaly, require_finite, shortened, watched_step
from tinygrad_mnist.training.batches import Batch
from tinygrad_mnist.training.checkpoints import Checkpoints
from tinygrad_mnist.training.doctor.attendant import Attendant
from tinygrad_mnist.training.evaluation import evaluate
from tinygrad_mnist.training.history import Epoch, History
from tinygrad_mnist.training.place import Place
from tinygrad_mnist.training.settings import require_same, settings_of, settings_of_data
from tinygrad_mnist.training.state import Parts, State
from tinygrad_mnist.training.step import Step
from tinygrad_mnist.training.totals import PerExample

REMEMBERED_SECONDS = 0.1  # how far back, or an epoch, the origin of a NaN may have to be looked for


@dataclass(frozen=True)
class Progress:
    """Where a run is: epoch and step counted from 1, the number of steps in the epoch, the batch's loss."""

    epoch: int
    step: int
    steps: int | None
    loss: float


class Loop:
    """A training under way."""

    def __init__(
        self,
        parts: Parts,
        train: Iterable[Batch],
        validation: Iterable[Batch] | None,
        on_step: Callable[[Progress], None] | None,
        on_epoch: Callable[[Epoch], None] | None,
        checkpoints: Checkpoints | None,
        eager: bool,
    ) -> None:
        self.parts, self.train, self.validation = parts, train, validation
        self.on_step, self.on_epoch, self.checkpoints = on_step, on_epoch, checkpoints
        self.take_step = Step(parts.model, parts.loss, parts.optimizer, eager=eager)
        self.per_example = PerExample(parts.loss)
        self.attendant: Attendant | None = None
        self.watching = False
        self.history = History()
        self.first_loader_epoch = getattr(train, "epoch", None)
        self.place = Place(loader_epoch=self.first_loader_epoch)
        self.length = len(train) if isinstance(train, Sized) else None
        self.since = self.remembered_at = 0.0  # the seconds of an epoch are counted from the first
        # What another call has to repeat to go on from a checkpoint, or what it was when that was saved.
        self.data_settings = settings_of_data(train=train, validation=validation) if checkpoints else {}
        self.settings = settings_of(parts) | self.data_settings if checkpoints else {}
        self.known: tuple[State, Place] | None = None  # the last state that is known to be good

    def run(self, epochs: int, stopped: Callable[[], bool]) -> None:
        """Train until the last epoch is done, or a signal comes."""
        while self.place.epoch <= epochs and not self.history.interrupted:
            self.since = time.perf_counter()
            if self.known is None or self.since - self.remembered_at > REMEMBERED_SECONDS:
                self._remember()
            for inputs, targets in self._batches():
                if stopped():
                    self._save()
                    self.history.interrupted = True
                    break
                self._step(inputs, targets)
            if self.history.interrupted and not self.place.totals.examples:
                return
            self._end_epoch()
        self._remember()  # the last weights are looked at too

    def _batches(self) -> Iterator[tuple[Any, Any]]:
        """The batches of this epoch that are still to be trained on."""
        self._set_loader_epoch(self.place.loader_epoch)
        batches = islice(self.train, self.place.step, None)
        self.parts.model.train()
        return self.attendant.beside(batches) if self.attendant else batches

    def _set_loader_epoch(self, epoch: int | None) -> None:
        if epoch is not None:
            self.train.epoch = epoch  # type: ignore[attr-defined]

    def _step(self, inputs: Any, targets: Any) -> None:
        place = self.place
        if self.watching:
            done = watched_step(self.parts, inputs, targets, self._when())
            if isinstance(done, Anomaly):
                self._diverge("a number became NaN or infinite", place.step + 1, inputs, done)
            value, output = done
        else:
            value, output = self.take_step(inputs, targets)
            if not math.isfinite(value):
                self._diverge(f"the loss became {value}", place.step + 1, inputs)
        place.step, place.steps = place.step + 1, place.steps + 1
        place.totals.add(self.per_example(value, output, targets), output, targets)
        if self.on_step:
            self.on_step(Progress(place.epoch, place.step, self.length, value))
        now = time.perf_counter()
        place.seconds, self.since = place.seconds + now - self.since, now
        if self.checkpoints and self.checkpoints.due(place.steps):
            self._save()
            self.since = time.perf_counter()  # the disk's time is not the training's

    def _end_epoch(self) -> None:
        """Measure, step the schedule, save; of an epoch that was cut short only measure."""
        parts, place = self.parts, self.place
        if not place.totals.examples and place.epoch > 1:
            raise DataError(
                f"train has no batch in epoch {place.epoch}: it is used up after one pass; give a Loader or "
                "a list"
            )
        trained = place.totals.evaluation()
        held_out = None if self.validation is None else evaluate(parts.model, parts.loss, self.validation)
        epoch = Epoch(
            epoch=place.epoch,
            learning_rate=parts.optimizer.lr,
            train_loss=trained.loss,
            train_accuracy=trained.accuracy,
            validation_loss=held_out.loss if held_out else None,
            validation_accuracy=held_out.accuracy if held_out else None,
            examples=trained.examples,
            seconds=place.seconds,
        )
        if held_out and not math.isfinite(held_out.loss):
            self._diverge(f"the validation loss became {held_out.loss}", place.step)
        self.history.epochs.append(epoch)
        if self.on_epoch:
            self.on_epoch(epoch)
        if self.history.interrupted:
            return
        if self.attendant:
            self.attendant.after_epoch(epoch)
        self._next_epoch()
        self._save(trained.loss if held_out is None else held_out.loss)

    def _next_epoch(self) -> None:
        if self.parts.schedule:
            self.parts.schedule.step()
        loader_epoch = getattr(self.train, "epoch", None)
        self.place = Place(self.place.epoch + 1, steps=self.place.steps, loader_epoch=loader_epoch)

    # States: the one in memory, to look from for the origin of a NaN, and those on the disk

    def _remember(self) -> State:
        state = State.of(self.parts)
        if not state.finite:
            self._diverge("a parameter became NaN or infinite", self.place.step)
        self.known, self.remembered_at = (state, self.place.copy()), time.perf_counter()
        return state

    def _save(self, loss: float | None = None) -> None:
        if self.checkpoints is None:
            return
        state = self._remember()
        contents = {
            "state": state.numbers,
            "place": asdict(self.place),
            "history": self.history.to_dict(),
            "first loader epoch": self.first_loader_epoch,
            "data": self._data(),
            "settings": {"start": self.settings, "saved": settings_of(self.parts) | self.data_settings},
            "doctor": self.attendant.state_dict() if self.attendant else None,
        }
        self.checkpoints.save(self.place.steps, state.arrays, contents, loss)

    def resume(self) -> None:
        """Go on from the newest checkpoint that is whole, if there is any."""
        if self.checkpoints is None:
            return
        before = State.of(self.parts)
        most_bytes = 2 * sum(array.nbytes for array in before.arrays.values()) + 2**20
        saved = self.checkpoints.newest(most_bytes)
        if saved is None:
            return
        checkpoint, arrays = saved
        try:
            contents = checkpoint.contents
            place, history = Place.from_dict(contents["place"]), History.from_dict(contents["history"])
            if contents["data"] != self._data():
                raise CheckpointError(
                    f"the training data were {contents['data']}, and are {self._data()}: the same batches "
                    "are needed to go on"
                )
            if place.step > (self.length or place.step):
                raise CheckpointError(f"it is of step {place.step}, and an epoch has {self.length}")
            State(arrays, contents["state"]).put_back(self.parts)
            if "settings" in contents:  # checkpoints of earlier versions have none
                require_same(self.settings, contents["settings"]["start"], contents["settings"]["saved"])
                self.settings = contents["settings"]["start"]
            self.first_loader_epoch = contents["first loader epoch"]
            if self.attendant and contents["doctor"]:
                self._set_loader_epoch(self.first_loader_epoch)
                self.attendant.resume(contents["doctor"], self.train)
        except CheckpointError as error:
            before.put_back(self.parts)
            raise CheckpointError(f"{checkpoint.path} does not fit: {error}") from error
        except (LookupError, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise CheckpointError(f"{checkpoint.path} is damaged: {error!r}") from error
        self.place = place
        self._set_loader_epoch(place.loader_epoch)
        self.history.epochs, self.history.findings = history.epochs, history.findings

    def _data(self) -> dict[str, Any]:
        """What is known of the training data without looking at them."""
        return self.train.settings() if isinstance(self.train, Loader) else {"steps": self.length}

    # The end when a number is not finite

    def _when(self) -> str:
        return f" in epoch {self.place.epoch}, step {self.place.step + 1}"

    def _diverge(self, what: str, step: int, inputs: Any = None, anomaly: Anomaly | None = None) -> NoReturn:
        """Raise the error, with the origin where it is known or the last steps show it again."""
        if inputs is not None:
            require_finite(inputs, self.place.epoch, step)
        when = f"in epoch {self.place.epoch}, step {step}, at the learning rate {self.parts.optimizer.lr:g}"
        anomaly = anomaly or self._watch_again()
        error = DivergenceError(f"{what} {when}" + ("" if anomaly else ": lower it, or scale the inputs"))
        if anomaly:
            self._explain(error, anomaly)
        elif self.attendant:
            self.attendant.explain(error, [])
        newest = self.checkpoints.newest_path() if self.checkpoints else None
        if newest:
            error.add_note(f"the last good checkpoint is {newest}")
        raise error

    def _watch_again(self) -> Anomaly | None:
        """Do the steps since the last known state again, watched; None when they do not repeat themselves."""
        if self.known is None:
            return None
        state, place = self.known
        failed = self.place.steps
        state.put_back(self.parts)
        self.place = place.copy()
        while self.place.steps <= failed:
            before = self.place.steps
            for inputs, targets in self._batches():
                done = watched_step(self.parts, inputs, targets, self._when())
                if isinstance(done, Anomaly):
                    return done
                self.place.step, self.place.steps = self.place.step + 1, self.place.steps + 1
            if self.place.steps == before:  # batches that cannot be gone through again
                return None
            self._next_epoch()
        return None

    def _explain(self, error: DivergenceError, anomaly: Anomaly) -> None:
        """Add the op, the layer, the step and the examples."""
        place = self.place
        error.epoch, error.step = place.epoch, place.step + 1
        if self.attendant:
            self.attendant.explain(error, [anomaly.finding])
        else:
            error.findings = (anomaly.finding,)
            error.add_note(str(anomaly.finding))
        if anomaly.rows is None:
            return
        if isinstance(self.train, Loader) and place.loader_epoch is not None:
            rows = self.train.rows(place.loader_epoch, place.step)
            error.examples = tuple(int(row) for row in rows[anomaly.rows])
            share = f"{len(error.examples)} of the {len(rows)} in the batch"
            error.add_note(f"on the training examples {shortened(error.examples)} ({share})")
        else:
            error.add_note(f"in the rows {shortened(anomaly.rows.tolist())} of that step's batch")
