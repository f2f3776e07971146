"""Single checks of the doctor on networks of a few numbers: their limits, and what they read of the data."""

from itertools import pairwise

import numpy as np
import pytest

from tinygrad_mnist import Tensor, nn, ops, optim
from tinygrad_mnist.autodiff.primitive import REGISTRY
from tinygrad_mnist.doctor import diagnose_training
from tinygrad_mnist.doctor.checks import data, learning_rate, memorize, own_step, units, wiring
from tinygrad_mnist.doctor.evidence import MOST_EXAMPLES, Evidence, classes_of

RNG = np.random.default_rng(0)
X = RNG.standard_normal((12, 3))


def linear(*sizes, activation=nn.Tanh, bias=True):
    rng, layers = np.random.default_rng(1), []
    for before, after in pairwise(sizes):
        layers += [nn.Linear(before, after, bias, rng=rng, dtype=np.float64), activation()]
    return nn.Sequential(*layers[:-1])


def evidence(model, loss, *batches, **more):
    return Evidence(model, loss, batches, **more)


def names(findings):
    return [finding.name for finding in findings]


@pytest.mark.parametrize(
    ("targets", "labels"),
    [
        ([2, 0, 1], [2, 0, 1]),
        ([[2], [0]], [2, 0]),
        ([True, False], [1, 0]),
        ([0.0, 1.0, 1.0], [0, 1, 1]),
        ([[0.0], [1.0]], [0, 1]),
        ([[0, 1, 0], [0, 0, 1]], [1, 2]),
        ([[0.0, 1.0], [1.0, 0.0]], [1, 0]),
        ([[0.5, 0.5], [1.0, 0.0]], None),
        ([[1.0, 1.0], [1.0, 0.0]], None),
        ([[2, -1], [1, 0]], None),
        ([0.5, 1.0], None),
        ([[[0, 1]], [[1, 0]]], None),
    ],
)
def test_classes_are_read_from_any_form_of_targets(targets, labels):
    found = classes_of(np.array(targets))
    assert (None if found is None else found.tolist()) == labels


def test_many_examples_are_thinned_evenly_from_first_to_last():
    count = 3 * MOST_EXAMPLES + 1
    batches = [
        (np.arange(count)[i : i + 100, None] * 1.0, np.arange(count)[i : i + 100])
        for i in range(0, count, 100)
    ]
    seen = evidence(linear(1, 2), nn.CrossEntropyLoss(), *batches)
    assert (seen.inputs[0, 0], seen.inputs[-1, 0], seen.count) == (0, count - 1, MOST_EXAMPLES)
    assert set(np.diff(seen.targets)) <= {3, 4}
    np.testing.assert_array_equal(seen.inputs[:, 0], seen.targets)


