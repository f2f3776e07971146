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
    """Return the mistakes that change a gradient of a network.

    A network with convolutions has none that would reach its linear layers alone: its programs are long.
    """
    layers = list(network.layers)
    linear = [layer for layer in layers if isinstance(layer, nn.Linear)]
    kinds = {type(layer) for layer in layers}
    found = [mistake for kind, mistake in _OF_ACTIVATIONS.items() if kind in kinds]
    if len(linear) > 1 or network.has_maps:
        found.append(_STOPPED)
    found.append(_OF_LOSSES[network.loss])
    if network.has_maps:
        return found
    if any(layer.bias is not None for layer in linear):
        found.append(_NO_BIAS)
    if nn.Sigmoid not in {type(layer) for layer in layers[:-1]}:  # whose outputs are all above 0
        found.append(_ON_OR_OFF)
    return found


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


@_planted("relu", 0)
def _relu_leaks(g: Any, y: Any, x: Any) -> Any:
    """A leaky ReLU's rule, at a ReLU that does not leak."""
    return ops.where(x > 0, g, 0.1 * g)


@_planted("linear", 0)
def _blame_not_passed_on(g: Any, y: Any, x: Any, weight: Any, bias: Any) -> Any:
    """The layers before the last get no gradient, as behind a detach; the last one learns by itself."""
    return 0.0 * (g @ weight)


@_planted("linear", 2)
def _bias_left_out(g: Any, y: Any, x: Any, weight: Any, bias: Any) -> Any:
    """The weights are thought of, the biases are not."""
    return 0.0 * _bias(g, y, x, weight, bias)


@_planted("linear", 1)
def _inputs_on_or_off(g: Any, y: Any, x: Any, weight: Any, bias: Any) -> Any:
    """The input is taken for a mask of what is on: right for pixels that are 0 or 1."""
    return g.mT @ ops.where(x > 0, 1.0, 0.0)


@_planted("softmax_cross_entropy", 0)
def _half_too_many(g: Any, y: Any, logits: Any, targets: Any) -> Any:
    """The half of the quadratic loss is carried over to a loss that has none."""
    return 0.5 * _cross_entropy(g, y, logits, targets)


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
        _relu_leaks,
        "A ReLU that is off passes blame on",
        "A ReLU gives 0 for a negative sum, and then no small change matters: its slope is 0. Here it passes "
        "a tenth of the blame on, as if it were not quite off.",
    ),
    nn.Softplus: Mistake(
        wrong_rules.softplus_like_relu,
        "A bend is taken for a corner",
        "The slope of a softplus grows smoothly from 0 to 1. Here it jumps from 0 to 1, like that of a ReLU.",
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
_ON_OR_OFF = Mistake(
    _inputs_on_or_off,
    "An input is on or off",
    "The gradient of a weight is the blame of its unit × the input that the weight reads. Here each input "
    "above 0 counts as 1, and every other as 0.",
)
_OF_LOSSES = {
    "cross-entropy": Mistake(
        _half_too_many,
        "One half too many",
        "The quadratic loss has a half in it, this loss has none. Here all blame is halved all the same: "
        "every gradient points the right way and is half as long as it should be.",
    ),
    "quadratic": Mistake(
        _half_forgotten,
        "A half is forgotten",
        "The loss is half of a square. The slope of the square has a 2, and the half takes it away. Here it "
        "does not: every gradient is twice as long as it should be.",
    ),
}
