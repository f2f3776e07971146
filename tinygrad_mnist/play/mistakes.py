"""Planted mistakes: wrong rules that a check of one example catches, and with which the loss still falls."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tinygrad_mnist import nn, ops
from tinygrad_mnist.autodiff.primitive import REGISTRY
from tinygrad_mnist.checking import WrongRule, wrong_rules
from tinygrad_mnist.play.network import Network

_cross_entropy: Any = REGISTRY["softmax_cross_entropy"].rule(0)
_squared_error: Any = REGISTRY["squared_error"].rule(0)
_bias: Any = REGISTRY["linear"].rule(2)


@dataclass(frozen=True)
class Mistake:
    """A wrong rule in the words of the page.

    Attributes
    ----------
    rule
        Installed while a program with the mistake is captured.
    title, text
        A heading, and sentences for a reader who sees gradients for the first time.
    """

    rule: WrongRule
    title: str
    text: str

    @property
    def id(self) -> str:
        """The name of the rule."""
        return self.rule.name


def mistakes_for(network: Network) -> list[Mistake]:
    """Return the mistakes that change a gradient of a network."""
    layers = list(network.layers)
    linear = [layer for layer in layers if isinstance(layer, nn.Linear)]
    kinds = {type(layer) for layer in layers}
    found = [mistake for kind, mistake in _OF_ACTIVATIONS.items() if kind in kinds]
    if len(linear) > 1:
        found.append(_STOPPED)
    if any(layer.bias is not None for layer in linear):
        found.append(_NO_BIAS)
    return [*found, *_OF_LOSSES[network.loss]]


def _planted(primitive: str, position: int) -> Callable[[Callable[..., Any]], WrongRule]:
    """Make a wrong rule of a function with its name; unlike those of `wrong_rules` it is not listed."""

    def made(wrong: Callable[..., Any]) -> WrongRule:
        name, why = wrong.__name__.strip("_").replace("_", "-"), " ".join((wrong.__doc__ or "").split())
        return WrongRule(name, why, wrong, primitive, position, "rule", REGISTRY[primitive].forward, ())

    return made


@_planted("tanh", 0)
def _tanh_without_square(g: Any, y: Any, x: Any) -> Any:
    """1 - y**2 loses its square; what is left is positive too, so that the steps still go down."""
    return g * (1 - y)


@_planted("linear", 0)
def _blame_not_passed_on(g: Any, y: Any, x: Any, weight: Any, bias: Any) -> Any:
    """The layers before the last get no gradient, as behind a detach; the last one learns by itself."""
    return 0.0 * (g @ weight)


@_planted("linear", 2)
def _bias_left_out(g: Any, y: Any, x: Any, weight: Any, bias: Any) -> Any:
    """The weights are thought of, the biases are not."""
    return 0.0 * _bias(g, y, x, weight, bias)


@_planted("softmax_cross_entropy", 0)
def _softmax_taken_twice(g: Any, y: Any, logits: Any, targets: Any) -> Any:
    """p - target is the slope before the softmax already, and is multiplied by p * (1 - p) once more."""
    p = ops.softmax(logits)
    return _cross_entropy(g, y, logits, targets) * (p * (1 - p))


@_planted("softmax_cross_entropy", 0)
def _divided_by_the_classes(g: Any, y: Any, logits: Any, targets: Any) -> Any:
    """A mean over all numbers of the output, where the loss is a mean over examples."""
    return _cross_entropy(g, y, logits, targets) / logits.shape[-1]


@_planted("squared_error", 0)
def _half_forgotten(g: Any, y: Any, a: Any, b: Any, *, scale: float) -> Any:
    """The square gives a 2, which the half of the loss takes away again."""
    return 2.0 * _squared_error(g, y, a, b, scale=scale)


_OF_ACTIVATIONS: dict[type[nn.Module], Mistake] = {
    nn.Sigmoid: Mistake(
        wrong_rules.sigmoid_of_the_output,
        "The sigmoid is taken twice",
        "The slope of a sigmoid is y × (1 − y), where y is its output. Here y goes through the sigmoid once "
        "more before it is used. Each slope is then between 0.19 and 0.25: often wrong, never negative.",
    ),
    nn.Tanh: Mistake(
        _tanh_without_square,
        "A square is forgotten",
        "The slope of tanh is 1 − y × y, where y is its output. Here it is 1 − y: wrong, and never negative.",
    ),
    nn.ReLU: Mistake(
        wrong_rules.relu_passes_negatives,
        "A ReLU that is off passes blame on",
        "A ReLU gives 0 for a negative sum, and then no small change matters: its slope is 0. Here it passes "
        "all blame on, as if every unit were on.",
    ),
    nn.Softplus: Mistake(
        wrong_rules.softplus_like_relu,
        "A bend is taken for a corner",
        "The slope of a softplus grows smoothly from 0 to 1. Here it jumps from 0 to 1, as that of a ReLU.",
    ),
}
_STOPPED = Mistake(
    _blame_not_passed_on,
    "The blame stops at the last layer",
    "The last layer is blamed, and passes nothing on to the layers before it. They get the gradient 0 and "
    "never learn. The last layer learns alone, so the loss falls all the same.",
)
_NO_BIAS = Mistake(
    _bias_left_out,
    "The biases are forgotten",
    "Every unit has a bias that is added to its sum. Here the gradient of each bias is 0. The weights are "
    "right, so the loss falls all the same.",
)
_OF_LOSSES = {
    "cross-entropy": (
        Mistake(
            _softmax_taken_twice,
            "The softmax is blamed twice",
            "The blame of an answer is probability − target. The slope of the softmax is in that already. "
            "Here it comes in again, as p × (1 − p), which makes it smaller and never turns it around.",
        ),
        Mistake(
            _divided_by_the_classes,
            "Divided by the number of classes",
            "All blame is divided by the number of classes, as if the loss were a mean over the answers. "
            "Every gradient points the right way and is too short.",
        ),
    ),
    "quadratic": (
        Mistake(
            _half_forgotten,
            "A half is forgotten",
            "The loss is half of a square. The slope of the square has a 2, and the half takes it away. Here "
            "it does not: every gradient is twice as long as it should be.",
        ),
    ),
}
