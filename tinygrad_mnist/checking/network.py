"""Check a whole network: reverse mode, central differences, the complex step, formulas derived by hand."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygrad_mnist import by_hand
from tinygrad_mnist.autodiff.tensor import Tensor
from tinygrad_mnist.checking.check import check_gradients
from tinygrad_mnist.checking.diagnose import diagnose
from tinygrad_mnist.checking.rule_findings import RuleDiagnosis
from tinygrad_mnist.checking.verdicts import GradReport
from tinygrad_mnist.checking.wrong_rules import WrongRule
from tinygrad_mnist.nn import CrossEntropyLoss, Flatten, Linear, Module, QuadraticLoss, Sigmoid
from tinygrad_mnist.typing import Array


@dataclass(frozen=True)
class NetworkCheck:
    """The result of `check_network`.

    Attributes
    ----------
    report
        The verdict on each parameter.
    diagnosis
        The verdict on each op.
    of_example
        True if the wrong rule did not show in the network, and its own example was checked instead.
    """

    report: GradReport
    diagnosis: RuleDiagnosis
    of_example: bool = False

    @property
    def ok(self) -> bool:
        """True if neither check finds anything wrong."""
        return self.report.ok and self.diagnosis.ok


def check_network(
    model: Module,
    loss: Module,
    batch: tuple[Array, Array],
    *,
    sample: int | None = None,
    seed: int = 0,
    wrong_rule: WrongRule | None = None,
) -> NetworkCheck:
    """Check the gradients of a network on a batch, and every rule that its backward pass runs.

    A perceptron with sigmoid units is compared with the formulas derived by hand, too.

    Parameters
    ----------
    batch
        Inputs (n, ...), and integer labels (n,).
    sample, seed
        Number of entries of each parameter to test, drawn from `seed`; by default all.
    wrong_rule
        Installed during the check.  If it does not show in the network, its own example is checked instead.
    """
    images, labels = batch
    hand = _by_hand(model, loss, images, labels)
    with wrong_rule or nullcontext():
        report = check_gradients(model, loss, batch, sample=sample, seed=seed, by_hand=hand)
        checked = NetworkCheck(report, diagnose(loss(model(images), labels), seed=seed))
        return _check_example(wrong_rule) if wrong_rule is not None and checked.ok else checked


def _check_example(wrong_rule: WrongRule) -> NetworkCheck:
    """Check the example of a wrong rule, which is installed already."""
    function, arrays = wrong_rule.example()
    names = function.__code__.co_varnames
    tensors = [Tensor(x, requires_grad=True, name=name) for name, x in zip(names, arrays)]
    return NetworkCheck(check_gradients(function, *arrays), diagnose(function(*tensors)), of_example=True)


def _by_hand(model: Module, loss: Module, images: Array, labels: Array) -> dict[str, Any] | None:
    """Return the gradients by the formulas derived by hand, by parameter; None for any other network."""
    cost = _cost(model, loss)
    if cost is None:
        return None
    parameters = list(model.named_parameters())
    arrays = [parameter.data.astype(np.float64) for _, parameter in parameters]
    x = images.reshape(len(images), -1).astype(np.float64)
    targets = np.eye(len(arrays[-1]))[labels]
    _, weights, biases = by_hand.backprop(arrays[::2], arrays[1::2], x, targets, cost)
    gradients = [g for pair in zip(weights, biases) for g in pair]
    return {name: g for (name, _), g in zip(parameters, gradients)}


def _cost(model: Module, loss: Module) -> by_hand.Cost | None:
    """Return the cost of a perceptron with sigmoid units, as `by_hand` calls it; else None."""
    layers = [module for module in model.modules() if not any(True for _ in module.children())]
    kinds = [type(layer) for layer in layers if not isinstance(layer, Flatten)]
    if any(isinstance(layer, Linear) and layer.bias is None for layer in layers):
        return None
    sigmoids = [Linear, Sigmoid] * (len(kinds) // 2)
    if isinstance(loss, QuadraticLoss) and loss.reduction == "mean" and kinds == sigmoids:
        return "quadratic"
    if isinstance(loss, CrossEntropyLoss) and loss.reduction == "mean" and loss.takes_logits:
        return "cross-entropy" if kinds == [*sigmoids, Linear] else None
    return None
