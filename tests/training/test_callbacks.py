"""Callbacks: five hooks in a fixed order, whose state a checkpoint keeps and whose time is not training."""

import time

import numpy as np
import pytest

from tests.training.callbacks import Calls
from tests.training.jobs import EPOCHS, STEPS, Job, Killed, killed_after
from tinygrad_mnist.errors import CheckpointError, DivergenceError
from tinygrad_mnist.training import Callback, Checkpoints, EarlyStopping, Progress


class Noting(Callback):
    """Notes the name of each hook that is called."""

    def __init__(self, name, notes):
        self.name, self.notes = name, notes

    def before_training(self, training):
        self.notes.append(("before_training", self.name))

    def after_step(self, training):
        self.notes.append(("after_step", self.name, training.epoch, training.step))

    def after_epoch(self, training, epoch):
        self.notes.append(("after_epoch", self.name, epoch.epoch))

    def on_error(self, training, error):
        self.notes.append(("on_error", self.name, type(error)))

    def at_end(self, training):
        self.notes.append(("at_end", self.name))


def test_hooks_are_called_in_the_order_of_the_list():
    notes = []
    Job().fit(epochs=2, callbacks=[Noting("a", notes), Noting("b", notes)])
    of_one = [("before_training",)]
    for epoch in (1, 2):
        of_one += [("after_step", epoch, step) for step in range(1, STEPS + 1)] + [("after_epoch", epoch)]
    of_one.append(("at_end",))
    assert notes == [(first, name, *rest) for first, *rest in of_one for name in "ab"]


def test_checkpoints_are_called_last_in_any_order(tmp_path):
    """A callback's changes at the end of an epoch are in the checkpoint of that epoch."""

    class Counter:
        count = 0

        def after_epoch(self, training, epoch):
            self.count += 1

        def state_dict(self):
            return {"count": self.count}

        def load_state_dict(self, state):
            self.count = state["count"]

    Job().fit(epochs=2, callbacks=[Checkpoints(tmp_path), Counter()])
    counter = Counter()
    Job().fit(callbacks=[Checkpoints(tmp_path), counter])
    assert counter.count == EPOCHS


def test_two_callbacks_of_a_class_have_separate_states(tmp_path):
    class Named:
        def __init__(self, name):
            self.name = name

        def after_epoch(self, training, epoch):
            pass

        def state_dict(self):
            return {"name": self.name}

        def load_state_dict(self, state):
            self.restored = state["name"]

    Job().fit(Checkpoints(tmp_path), epochs=1, callbacks=[Named("a"), Named("b")])
    pair = Named("c"), Named("d")
    Job().fit(Checkpoints(tmp_path), callbacks=pair)
    assert [callback.restored for callback in pair] == ["a", "b"]


def test_error_is_reported_and_raised():
    notes, job = [], Job()

    def break_it(training):
        if training.all_steps == 3:
            for parameter in training.model.parameters():
                parameter.data = np.full_like(parameter.data, np.nan)

    with pytest.raises(DivergenceError):
        job.fit(callbacks=[Calls(after_step=break_it), Noting("a", notes)])
    assert notes[-1] == ("on_error", "a", DivergenceError)
    assert ("at_end", "a") not in notes


@pytest.mark.parametrize("hook", ["before_training", "after_step", "after_epoch"])
def test_time_of_callbacks_is_not_counted(hook, monkeypatch):
    """On a clock that only callbacks move, a training takes no time."""
    now = [0.0]
    monkeypatch.setattr(time, "perf_counter", lambda: now[0])

    def wait(*told):
        now[0] += 1.0

    history = Job().fit(epochs=2, callbacks=[Calls(**{hook: wait})])
    assert [epoch.seconds for epoch in history] == [0.0, 0.0]


@pytest.mark.parametrize(("step", "examples"), [(4, 64), (STEPS, 135)])
def test_callback_ends_the_run_within_an_epoch(step, examples):
    def stop(training):
        if (training.epoch, training.step) == (2, step):
            training.stop("enough")

    history = Job().fit(callbacks=[Calls(after_step=stop)])
    assert [epoch.examples for epoch in history] == [135, examples]
    assert (history.stopped, history.interrupted) == ("enough", False)


def test_callback_of_five_lines_ends_the_run_after_an_epoch():
    class Goal:
        def after_epoch(self, training, epoch):
            if epoch.epoch == 2:
                training.stop("two are enough")

    history = Job().fit(callbacks=[Goal()])
    assert (len(history), history.stopped) == (2, "two are enough")


def test_early_stopping_waits_for_its_patience():
    losses = iter([3.0, 2.0, 2.0, 1.95, 1.0])

    def measured(training, epoch):
        object.__setattr__(epoch, "validation_loss", next(losses))

    history = Job(schedule=False).fit(
        epochs=9, callbacks=[Calls(after_epoch=measured), EarlyStopping(patience=2, min_delta=0.1)]
    )
    assert len(history) == 4
    assert history.stopped == "no loss below 2 in 2 epochs: the weights of epoch 2 are put back"


def weights(job):
    return [array.copy() for array in job.model.state_dict().values()]