@pytest.mark.parametrize(("slope", "found"), [(1.0, 0), (-0.25, 0), (-0.35, 1), (-1.0, 1)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_gradient_is_wrong_if_the_loss_climbs_by_a_third_of_what_it_says(slope, found, dtype, monkeypatch):
    right = REGISTRY["linear"].rules
    wrong = (right[0], lambda *given: right[1](*given) / slope, right[2])
    model = nn.Sequential(nn.Linear(3, 1, rng=0, dtype=dtype))
    batch = X.astype(dtype), np.ones((12, 1), dtype)
    monkeypatch.setattr(REGISTRY["linear"], "rules", wrong)
    findings = list(learning_rate.wrong_gradient(evidence(model, nn.MSELoss(), batch)))
    assert names(findings) == ["wrong-gradient"] * found
    for finding in findings:
        assert finding.where == "0.weight"
        assert finding.numbers["slope"] == pytest.approx(slope, rel=0.1)


ZEROS, ONES, LAST = np.zeros(20, int), np.ones(20, int), np.ones(1, int)


@pytest.mark.parametrize(
    ("targets", "severity"),
    [
        ([ZEROS, ONES], "error"),
        ([ZEROS, ZEROS], "warning"),
        ([ZEROS, ZEROS, ZEROS[:1]], "warning"),
        ([ZEROS, ONES, LAST], "error"),
        ([ZEROS, np.arange(20) % 2], None),
        ([ZEROS[:8], ONES[:8]], None),
    ],
)
@pytest.mark.parametrize("size", [1, 2])
def test_batches_of_one_class_are_sorted_or_the_other_class_is_rare(targets, severity, size):
    loss = nn.CrossEntropyLoss() if size == 2 else nn.BCEWithLogitsLoss()
    shaped = [y if size == 2 else y[:, None].astype(float) for y in targets]
    batches = [(RNG.standard_normal((len(y), 3)), y) for y in shaped]
    findings = list(data.one_class(evidence(linear(3, size), loss, *batches)))
    assert [finding.severity for finding in findings] == ([severity] if severity else [])
    for finding in findings:
        assert ("the other class is rare" in finding.why) == (severity == "warning")
        assert finding.evidence == "the first batch has 20 examples, all of class 0"
        assert finding.what == f"Each of {len(targets)} batches holds examples of one class only."


@pytest.mark.parametrize(("count", "found"), [(7, []), (8, ["constant-inputs"])])
def test_equal_inputs_are_told_from_eight_on(count, found):
    batch = np.ones((count, 3)), np.arange(count) % 2
    assert names(data.constant_inputs(evidence(linear(3, 2), nn.CrossEntropyLoss(), batch))) == found


@pytest.mark.parametrize("leading", [(), (2,)], ids=["rows", "sequences"])
def test_a_softmax_twice_counts_the_classes_of_the_last_axis(leading):
    model = nn.Sequential(linear(3, 4), nn.Softmax())
    batch = RNG.standard_normal((5, *leading, 3)), RNG.integers(0, 4, (5, *leading))
    (finding,) = wiring.activation_before_loss(evidence(model, nn.CrossEntropyLoss(), batch))
    assert finding.numbers["least loss"] == pytest.approx(np.log(1 + 3 / np.e))
    assert f"ln(1 + 3/e) = {np.log(1 + 3 / np.e):.2f}" in finding.why
    assert float(finding.evidence.rpartition("within ")[2][:-1]) < 1e-12


class Negative(nn.Module):
    def forward(self, output, targets):
        return -ops.squared_error(output, Tensor(targets))


@pytest.mark.parametrize(("loss", "found"), [(Negative(), ["negative-loss"]), (nn.MSELoss(), [])])
def test_a_negative_loss_of_squares_is_found(loss, found):
    findings = list(wiring.negative_loss(evidence(linear(3, 1), loss, (X, np.ones((12, 1))))))
    assert names(findings) == found


@pytest.mark.parametrize(
    ("shape", "found"), [((12,), ["accidental-broadcast"]), ((12, 1), []), ((1,), []), ((1, 1), [])]
)
def test_a_column_beside_a_row_is_found(shape, found):
    def loss(output, targets):
        return ops.mean(ops.square(output - targets))

    looked_at = evidence(linear(3, 1), loss, (X, np.ones(12)))
    looked_at.targets = np.ones(shape)
    findings = list(wiring.accidental_broadcast(looked_at))
    assert names(findings) == found
    for finding in findings:
        assert finding.what.startswith("subtract of shapes (12, 1) and (12,) gives (12, 12): every example")
        assert finding.numbers == {"examples": 12, "elements": 144}


@pytest.mark.parametrize(("width", "found"), [(1, []), (2, ["symmetric-weights"])])
def test_two_units_can_be_the_same_and_one_cannot(width, found):
    model = linear(3, width, 1)
    for parameter in model.parameters():
        parameter.data[:] = 0.5
    assert names(units.symmetric(evidence(model, nn.MSELoss(), (X, np.ones((12, 1)))))) == found


def test_equal_units_whose_gradient_is_rounding_are_the_same():
    model = linear(3, 4, 1)
    model[0].weight.data[:] = 0.0
    model[0].bias.data[:] = 0.3
    model[2].weight.data *= 1e-9
    (finding,) = units.symmetric(evidence(model, nn.MSELoss(), (X, np.ones((12, 1)))))
    assert "are equal (all 0), and so are those of its gradient (all 0 but for rounding)" in finding.evidence


@pytest.mark.parametrize(
    ("bias", "remedy"), [(False, "lower the learning rate"), (True, "start with biases of 0")]
)
def test_dead_relus_are_explained_by_their_sums(bias, remedy):
    model = linear(3, 20, 1, activation=nn.ReLU, bias=bias)
    x = np.abs(X)
    if bias:
        model[0].bias.data[:] = -50.0
    else:
        model[0].weight.data = -np.abs(model[0].weight.data)
    (finding,) = units.dead_relus(evidence(model, nn.MSELoss(), (x, np.ones((12, 1)))))
    sums = x @ model[0].weight.data.T
    assert finding.numbers == {
        "dead": 1.0,
        "biases' mean": -50.0 if bias else 0.0,
        "weighted inputs' std": pytest.approx(sums.std()),
        "highest": pytest.approx(sums.max() - 50 * bias),
    }
    assert finding.remedy.startswith(remedy)


def test_twenty_examples_are_tried_at_two_rates(monkeypatch):
    rates = []
    monkeypatch.setattr(
        memorize, "_train", lambda evidence, x, y, rate, goal: rates.append((rate, len(x))) or (1e9, 300)
    )
    x = np.random.default_rng(0).standard_normal((100, 3))
    (finding,) = memorize.cannot_overfit(evidence(linear(3, 1), nn.MSELoss(), (x, np.ones((100, 1)))))
    assert rates == [(0.01, 20), (0.1, 20)]
    assert finding.numbers["steps"] == 600


def test_a_rate_too_high_is_tried_for_a_hundred_steps():
    model = linear(3, 8, 1)
    optimizer = optim.SGD(model.parameters(), lr=50.0)
    looked_at = evidence(model, nn.MSELoss(), (X, X[:, :1]), optimizer=optimizer)
    with np.errstate(all="ignore"):
        (finding,) = learning_rate.learning_rate(looked_at)
    assert finding.name == "learning-rate-too-high"
    assert "and 5 steps take the loss from" in finding.evidence
    assert "; after 100 steps it is" in finding.evidence


def test_a_parameter_that_stays_has_the_cosine_1():
    assert own_step._descent(np.zeros(2), np.ones(2)) == own_step._descent(np.ones(2), np.zeros(2)) == 1.0
    assert own_step._descent(np.array([3.0, 4.0]), np.array([-3.0, -4.0])) == pytest.approx(1.0)
    assert own_step._descent(np.array([1.0, 0.0]), np.array([0.0, 1.0])) == pytest.approx(0.0)


def test_a_network_of_tensors_is_looked_at_like_one_of_arrays():
    model, y = nn.Sequential(linear(3, 2), nn.Softmax()), np.arange(12) % 2
    given = [diagnose_training(model, nn.CrossEntropyLoss(), (x, y)) for x in (X, Tensor(X))]
    assert given[0].to_dict()["findings"][0]["numbers"] == given[1].to_dict()["findings"][0]["numbers"]


class OfOneKind(nn.Module):
    """Refuses inputs of another kind than the batches have."""

    def __init__(self, kind):
        self.kind, self.layers = kind, linear(3, 8, 1)

    def forward(self, x):
        assert type(x) is self.kind
        return self.layers(x)


@pytest.mark.parametrize("kind", [np.ndarray, Tensor])
def test_each_look_gives_inputs_as_the_batches_do(kind):
    model = OfOneKind(kind)
    optimizer = optim.SGD(model.parameters(), lr=0.05)
    inputs = X if kind is np.ndarray else Tensor(X)
    assert diagnose_training(model, nn.MSELoss(), (inputs, X[:, :1]), optimizer).names == ()
    looked_at = evidence(model, nn.MSELoss(), (inputs, X[:, :1]), optimizer=optimizer)
    assert looked_at.value(X, X[:, :1]) == pytest.approx(looked_at.recorded.value)
