"""Groups of parameters: settings of their own, read and set as in PyTorch, captured and saved."""

import numpy as np
import pytest

from tests.program.networks import batch, quadratic
from tinygrad_mnist import Tensor, nn, optim
from tinygrad_mnist.program import compile


def grouped(kind=optim.SGD, **options):
    training = quadratic(optimizer=kind)
    first, second = training.model[0], training.model[2]
    groups = [{"params": first.parameters(), "lr": 0.05}, {"params": second.parameters()}]
    training.optimizer = kind(groups, **{"lr": 0.2, **options})
    return training


def leaf():
    return Tensor([1.0, 2.0], requires_grad=True)


@pytest.mark.parametrize("kind", [optim.SGD, optim.Adam, optim.RMSprop])
def test_replay_with_groups_gives_the_eager_bits(kind):
    eager, replayed = grouped(kind), grouped(kind)
    compiled = compile(replayed.step)
    rng = np.random.default_rng(0)
    for i in range(8):
        for training in (eager, replayed):
            training.optimizer.param_groups[1]["lr"] = 0.2 / (1 + i)
        x, y = batch(rng, eager)
        assert compiled(x, y).data.tobytes() == eager.step(x, y).data.tobytes()
        assert replayed.state() == eager.state()


def test_groups_are_read_and_set_as_in_pytorch():
    optimizer = grouped().optimizer
    assert [group["lr"] for group in optimizer.param_groups] == [0.05, 0.2]
    assert [len(group["params"]) for group in optimizer.param_groups] == [2, 2]
    for group in optimizer.param_groups:
        group["lr"] = np.float32(0.5)
    assert optimizer.lr == 0.5
    optimizer.lr = 0.25
    assert [group.lr for group in optimizer.param_groups] == [0.25, 0.25]
    assert repr(optimizer).startswith("SGD(4 parameters in 2 groups, lr=0.25, momentum=0.0")


def test_setting_that_differs_between_groups_has_no_common_value():
    optimizer = grouped().optimizer
    with pytest.raises(AttributeError, match=r"lr is 0\.05, 0\.2 in the groups: expected one for all; write"):
        _ = optimizer.lr
    assert "lr=0.05 or 0.2" in repr(optimizer)


def test_later_group_is_updated_too():
    x, y = leaf(), leaf()
    optimizer = optim.SGD([x], lr=1.0)
    optimizer.add_param_group({"params": y, "lr": 0.5})
    x.grad = y.grad = np.ones(2)
    optimizer.step()
    assert (x.data.tolist(), y.data.tolist()) == ([0, 1], [0.5, 1.5])


def test_state_of_other_groups_is_refused():
    state = grouped().optimizer.state_dict()
    with pytest.raises(ValueError, match="saved optimizer has 2 groups of parameters, and this one 1"):
        optim.SGD(nn.Linear(2, 2).parameters(), lr=0.1).load_state_dict(state)


def shared():
    x = leaf()
    return [{"params": [x]}, {"params": [x]}]


@pytest.mark.parametrize(
    ("groups", "error", "message"),
    [
        (shared, ValueError, "in two groups: expected it in one; leave it out of the other"),
        (
            lambda: [{"params": [leaf()], "rate": 1}],
            ValueError,
            "has the setting 'rate': expected some of lr",
        ),
        (lambda: [{"params": [leaf()], "lr": -1}], ValueError, "lr is -1: expected a finite number >= 0"),
        (lambda: [{"params": [3]}], TypeError, "params has 3: expected leaf tensors"),
        (lambda: [{"params": [leaf()]}, leaf()], TypeError, "params has {'params'.*: expected leaf tensors"),
    ],
)
def test_wrong_groups_are_refused(groups, error, message):
    with pytest.raises(error, match=message):
        optim.SGD(groups(), lr=0.1)
