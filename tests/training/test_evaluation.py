"""Accuracy: by labels, by rows of probabilities, and None for other targets."""

import numpy as np
import pytest

from tinygrad_mnist import nn
from tinygrad_mnist.training import evaluate, predict


class Same(nn.Module):
    """Return the inputs unchanged."""

    def forward(self, x):
        return x


OUTPUTS = np.array([[3.0, 1.0, 0.0], [0.0, 2.0, 1.0], [1.0, 0.0, 5.0], [9.0, 8.0, 7.0]])
LABELS = np.array([0, 1, 1, 0])  # three of four are right
ROWS = np.eye(3)[LABELS]


@pytest.mark.parametrize(
    ("targets", "accuracy"),
    [
        (LABELS, 0.75),
        (LABELS.astype(np.uint8), 0.75),
        (ROWS, 0.75),
        (0.8 * ROWS + 0.2 / 3, 0.75),
        (ROWS + 5e-4 * np.array([1, 0, 0]), 0.75),
        (2 * ROWS, None),
        (2 * ROWS - 1, None),
        (np.array([[0.5, 0.7, -0.2]] * 4), None),
        (ROWS + 2e-3 * np.array([1, 0, 0]), None),
    ],
)
def test_accuracy_is_measured_only_for_class_targets(targets, accuracy):
    loss = nn.CrossEntropyLoss() if targets.ndim == 1 else nn.MSELoss()
    result = evaluate(Same(), loss, [(OUTPUTS[:3], targets[:3]), (OUTPUTS[3:], targets[3:])])
    assert (result.accuracy, result.examples) == (accuracy, 4)


def test_single_output_has_no_accuracy():
    batch = OUTPUTS[:, :1], ROWS[:, :1]
    assert evaluate(Same(), nn.MSELoss(), [batch]).accuracy is None


def test_batch_without_classes_makes_accuracy_none():
    batches = [(OUTPUTS, ROWS), (OUTPUTS, 2 * ROWS), (OUTPUTS, ROWS)]
    result = evaluate(Same(), nn.MSELoss(), batches)
    assert (result.accuracy, result.examples) == (None, 12)


def test_loss_is_weighted_by_the_examples_of_each_batch():
    batches = [(OUTPUTS[:3], np.zeros((3, 3))), (OUTPUTS[3:], np.zeros((1, 3)))]
    result = evaluate(Same(), nn.MSELoss(), batches)
    assert result.loss == pytest.approx((OUTPUTS**2).mean())


def test_predictions_keep_batch_order_and_modes_are_restored():
    model = nn.Sequential(nn.Dropout(0.5), nn.Dropout(0.5), Same())
    model[0].eval()
    outputs, targets = predict(model, [(OUTPUTS[:1], LABELS[:1]), (OUTPUTS[1:], LABELS[1:])])
    np.testing.assert_array_equal(outputs, OUTPUTS)
    np.testing.assert_array_equal(targets, LABELS)
    assert [module.training for module in model.modules()] == [True, False, True, True]


def test_modes_are_restored_after_an_error():
    model = nn.Sequential(nn.Dropout(0.5), nn.Linear(2, 2))
    with pytest.raises(ValueError, match="Linear"):
        predict(model, [(np.ones((1, 3), np.float32), np.ones(1))])
    assert all(module.training for module in model.modules())


@pytest.mark.parametrize("loss", [nn.QuadraticLoss, nn.CrossEntropyLoss])
def test_summed_loss_is_reported_as_the_mean_over_examples(loss):
    model = nn.Sequential(nn.Linear(3, 4, rng=0))
    batches = [(np.ones((n, 3), np.float32) * n, np.arange(n) % 4) for n in (1, 5, 2)]
    summed, mean = (evaluate(model, loss(reduction=r), batches).loss for r in ("sum", "mean"))
    assert summed == pytest.approx(mean, rel=1e-6)
