"""State and position of a training: copied, restored, and refused if they are of another training."""

import json
from dataclasses import asdict, replace

import numpy as np
import pytest

from tests.training.jobs import Job
from tinygrad_mnist import nn, optim
from tinygrad_mnist.errors import CheckpointError
from tinygrad_mnist.files.records import read_record
from tinygrad_mnist.training.evaluation import Totals
from tinygrad_mnist.training.history import History
from tinygrad_mnist.training.run_state import Parts, Position, RunState


def parts_of(job):
    return Parts(job.model, job.loss, job.optimizer, job.schedule)


def test_state_has_copies_by_name_and_restores_every_bit():
    job = Job()
    job.fit(epochs=1)
    parts = parts_of(job)
    state = RunState.of(parts)
    assert set(state.arrays) == {
        *(f"model.{name}" for name in job.model.state_dict()), *(f"velocity.{i}" for i in range(4)),
    }  # fmt: skip
    json.dumps(state.numbers, allow_nan=False)
    before = job.end(History())
    masks = [job.model[2](np.ones(50)).tolist() for _ in range(2)]
    job.fit(epochs=1)
    state.put_back(parts)
    after = job.end(History())
    assert after[:3] == before[:3]
    assert [job.model[2](np.ones(50)).tolist() for _ in range(2)] == masks


def test_loss_with_parameters_is_part_of_the_state():
    class Scaled(nn.Module):
        def __init__(self):
            self.scale = nn.Parameter(np.ones(1), dtype=np.float32)
            self.rng = np.random.default_rng(0)

        def forward(self, output, target):
            return nn.MSELoss()(output * self.scale, target)

    model, loss = nn.Linear(1, 1), Scaled()
    parts = Parts(model, loss, optim.SGD([*model.parameters(), *loss.parameters()], lr=0.1))
    state = RunState.of(parts)
    assert "loss.scale" in state.arrays
    assert list(state.numbers["generators"]) == ["loss.rng"]
    assert state.numbers["schedule"] is None
    drawn = loss.rng.random()
    loss.scale.data[:] = 5
    state.put_back(parts)
    assert (loss.scale.data.tolist(), loss.rng.random()) == ([1], drawn)


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("name", ["model.3.bias", "velocity.0"])
def test_one_number_that_is_not_finite_makes_a_state_not_finite(name, value):
    job = Job()
    job.fit(epochs=1)
    state = RunState.of(parts_of(job))
    assert state.finite
    state.arrays[name].flat[-1] = value
    assert not state.finite


REFUSALS = {
    "another group": (
        lambda s: s.arrays.update({"other.x": np.ones(1)}),
        "neither a parameter nor kept by SGD",
    ),
    "a velocity too many": (
        lambda s: s.arrays.update({"velocity.4": np.ones(1)}),
        r"no parameter for velocity\.4",
    ),
    "a parameter missing": (lambda s: s.arrays.pop("model.0.bias"), "missing: 0.bias"),
    "no schedule": (lambda s: s.numbers.update(schedule=None), "one has a learning-rate schedule"),
    "no generator": (lambda s: s.numbers.update(generators={}), "random numbers are drawn by"),
    "numbers missing": (lambda s: s.numbers.pop("generators"), "numbers of the state are damaged"),
    "settings of another kind": (lambda s: s.numbers.update(optimizer=3), "numbers of the state are damaged"),
}


@pytest.mark.parametrize("what", REFUSALS)
def test_state_of_another_training_is_refused(what):
    job = Job()
    job.fit(epochs=1)
    state = RunState.of(parts_of(job))
    change, message = REFUSALS[what]
    change(state)
    with pytest.raises(CheckpointError, match=message):
        state.put_back(parts_of(job))


def test_schedule_state_is_refused_without_a_schedule():
    job = Job()
    state = RunState.of(parts_of(job))
    with pytest.raises(CheckpointError, match="one has a learning-rate schedule and the other has none"):
        state.put_back(replace(parts_of(job), schedule=None))


PLACE = Position(2, 3, 21, 1.5, 1, Totals(4.5, 7, 48))


def test_position_round_trips_through_data():
    for place in (PLACE, Position(), replace(PLACE, loader_epoch=None, totals=Totals(1.0, None, 3))):
        assert read_record(Position, json.loads(json.dumps(asdict(place))), "place") == place


def test_copied_position_advances_separately():
    copy = PLACE.copy()
    assert copy == PLACE
    copy.totals.examples += 1
    copy.step += 1
    assert (PLACE.step, PLACE.totals.examples) == (3, 48)


@pytest.mark.parametrize("name", ["epoch", "step", "steps", "loader_epoch"])
@pytest.mark.parametrize(
    ("value", "fits"),
    [(0, True), (2**53 - 1, True), (2**53, False), (-1, False), (1.0, False), (True, False)],
)
def test_position_counts_are_whole_and_exact_as_float(name, value, fits):
    record = asdict(PLACE) | {name: value}
    if fits:
        assert getattr(read_record(Position, record, "place"), name) == value
    else:
        with pytest.raises(CheckpointError, match=f"place: {name} is {value}: expected a whole number"):
            read_record(Position, record, "place")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"seconds": "1"}, "seconds is '1': expected a number"),
        ({"totals": asdict(Totals("1", 1, 1))}, "totals: loss is '1': expected a number"),
        ({"totals": asdict(Totals(1, -1, 1))}, "totals: correct is -1: expected a whole number"),
        ({"totals": []}, r"totals: expected an object, found \[\]"),
        ({"more": 1}, "'more' is unknown"),
    ],
)
def test_invalid_position_is_an_error(change, message):
    with pytest.raises(CheckpointError, match=f"^place: {message}"):
        read_record(Position, asdict(PLACE) | change, "place")


def test_position_of_an_earlier_version_weighs_each_example_once():
    record = asdict(PLACE)
    del record["totals"]["weight"]
    assert read_record(Position, record, "place").totals.weight == 48.0
