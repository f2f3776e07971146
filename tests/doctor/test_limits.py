"""Limits of the doctor's checks: values just on either side of each."""

from itertools import pairwise

import numpy as np
import pytest

from tinygrad_mnist import Tensor, nn, ops, optim
from tinygrad_mnist.doctor.checks import data, first_loss, learning_rate, memorize, own_step, units, wiring
from tinygrad_mnist.doctor.evidence import Evidence
from tinygrad_mnist.doctor.reading import WeightedSum

RNG = np.random.default_rng(0)
X = RNG.standard_normal((12, 3))
UNIT = X / np.sqrt(np.mean(X**2))  # root mean square 1


def linear(*sizes, activation=nn.Tanh, bias=True):
    rng, layers = np.random.default_rng(1), []
    for before, after in pairwise(sizes):
        layers += [nn.Linear(before, after, bias, rng=rng, dtype=np.float64), activation()]
    return nn.Sequential(*layers[:-1])


def constant(*values):
    """Return a layer whose outputs are these numbers, whatever the input."""
    model = linear(3, len(values))
    model[0].weight.data[:] = 0.0
    model[0].bias.data[:] = values
    return model


def evidence(model, loss, *batches, **more):
    return Evidence(model, loss, batches, **more)


def names(findings):
    return [finding.name for finding in findings]


def regression(model=None, x=X, y=None, **more):
    targets = np.ones((len(x), 1)) if y is None else y
    return evidence(model or linear(3, 1, bias=False), nn.MSELoss(), (x, targets), **more)


# The data


@pytest.mark.parametrize(
    ("size", "found"),
    [(20.1, ["unscaled-inputs"]), (19.9, []), (0.021, []), (0.019, ["tiny-inputs"]), (0.0, [])],
)
def test_inputs_between_a_fiftieth_and_twenty_are_scaled(size, found):
    assert names(data.unscaled_inputs(regression(x=size * UNIT))) == found


@pytest.mark.parametrize(
    ("last", "target", "found"),
    [
        (nn.Tanh, 1.009, []),
        (nn.Tanh, 1.011, ["unreachable-targets"]),
        (nn.Tanh, -1.009, []),
        (nn.Tanh, -1.011, ["unreachable-targets"]),
        (nn.Sigmoid, -0.009, []),
        (nn.Sigmoid, -0.011, ["unreachable-targets"]),
        (None, -19.9, []),
        (None, -20.1, ["unscaled-targets"]),
    ],
)
def test_targets_out_of_reach_by_a_hundredth_are_found(last, target, found):
    model = nn.Sequential(linear(3, 1), *([last()] if last else []))
    targets = np.zeros((12, 1))
    targets[5 if last else slice(None)] = target
    assert names(data.unscaled_targets(regression(model, y=targets))) == found


@pytest.mark.parametrize(
    ("row", "found"), [((0.5, 0.509), 0), ((0.5, 0.511), 1), ((1.0, -0.009), 0), ((1.0, -0.011), 1)]
)
def test_probabilities_off_by_a_hundredth_are_impossible(row, found):
    looked_at = evidence(linear(3, 2), nn.CrossEntropyLoss(), (X, np.tile(row, (12, 1))))
    assert names(data.impossible_targets(looked_at)) == ["impossible-targets"] * found


@pytest.mark.parametrize(("classes", "count", "found"), [(10, 7, 0), (10, 9, 1), (2, 24, 0), (2, 25, 1)])
def test_one_class_by_chance_is_less_likely_than_1e_7(classes, count, found):
    batch = RNG.standard_normal((count, 3)), np.full(count, 1)
    findings = data.one_class(evidence(linear(3, classes), nn.CrossEntropyLoss(), batch))
    assert names(findings) == ["one-class-a-batch"] * found


@pytest.mark.parametrize(("different", "found"), [(8, ["duplicated-inputs"]), (9, [])])
def test_half_of_the_examples_may_be_copies(different, found):
    rows = RNG.standard_normal((16, 3))[np.arange(16) % different]
    assert names(data.constant_inputs(regression(x=rows))) == found


@pytest.mark.parametrize(("different", "found"), [(4, ["duplicated-inputs"]), (5, [])])
def test_a_quarter_of_all_combinations_are_all_there_are(different, found):
    kinds = np.array([[0, 0, 0, 0], [1, 1, 1, 1], [0, 1, 0, 1], [1, 0, 1, 0], [0, 0, 1, 1]], float)
    rows = kinds[np.arange(24) % different]
    assert names(data.constant_inputs(regression(linear(4, 1), rows))) == found


