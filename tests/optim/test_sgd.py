"""SGD is PyTorch's, as the documentation of torch.optim.SGD publishes it."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tinygrad_mnist import Tensor, nn, optim
from tinygrad_mnist.errors import CheckpointError, StaleGradientError


def published_sgd(theta, gradients, lr, momentum, dampening, weight_decay, nesterov):
    """The algorithm of torch.optim.SGD line by line; gradients: one a step, None for a step without."""
    b = None
    for g in gradients:
        if g is None:
            continue
        if weight_decay != 0:
            g = g + weight_decay * theta
        if momentum != 0:
            b = g if b is None else momentum * b + (1 - dampening) * g
            g = g + momentum * b if nesterov else b
        theta = theta - lr * g
    return theta


DAMPED = {"lr": 0.5, "momentum": 0.5, "dampening": 0.0, "weight_decay": 0.5, "nesterov": False}
UNIT = st.floats(0, 1)
OPTIONS = st.fixed_dictionaries(
    {"lr": UNIT, "momentum": UNIT, "dampening": UNIT, "weight_decay": UNIT, "nesterov": st.booleans()}
).map(lambda o: o | {"dampening": 0.0, "momentum": o["momentum"] or 0.5} if o["nesterov"] else o)


@given(options=OPTIONS, seed=st.integers(0, 2**32 - 1), present=st.lists(st.booleans(), max_size=6))
@example(options=DAMPED | {"dampening": -1}, seed=0, present=[True] * 3)
@example(options=DAMPED | {"dampening": 1}, seed=0, present=[True] * 3)
@example(options=DAMPED | {"nesterov": True}, seed=0, present=[True] * 3)
def test_options_combine_to_the_published_update(options, seed, present):
    rng = np.random.default_rng(seed)
    start = rng.standard_normal((2, 3))
    gradients = [rng.standard_normal((2, 3)) if there else None for there in present]
    other = Tensor([7.0], requires_grad=True)  # never has a gradient
    parameter = Tensor(start.copy(), requires_grad=True)
    optimizer = optim.SGD([other, parameter], **options)
    for g in gradients:
        parameter.grad = None if g is None else g.copy()
        optimizer.step()
        if g is not None:
            np.testing.assert_array_equal(parameter.grad, g, err_msg="the gradient is left alone")
    expected = published_sgd(start, gradients, **options)
    np.testing.assert_allclose(parameter.data, expected, rtol=1e-12, atol=1e-12)
    assert other.data.tolist() == [7.0]


def test_float32_stays_float32_and_in_its_place():
    parameter = nn.Parameter(np.ones(3), dtype=np.float32)
    array = parameter.data
    optimizer = optim.SGD([parameter], lr=np.float64(0.1), momentum=0.9, weight_decay=0.1, nesterov=True)
    for _ in range(2):
        parameter.grad = np.ones(3, np.float32)
        optimizer.step()
    assert parameter.data is array
    assert {parameter.dtype, states_of(optimizer)[0].velocity.dtype} == {np.dtype(np.float32)}


def test_graph_from_before_the_step_is_stale():
    x, y = (Tensor(2.0, requires_grad=True) for _ in range(2))
    output = x * y
    output.backward()
    optim.SGD([x, y], lr=0.1).step()
    with pytest.raises(StaleGradientError, match="run the forward pass again"):
        output.backward()


def test_zero_grad_forgets_the_gradients():
    x = Tensor(2.0, requires_grad=True)
    optimizer = optim.SGD([x], lr=0.1)
    (x * x).backward()
    optimizer.zero_grad()
    assert x.grad is None


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"lr": -0.1}, "lr is -0.1: expected a finite number >= 0"),
        ({"lr": float("nan")}, "lr is .*: expected a finite number"),
        ({"lr": float("inf")}, "lr is .*: expected a finite number"),
        ({"lr": 1, "momentum": -1}, "momentum is -1"),
        ({"lr": 1, "weight_decay": -1}, "weight_decay is -1"),
        ({"lr": 1, "dampening": float("nan")}, "dampening is nan"),
        ({"lr": 1, "nesterov": True}, "nesterov needs a momentum above 0 and no dampening"),
        ({"lr": 1, "nesterov": True, "momentum": 0.9, "dampening": 0.1}, "nesterov needs"),
        ({"lr": 1, "nesterov": True, "momentum": 0.9, "dampening": -0.1}, "nesterov needs"),
    ],
)
def test_bad_settings_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        optim.SGD([Tensor(1.0, requires_grad=True)], **options)


def test_tensor_that_cannot_be_updated_is_refused():
    x = Tensor(1.0, requires_grad=True)
    with pytest.raises(ValueError, match=r"no parameters: pass model.parameters\(\)"):
        optim.SGD([], lr=0.1)
    for wrong in ([x * 2], [np.ones(2)]):
        with pytest.raises(TypeError, match=r"expected leaf tensors; write model.parameters\(\)"):
            optim.SGD(wrong, lr=0.1)


def states_of(optimizer):
    return [state for group in optimizer.param_groups for state in group.states]


def two_parameters(**options):
    weight = nn.Parameter(np.ones((2, 3)), dtype=np.float32)
    parameters = [weight, nn.Parameter(np.zeros(2), dtype=np.float32)]
    for parameter, name in zip(parameters, ("weight", "bias")):
        parameter.name = name
    return parameters, optim.SGD(parameters, **{"lr": 0.5, "momentum": 0.5, **options})


def stepped(parameters, optimizer, steps=1):
    for _ in range(steps):
        for parameter in parameters:
            parameter.grad = np.ones(parameter.shape, np.float32)
        optimizer.step()


def test_several_parameters_are_all_updated_and_cleared():
    parameters, optimizer = two_parameters(momentum=0.0)
    stepped(parameters, optimizer)
    assert [p.data.tolist() for p in parameters] == [[[0.5] * 3] * 2, [-0.5] * 2]
    optimizer.zero_grad()
    assert [p.grad for p in parameters] == [None, None]
    optimizer.step()
    assert parameters[1].data.tolist() == [-0.5] * 2


def test_each_of_several_updates_makes_older_graphs_stale():
    parameters, optimizer = two_parameters()
    outputs = [(p * p).sum() for p in parameters]
    stepped(parameters, optimizer)
    for output in outputs:
        with pytest.raises(StaleGradientError):
            output.backward()


def test_single_tensor_is_a_parameter_too():
    x = Tensor([1.0, 2.0], requires_grad=True)
    x.grad = np.ones(2)
    optim.SGD(x, lr=1).step()
    assert x.data.tolist() == [0, 1]


def test_rate_of_zero_and_largest_settings_are_accepted():
    x = Tensor([1.0], requires_grad=True)
    assert optim.SGD([x], lr=0, momentum=0, weight_decay=0).lr == 0
    assert optim.SGD([x], lr=1e300, momentum=1, dampening=1, weight_decay=1).dampening == 1


OTHER = {"lr": 0.25, "momentum": 0.75, "dampening": 0.125, "weight_decay": 0.5, "nesterov": False}


def test_saved_state_continues_identically():
    (first, one), (second, other) = two_parameters(**OTHER), two_parameters()
    stepped(first, one, 2)
    state = one.state_dict()
    assert state["param_groups"] == [{**OTHER, "params": [0, 1]}]
    other.load_state_dict(state)
    for parameter, twin in zip(first, second):
        twin.data[:] = parameter.data
    state["state"][0]["velocity"][:] = 99  # copies both ways
    stepped(first, one, 2)
    stepped(second, other, 2)
    for parameter, twin in zip(first, second):
        np.testing.assert_array_equal(parameter.data, twin.data)


def test_saved_velocity_gets_the_dtype_of_its_parameter():
    _, optimizer = two_parameters()
    optimizer.load_state_dict(optimizer.state_dict() | {"state": {0: {"velocity": np.ones((2, 3))}}})
    first, second = (state.velocity for state in states_of(optimizer))
    assert (first.dtype, second) == (np.float32, None)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rate": 1.0}, "settings of SGD are lr, momentum, dampening, weight_decay, nesterov, and the saved"),
        ({"lr": "0.1"}, "saved lr is '0.1'"),
        ({"lr": True}, "saved lr is True"),
        ({"momentum": float("nan")}, "saved momentum is nan"),
        ({"weight_decay": float("inf")}, "saved weight_decay is inf"),
        ({"nesterov": 1}, "saved nesterov is 1"),
        ({"params": [0]}, "saved optimizer has 1 parameters, and this one 2"),
        ({"params": [0, 1, 2]}, "saved optimizer has 3 parameters, and this one 2"),
        ({"lr": -1.0}, "lr is -1.0"),
        ({"nesterov": True, "momentum": 0.0}, "nesterov needs"),
    ],
)
def test_unfit_state_is_refused_without_change(change, message):
    _, optimizer = two_parameters()
    before = optimizer.state_dict()
    group = {**before["param_groups"][0], **OTHER, **change}
    with pytest.raises((CheckpointError, ValueError), match=message):
        optimizer.load_state_dict({"state": {1: {"velocity": np.ones(2)}}, "param_groups": [group]})
    assert optimizer.state_dict() == before
    del group["lr"]
    with pytest.raises(CheckpointError, match="settings of SGD are"):
        optimizer.load_state_dict({"state": {}, "param_groups": [group]})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"state": {1: {"velocity": np.ones(3)}}},
            r"velocity has shape \(3,\) .* its parameter bias \(2,\) here",
        ),
        (
            {"state": {1: {"velocity": np.ones(1)}}},
            r"velocity has shape \(1,\) .* its parameter bias \(2,\) here",
        ),
        ({"state": {0: {"velocity": np.ones((2, 1))}}}, r"velocity has shape \(2, 1\) .* weight \(2, 3\)"),
        ({"state": {2: {}}}, "saved optimizer has a parameter 2, and this one 2"),
        ({"state": {0: {"exp_avg": np.ones((2, 3))}}}, "SGD keeps no 'exp_avg'"),
        ({"state": {0: {"steps": 3}}}, "SGD keeps no 'steps'"),
        ({"param_groups": []}, "saved optimizer has 0 groups of parameters, and this one 1"),
        ({"velocities": []}, r"state of an optimizer has state and param_groups, and this one"),
    ],
)
def test_kept_arrays_that_do_not_fit_are_refused(change, message):
    _, optimizer = two_parameters()
    before = optimizer.state_dict()
    with pytest.raises(CheckpointError, match=message):
        optimizer.load_state_dict({**before, **change})
    assert optimizer.state_dict() == before


@pytest.mark.parametrize("wrong", ["weight" * 100, tuple(range(500)), 2, -1])
def test_position_of_no_parameter_is_refused_in_one_short_line(wrong):
    _, optimizer = two_parameters()
    state = {**optimizer.state_dict(), "state": {wrong: {"velocity": np.ones(2)}}}
    with pytest.raises(CheckpointError, match=r"saved optimizer has a parameter .*, and this one") as caught:
        optimizer.load_state_dict(state)
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_update_after_the_first_allocates_nothing(momentum):
    parameter = nn.Parameter(np.ones(100_000))
    optimizer = optim.SGD([parameter], lr=0.1, momentum=momentum)
    parameter.grad = np.ones(100_000)
    for _ in range(2):
        optimizer.step()
    tracemalloc.start()
    try:
        optimizer.step()
        assert tracemalloc.get_traced_memory()[1] < 200_000  # the parameter has 800,000 bytes
    finally:
        tracemalloc.stop()


def test_optimizer_shows_its_settings():
    _, optimizer = two_parameters(**OTHER)
    assert repr(optimizer) == (
        "SGD(2 parameters, lr=0.25, momentum=0.75, dampening=0.125, weight_decay=0.5, nesterov=False)"
    )


@pytest.mark.parametrize("kind", [int, np.int64, np.float32, np.float64])
def test_setting_is_a_float_for_any_number(kind):
    given = dict.fromkeys(("lr", "momentum", "weight_decay"), kind(1)) | {"nesterov": np.bool_(True)}
    parameters, optimizer = two_parameters(**given)
    for name, value in given.items():
        setattr(optimizer, name, value)
    assert repr(optimizer) == (
        "SGD(2 parameters, lr=1.0, momentum=1.0, dampening=0.0, weight_decay=1.0, nesterov=True)"
    )
    other = optim.SGD(parameters, lr=0.1)
    state = optimizer.state_dict()
    state["param_groups"][0].update(lr=1, momentum=1)
    other.load_state_dict(state)
    assert repr(other) == repr(optimizer)


def test_parameter_listed_twice_is_updated_once():
    def after(listed):
        weight = nn.Parameter([1.0, 2.0])
        optimizer = optim.SGD(listed(weight), lr=0.1, momentum=0.9, weight_decay=0.1)
        for _ in range(2):
            optimizer.zero_grad()
            (weight * weight).sum().backward()
            optimizer.step()
        return weight.data.tolist(), len(optimizer.params), len(optimizer.state_dict()["state"])

    once = after(lambda weight: [weight])
    assert after(lambda weight: [weight, weight]) == once
    assert after(lambda weight: iter([weight] * 5)) == once


def test_tied_layer_counts_and_moves_once():
    layer = nn.Linear(2, 2, rng=np.random.default_rng(0))
    model = nn.Sequential(layer, nn.Tanh(), layer)
    assert len(optim.SGD(model.parameters(), lr=0.1).params) == 2
    assert model.num_parameters() == nn.summary(model).total == 6
    assert sum(row.parameters for row in nn.summary(model).rows) == 6
    assert set(model.state_dict()) == {"0.weight", "0.bias"}
    tied = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    tied[1].weight = tied[0].weight
    assert tied.num_parameters() == nn.summary(tied).total == 8
    assert sum(row.parameters for row in nn.summary(tied).rows) == 8


@pytest.mark.parametrize("wrong", [np.arange(3.0), "weights " * 50, np.ones((40, 40)), None, 3])
def test_non_parameter_is_refused_in_one_short_line(wrong):
    with pytest.raises(TypeError, match=r"params has .*: expected leaf tensors") as caught:
        optim.SGD([Tensor([1.0], requires_grad=True), wrong], lr=0.1)
    assert len(str(caught.value)) < 200
    assert "\n" not in str(caught.value)
