"""The doctor names the planted bug first, and is silent on healthy experiments."""

import functools
import re

import numpy as np
import pytest

from tests.doctor import findings, patients
from tests.doctor.patients import HEALTHY, HEALTHY_TOO, SICK
from tinygrad_mnist import Tensor, nn, optim
from tinygrad_mnist.checking import wrong_rules
from tinygrad_mnist.doctor import diagnose_training
from tinygrad_mnist.doctor.evidence import Evidence
from tinygrad_mnist.errors import DataError
from tinygrad_mnist.program import compile
from tinygrad_mnist.training import Recipe

STANDARD_TIMES_FIVE = nn.init.normal(5.0)


@pytest.fixture(scope="module")
def diagnosed(mnist):
    """Return what the doctor says of a case, examined once for all tests that read it."""
    return functools.cache(lambda name: findings.CASES[name](mnist).diagnose())


@pytest.mark.parametrize("case", SICK)
def test_a_planted_bug_is_named_first_with_numbers_and_a_remedy(diagnosed, case):
    diagnosis, name = diagnosed(case), SICK[case][1]
    assert diagnosis.names[:1] == (name,), diagnosis
    first = diagnosis.findings[0]
    assert all((first.what, first.evidence, first.why, first.remedy))
    assert any(character.isdigit() for character in first.evidence) or first.name == "missing-activation"
    assert first.numbers
    assert len(diagnosis) <= 2, "the cause, not its symptoms"


@pytest.mark.parametrize("name", findings.CASES)
def test_each_sentence_of_a_finding_appears_in_its_case(diagnosed, name):
    """After an intended change: ``python -m tests.doctor.findings``, and read the diff."""
    diagnosis = diagnosed(name)
    assert {type(number) for finding in diagnosis for number in finding.numbers.values()} <= {int, float}
    said, numbers = findings.words_and_numbers(findings.described(diagnosis))
    expected, kept_numbers = findings.words_and_numbers(findings.kept()[name])
    assert said == expected
    np.testing.assert_allclose(numbers, kept_numbers, rtol=0.05, atol=1e-5)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("make", HEALTHY.values(), ids=HEALTHY)
def test_healthy_experiment_gives_no_finding(mnist, make, seed):
    patient = make(mnist, seed)
    assert patient.diagnose().names == ()
    patient.batches = patient.batches[:1]
    assert patient.diagnose().names == (), "of a single batch"
    patient.batches = [tuple(part[:1] for part in patient.batches[0])]
    assert patient.diagnose().names == (), "of a single example"


@pytest.mark.parametrize("make", HEALTHY_TOO.values(), ids=HEALTHY_TOO)
def test_suspicious_but_healthy_network_gives_no_finding(mnist, make):
    assert make(mnist).diagnose().names == ()


@pytest.mark.long
@pytest.mark.parametrize("make", [patients.hot_dogs, patients.iris])
def test_small_healthy_networks_give_no_finding_for_any_seed(make):
    """Matrices of five entries are short by chance, and iris begins on a plateau with hills around it."""
    found = {seed: make(seed=seed).diagnose().names for seed in range(60)}
    assert {seed: names for seed, names in found.items() if names} == {}


@pytest.mark.parametrize(("make", "steps"), [(patients.main_job, 300), (patients.chapter_1, 3000)])
def test_healthy_experiment_in_training_gives_no_finding(mnist, make, steps):
    patient, size = make(mnist), 128 if make is patients.main_job else 10
    for inputs, targets in patients.digits(mnist, steps, size, seed=7):
        patient.optimizer.zero_grad()
        patient.loss(patient.model(inputs), targets).backward()
        patient.optimizer.step()
    assert patient.loss(patient.model(patient.batches[0][0]), patient.batches[0][1]).item() < 0.5
    assert patient.diagnose().names == ()


