"""A check changes nothing: bytes before and after, also when the function raises."""

import numpy as np
import pytest

from tinygrad_mnist import Tensor, nn
from tinygrad_mnist.checking import check_gradients, diagnose, numeric_gradients, wrong_rules
from tinygrad_mnist.errors import GradientError


def network(rng):
    dropout = nn.Dropout(0.5, rng=np.random.default_rng(1))
    return nn.Sequential(nn.Linear(4, 8, rng=rng), nn.Tanh(), dropout, nn.Linear(8, 3, rng=rng))


def bytes_of(parameter):
    gradient = None if parameter.grad is None else parameter.grad.tobytes()
    return parameter.data.tobytes(), gradient


def state(model, *generators):
    parameters = [(p.dtype, id(p._data), p.serial, p.requires_grad, *bytes_of(p)) for p in model.parameters()]
    random = [g.bit_generator.state for g in (model[2].rng, *generators)]
    return parameters, random, np.random.get_state()[1].tobytes()  # noqa: NPY002


BATCH = (np.random.default_rng(2).uniform(-1, 1, (5, 4)).astype(np.float32), np.array([0, 1, 2, 1, 0]))


@pytest.fixture
def model():
    made = network(np.random.default_rng(0))
    nn.CrossEntropyLoss()(made(BATCH[0]), BATCH[1]).backward()
    next(made.parameters()).requires_grad = False
    return made


@pytest.mark.parametrize("order", [1, 2])
def test_dropout_model_is_checked_with_one_mask_and_unchanged(model, order):
    before = state(model)
    report = check_gradients(model, nn.CrossEntropyLoss(), BATCH, order=order)
    assert report.ok, report
    assert state(model) == before
    numeric_gradients(lambda m: nn.CrossEntropyLoss()(m(BATCH[0]), BATCH[1]), model, sample=3)
    assert state(model) == before


@pytest.mark.parametrize("call", [1, 2, 5, 40, 150])
def test_function_that_raises_leaves_all_unchanged(model, call):
    before = state(model)
    calls = 0

    def function(m):
        nonlocal calls
        calls += 1
        if calls >= call:
            raise RuntimeError("no more")
        return nn.CrossEntropyLoss()(m(BATCH[0]), BATCH[1])

    with pytest.raises(RuntimeError, match="no more") as caught:
        check_gradients(function, model)
    assert state(model) == before
    assert "inside the function that is checked" in caught.value.__notes__[0]


def test_generator_in_reach_is_rewound_for_each_call(model):
    rng = np.random.default_rng(5)
    before = state(model, rng)
    assert check_gradients(lambda x: (x * x * rng.uniform(1, 2)).sum(), np.array([1.0, 2.0])).ok
    with pytest.raises(GradientError, match="not deterministic"):
        check_gradients(lambda x: (x * np.random.rand()).sum(), np.array([1.0]))  # noqa: NPY002
    assert state(model, rng) == before


def test_given_arrays_and_tensors_are_unchanged():
    array, tensor = np.array([1.0, 2.0]), Tensor([3.0, 4.0], requires_grad=True, name="weights")
    tensor.grad = np.array([7.0, 8.0])
    kept = tensor.serial, tensor.name, tensor.data.tobytes(), array.tobytes()
    report = check_gradients(lambda a, b: (a * b).sum(), array, tensor)
    assert [row.name for row in report.rows] == ["a", "weights"]
    assert (tensor.serial, tensor.name, tensor.data.tobytes(), array.tobytes()) == kept
    assert tensor.grad.tolist() == [7, 8]


def test_diagnose_changes_nothing(model):
    loss = nn.CrossEntropyLoss()(model(BATCH[0]), BATCH[1])
    before, value = state(model), loss.data.tobytes()
    with wrong_rules.missing_transpose:
        assert not diagnose(loss).ok
    assert diagnose(loss).ok
    assert (state(model), loss.data.tobytes()) == (before, value)