@pytest.mark.parametrize(
    ("count", "right", "correlation", "found"),
    [
        (63, 32, 0.0, 0),
        (64, 32, 0.0, 1),
        (64, 40, 0.0, 1),
        (64, 41, 0.0, 0),
        (64, 24, 0.0, 1),
        (64, 23, 0.0, 0),
        (64, 32, 0.24, 1),
        (64, 32, 0.26, 0),
    ],
)
def test_labels_are_unrelated_within_two_deviations(count, right, correlation, found, monkeypatch):
    rows = np.arange(count)
    neighbours = np.where(rows < right, rows, (rows + 1) % count)
    monkeypatch.setattr(data, "_nearest", lambda x: neighbours)
    monkeypatch.setattr(data, "_foretold", lambda x, labels: correlation)
    batch = RNG.standard_normal((count, 3)), rows % 2
    findings = list(data.unrelated_labels(evidence(linear(3, 2), nn.CrossEntropyLoss(), batch)))
    assert names(findings) == ["unrelated-labels"] * found
    for finding in findings:
        assert finding.numbers["right"] == right
        assert "by chance it would be 32 ± 4" in finding.evidence


# The first loss


@pytest.mark.parametrize(("times", "found"), [(0.99, []), (1.01, ["initial-loss"])])
@pytest.mark.parametrize(("classes", "limit"), [(2, 6 * np.log(2)), (3, 2.5 * np.log(3)), (1, 6 * np.log(2))])
def test_first_cross_entropy_may_be_some_times_that_of_guessing(classes, limit, times, found):
    logit = np.log(np.exp(times * limit) - max(classes - 1, 1))
    model = constant(*([0.0, logit, 0.0][:classes] if classes > 1 else [logit]))
    loss = nn.CrossEntropyLoss() if classes > 1 else nn.BCEWithLogitsLoss()
    targets = np.zeros(12, int) if classes > 1 else np.zeros((12, 1))
    assert names(first_loss.initial_loss(evidence(model, loss, (X, targets)))) == found


@pytest.mark.parametrize(("target", "limit"), [(0.0, 30.0), (0.5, 30.0), (2.0, 120.0)])
@pytest.mark.parametrize(("times", "found"), [(0.99, []), (1.01, ["initial-loss"])])
def test_first_square_may_be_thirty_times_the_targets_or_1(target, limit, times, found):
    model = constant(target + np.sqrt(times * limit))
    looked_at = regression(model, y=np.full((12, 1), target))
    assert names(first_loss.initial_loss(looked_at)) == found


@pytest.mark.parametrize(("gain", "found"), [(4.9, "initial-loss"), (5.1, "weights-too-large")])
def test_weights_that_grow_the_signal_five_times_are_too_large(gain, found):
    model = constant(100.0)
    model[0].weight.data[:] = gain / np.sqrt(3)
    assert names(first_loss.initial_loss(regression(model))) == [found]


# The learning rate


def tried(monkeypatch, ratio, losses=(1.0, 1.0), bold=2.0, careful=1.0):
    """Let trial steps end like this."""
    monkeypatch.setattr(
        learning_rate, "try_steps", lambda evidence: learning_rate.Trial(ratio, "0.weight", losses)
    )
    monkeypatch.setattr(
        learning_rate, "_loss_at", lambda evidence, lr: bold if lr == evidence.optimizer.lr else careful
    )


def optimized(momentum=0.0):
    model = linear(3, 1, bias=False)
    return regression(model, optimizer=optim.SGD(model.parameters(), lr=0.8, momentum=momentum))


@pytest.mark.parametrize(
    ("momentum", "ratio", "losses", "found"),
    [
        (0.0, 0.59, (1.0, 1.0), 0),
        (0.0, 0.61, (1.0, 1.0), 1),
        (0.9, 0.059, (1.0, 1.0), 0),
        (0.9, 0.061, (1.0, 1.0), 1),
        (0.0, 0.1, (1.0, 3.9, 1.0), 0),
        (0.0, 0.1, (1.0, 4.1, 1.0), 1),
        (0.0, 0.1, (-1.0, 3.9, 1.0), 0),
        (0.0, 0.1, (1.0, np.nan, 1.0), 1),
    ],
)
def test_rate_is_tried_longer_if_weights_or_loss_jump(momentum, ratio, losses, found, monkeypatch):
    tried(monkeypatch, ratio, losses)
    findings = names(learning_rate.learning_rate(optimized(momentum)))
    assert findings == ["learning-rate-too-high"] * found