@pytest.mark.parametrize("loss", ["cross-entropy", "quadratic"])
@pytest.mark.parametrize("activation", ["relu", "sigmoid", "tanh"])
@pytest.mark.parametrize("hidden", [(), (128,), (64, 32)])
def test_recipes_of_the_command_line_give_no_finding(mnist, loss, activation, hidden):
    recipe = Recipe(hidden=hidden, activation=activation, loss=loss)
    model = recipe.build_model((28, 28), 10)
    optimizer, _ = recipe.build_optimizer(model)
    batches = [(x.reshape(-1, 28, 28), y) for x, y in patients.digits(mnist, 2, 128)]
    assert diagnose_training(model, recipe.build_loss(), batches, optimizer).names == ()


def test_raw_pixels_are_explained_by_the_measured_numbers(mnist):
    finding = patients.raw_pixels(mnist).diagnose().findings[0]
    assert finding.numbers["|z| > 20"] == pytest.approx(0.995, abs=0.01)
    assert finding.numbers["highest"] == 255
    assert finding.numbers["fan-in"] == 784
    assert finding.numbers["z std"] > 1500
    assert "raw pixels" in finding.what
    assert "divide pixels by 255" in finding.remedy


@pytest.mark.parametrize("seed", range(6))
def test_inverted_images_are_explained_by_mean_and_weights(mnist, seed):
    finding = patients.inverted_images(mnist, seed).diagnose().findings[0]
    assert finding.name == "off-center-inputs"
    numbers = finding.numbers
    assert numbers["inputs' mean"] == pytest.approx(0.87, abs=0.01)
    assert numbers["weights' std"] == pytest.approx(1, abs=0.02)
    assert numbers["|z| > 5"] > 0.8
    assert numbers["stuck units"] > 0.4
    assert numbers["z std, the same for all examples"] > 2 * numbers["z std, between examples"]
    assert re.search(
        r"the inputs' mean is 0.87 and the weights' std (1|0.99), so z has std [23]\d;", finding.why
    )
    assert "1 - x" in finding.remedy
    assert "1/sqrt(784)" in finding.remedy
    assert finding.where == "Sequential/Linear[0]"


def accuracy_after_training(mnist, patient, prepare):
    for inputs, targets in patients.digits(mnist, 3000, 10, seed=5):
        patient.optimizer.zero_grad()
        patient.loss(patient.model(prepare(inputs)), targets).backward()
        patient.optimizer.step()
    images = mnist.test.raw_images.reshape(-1, 784) / np.float32(255)
    return float((patient.model(prepare(images)).data.argmax(axis=1) == mnist.test.labels).mean())


def test_the_remedy_for_inverted_images_works(mnist):
    sick = patients.chapter_1(mnist)
    healed = patients.chapter_1(mnist)
    healed.model[0].weight.data /= 28
    assert accuracy_after_training(mnist, sick, lambda x: 1 - x) < 0.6
    assert accuracy_after_training(mnist, healed, lambda x: 1 - (1 - x)) > 0.9


def test_nan_origin_names_op_module_line_formula_and_inputs(mnist):
    (finding,) = patients.with_loss(patients.LogOfZero)(mnist).diagnose()
    assert "log_" in finding.what
    assert "= log(softmax_" in finding.what
    assert "in LogOfZero, recorded at patients.py" in finding.where
    assert "softmax from 0 to" in finding.evidence
    (backward,) = patients.with_loss(patients.RootOfZero)(mnist).diagnose()
    assert "in the backward pass, by the rule of sqrt_" in backward.what
    assert "the rule is 0.5 * g / y" in backward.evidence


class TargetFirst(nn.Module):
    def forward(self, output, target):
        return ((target - output) ** 2).mean()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_wrong_rule_that_reverses_a_gradient_is_found(dtype):
    rng = np.random.default_rng(0)
    model = patients.perceptron((4, 16, 1), nn.ReLU, 0, dtype=dtype)
    batch = rng.standard_normal((64, 4)).astype(dtype), rng.standard_normal((64, 1)).astype(dtype)
    assert diagnose_training(model, TargetFirst(), batch).names == ()
    with wrong_rules.wrong_sign:
        diagnosis = diagnose_training(model, TargetFirst(), batch)
    assert diagnosis.names[:1] == ("wrong-gradient",)
    assert diagnosis.findings[0].numbers["slope"] == pytest.approx(-1, abs=0.01)
    assert "diagnose" in diagnosis.findings[0].remedy


