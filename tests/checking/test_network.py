"""The check of a whole network: which oracles it uses, and a wrong rule that does not show."""

import subprocess
import sys

import numpy as np
import pytest

from tinygrad_mnist import checking, nn
from tinygrad_mnist.checking import wrong_rules
from tinygrad_mnist.checking.network import check_network


def network(activation, *, bias=True, sigmoid_outputs=False):
    rng = np.random.default_rng(0)
    layers = [nn.Flatten(), nn.Linear(6, 4, bias, rng=rng), activation(), nn.Linear(4, 3, rng=rng)]
    return nn.Sequential(*layers, *([nn.Sigmoid()] if sigmoid_outputs else []))


BATCH = np.random.default_rng(1).uniform(0, 1, (5, 2, 3)).astype(np.float32), np.array([0, 2, 1, 1, 0])
NETWORKS = {
    "sigmoids and logits": (network(nn.Sigmoid), nn.CrossEntropyLoss(), True),
    "sigmoids to the end": (network(nn.Sigmoid, sigmoid_outputs=True), nn.QuadraticLoss(), True),
    "tanh": (network(nn.Tanh), nn.CrossEntropyLoss(), False),
    "no bias": (network(nn.Sigmoid, bias=False), nn.CrossEntropyLoss(), False),
    "sums instead of means": (network(nn.Sigmoid), nn.CrossEntropyLoss(reduction="sum"), False),
    "summed squares": (network(nn.Sigmoid, sigmoid_outputs=True), nn.QuadraticLoss(reduction="sum"), False),
    "probabilities": (
        network(nn.Sigmoid, sigmoid_outputs=True),
        nn.CrossEntropyLoss(from_logits=False),
        False,
    ),
    "logits and squares": (network(nn.Sigmoid), nn.QuadraticLoss(), False),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_sigmoid_perceptron_is_compared_with_formulas_by_hand(name):
    model, loss, by_hand = NETWORKS[name]
    checked = check_network(model, loss, BATCH)
    assert checked.ok, checked.report
    assert not checked.of_example
    assert not any("derived by hand differs" in note for note in checked.report.notes)
    assert all((row.by_hand is not None) == by_hand for row in checked.report.rows)


def test_wrong_rule_absent_from_the_network_is_checked_on_its_example():
    model, loss, _ = NETWORKS["tanh"]
    shown = check_network(model, loss, BATCH, wrong_rule=wrong_rules.missing_transpose)
    absent = check_network(model, loss, BATCH, wrong_rule=wrong_rules.cos_without_minus)
    assert (shown.ok, shown.of_example) == (False, False)
    assert (absent.ok, absent.of_example) == (False, True)
    assert {finding.primitive for finding in absent.diagnosis.findings} == {"cos"}


def test_checking_exports_every_name_and_functions_over_modules():
    script = (
        "import tinygrad_mnist.checking.assert_op, tinygrad_mnist.checking.v_curve\n"
        "from tinygrad_mnist import checking\n"
        "assert 'hypothesis' not in __import__('sys').modules\n"
        "print(*(type(getattr(checking, name)).__name__ for name in ('assert_op', 'v_curve', 'strategies')))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["function", "function", "module"]
    assert set(checking.__all__) <= set(dir(checking))
    with pytest.raises(AttributeError, match="no attribute 'gradcheck'"):
        _ = checking.gradcheck
