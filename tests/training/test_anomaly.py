"""The first number that is not finite is traced to its op, layer, step and examples."""

import numpy as np
import pytest

from tests.training.callbacks import Calls
from tinygrad_mnist import nn, ops, optim
from tinygrad_mnist.datasets import Loader
from tinygrad_mnist.doctor import Doctor
from tinygrad_mnist.errors import DivergenceError
from tinygrad_mnist.training import Checkpoints, fit

COUNT, BATCH = 200, 16
RNG = np.random.default_rng(0)
INPUTS = (np.abs(RNG.standard_normal((COUNT, 5))) + 0.1).astype(np.float32)
LABELS = RNG.integers(0, 3, COUNT)


class Network(nn.Module):
    def __init__(self, bend):
        rng = np.random.default_rng(1)
        self.bend = bend
        self.hidden = nn.Linear(5, 8, rng=rng)
        self.dropout = nn.Dropout(0.2, rng=np.random.default_rng(2))
        self.output = nn.Linear(8, 3, rng=rng)

    def forward(self, x):
        return self.output(self.dropout(self.bend(self.hidden, x).tanh()))


class Bent:
    """A network whose `bend` fails on one example, and the place of that example in a run."""

    def __init__(self, bend, example=123, value=0.0, lr=0.1):
        self.inputs = INPUTS.copy()
        self.inputs[example, 2] = value
        self.model = Network(bend)
        self.optimizer = optim.SGD(self.model.parameters(), lr, momentum=0.9)
        self.loader = Loader(self.inputs, LABELS, BATCH, shuffle=True, seed=4)
        batches = (self.loader.rows(0, step) for step in range(len(self.loader)))
        self.step = 1 + next(step for step, rows in enumerate(batches) if example in rows)

    def fails(self, **options):
        with pytest.raises(DivergenceError) as caught:
            self.fit(**options)
        return caught.value

    def fit(self, train=None, **options):
        loss = nn.CrossEntropyLoss()
        return fit(self.model, loss, self.optimizer, train or self.loader, epochs=3, **options)


def before_layer(layer, x):
    return layer(ops.log(x))


def after_layer(layer, x):
    return layer(x) / ops.sum(x * (x > 0.01), axis=1, keepdims=True)


def root(layer, x):
    """Finite forward, an infinite slope where x[:, 2] is 0."""
    return layer(x) + ops.sqrt(layer.weight[0, 0] ** 2 * x[:, 2:3])


@pytest.mark.parametrize(
    "options", [{}, {"detect_anomaly": True}, {"backend": "eager"}, {"callbacks": [Doctor()]}]
)
def test_op_before_the_first_layer_is_named(options):
    bent = Bent(before_layer)
    error = bent.fails(**options)
    assert (error.epoch, error.step, error.examples) == (1, bent.step, (123,))
    finding = error.findings[-1]
    assert finding.name == "first-nan"
    assert "log_1 = log(inputs)" in finding.what
    assert f"in epoch 1, step {bent.step}" in finding.what
    assert "in Network" in finding.where
    assert "return layer(ops.log(x))" in finding.where
    assert any("on the training examples 123 (1 of the 16 in the batch)" in n for n in error.__notes__)


def test_op_in_a_layer_names_the_layer():
    class Log(nn.Module):
        def forward(self, x):
            return ops.log(x)

    bent = Bent(lambda layer, x: layer(x))
    bent.model.output = nn.Sequential(Log(), bent.model.output)
    assert "Sequential[output]/Log[0]" in bent.fails().findings[0].where


def test_infinite_slope_of_a_finite_loss_is_found():
    bent = Bent(root)
    finding = bent.fails(detect_anomaly=True).findings[0]
    assert "backward pass, by the rule of sqrt" in finding.what
    assert f"in epoch 1, step {bent.step}" in finding.what
    assert Bent(root).fails().findings[0].what == finding.what


def test_infinite_slope_of_the_inputs_alone_is_ignored():
    bent = Bent(lambda layer, x: layer(ops.sqrt(x)), lr=3e38)
    bent.optimizer.momentum = 0.0
    bent.model.output.weight.data = bent.model.output.weight.data * 1e3
    bent.inputs[:, 2] = 0.0  # sqrt's slope is infinite, but not needed
    assert "by the update of" in bent.fails(detect_anomaly=True).findings[0].what