@pytest.mark.parametrize(("bold", "found"), [(1.09, 0), (1.11, 1)])
def test_rate_is_too_high_if_a_lower_one_is_better_by_a_tenth(bold, found, monkeypatch):
    tried(monkeypatch, 1.0, bold=bold)
    findings = list(learning_rate.learning_rate(optimized()))
    assert names(findings) == ["learning-rate-too-high"] * found
    for finding in findings:  # a ratio of 1 becomes one of 0.03
        assert finding.numbers["recommended rate"] == pytest.approx(0.02)


@pytest.mark.parametrize(
    ("ratio", "measured", "found"),
    [
        (1.1e-5, (0.5, 1.0, "", 2.0), 0),
        (0.9e-5, (0.5, 1.0, "", 2.0), 1),
        (0.9e-5, (0.21, 2.0, "", 2.0), 1),
        (0.9e-5, (0.19, 2.0, "", 2.0), 0),
        (0.9e-5, None, 1),
        (0.0, None, 1),
    ],
)
def test_rate_is_too_low_while_the_loss_is_high(ratio, measured, found, monkeypatch):
    tried(monkeypatch, ratio)
    monkeypatch.setattr(learning_rate, "against_ignorance", lambda evidence: measured)
    findings = list(learning_rate.learning_rate(optimized()))
    assert names(findings) == ["learning-rate-too-low"] * found
    for finding in findings:
        assert ("near 900" if ratio else "begin near 0.1") in finding.remedy


# The direction of gradients


def slopes_of(monkeypatch, *slopes):
    """Let the loss change by these fractions of what the gradient says; return the lengths tried."""
    given, lengths = iter(slopes), []

    def slope(evidence, name, g, length):
        lengths.append(length * np.linalg.norm(g))
        return next(given) * np.linalg.norm(g)

    monkeypatch.setattr(learning_rate, "_slope_along", slope)
    return lengths


@pytest.mark.parametrize(
    ("slopes", "found"),
    [
        ((-0.31, -0.31), 1),
        ((-0.29, -0.29), 0),
        ((-0.35, -0.29), 0),
        ((-0.29, -0.35), 0),
        ((-0.5, -0.69), 1),
        ((-0.69, -0.5), 1),
        ((-0.5, -0.71), 0),
        ((-0.71, -0.5), 0),
    ],
)
def test_gradient_is_wrong_if_steps_of_two_lengths_climb_alike(slopes, found, monkeypatch):
    slopes_of(monkeypatch, *slopes)
    assert names(learning_rate.wrong_gradient(regression())) == ["wrong-gradient"] * found


@pytest.mark.parametrize(("dtype", "part"), [(np.float64, 1e-7), (np.float32, 2e-4)])
def test_trial_step_is_a_small_part_of_the_loss(dtype, part, monkeypatch):
    lengths = slopes_of(monkeypatch, 1.0, 1.0)
    model = nn.Sequential(nn.Linear(3, 1, False, rng=0, dtype=dtype))
    looked_at = regression(model, X.astype(dtype), np.ones((12, 1), dtype))
    assert not list(learning_rate.wrong_gradient(looked_at))
    value = looked_at.recorded.value
    assert lengths == [pytest.approx(part * value, rel=1e-5), pytest.approx(part * value / 2, rel=1e-5)]


@pytest.mark.parametrize(("size", "found"), [(0.9e-6, 0), (1.1e-6, 1)])
def test_gradient_below_a_millionth_of_the_loss_is_not_judged(size, found, monkeypatch):
    slopes_of(monkeypatch, -1.0, -1.0)
    factor = size / np.linalg.norm(X.sum(axis=0))
    looked_at = evidence(
        linear(3, 1, bias=False), lambda output, y: ops.sum(output) * factor + 1.0, (X, np.ones((12, 1)))
    )
    assert names(learning_rate.wrong_gradient(looked_at)) == ["wrong-gradient"] * found


# Twenty examples


