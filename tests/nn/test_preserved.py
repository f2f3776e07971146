"""A trial step leaves no trace: arrays, gradients, velocities, modes, generators, settings."""

import numpy as np
import pytest

from tinygrad_mnist import nn, optim
from tinygrad_mnist.nn.preserved import generators_of


class Noisy(nn.Module):
    """A loss with a parameter, a buffer and a generator."""

    def __init__(self):
        self.scale = nn.Parameter(np.ones(1), dtype=np.float32)
        self.calls = nn.Buffer(0)
        self.rng = np.random.default_rng(5)

    def forward(self, output, target):
        self.calls += 1
        return nn.MSELoss()(output * self.scale, target) * (1 + self.rng.random())


def parts(momentum=0.9):
    model = nn.Sequential(nn.Linear(3, 4, rng=0), nn.Dropout(0.5, rng=1), nn.Linear(4, 1, rng=2))
    loss, foreign = Noisy(), nn.Parameter(np.ones(2), dtype=np.float32)
    optimizer = optim.SGD([*model.parameters(), *loss.parameters(), foreign], lr=0.1, momentum=momentum)
    return model, loss, optimizer, foreign


X, Y = np.ones((5, 3), np.float32), np.zeros((5, 1), np.float32)


def take_step(model, loss, optimizer):
    loss(model(X), Y).backward()
    for parameter in optimizer.params:
        parameter.grad = np.ones(parameter.shape, np.float32)
    optimizer.step()


def tensors_of(model, loss, foreign):
    return [*model.parameters(), *loss.parameters(), *loss.buffers(), foreign]


def velocities_of(optimizer):
    return [state.velocity for state in optimizer.param_groups[0].states]


def everything(model, loss, optimizer, foreign):
    """All that a step may change, as values, and the objects that hold it."""
    tensors = tensors_of(model, loss, foreign)
    arrays = [t.data for t in tensors] + [t.grad for t in tensors] + velocities_of(optimizer)
    values = [None if a is None else a.tobytes() for a in arrays]
    serials = [t.serial for t in tensors]
    modes = [m.training for part in (model, loss) for m in part.modules()]
    streams = [repr(g.bit_generator.state) for _, g in generators_of((("model", model), ("loss", loss)))]
    return [values, serials, modes, streams, optimizer.lr, optimizer.momentum], [id(a) for a in arrays]


@pytest.mark.parametrize("steps_before", [0, 2])
@pytest.mark.parametrize("fails", [False, True])
@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_everything_is_as_it_was_after_the_block(steps_before, fails, momentum):
    model, loss, optimizer, foreign = parts(momentum)
    for _ in range(steps_before):
        take_step(model, loss, optimizer)
    model[2].eval()
    before = everything(model, loss, optimizer, foreign)
    states = optimizer.param_groups[0].states
    try:
        with nn.preserved(model, loss, optimizer):
            optimizer.lr, optimizer.momentum = 5.0, 0.5
            model.eval(), model[2].train(), loss.eval()
            take_step(model, loss, optimizer)
            for tensor in tensors_of(model, loss, foreign):
                tensor.data = tensor.data + 1  # other arrays
            model.train()(X)
            assert everything(model, loss, optimizer, foreign) != before
            if fails:
                raise KeyError
    except KeyError:
        assert fails
    assert everything(model, loss, optimizer, foreign) == before
    assert optimizer.param_groups[0].states is states


def test_values_changed_in_place_come_back_in_the_same_arrays():
    model, loss, optimizer, foreign = parts()
    take_step(model, loss, optimizer)
    before = everything(model, loss, optimizer, foreign)
    with nn.preserved(model, loss, optimizer):
        for tensor in tensors_of(model, loss, foreign):
            tensor.data[...] = 7
            if tensor.grad is not None:
                tensor.grad[...] = 7
        for velocity in velocities_of(optimizer):
            velocity[...] = 7
    assert everything(model, loss, optimizer, foreign) == before


def test_an_array_that_cannot_be_written_is_left_alone():
    model = nn.Linear(2, 1, rng=0)
    locked = np.ones((1, 2), np.float32)
    locked.setflags(write=False)
    model.weight._data = locked  # an assignment to data would copy it
    with nn.preserved(model, None, None):
        model.weight.data = np.zeros((1, 2), np.float32)
    assert model.weight.data is locked


def test_parts_without_a_state_are_passed_over():
    model = nn.Linear(2, 1, rng=0)
    before = model.state_dict()
    for given in ((model, np.mean, None), (np.mean, model, None)):
        with nn.preserved(*given):
            model.weight.data[:] = 3
            model.eval()
        assert all((array == before[name]).all() for name, array in model.state_dict().items())
        assert model.training
    with nn.preserved(np.mean, None, None):
        pass


def test_generators_are_named_by_part_module_and_attribute():
    model, loss, *_ = parts()
    model.rng = np.random.default_rng(0)
    named = [("model", model), ("function", np.mean), ("", nn.Sequential(nn.Dropout())), ("loss", loss)]
    names = [name for name, _ in generators_of(named)]
    assert names == ["model.rng", "model.1.rng", "0.rng", "loss.rng"]
    assert dict(generators_of(named))["loss.rng"] is loss.rng