class Weight(nn.Module):
    def __init__(self, dtype):
        self.weight = nn.Parameter(np.zeros(1), dtype=dtype)

    def forward(self, x):
        return x * self.weight


@pytest.mark.parametrize(
    ("dtype", "hill"), [(np.float64, 5e-7), (np.float64, 3e-8), (np.float64, 1.7e-8), (np.float32, 1e-3)]
)
def test_correct_gradient_is_accepted_next_to_a_steep_hill(dtype, hill):
    """The loss 1 - y + 2 h tanh(y / h) has the slope 1 at 0, and -1 from a few h on; y is 100 w."""

    class Hill(nn.Module):
        def forward(self, output, target):
            return (target - output + 2 * hill * (output / hill).tanh()).mean()

    batch = np.full((8, 1), 100, dtype), np.ones((8, 1), dtype)
    assert "wrong-gradient" not in diagnose_training(Weight(dtype), Hill(), batch).names


def test_all_climbing_biases_are_named_in_one_finding(mnist):
    (finding,) = patients.stepping(patients.climbs_with_the_biases)(mnist).diagnose()
    assert finding.where == "0.bias, 2.bias"
    assert finding.numbers["cosine of 0.bias"] == pytest.approx(-1)


def proper(model, loss, optimizer):
    def step(inputs, targets):
        optimizer.zero_grad()
        loss(model(inputs), targets).backward()
        optimizer.step()

    return step


def clearing_at_the_end(model, loss, optimizer):
    def step(inputs, targets):
        loss(model(inputs), targets).backward()
        optimizer.step()
        optimizer.zero_grad()

    return step


def compiled(model, loss, optimizer):
    return compile(proper(model, loss, optimizer))


@pytest.mark.parametrize("make", [proper, clearing_at_the_end, compiled])
@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_correct_step_gives_no_finding(mnist, make, momentum):
    patient = patients.main_job(mnist, momentum=momentum)
    patient.step = make(patient.model, patient.loss, patient.optimizer)
    assert [patient.diagnose().names for _ in range(3)] == [()] * 3


def test_network_of_hand_written_operators_is_read(mnist):
    class ByHand(nn.Module):
        def __init__(self):
            rng = np.random.default_rng(0)
            self.w1 = nn.Parameter(rng.standard_normal((784, 30)))
            self.b1 = nn.Parameter(np.zeros(30))
            self.w2 = nn.Parameter(0.1 * rng.standard_normal((30, 10)))

        def forward(self, x):
            return (x @ self.w1 + self.b1).sigmoid() @ self.w2

    batches = patients.digits(mnist, 1, 128, scale=1, dtype=np.float64)
    finding = diagnose_training(ByHand(), nn.CrossEntropyLoss(), batches).findings[0]
    assert finding.name == "unscaled-inputs"
    assert finding.numbers["|z| > 20"] > 0.98


def everything(patient, generators):
    parts = [*patient.model.parameters()]
    arrays = [p._data for p in parts] + [p._grad for p in parts]
    arrays += [s.velocity for s in patient.optimizer.param_groups[0].states]
    return (
        [id(a) for a in arrays],
        [None if a is None else a.tobytes() for a in arrays],
        [p.serial for p in parts],
        [m.training for m in patient.model.modules()],
        [str(g.bit_generator.state) for g in generators],
        {k: v for k, v in vars(patient.optimizer).items() if k in ("lr", "momentum", "parameters")},
        [(x.tobytes(), y.tobytes()) for x, y in patient.batches],
    )


@pytest.mark.parametrize("sick", [False, True])
def test_nothing_is_touched(mnist, sick):
    generator = np.random.default_rng(3)
    patient = patients.main_job(mnist, lr=100 if sick else 0.1)
    patient.model = nn.Sequential(*patient.model, nn.Dropout(0.5, rng=generator))
    patient.step = proper(patient.model, patient.loss, patient.optimizer)
    patient.model[0].eval()
    if not sick:
        patient.step(*patient.batches[0])  # gradients and velocities that are not empty
    before = everything(patient, [generator])
    assert patient.diagnose().ok != sick
    assert everything(patient, [generator]) == before


