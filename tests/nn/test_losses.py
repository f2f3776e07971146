"""Losses equal their formulas, agree with each other, and refuse unfitting targets."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.autodiff.oracles import check_first_order
from tinygrad_mnist import Tensor, autograd, nn, ops
from tinygrad_mnist.errors import DTypeError, LabelError, ShapeError

BATCHES = st.tuples(st.integers(1, 5), st.integers(1, 4), st.integers(0, 2**32 - 1))
PROBABILITIES = nn.CrossEntropyLoss(from_logits=False)
CLASS_LOSSES = [nn.CrossEntropyLoss(), PROBABILITIES, nn.NLLLoss(), nn.QuadraticLoss()]
REAL_LOSSES = [nn.MSELoss(), nn.BCELoss(), nn.BCEWithLogitsLoss()]


def batch(size):
    n, classes, seed = size
    rng = np.random.default_rng(seed)
    rows = rng.dirichlet(np.ones(classes), n)
    return rng.standard_normal((n, classes)), rows, rng.integers(0, classes, n)


def log_softmax(x):
    return x - np.log(np.exp(x).sum(axis=1, keepdims=True))


def loss_and_gradient(loss, x):
    x = Tensor(x, requires_grad=True)
    value = loss(x)
    value.backward()
    return value.item(), x.grad


def assert_same(one, other):
    for a, b in zip(one, other):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-15)


@given(size=BATCHES)
def test_losses_equal_their_formulas(size):
    x, rows, labels = batch(size)
    n, one_hot = len(x), np.eye(x.shape[1])[labels]
    p, q = 1 / (1 + np.exp(-x)), rows * 0.8 + 0.1
    bce = -(rows * np.log(p) + (1 - rows) * np.log(1 - p)).mean()
    for loss, output, target, expected in (
        (nn.QuadraticLoss(), x, rows, ((x - rows) ** 2).sum() / (2 * n)),
        (nn.QuadraticLoss(), x, labels, ((x - one_hot) ** 2).sum() / (2 * n)),
        (nn.MSELoss(), x, rows, ((x - rows) ** 2).mean()),
        (nn.CrossEntropyLoss(), x, labels, -(one_hot * log_softmax(x)).sum() / n),
        (nn.CrossEntropyLoss(), x, rows, -(rows * log_softmax(x)).sum() / n),
        (PROBABILITIES, q, labels, -(one_hot * np.log(q)).sum() / n),
        (nn.NLLLoss(), x, labels, -(one_hot * x).sum() / n),
        (nn.BCEWithLogitsLoss(), x, rows, bce),
        (nn.BCELoss(), p, rows, bce),
    ):
        assert loss(Tensor(output), target).item() == pytest.approx(expected, rel=1e-11), loss
        check_first_order(lambda output, loss=loss, target=target: loss(output, target), [output], False)


@given(size=BATCHES)
def test_five_ways_to_the_cross_entropy_agree(size):
    x, _, labels = batch(size)
    rows = np.eye(x.shape[1], dtype=int)[labels]
    expected = loss_and_gradient(lambda x: nn.CrossEntropyLoss()(x, labels), x)
    for way in (
        lambda x: nn.CrossEntropyLoss()(x, rows),
        lambda x: nn.NLLLoss()(nn.LogSoftmax()(x), labels),
        lambda x: PROBABILITIES(nn.Softmax()(x), labels),
        lambda x: PROBABILITIES(nn.Softmax(1)(x), rows),
        lambda x: PROBABILITIES(nn.Softmax()(x) * 1.0, labels),  # of unknown origin: not the softmax itself
    ):
        assert_same(loss_and_gradient(way, x), expected)


def test_softmax_along_another_axis_is_not_bypassed():
    x, labels = np.arange(6.0).reshape(3, 2) ** 2, [0, 1, 1]
    p = np.exp(x) / np.exp(x).sum(axis=0)
    expected = -np.log(p[range(3), labels]).mean()
    value, _ = loss_and_gradient(lambda x: PROBABILITIES(nn.Softmax(0)(x), labels), x)
    assert value == pytest.approx(expected)


def test_saturated_logits_have_a_finite_loss_and_gradient():
    wrong = np.array([[1000.0, 0.0]])
    for loss in (
        lambda x: nn.CrossEntropyLoss()(x, [1]),
        lambda x: PROBABILITIES(nn.Softmax()(x), [1]),
        lambda x: nn.NLLLoss()(nn.LogSoftmax()(x), [1]),
    ):
        assert_same(loss_and_gradient(loss, wrong), (1000, [[1, -1]]))
    for loss in (
        lambda x: nn.BCELoss()(nn.Sigmoid()(x), [[0, 1]]),
        lambda x: nn.BCEWithLogitsLoss()(x, [[0, 1]]),
    ):
        assert_same(loss_and_gradient(loss, np.array([[1000.0, -1000.0]])), (1000, [[0.5, -0.5]]))


def test_probabilities_of_zero_give_a_finite_loss():
    assert PROBABILITIES(Tensor([[0.0, 1.0]]), [0]).item() == pytest.approx(100)
    assert nn.BCELoss()(Tensor([0.0, 1.0]), [1.0, 0.0]).item() == pytest.approx(100)


@pytest.mark.parametrize("loss", [PROBABILITIES, nn.BCELoss()], ids=repr)
@pytest.mark.parametrize(("low", "high"), [(-3, 1), (0, 7)])
def test_logits_in_place_of_probabilities_are_refused(loss, low, high):
    with pytest.raises(ValueError, match=f"from {low} to {high}: end the network in Softmax or Sigmoid"):
        loss(Tensor([[float(low), float(high)]]), [[0.0, 1.0]])


@pytest.mark.parametrize("loss", CLASS_LOSSES, ids=repr)
@pytest.mark.parametrize(
    ("target", "error", "message"),
    [
        ([[0], [1], [2]], ShapeError, r"\(3, 4\) with a target of shape \(3, 1\): write target\[:, 0\]"),
        ([0, 1], ShapeError, r"target of shape \(2,\)"),
        ([0.25] * 4, ShapeError, r"target of shape \(4,\)"),
        ([0.0, 1.0, 2.0], DTypeError, "integer class labels, and these are float64: convert"),
        ([0, 4, 1], LabelError, "label 4 of example 1 is out of range: 4 classes have the labels 0 to 3"),
        ([0, 1, -1], LabelError, "label -1 of example 2"),
    ],
)
def test_unfitting_targets_are_refused(loss, target, error, message):
    output = Tensor(np.full((3, 4), 0.25), requires_grad=True, name="output")
    with pytest.raises(error, match=message) as caught:
        loss(output, target)
    explanation = str(caught.value) + "".join(getattr(caught.value, "__notes__", []))
    assert type(loss).__name__ in explanation


@pytest.mark.parametrize("loss", REAL_LOSSES, ids=repr)
def test_column_is_never_broadcast_against_a_row(loss):
    with pytest.raises(ShapeError, match=r"Loss: target \(3,\) does not match output \(3, 1\)"):
        loss(Tensor(np.full((3, 1), 0.5)), np.ones(3))


@pytest.mark.parametrize("loss", REAL_LOSSES, ids=repr)
@pytest.mark.parametrize(
    ("output", "target", "instead"),
    [
        ((3, 4), np.ones((3, 5)), "give both one shape"),
        ((3, 4), np.ones(3), "give both one shape"),
        ((3, 4), np.ones(3, bool), "give both one shape"),
        ((3, 4), np.ones(4, int), "give both one shape"),
        ((3, 4), 1.0, "give both one shape"),
        ((3, 4), np.ones(3, np.uint8), "write np.eye(4)[target] for labels"),
        ((3, 4), [0, 1, 2], "write np.eye(4)[target] for labels"),
        ((3,), np.ones((3, 1)), "write target[:, 0]"),
        ((3, 1), np.ones(3), "write target[:, None]"),
    ],
)
def test_target_of_another_shape_is_refused_with_advice(loss, output, target, instead):
    with pytest.raises(ShapeError) as caught:
        loss(Tensor(np.full(output, 0.5)), target)
    found = f"target {np.shape(target)} does not match output {output}"
    assert str(caught.value) == f"{type(loss).__name__}: {found}: {instead}"


@pytest.mark.parametrize("loss", CLASS_LOSSES + REAL_LOSSES, ids=repr)
def test_loss_has_the_precision_of_the_output(loss):
    output = Tensor(np.full((3, 4), 0.25, np.float32), requires_grad=True)
    value = loss(output, np.eye(4)[:3])
    value.backward()
    assert (value.dtype, output.grad.dtype) == (np.float32, np.float32)


@pytest.mark.parametrize("value", ["probabilities", 0, None])
def test_from_logits_other_than_a_boolean_is_refused(value):
    with pytest.raises(TypeError, match=r"from_logits is .*: expected True or False"):
        nn.CrossEntropyLoss(from_logits=value)


@pytest.mark.parametrize("loss", [PROBABILITIES, nn.BCELoss()], ids=repr)
def test_probabilities_with_rounding_errors_are_accepted(loss):
    off = 0.9e-3
    assert np.isfinite(loss(Tensor([[-off, 1 + off]]), [[0.0, 1.0]]).item())
    for low, high in ((-2e-3, 1), (0, 1 + 2e-3)):
        with pytest.raises(ValueError, match="end the network in"):
            loss(Tensor([[float(low), float(high)]]), [[0.0, 1.0]])


@pytest.mark.parametrize("loss", [nn.QuadraticLoss(), nn.MSELoss(), nn.BCEWithLogitsLoss()], ids=repr)
def test_tensor_target_gets_its_gradient(loss):
    output, target = Tensor([[0.5, -1.0]]), Tensor([[0.25, 0.75]], requires_grad=True)
    loss(output, target).backward()
    assert target.grad is not None
    assert np.all(target.grad != 0)


REDUCED = {
    "QuadraticLoss": (nn.QuadraticLoss, np.eye(4)[:3]),
    "MSELoss": (nn.MSELoss, np.eye(4)[:3]),
    "CrossEntropyLoss": (nn.CrossEntropyLoss, np.array([1, 0, 3])),
    "behind a softmax": (
        lambda reduction: (
            lambda x, t: nn.CrossEntropyLoss(from_logits=False, reduction=reduction)(ops.softmax(x), t)
        ),
        np.array([1, 0, 3]),
    ),
    "of probabilities": (
        lambda reduction: (
            lambda x, t: nn.CrossEntropyLoss(from_logits=False, reduction=reduction)(ops.softmax(x) * 1.0, t)
        ),
        np.array([1, 0, 3]),
    ),
    "NLLLoss": (nn.NLLLoss, np.array([1, 0, 3])),
    "BCEWithLogitsLoss": (nn.BCEWithLogitsLoss, np.eye(4)[:3]),
    "BCELoss": (
        lambda reduction: lambda x, t: nn.BCELoss(reduction=reduction)(ops.sigmoid(x), t),
        np.eye(4)[:3],
    ),
}


@pytest.mark.parametrize(("make", "target"), REDUCED.values(), ids=REDUCED)
def test_sum_and_mean_equal_those_of_single_losses(make, target):
    x = Tensor(np.linspace(-2, 1.5, 12).reshape(3, 4), requires_grad=True)
    mean, total, each = (make(reduction=r)(x, target) for r in ("mean", "sum", "none"))
    assert each.size in (3, 12)
    assert total.item() == pytest.approx(each.data.sum(), rel=1e-14)
    assert mean.item() == pytest.approx(each.data.mean(), rel=1e-14)
    (of_sum,) = autograd.grad(total, x)
    (of_each,) = autograd.grad(each, x, np.ones(each.shape))
    np.testing.assert_allclose(of_sum.data, of_each.data, rtol=1e-12, atol=1e-15)


def test_reduction_is_one_of_three_and_shown():
    with pytest.raises(ValueError, match=r"reduction is 'men': expected one of .*did you mean 'mean'"):
        nn.MSELoss(reduction="men")
    assert repr(nn.BCELoss(reduction="sum")) == "BCELoss(reduction='sum')"
    shown = "CrossEntropyLoss(from_logits=False, reduction='none')"
    assert repr(nn.CrossEntropyLoss(from_logits=False, reduction="none")) == shown


@pytest.mark.parametrize("lead", [(), (5,), (2, 3), (2, 1, 3), (0,), (2, 0)])
@pytest.mark.parametrize(
    "loss", [type(loss) for loss in (*CLASS_LOSSES[::2], nn.QuadraticLoss(), *REAL_LOSSES)]
)
def test_a_mean_is_the_sum_over_the_number_of_targets(loss, lead):
    """Of classes one target for each row, however many axes there are; of numbers one for each element."""
    rng = np.random.default_rng(0)
    output = rng.uniform(0.1, 0.9, (*lead, 4))
    target = rng.dirichlet(np.ones(4), lead)
    mean, total, each = (loss(reduction=r)(output, target) for r in ("mean", "sum", "none"))
    assert np.shape(each) == (lead if loss in map(type, CLASS_LOSSES) else output.shape)
    np.testing.assert_allclose(np.sum(each), total, rtol=1e-12)
    count = np.size(each)
    np.testing.assert_allclose(mean, total / count if count else np.nan, rtol=1e-12)


@pytest.mark.parametrize("loss", [*CLASS_LOSSES, *REAL_LOSSES], ids=repr)
@pytest.mark.parametrize("wrap", [np.asarray, Tensor, list])
def test_targets_may_be_refilled_before_the_backward_pass(loss, wrap):
    """As a loader does that fills one array again and again; a Tensor is read as it is."""
    rng = np.random.default_rng(0)
    output, target = rng.uniform(0.1, 0.9, (3, 4)), rng.dirichlet(np.ones(4), 3)

    def gradient(refilled):
        x, given = Tensor(output, requires_grad=True), target.copy()
        value = loss(x, wrap(given))
        if refilled and wrap is not Tensor:
            given[:] = 0.25
        value.backward()
        return x.grad

    np.testing.assert_array_equal(gradient(True), gradient(False))