@pytest.mark.parametrize(
    "losses", [[3.0, 1.0, 2.0, 2.0, 0.5], [3.0, 1.0, 2.0]], ids=["patience", "last epoch"]
)
@pytest.mark.parametrize("restore_best", [True, False])
def test_early_stopping_puts_the_best_weights_back(losses, restore_best):
    job, left, seen = Job(schedule=False), iter(losses), []

    def measured(training, epoch):
        object.__setattr__(epoch, "validation_loss", next(left))
        seen.append(weights(job))

    stopping = EarlyStopping(patience=2, restore_best=restore_best)
    history = job.fit(epochs=len(losses), callbacks=[Calls(after_epoch=measured), stopping])
    assert (len(history), stopping.best_epoch, stopping.best_loss) == (min(4, len(losses)), 2, 1.0)
    for found, expected in zip(weights(job), seen[1 if restore_best else -1]):
        np.testing.assert_array_equal(found, expected)


def test_interrupted_training_keeps_its_last_weights():
    job, seen = Job(schedule=False), []

    def interrupt(training):
        if training.all_steps == 2 * STEPS + 3:
            training.stopping = True  # as Ctrl-C does
            seen.append(weights(job))

    stopping = EarlyStopping(min_delta=1e9)  # the first epoch stays the best
    history = job.fit(epochs=5, callbacks=[Calls(after_step=interrupt), stopping])
    assert history.interrupted
    for found, expected in zip(weights(job), seen[0]):
        np.testing.assert_array_equal(found, expected)


def test_best_weights_of_another_model_are_refused():
    stopping = EarlyStopping()
    stopping.load_state_dict({"best": 1.0, "waited": 1, "arrays": {"model.0.weight": np.ones((2, 2))}})
    job = Job()

    def resumed(training):
        training.resumed = True

    with pytest.raises(CheckpointError, match="the best weights in the checkpoint are those of another"):
        job.fit(callbacks=[Calls(before_training=resumed), stopping])


def test_early_stopping_starts_afresh_in_another_training():
    stopping = EarlyStopping(patience=1, min_delta=1e9)
    lengths = [len(Job(schedule=False).fit(epochs=5, callbacks=[stopping])) for _ in range(2)]
    assert lengths == [2, 2]


def test_early_stopping_resumes_from_a_checkpoint(tmp_path):
    def run(epochs=8, **options):
        job = Job(schedule=False)
        return job.end(job.fit(epochs=epochs, **options))

    def callbacks(*more):
        return [EarlyStopping(patience=3, min_delta=1e9), *more]

    whole = run(callbacks=callbacks())
    for steps in (STEPS + 2, 2 * STEPS + 5):
        with pytest.raises(Killed):
            run(callbacks=callbacks(killed_after(steps), Checkpoints(tmp_path)))
    assert run(callbacks=callbacks(Checkpoints(tmp_path))) == whole
    assert run(callbacks=callbacks(Checkpoints(tmp_path))) == whole  # it stays finished


def test_progress_writes_a_line_per_epoch():
    lines = []
    Job().fit(callbacks=[Progress(lines.append)])
    assert [line[:11] for line in lines] == ["epoch   1/3", "epoch   2/3", "epoch   3/3"]
    assert "validation accuracy" in lines[0]


def test_first_batches_are_trained_on_after_examination():
    seen = []

    def look(training):
        seen.append([len(y) for _, y in training.first_batches(40)])
        seen.append([len(y) for _, y in training.first_batches(20, most=1)])

    plain, looked = Job(), Job()
    assert plain.end(plain.fit()) == looked.end(looked.fit(callbacks=[Calls(before_training=look)]))
    assert seen == [[16, 16, 16], [16]]


class OnlyOldNames:
    def on_step(self, progress):
        pass


@pytest.mark.parametrize(
    ("callbacks", "message"),
    [
        (EarlyStopping(), r"callbacks is .*: expected a list of callbacks; write \[callback\]"),
        ([EarlyStopping], r"callbacks\[0\] is .*did you mean EarlyStopping\(\)\?"),
        ([Progress(), OnlyOldNames()], r"callbacks\[1\] is .*: expected an object with one of the methods"),
        ([print], r"callbacks\[0\] is the function print: expected an object"),
        ("Progress", r"callbacks is 'Progress': expected a list"),
    ],
)
def test_non_callback_is_refused(callbacks, message):
    job = Job()
    with pytest.raises(TypeError, match=message):
        job.fit(callbacks=callbacks) if isinstance(callbacks, list) else fit_with(job, callbacks)


def fit_with(job, callbacks):
    from tinygrad_mnist.training import fit

    return fit(job.model, job.loss, job.optimizer, job.train, epochs=1, callbacks=callbacks)


def test_two_folders_to_resume_from_are_refused(tmp_path):
    with pytest.raises(ValueError, match="callbacks holds 2 Checkpoints: expected at most one"):
        Job().fit(callbacks=[Checkpoints(tmp_path / "a"), Checkpoints(tmp_path / "b")])


def test_hooks_that_do_nothing_are_not_called():
    from tinygrad_mnist.training.callbacks import hooks_of

    assert all(hooks == [] for hooks in hooks_of([Callback()]).values())