def test_failing_step_leaves_nothing_behind(mnist):
    patient = patients.main_job(mnist)

    def step(inputs, targets):
        proper(patient.model, patient.loss, patient.optimizer)(inputs, targets)
        raise RuntimeError("a bug of my own")

    patient.step = step
    before = everything(patient, [])
    with pytest.raises(RuntimeError, match="a bug of my own"):
        patient.diagnose()
    assert everything(patient, []) == before


def test_diagnosis_costs_a_few_steps(mnist):
    """About forty passes, most of them of few examples: less than a third of an epoch."""
    patient, passes, steps = patients.main_job(mnist), [], []
    train = proper(patient.model, patient.loss, patient.optimizer)
    patient.model.register_forward_hook(lambda module, inputs, output: passes.append(len(output)))

    def step(inputs, targets):
        steps.append(len(inputs))
        return train(inputs, targets)

    patient.step = step
    patient.diagnose()
    assert len(steps) <= 3
    assert len(passes) <= 50
    assert sum(passes) < 60_000 / 3


def test_one_batch_needs_no_list_and_no_batch_is_an_error(mnist):
    patient = patients.main_job(mnist)
    assert diagnose_training(patient.model, patient.loss, patient.batches[0]).ok
    with pytest.raises(DataError, match="expected at least one example"):
        diagnose_training(patient.model, patient.loss, [])


def test_an_error_stands_before_a_warning(mnist):
    patient = patients.frozen_layer(mnist)
    patient.optimizer.lr = 100
    assert patient.diagnose().names == ("learning-rate-too-high", "frozen-parameter")


def test_one_of_two_classes_may_be_rare(mnist):
    patient = patients.SICK["two classes, sorted"][0](mnist)
    assert patient.diagnose().findings[0].severity == "error"
    patient.batches = patient.batches[:2]
    (finding,) = patient.diagnose()
    assert (finding.name, finding.severity) == ("one-class-a-batch", "warning")


def test_sorted_data_are_sampled_from_every_class(mnist):
    ((x, y),) = patients.digits(mnist, 1, 2000)
    order = np.argsort(y)
    evidence = Evidence(nn.Flatten(), nn.CrossEntropyLoss(), [(x[order], y[order])])
    assert (evidence.count, len(np.unique(evidence.labels))) == (512, 10)


def test_mode_is_restored(mnist):
    patient = patients.main_job(mnist)
    patient.model = nn.Sequential(*patient.model, nn.Dropout(0.5))
    assert patient.diagnose().ok
    assert all(module.training for module in patient.model.modules())


def test_batches_may_be_a_tuple(mnist):
    patient = patients.main_job(mnist)
    assert "of 4 batches" in diagnose_training(patient.model, patient.loss, tuple(patient.batches)).subject


def test_high_rate_is_explained_and_its_remedy_was_tried(mnist):
    (finding,) = patients.main_job(mnist, lr=1, momentum=0.99).diagnose()
    numbers = finding.numbers
    assert numbers["loss after at that rate"] < 1
    assert numbers["loss after"] > 1.5 * numbers["loss after at that rate"]
    assert f"begin near {numbers['recommended rate']:g}" in finding.remedy
    assert "a momentum of 0.99 makes steps up to 100 times as long" in finding.why


@pytest.mark.parametrize(
    ("last", "loss", "outputs", "floor"),
    [
        (nn.Sigmoid, nn.CrossEntropyLoss, 10, np.log(1 + 9 / np.e)),
        (nn.Tanh, nn.CrossEntropyLoss, 2, np.log(1 + np.exp(-2))),
        (nn.Tanh, nn.BCEWithLogitsLoss, 2, np.log(1 + np.exp(-1))),
    ],
)
def test_the_least_loss_of_squashed_logits_is_right(last, loss, outputs, floor):
    model = patients.perceptron((3, 8, outputs), nn.ReLU, 0)
    model = nn.Sequential(*model, last())
    x = np.random.default_rng(0).standard_normal((20, 3)).astype(np.float32)
    targets = np.eye(outputs, dtype=np.float32)[np.arange(20) % outputs]
    (finding,) = diagnose_training(model, loss(), (x, targets))
    assert finding.numbers["least loss"] == pytest.approx(floor)
    ends = np.where(targets == 1, 1, -1 if last is nn.Tanh else 0).astype(np.float32)
    assert loss()(Tensor(ends), targets).item() == pytest.approx(floor, rel=1e-5)