@pytest.mark.parametrize(
    ("count", "first", "lowest", "found"),
    [
        (12, 1.0, (0.9, 0.79), 0),
        (12, 1.0, (0.79, 0.9), 0),
        (12, 1.0, (0.81, 0.9), 1),
        (12, 0.11, (0.1, 0.1), 1),
        (12, 0.09, (0.1, 0.1), 0),
        (4, 1.0, (0.9, 0.9), 1),
        (3, 1.0, (0.9, 0.9), 0),
    ],
)
def test_network_learns_by_heart_if_a_fifth_of_the_loss_goes(count, first, lowest, found, monkeypatch):
    ends, goals = iter(lowest), []
    monkeypatch.setattr(
        memorize,
        "_train",
        lambda evidence, inputs, targets, rate, goal: goals.append(goal) or (next(ends), 300),
    )
    looked_at = regression(constant(0.0), X[:count], np.full((count, 1), np.sqrt(first)))
    findings = list(memorize.cannot_overfit(looked_at))
    assert names(findings) == ["cannot-overfit"] * found
    assert goals == [pytest.approx(first / 2)] * len(goals)
    for finding in findings:
        assert finding.numbers["loss after"] == min(lowest)


@pytest.mark.parametrize("goal", [0.5, 0.0])
def test_adam_stops_at_the_goal_or_after_300_steps(goal):
    looked_at = regression(constant(0.0), y=np.ones((12, 1)))
    lowest, steps = memorize._train(looked_at, X, np.ones((12, 1)), 0.01, goal)
    assert (0.4 < lowest < 0.5 and 10 < steps < 100) if goal else (steps == 300 and 0 < lowest < 0.1)
    assert not looked_at.parameters["0.bias"].data.any()


# A step


@pytest.mark.parametrize(("cosine", "found"), [(-0.49, 0), (-0.51, 1), (0.5, 0)])
def test_step_climbs_at_more_than_a_right_angle_and_a_third(cosine, found):
    looked_at = regression()
    g = looked_at.recorded.gradients["0.weight"]
    across = np.cross(g, [1.0, 2.0, 3.0])
    across *= np.linalg.norm(g) / np.linalg.norm(across)
    change = -cosine * g + np.sqrt(1 - cosine**2) * across
    findings = list(own_step._climbs(looked_at, own_step.Call({"0.weight": change}, {})))
    assert names(findings) == ["ascending-parameter"] * found


@pytest.mark.parametrize(("times", "found"), [(1.49, 0), (1.51, 1), (0.51, 0), (0.49, 1)])
def test_gradients_add_up_if_the_second_is_half_as_large_again(times, found, monkeypatch):
    g = np.ones((1, 3))
    monkeypatch.setattr(own_step, "_call", lambda *given: own_step.Call({}, {"0.weight": times * g}))
    findings = list(own_step._adds_up(regression(), own_step.Call({}, {"0.weight": g})))
    assert names(findings) == ["missing-zero-grad"] * found


# The units


def with_biases(activation, count, biases):
    model = linear(3, len(biases), 1, activation=activation)
    model[0].weight.data[:] = 0.0
    model[0].bias.data[:] = biases
    return regression(model, RNG.standard_normal((count, 3)))


@pytest.mark.parametrize(("z", "stuck"), [(5.2, 0.0), (5.4, 1.0), (-5.4, 1.0)])
def test_unit_is_stuck_below_a_fiftieth_of_the_steepest_slope(z, stuck):
    assert units.stuck_share(np.full((4, 2), z)) == stuck


@pytest.mark.parametrize(
    ("count", "stuck", "far", "found"),
    [
        (32, 6, 0, 1),
        (32, 5, 0, 0),
        (31, 9, 7, 1),
        (31, 9, 6, 0),
        (31, 8, 8, 0),
    ],
)
@pytest.mark.parametrize(("activation", "scale"), [(nn.Sigmoid, 1.0), (nn.Tanh, 0.5)])
def test_share_of_stuck_units_counts_by_number_of_examples(count, stuck, far, found, activation, scale):
    z = scale * np.array([20.1] * far + [19.9] * (stuck - far) + [0.0] * (20 - stuck))
    assert names(units.saturated(with_biases(activation, count, z))) == ["biases-too-large"] * found


def summed(x, z, bias=None, first=True):
    weight = np.ones((z.shape[1], x.shape[1]))
    return WeightedSum(Tensor(z), x, weight, bias, "weight", "bias", "sigmoid", first)