def test_overflowing_update_is_named():
    bent = Bent(lambda layer, x: layer(x), lr=1e38, value=1.0)
    bent.optimizer.momentum = 0.0
    for parameter in bent.model.parameters():
        parameter.data = parameter.data * 1e2
    error = bent.fails(detect_anomaly=True)
    assert "is made by the update of hidden.weight in epoch 1, step 1." in error.findings[0].what
    assert error.examples == ()


@pytest.mark.parametrize("options", [{}, {"detect_anomaly": True}])
def test_diverged_network_is_restored_to_before_the_step(options):
    expected = Bent(before_layer)
    batches = [batch for batch, _ in zip(expected.loader, range(expected.step - 1))]
    fit(expected.model, nn.CrossEntropyLoss(), expected.optimizer, batches, epochs=1)
    bent = Bent(before_layer)
    bent.fails(**options)
    for name, array in expected.model.state_dict().items():
        np.testing.assert_array_equal(bent.model.state_dict()[name], array)
    states = [each.model.dropout.rng.bit_generator.state for each in (expected, bent)]
    assert states[0] == states[1]


def test_nan_is_explained_in_a_later_or_resumed_epoch(tmp_path):
    late = [0]

    def bend(layer, x):
        return layer(x * (np.inf if late[0] else 1.0))

    bent = Bent(bend, value=1.0)

    def break_it(training, epoch):
        late[0] = epoch.epoch == 2

    error = bent.fails(callbacks=[Calls(after_epoch=break_it), Checkpoints(tmp_path)], backend="eager")
    assert (error.epoch, error.step) == (3, 1)
    newest = Checkpoints(tmp_path).newest_path()
    assert error.__notes__[-1] == f"the last good checkpoint is {newest}"
    assert newest.stem == f"step-{2 * len(bent.loader):09}"


def test_repeated_steps_may_span_epochs():
    found = []
    for watching in (True, False):
        bent = Bent(lambda layer, x: layer(x), value=1.0)
        bent.loader = Loader(bent.inputs, LABELS, 100, shuffle=True)
        schedule = optim.ExponentialLR(bent.optimizer, 1e6)
        parts = bent.model, nn.CrossEntropyLoss(), bent.optimizer, bent.loader
        with pytest.raises(DivergenceError) as caught:
            fit(*parts, epochs=20, schedule=schedule, detect_anomaly=watching)
        error = caught.value
        found.append((error.epoch, error.step, error.findings[0].what, error.examples))
    assert found[0] == found[1]
    assert found[0][0] > 3


def test_nan_weights_outside_the_loss_are_found_at_epoch_end():
    bent = Bent(lambda layer, x: layer(x), value=1.0)
    hidden = nn.Linear(5, 3)
    bent.model.unused = hidden
    unused = next(hidden.parameters())
    bent.optimizer = optim.SGD([*bent.model.parameters()], 0.1)

    def spoil(training):
        if (training.epoch, training.step) == (1, 4):
            unused.data = np.full(unused.shape, np.nan, np.float32)

    error = bent.fails(callbacks=[Calls(after_step=spoil)])
    assert "a parameter became NaN or infinite" in str(error)


def test_plain_batches_are_counted_by_their_rows():
    bent = Bent(before_layer)
    batches = [(bent.inputs[i : i + BATCH], LABELS[i : i + BATCH]) for i in range(0, COUNT, BATCH)]
    error = bent.fails(train=batches)
    assert (error.epoch, error.step, error.examples) == (1, 1 + 123 // BATCH, ())
    assert f"in the rows {123 % BATCH} of that step's batch" in error.__notes__


def test_watching_changes_nothing():
    histories = []
    for watching in (False, True):
        fine = Bent(before_layer, value=1.0)
        fine.fit(detect_anomaly=watching)
        histories.append(fine.model.state_dict())
    for name, array in histories[0].items():
        np.testing.assert_array_equal(histories[1][name], array)