def test_the_numbers_of_saturated_tanhs_are_those_of_their_sums(mnist):
    finding = patients.drawn(STANDARD_TIMES_FIVE, activation=nn.Tanh)(mnist).diagnose().findings[0]
    model = patients.drawn(STANDARD_TIMES_FIVE, activation=nn.Tanh)(mnist).model
    z = model[0](np.concatenate([x for x, _ in patients.main_job(mnist).batches])).data
    assert finding.numbers["|z| > 2.5"] == pytest.approx((np.abs(z) > 2.5).mean())
    assert finding.numbers["z std"] == pytest.approx(z.std(), rel=1e-4)
    assert 1 - np.tanh(2.5) ** 2 < 0.027
    assert "beyond |z| = 2.5 a tanh's slope is below 2.7 %" in finding.why


def test_nan_of_plain_numpy_is_not_blamed_on_the_reading_op(mnist):
    class Standardized(patients.Unused):
        def forward(self, x):
            return super().forward((x - x) / (x - x))

    (finding,) = patients.built(Standardized)(mnist).diagnose()
    assert finding.what.startswith("The first NaN enters at linear_1")
    assert "NumPy" in finding.why


def test_optimizer_of_another_model_is_found(mnist):
    patient = patients.main_job(mnist)
    patient.optimizer = optim.SGD(patients.main_job(mnist).model.parameters(), lr=0.1)
    (finding,) = patient.diagnose()
    assert finding.name == "not-in-optimizer"
    assert finding.numbers == {"missing": 4, "foreign": 4}


@pytest.mark.parametrize(("lr", "names"), [(1e3, ("learning-rate-too-high",)), (0.2, ())])
def test_rate_is_judged_by_what_a_warm_up_leads_to(mnist, lr, names):
    """Sigmoids with the quadratic loss: 0.2 at once would be too high, and a loss below 2 cannot explode."""
    recipe = Recipe((128,), activation="sigmoid", loss="quadratic", lr=lr)
    model = recipe.build_model((28, 28), 10)
    optimizer, schedule = recipe.build_optimizer(model, steps_per_epoch=100)
    assert optimizer.lr < lr == schedule.max_lr
    batches = [(x.reshape(-1, 28, 28), y) for x, y in patients.digits(mnist, 2, 128)]
    diagnosis = diagnose_training(model, recipe.build_loss(), batches, optimizer)
    assert diagnosis.names == names
    assert optimizer.lr == schedule.rate(0)
    assert all(finding.numbers["learning rate"] == lr for finding in diagnosis)


@pytest.mark.parametrize("lr", [1e-9, 1e9])
@pytest.mark.parametrize(
    "make",
    [
        lambda o: optim.OneCycleLR(o, max_lr=0.1, total_steps=100),
        lambda o: optim.SequentialLR(o, [optim.OneCycleLR(o, 0.1, 50), optim.OneCycleLR(o, 0.1, 50)], [50]),
        lambda o: optim.LinearLR(o, start_factor=0, end_factor=0.1 / o.lr),
    ],
    ids=["cycle", "chain", "line"],
)
def test_rate_of_the_optimizer_does_not_count_if_its_schedule_leads_to_another(mnist, make, lr):
    model = nn.perceptron("784-30-10", rng=0)
    optimizer = optim.SGD(model.parameters(), lr=lr, momentum=0.9)
    make(optimizer)
    batches = [(x.reshape(-1, 784), y) for x, y in patients.digits(mnist, 2, 128)]
    assert diagnose_training(model, nn.CrossEntropyLoss(), batches, optimizer).names == ()
