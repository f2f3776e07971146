"""Options of the losses: weights, labels to leave out, smoothing, and the losses for outliers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.autodiff.oracles import check_first_order
from tests.program.standalone import run_alone
from tinygrad_mnist import Tensor, nn, ops
from tinygrad_mnist.errors import LabelError, ShapeError
from tinygrad_mnist.graph import Graph, to_text
from tinygrad_mnist.program import compile

WEIGHT = np.array([0.5, 2.0, 1.5])
LABELS = np.array([2, 0, 1, 1, 2, 0, 2])
VALUES = np.random.default_rng(2).random((7, 3))
OPTIONS = {
    "weight": (nn.CrossEntropyLoss(weight=WEIGHT), LABELS),
    "ignore_index": (nn.CrossEntropyLoss(ignore_index=1), LABELS),
    "label_smoothing": (nn.CrossEntropyLoss(label_smoothing=0.1), LABELS),
    "all three": (nn.CrossEntropyLoss(weight=WEIGHT, ignore_index=1, label_smoothing=0.1), LABELS),
    "rows": (nn.CrossEntropyLoss(weight=WEIGHT, label_smoothing=0.1), VALUES),
    "probabilities": (nn.CrossEntropyLoss(from_logits=False, weight=WEIGHT, ignore_index=1), LABELS),
    "NLLLoss": (nn.NLLLoss(weight=WEIGHT, ignore_index=1), LABELS),
    "L1Loss": (nn.L1Loss(), VALUES),
    "HuberLoss": (nn.HuberLoss(delta=0.4), VALUES),
    "BCELoss": (nn.BCELoss(weight=WEIGHT), VALUES),
    "BCEWithLogitsLoss": (nn.BCEWithLogitsLoss(weight=WEIGHT, pos_weight=[3.0, 0.5, 1.0]), VALUES),
}
every_option = pytest.mark.parametrize(("loss", "target"), OPTIONS.values(), ids=OPTIONS)
LAST = {"probabilities": nn.Softmax, "NLLLoss": nn.LogSoftmax, "BCELoss": nn.Sigmoid}


def training_step(name, dtype=np.float32):
    """A step on a small network that ends as the loss of this name needs it."""
    loss, target = OPTIONS[name]
    layers = [nn.Linear(4, 3, rng=1, dtype=dtype), *([LAST[name]()] if name in LAST else [])]
    model = nn.Sequential(*layers)

    def step(x, y):
        value = loss(model(x), y)
        for parameter in model.parameters():
            parameter.grad = None
        value.backward()
        return value, *(parameter.grad for parameter in model.parameters())

    rng = np.random.default_rng(3)
    order = [rng.permutation(7) for _ in range(4)]
    is_real = target.dtype.kind == "f"
    return step, [
        (rng.normal(size=(7, 4)).astype(dtype), target[rows].astype(dtype) if is_real else target[rows])
        for rows in order
    ]


def bits(results):
    return [np.asarray(r.data if isinstance(r, Tensor) else r).tobytes() for r in results]


@pytest.mark.parametrize("name", OPTIONS)
def test_loss_with_options_is_repeated_bit_for_bit(name):
    step, batches = training_step(name)
    compiled = compile(step)
    for x, y in [*batches, *batches]:
        assert bits(compiled(x, y)) == bits(step(x, y))
    assert len(compiled._programs) == 1


@pytest.mark.long
@pytest.mark.parametrize("name", OPTIONS)
def test_native_code_of_a_loss_with_options_is_within_rounding(name):
    step, batches = training_step(name, np.float64)
    compiled = compile(step, backend="native")
    for x, y in [*batches, *batches]:
        for found, expected in zip(compiled(x, y), step(x, y)):
            found, expected = (r.data if isinstance(r, Tensor) else r for r in (found, expected))
            np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-14)


def test_printed_code_of_losses_with_options_runs_alone():
    jobs, expected = [], []
    for name in OPTIONS:
        step, (first, second, *_) = training_step(name)
        compiled = compile(step)
        compiled(*first)
        program = compiled.program
        states = [state.get() for state in program.states]
        for kind, text in (("source", program.source), ("derivation", program.derivation)):
            jobs.append((text, kind, second, states, []))
            expected.append((name, kind, bits(step(*second))))
    for (name, kind, wanted), (result, _) in zip(expected, run_alone(jobs)):
        assert bits(result[: len(wanted)]) == wanted, (name, kind)  # the rest are the gradients that stay


def test_labels_that_come_to_be_ignored_need_no_new_program():
    loss = nn.CrossEntropyLoss(ignore_index=-1)
    compiled = compile(lambda x, y: loss(Tensor(x, requires_grad=True), y))
    x = np.random.default_rng(0).normal(size=(3, 4))
    for labels in ([0, 1, 2], [0, 1, 2], [-1, 3, -1], [-1, -1, -1], [3, -1, 0]):
        labels = np.array(labels)
        np.testing.assert_equal(compiled(x, labels).item(), loss(Tensor(x), labels).item())
    assert len(compiled._programs) == 1


@every_option
def test_graph_of_a_loss_with_options_is_drawn(loss, target):
    output = Tensor(np.random.default_rng(0).random((7, 3)), requires_grad=True, name="output")
    graph = Graph(loss(output, target), backward=True)
    assert type(loss).__name__ in {node.scope for node in graph.nodes}
    assert "output" in to_text(graph)


def weighted(rows, losses):
    return (rows * losses).sum(axis=1)


@given(seed=st.integers(0, 2**32 - 1), n=st.integers(1, 5))
def test_options_of_classes_are_their_formulas(seed, n):
    rng = np.random.default_rng(seed)
    x, labels, weight = rng.normal(size=(n, 3)), rng.integers(0, 3, n), rng.uniform(0.1, 2, 3)
    minus_log = np.log(np.exp(x).sum(axis=1, keepdims=True)) - x
    hot, kept = np.eye(3)[labels], np.append(labels[1:] != 1, True)  # one at least
    given_labels = np.where(kept, labels, -7)
    smooth = hot * 0.8 + 0.2 / 3
    for options, target, losses, divisor in (
        ({"weight": weight}, labels, weighted(hot * weight, minus_log), weight[labels].sum()),
        ({"ignore_index": -7}, given_labels, weighted(hot, minus_log) * kept, kept.sum()),
        ({"label_smoothing": 0.2}, labels, weighted(smooth, minus_log), n),
        (
            {"label_smoothing": 0.2, "weight": weight, "ignore_index": -7},
            given_labels,
            weighted(smooth * weight, minus_log) * kept,
            (weight[labels] * kept).sum(),
        ),
        ({"label_smoothing": 0.2, "weight": weight}, hot, weighted(smooth * weight, minus_log), n),
    ):
        for reduction, expected in (
            ("none", losses), ("sum", losses.sum()), ("mean", losses.sum() / divisor)
        ):  # fmt: skip
            loss = nn.CrossEntropyLoss(**options, reduction=reduction)
            np.testing.assert_allclose(loss(Tensor(x), target).data, expected, rtol=1e-12, atol=1e-14)
            check_first_order(lambda output, loss=loss, y=target: ops.sum(loss(output, y)), [x], False)


@given(seed=st.integers(0, 2**32 - 1), n=st.integers(1, 5))
def test_weights_of_probabilities_are_their_formulas(seed, n):
    rng = np.random.default_rng(seed)
    x, target, weight, positive = rng.normal(size=(n, 3)), rng.random((n, 3)), rng.random(3), rng.random(3)
    p = 1 / (1 + np.exp(-x))
    plain = -(target * np.log(p) + (1 - target) * np.log(1 - p))
    favoured = -(positive * target * np.log(p) + (1 - target) * np.log(1 - p))
    for make, output, options, losses in (
        (nn.BCELoss, p, {"weight": weight}, weight * plain),
        (nn.BCEWithLogitsLoss, x, {"weight": weight}, weight * plain),
        (nn.BCEWithLogitsLoss, x, {"pos_weight": positive}, favoured),
        (nn.BCEWithLogitsLoss, x, {"weight": weight, "pos_weight": positive}, weight * favoured),
    ):
        for reduction, expected in (("none", losses), ("sum", losses.sum()), ("mean", losses.mean())):
            loss = make(**options, reduction=reduction)
            np.testing.assert_allclose(loss(Tensor(output), target).data, expected, rtol=1e-9)


@given(seed=st.integers(0, 2**32 - 1), delta=st.floats(0.1, 3))
def test_losses_for_outliers_are_their_formulas(seed, delta):
    output, target = np.random.default_rng(seed).normal(size=(2, 4, 3)) * 2
    size = np.abs(output - target)
    huber = np.where(size <= delta, size**2 / 2, delta * (size - delta / 2))
    for loss, expected in ((nn.L1Loss(), size.mean()), (nn.HuberLoss(delta=delta), huber.mean())):
        assert loss(Tensor(output), target).item() == pytest.approx(expected, rel=1e-12)
        check_first_order(lambda x, loss=loss: loss(x, target), [output], False)


@pytest.mark.parametrize("loss", [nn.L1Loss(reduction="sum"), nn.HuberLoss(reduction="sum")], ids=repr)
def test_an_outlier_of_any_size_has_the_slope_of_the_line(loss):
    output = Tensor([1e300, -np.inf, np.inf], requires_grad=True)
    loss(output, np.zeros(3)).backward()
    np.testing.assert_array_equal(output.grad, [1, -1, 1])


def test_weights_are_kept_as_they_were_given():
    given_weight = np.array([1.0, 2.0, 3.0])
    loss = nn.CrossEntropyLoss(weight=given_weight)
    given_weight[0] = 100
    assert loss.weight.tolist() == [1, 2, 3]
    with pytest.raises(ValueError, match="read-only"):
        loss.weight[0] = 100


REFUSED = [
    (lambda: nn.CrossEntropyLoss(label_smoothing=1.5), ValueError, "label_smoothing is 1.5: expected"),
    (lambda: nn.CrossEntropyLoss(label_smoothing="a"), TypeError, "label_smoothing is 'a': expected"),
    (lambda: nn.CrossEntropyLoss(ignore_index=1.0), TypeError, "ignore_index is 1.0: expected a whole"),
    (lambda: nn.CrossEntropyLoss(ignore_index=True), TypeError, "ignore_index is True: expected a whole"),
    (lambda: nn.NLLLoss(weight="a"), TypeError, "weight is 'a': expected an array of numbers"),
    (lambda: nn.NLLLoss(weight=[[1], [1, 2]]), TypeError, "expected an array of numbers"),
    (lambda: nn.NLLLoss(weight=[1, -1]), ValueError, "weight is .*: expected finite numbers >= 0"),
    (lambda: nn.BCEWithLogitsLoss(pos_weight=[np.nan]), ValueError, "pos_weight is .*: expected finite"),
    (lambda: nn.HuberLoss(delta=0), ValueError, r"delta is 0: expected a number > 0; write L1Loss\(\)"),
    (lambda: nn.HuberLoss(delta=-1), ValueError, "delta is -1: expected"),
    (lambda: nn.HuberLoss(beta=1), TypeError, r"HuberLoss\(\) takes delta=, not beta="),
    (lambda: nn.MSELoss(size_average=False), TypeError, r"does not take size_average=: write `nn.MSELoss\("),
    (lambda: nn.CrossEntropyLoss(class_weight=WEIGHT), TypeError, "takes weight=, not class_weight="),
]


@pytest.mark.parametrize(("make", "error", "message"), REFUSED, ids=[message for *_, message in REFUSED])
def test_an_option_out_of_range_is_refused(make, error, message):
    with pytest.raises(error, match=message):
        make()


UNFIT = [
    (nn.CrossEntropyLoss(weight=[1, 2]), [0, 1], ShapeError, r"weight has the shape \(2,\): expected \(3,\)"),
    (nn.NLLLoss(weight=[[1, 2, 3]]), [0, 1], ShapeError, r"weight has the shape \(1, 3\): expected \(3,\)"),
    (nn.CrossEntropyLoss(ignore_index=0), np.eye(3)[:2], ValueError, "ignore_index is 0 and the target"),
    (nn.CrossEntropyLoss(ignore_index=0), [3, 0], LabelError, "label 3 of example 0 is out of range"),
    (nn.CrossEntropyLoss(), [-100, 0], LabelError, "label -100 of .* write ignore_index=-100 to leave"),
    (nn.BCELoss(weight=[1, 2]), np.eye(3)[:2], ShapeError, r"weight has the shape \(2,\): expected one that"),
    (
        nn.BCEWithLogitsLoss(pos_weight=np.ones((4, 2, 3))),
        np.eye(3)[:2],
        ShapeError,
        r"pos_weight has the shape \(4, 2, 3\): expected one that broadcasts to the output's \(2, 3\)",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("loss", "target", "error", "message"), UNFIT, ids=[m for *_, m in UNFIT])
def test_an_option_that_does_not_fit_the_target_is_refused(loss, target, error, message):
    with pytest.raises(error, match=message):
        loss(Tensor(np.full((2, 3), 0.5), requires_grad=True), target)


@pytest.mark.parametrize(
    ("loss", "shown"),
    [
        (nn.CrossEntropyLoss(weight=[1, 2]), "CrossEntropyLoss(weight=[1.0, 2.0])"),
        (nn.NLLLoss(ignore_index=-1, reduction="sum"), "NLLLoss(ignore_index=-1, reduction='sum')"),
        (nn.HuberLoss(delta=0.5), "HuberLoss(delta=0.5)"),
        (nn.HuberLoss(delta=2), "HuberLoss(delta=2.0)"),
        (nn.HuberLoss(), "HuberLoss()"),
        (nn.BCEWithLogitsLoss(pos_weight=2), "BCEWithLogitsLoss(pos_weight=2.0)"),
    ],
    ids=str,
)
def test_options_that_are_set_are_shown(loss, shown):
    assert repr(loss) == shown
