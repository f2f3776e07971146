"""Training learns, is reproducible bit for bit, and ends cleanly in every case."""

import signal

import numpy as np
import pytest

from tests.training.callbacks import Calls
from tinygrad_mnist import nn, optim
from tinygrad_mnist.errors import DataError, DivergenceError
from tinygrad_mnist.training import evaluate, fit, predict


def weights(training):
    return b"".join(p.data.tobytes() for p in training.model.parameters())


@pytest.mark.parametrize(("loss", "activation"), [("cross-entropy", "relu"), ("quadratic", "tanh")])
def test_network_learns_to_read_digits(training, digits, loss, activation):
    job = training(loss=loss, activation=activation, epochs=8)
    history = job.fit(epochs=8)
    assert history[-1].validation_accuracy > 0.9
    assert history[-1].train_loss < 0.5 * history[0].train_loss
    assert [e.epoch for e in history] == [*range(1, 9)]
    assert [e.learning_rate for e in history] == sorted((e.learning_rate for e in history), reverse=True)
    assert history[0].examples == len(digits.train)
    assert history[-1].validation_loss == evaluate(job.model, job.loss, digits.validation.loader(100)).loss


def test_same_seed_gives_the_same_weights_bit_for_bit(training):
    first, second, other = (training(seed=seed) for seed in (1, 1, 2))
    for job in (first, second, other):
        job.fit()
    assert weights(first) == weights(second)
    assert weights(first) != weights(other)


def press_ctrl_c_at(epoch, step):
    def on_step(training):
        if (training.epoch, training.step) == (epoch, step):
            signal.raise_signal(signal.SIGINT)

    return Calls(after_step=on_step)


def test_ctrl_c_ends_the_epoch_early_and_keeps_the_weights(training):
    before = signal.getsignal(signal.SIGINT)
    job = training()
    history = job.fit(callbacks=[press_ctrl_c_at(2, 3)])
    assert history.interrupted
    assert [e.examples for e in history] == [1237, 3 * 16]
    assert (
        history[1].validation_accuracy
        == evaluate(job.model, job.loss, job.digits.validation.loader(100)).accuracy
    )
    assert signal.getsignal(signal.SIGINT) is before


def test_after_ctrl_c_no_further_batch_is_drawn(training, digits):
    job, drawn = training(), []

    def batches():
        for batch in digits.train.loader(16):
            drawn.append(batch)
            yield batch

    history = fit(job.model, job.loss, job.optimizer, batches(), epochs=1, callbacks=[press_ctrl_c_at(1, 3)])
    assert (history.interrupted, history[0].examples, len(drawn)) == (True, 48, 3)


def test_second_ctrl_c_stops_at_once(training):
    def on_step(training):
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        training().fit(callbacks=[Calls(after_step=on_step)])


def test_nan_loss_names_epoch_and_step(training, digits):
    job = training()
    images, labels = next(iter(digits.train.loader(16)))

    def batches():
        yield images, labels
        next(job.model.parameters()).data[:] = np.nan  # as after an update that overflowed
        yield images, labels

    message = "loss became nan in epoch 1, step 2, at the learning rate 0.1: lower it, or scale the inputs"
    with pytest.raises(DivergenceError, match=message):
        fit(job.model, job.loss, job.optimizer, batches(), epochs=1)


def test_diverging_run_raises_one_error_without_warnings(training):
    with pytest.raises(DivergenceError, match=r"at the learning rate 1e\+30"):
        training(lr=1e30).fit()


def test_evaluation_keeps_modes_parameters_and_gradients(training, digits):
    job = training()
    frozen = nn.Dropout(0.5).eval()
    model = nn.Sequential(frozen, nn.Dropout(0.5), job.model)
    before = weights(job)
    first, second = (evaluate(model, job.loss, digits.test.loader(7)) for _ in range(2))
    assert first == second
    assert first == evaluate(job.model.eval(), job.loss, digits.test.loader(7))
    assert [module.training for module in (model, frozen, model[1])] == [True, False, True]
    assert weights(job) == before
    assert all(p.grad is None for p in model.parameters())


def test_evaluation_is_the_mean_over_examples_for_any_batches(training, digits):
    job = training()
    whole, parts = (evaluate(job.model, job.loss, digits.test.loader(n)) for n in (360, 7))
    assert parts.loss == pytest.approx(whole.loss, rel=1e-5)
    assert (parts.accuracy, parts.examples) == (whole.accuracy, 360)
    outputs, labels = predict(job.model, digits.test.loader(7))
    assert whole.accuracy == (outputs.argmax(axis=1) == labels).mean()


def test_regression_has_no_accuracy():
    model = nn.Linear(2, 1)
    batch = np.ones((4, 2), np.float32), np.ones((4, 1), np.float32)
    history = fit(model, nn.MSELoss(), optim.SGD(model.parameters(), 0.1), [batch], epochs=2)
    assert history[-1].train_accuracy is None
    assert history[-1].validation_loss is None


def test_empty_data_raise_instead_of_dividing_by_zero(training):
    job = training()
    for work in (
        lambda: fit(job.model, job.loss, job.optimizer, [], epochs=1),
        lambda: evaluate(job.model, job.loss, []),
        lambda: predict(job.model, []),
    ):
        with pytest.raises(DataError, match="there is no batch"):
            work()


def test_nan_pixel_is_reported_instead_of_learning_rate():
    model = nn.Linear(2, 2)
    batch = np.ones((3, 2), np.float32)
    batch[1, 0] = np.nan
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    with pytest.raises(DataError, match="example 1 of the batch in epoch 1, step 1 holds NaN or infinity"):
        fit(model, nn.CrossEntropyLoss(), optimizer, [(batch, np.zeros(3, int))], epochs=1)