@pytest.mark.parametrize(
    ("bias", "common", "first", "name"),
    [
        (3.1, 0.0, True, "biases-too-large"),
        (-3.1, 0.0, True, "biases-too-large"),
        (2.9, 0.0, True, "weights-too-large"),
        (0.0, 1.51, True, "off-center-inputs"),
        (0.0, 1.51, False, "weights-too-large"),
        (0.0, 1.49, True, "weights-too-large"),
    ],
)
def test_cause_of_saturation_is_the_largest_part_of_the_sums(bias, common, first, name):
    layer = summed(np.ones((4, 2)), np.ones((4, 3)) + bias, np.full(3, bias), first)
    assert units._cause(layer, 1.0, 1.0, common, 1.0)[0] == name


@pytest.mark.parametrize(
    ("lowest", "mean", "remedy"),
    [(0.0, 0.51, "turn the images back"), (0.0, 0.49, "subtract the"), (-0.1, 0.9, "subtract the")],
)
def test_images_are_inverted_if_most_are_bright(lowest, mean, remedy):
    layer = summed(np.array([[lowest, 1.0]]), np.ones((1, 3)))
    assert units._cause(layer, 1.0, mean, 2.0, 1.0)[2].startswith(remedy)


@pytest.mark.parametrize(("dead", "off", "found"), [(9, -1.0, 1), (8, -1.0, 0), (9, 0.0, 1), (10, 0.0, 0)])
def test_nine_of_ten_relus_are_dead(dead, off, found):
    looked_at = with_biases(nn.ReLU, 12, [off] * dead + [1.0] * (10 - dead))
    assert names(units.dead_relus(looked_at)) == ["dead-relus"] * found


@pytest.mark.parametrize(("times", "remedy"), [(2.1, "start with biases"), (1.9, "lower the learning rate")])
def test_relus_are_lowered_by_biases_of_two_deviations(times, remedy):
    model, x = linear(3, 5, 1, activation=nn.ReLU), np.abs(X)
    model[0].weight.data = -np.abs(model[0].weight.data)
    model[0].bias.data[:] = -times * (x @ model[0].weight.data.T).std()
    (finding,) = units.dead_relus(regression(model, x))
    assert finding.remedy.startswith(remedy)


@pytest.mark.parametrize(("apart", "alike"), [(0.9e-5, True), (1.1e-5, False)])
@pytest.mark.parametrize("size", [1.0, -7.0])
def test_rows_are_alike_within_rounding_of_their_size(apart, alike, size):
    rows = np.full((3, 2), size)
    rows[1, 1] *= 1 - apart
    assert units._rows_alike(rows) is alike


# The wiring


@pytest.mark.parametrize(("total", "found"), [(1.009, 0), (1.011, 1), (0.991, 0), (0.989, 1)])
def test_logarithms_of_probabilities_sum_to_1_within_a_hundredth(total, found):
    model = constant(np.log(total / 4), np.log(3 * total / 4))
    looked_at = evidence(model, nn.NLLLoss(), (X, np.zeros(12, int)))
    assert names(wiring.no_logarithms(looked_at)) == ["logits-as-logarithms"] * found


@pytest.mark.parametrize(("outputs", "name"), [((0.0, 1.0), "probabilities"), ((0.0, 1.01), "logits")])
def test_numbers_from_0_to_1_are_probabilities(outputs, name):
    looked_at = evidence(constant(*outputs), nn.NLLLoss(), (X, np.zeros(12, int)))
    assert names(wiring.no_logarithms(looked_at)) == [f"{name}-as-logarithms"]


class Counting(nn.Module):
    """The output grows with the number of examples."""

    def __init__(self, growth):
        self.growth = growth

    def forward(self, x):
        return Tensor(np.ones((len(x), 1)) + self.growth * (len(x) - len(x) // 2))


@pytest.mark.parametrize(("growth", "found"), [(0.9e-3, 0), (1.1e-3, 1), (-1.1e-3, 1)])
@pytest.mark.parametrize("count", [1, 2, 4])
def test_outputs_of_half_the_batch_are_the_same(growth, found, count):
    # half of 2 or 4 examples has 1 or 2, whose growth is 1 part or 1 part and 2 parts
    model = Counting(growth / max(count // 4, 1))
    looked_at = regression(model, X[:count])
    looked_at.loss = lambda output, y: ops.mean(output)
    expected = found if count == 4 else 0
    assert names(wiring.mixed_examples(looked_at)) == ["examples-mixed"] * expected
