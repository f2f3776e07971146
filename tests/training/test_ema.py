"""A moving average of the weights as a callback of `fit`: evaluation, resume, early stopping."""

import os
import signal
from contextlib import nullcontext

import numpy as np
import pytest

from tests.training.callbacks import Calls
from tests.training.jobs import EPOCHS, STEPS, Job, Killed, killed_after, uninterrupted
from tinygrad_mnist import nn, optim
from tinygrad_mnist.training import Checkpoints, EarlyStopping, evaluate


def averaged(*arguments, callbacks=(), **options):
    """Train with an EMA; return the job, the EMA and all results."""
    job = Job()
    ema = optim.EMA(job.model.parameters(), decay=0.9)
    history = job.fit(*arguments, callbacks=[ema, *callbacks], **options)
    return job, ema, (job.end(history), [state.average.tobytes() for state in ema.states])


def weights(job):
    return [array.copy() for array in job.model.state_dict().values()]


@pytest.mark.parametrize("backend", ["numpy", "eager"])
def test_validation_data_are_evaluated_with_the_averages(backend):
    seen = []
    noted = Calls(after_epoch=lambda training, epoch: seen.append(training.model.state_dict()))
    job, _, (end, _) = averaged(backend=backend, callbacks=[noted])
    alone = uninterrupted(backend=backend)
    trained = {name: array.tobytes() for name, array in seen[-1].items()}
    assert (trained, end[1]) == alone[:2]  # the training itself is not affected
    held_out = evaluate(job.model, job.loss, job.validation)  # with the averages, which are there at the end
    assert end[3][-1]["validation_loss"] == held_out.loss
    assert end[3][-1]["validation_loss"] != alone[3][-1]["validation_loss"]
    assert end[3][-1]["train_loss"] == alone[3][-1]["train_loss"]


def test_weights_are_put_back_when_the_evaluation_fails():
    job, seen = Job(), []
    job.validation = lambda: iter([(np.ones((1, 5), np.float32), np.zeros(1, int))])
    ema = optim.EMA(job.model.parameters(), decay=0.9)
    noted = Calls(after_step=lambda training: seen.append(weights(job)))
    with pytest.raises(ValueError, match="5"):
        job.fit(callbacks=[ema, noted])
    assert all(map(np.array_equal, weights(job), seen[-1]))


@pytest.mark.parametrize("steps", [3, STEPS, STEPS + 5, EPOCHS * STEPS - 1])
def test_resumed_averages_end_with_the_same_bits(steps, tmp_path):
    _, _, expected = averaged()
    with pytest.raises(Killed):
        averaged(Checkpoints(tmp_path, every_steps=2), callbacks=[killed_after(steps)])
    _, _, found = averaged(Checkpoints(tmp_path, every_steps=2))
    assert found == expected


def test_averages_of_a_large_network_are_read_from_a_checkpoint(tmp_path):
    """The file has the weights, the velocities, the best weights and two averages."""

    def run():
        job = Job(hidden=60_000)
        emas = [optim.EMA(job.model.parameters(), decay=d) for d in (0.5, 0.9)]
        job.fit(Checkpoints(tmp_path), epochs=1, callbacks=[*emas, EarlyStopping()])
        return [state.average.tobytes() for ema in emas for state in ema.states]

    assert run() == run()


@pytest.mark.parametrize("is_first", [True, False])
def test_best_averages_are_put_back_in_any_order(is_first):
    job, seen, stopping = Job(lr=2.0), [], EarlyStopping(patience=EPOCHS)
    ema = optim.EMA(job.model.parameters(), decay=0.5)
    noted = Calls(after_epoch=lambda *_: seen.append([state.average.copy() for state in ema.states]))
    job.fit(callbacks=[stopping, noted, ema] if is_first else [ema, noted, stopping])
    assert stopping.best_epoch < EPOCHS  # the last averages are others
    assert all(map(np.array_equal, weights(job), seen[stopping.best_epoch - 1]))


def test_averages_are_the_weights_at_the_end():
    job, ema, _ = averaged()
    assert all(map(np.array_equal, weights(job), [state.average for state in ema.states]))


def test_interrupted_training_keeps_the_trained_weights():
    job, seen = Job(), []
    ema = optim.EMA(job.model.parameters(), decay=0.9)

    def interrupt(training):
        if training.all_steps == STEPS + 2:
            os.kill(os.getpid(), signal.SIGINT)
            seen.append(weights(job))

    history = job.fit(callbacks=[ema, Calls(after_step=interrupt)])
    assert history.interrupted
    assert all(map(np.array_equal, weights(job), seen[0]))


def test_another_fit_goes_on_from_the_trained_weights():
    _, _, (expected, averages) = averaged()
    job = Job()
    ema = optim.EMA(job.model.parameters(), decay=0.9)
    for _ in range(EPOCHS):
        history = job.fit(callbacks=[ema], epochs=1)
    assert [state.average.tobytes() for state in ema.states] == averages
    assert job.end(history)[:2] == expected[:2]


def test_another_fit_keeps_weights_that_were_loaded():
    job, ema, _ = averaged()
    other = {name: np.full_like(array, 0.1) for name, array in job.model.state_dict().items()}
    job.model.load_state_dict(other)
    seen = []
    noted = Calls(before_training=lambda training: seen.append(weights(job)))
    job.fit(callbacks=[ema, noted], epochs=1)
    assert all(map(np.array_equal, seen[0], other.values()))


def test_average_of_another_model_is_refused():
    other = optim.EMA(nn.Linear(2, 2).parameters())
    with pytest.raises(ValueError, match=r"params of EMA .* write EMA\(optimizer.params\)"):
        Job().fit(callbacks=[other])


LEAVING = {
    "averages": lambda model: [optim.EMA(model.parameters(), decay=0.9)],
    "averages of a layer": lambda model: [optim.EMA(model[0].parameters(), decay=0.9)],
    "the best weights": lambda model: [EarlyStopping(EPOCHS)],
    "the best averages": lambda model: [optim.EMA(model.parameters(), decay=0.5), EarlyStopping(EPOCHS)],
}


@pytest.mark.parametrize("are_new", [False, True], ids=["same objects", "new objects"])
@pytest.mark.parametrize("leaving", LEAVING.values(), ids=LEAVING)
def test_weights_that_a_callback_left_are_no_cause_of_a_warning(leaving, are_new, tmp_path):
    """With warnings as errors; the training goes on as if it had not ended."""
    job = Job(lr=2.0)
    callbacks = leaving(job.model)
    job.fit(Checkpoints(tmp_path), epochs=EPOCHS - 1, callbacks=callbacks)
    if are_new:
        left = job.model.state_dict()
        job = Job(lr=2.0)
        job.model.load_state_dict(left)
        callbacks = leaving(job.model)
    history = job.fit(Checkpoints(tmp_path), callbacks=callbacks)
    whole = Job(lr=2.0)
    expected = whole.end(whole.fit(callbacks=leaving(whole.model)))
    assert job.end(history) == expected


@pytest.mark.parametrize("leaving", LEAVING.values(), ids=LEAVING)
def test_weights_of_another_seed_still_cause_a_warning(leaving, tmp_path):
    for seed in (1, 2):
        job = Job(seed=seed)
        with pytest.warns(RuntimeWarning, match="the weights") if seed == 2 else nullcontext():
            job.fit(Checkpoints(tmp_path), callbacks=leaving(job.model), epochs=1)
