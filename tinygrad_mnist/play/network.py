"""The network that a page shows: the reader's own, copied in float64."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygrad_mnist import nn, ops
from tinygrad_mnist.arguments import shown
from tinygrad_mnist.autodiff.formula import Symbol, rule_formula
from tinygrad_mnist.autodiff.modes import no_grad
from tinygrad_mnist.autodiff.primitive import REGISTRY
from tinygrad_mnist.autodiff.tensor import Tensor
from tinygrad_mnist.nn.losses import Loss
from tinygrad_mnist.nn.perceptrons import sizes_as_text
from tinygrad_mnist.typing import Array

_SOFTMAX = nn.Softmax  # nn.LogSoftmax is one too
ACTIVATIONS = (
    *(nn.Sigmoid, nn.Tanh, nn.ReLU, nn.LeakyReLU, nn.ELU, nn.GELU, nn.SiLU, nn.Softplus),
    _SOFTMAX,
)
PASSED_OVER = (nn.Flatten, nn.Dropout, nn.Identity)  # an example is one row, and a page trains on all units
_KINDS_ON_PAGE: dict[type[nn.Module], str] = {nn.Conv2d: "windows", nn.Linear: "linear"}
_AT_ONCE = 64  # examples, whose windows stay in the cache
_SQUASHING = (nn.Sigmoid, nn.Tanh)  # at the end of a network they belong to the quadratic loss
_AS_TEXT = {"sigmoid(x)": "1 / (1 + exp(-x))", "relu(x)": "max(x, 0)"}
LOSSES = {"cross-entropy": nn.CrossEntropyLoss, "quadratic": nn.QuadraticLoss}


class Layers(nn.Sequential):
    """Layers in a row that return the output of each: (n, k) -> list of (n, units)."""

    def forward(self, x: Any) -> Any:
        """Return the output of every layer."""
        outputs = []
        for layer in self:
            x = layer(x)
            outputs.append(x)
        return outputs


@dataclass(frozen=True, eq=False)
class Network:
    """A network that a page shows.

    Attributes
    ----------
    layers
        The layers in float64 and in evaluation mode.
    names
        Name of each parameter and buffer in the reader's network, by its name in `layers`.
    loss
        The key of `LOSSES`.
    dtype
        In which a page holds the weights: float64 if the reader's network does, else float32.
    inputs
        Number of pixels, or of coordinates of a point.
    """

    layers: Layers
    names: dict[str, str]
    loss: str
    dtype: np.dtype[Any]
    inputs: int

    @property
    def sizes(self) -> tuple[int, ...]:
        """Sizes of the input, of each convolution and of each linear layer."""
        found = [self.inputs]
        for layer in self.layers:
            if isinstance(layer, nn.Conv2d):
                found.append(layer.out_channels)
            elif isinstance(layer, nn.Linear):
                found.append(layer.out_features)
        return tuple(found)

    @property
    def has_maps(self) -> bool:
        """True for a network with convolutions."""
        return any(isinstance(layer, nn.Conv2d) for layer in self.layers)

    @property
    def takes_logits(self) -> bool:
        """True if the answer is the softmax of the last layer."""
        return self.loss == "cross-entropy"

    def answer(self, output: Any) -> Any:
        """Return what is shown as probabilities, for the output of the last layer: (n, k) -> (n, k)."""
        return ops.softmax(output) if self.takes_logits else 1.0 * output  # a program returns a Tensor once

    def outputs(self, x: Array) -> Array:
        """Return the output of the last layer without a graph: (n, inputs) -> (n, classes)."""
        with no_grad():
            parts = [self.layers(x[i : i + _AT_ONCE])[-1].data for i in range(0, len(x), _AT_ONCE)]
        return np.concatenate(parts)

    def described(self) -> list[dict[str, Any]]:
        """Return the layers as the page has them, feature maps with their shape."""
        with no_grad():
            values = self.layers(np.zeros((1, self.inputs)))
        return [
            self._described(position, layer, value.shape[1:])
            for position, (layer, value) in enumerate(zip(self.layers, values))
        ]

    def _described(self, position: int, layer: nn.Module, shape: tuple[int, ...]) -> dict[str, Any]:
        own = {name: self.names[f"{position}.{name}"] for name, _ in layer.named_parameters()}
        is_activation = isinstance(layer, ACTIVATIONS)
        return {
            "title": _title(layer),
            "kind": "activation" if is_activation else _KINDS_ON_PAGE.get(type(layer), "between"),
            "size": shape[0] if len(shape) == 3 else shape[-1],
            "maps": shape if len(shape) == 3 else None,
            **own,
            **(_formulas(layer) if is_activation else {}),
        }

    def fresh(self, name: str) -> int | None:
        """Return the number that fills an array of a fresh network; None for an array of random numbers.

        Batch normalization then changes nothing: its page trains with this mean and variance.
        """
        position, _, own = name.partition(".")
        layer = self.layers[int(position)]
        if isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d) and own in ("weight", "running_var"):
            return 1
        return None if own == "weight" else 0

    def formulas(self) -> dict[str, str]:
        """Return the rules of the graph for the loss and for linear layers, in `g` and the inputs' names."""
        x, weight, bias = np.ones((1, 3)), np.ones((2, 3)), np.ones(2)
        rules = [rule_formula(REGISTRY["linear"], i, (x, weight, bias), {}).text for i in range(3)]
        output, label = np.ones((1, self.sizes[-1])), np.array([0])
        if self.takes_logits:
            loss = rule_formula(REGISTRY["softmax_cross_entropy"], 0, (output, label), {})
        else:
            loss = rule_formula(REGISTRY["squared_error"], 0, (output, output), {"scale": 0.5})
        return {"loss": loss.text, **dict(zip(("linear", "weight", "bias"), rules))}

    def __str__(self) -> str:
        return sizes_as_text(self.sizes)


def network_of(model: nn.Module, loss: Loss | None) -> Network:
    """Copy a network and decide its loss.

    Parameters
    ----------
    model
        A `Sequential`, also of others, of Linear layers and activations.
    loss
        A `CrossEntropyLoss` or `QuadraticLoss`; by default the second for a network that ends in a sigmoid or
        tanh, else the first.

    Raises
    ------
    TypeError
        If the network has a layer that a page cannot show, or the loss is another one.
    ValueError
        If a weight is not finite.
    """
    if not is_row(model):
        raise TypeError(
            f"model is {_kind(model)}: expected an nn.Sequential of Linear layers and activations; write "
            'nn.perceptron("784-30-10")'
        )
    require_finite(model)
    mine = in_double(model)
    given = [layer for layer in flat(mine) if not isinstance(layer, PASSED_OVER)]
    linear = [layer for layer in given if isinstance(layer, nn.Linear)]
    if not linear or not isinstance(given[0], nn.Linear):
        raise TypeError(
            f"model begins with {_kind(given[0]) if given else 'no layer'}: expected a Linear layer; write "
            'nn.perceptron("784-30-10")'
        )
    if len({id(layer.weight) for layer in linear}) < len(linear):
        raise TypeError("model has one Linear layer at two places: expected each once; write two layers")
    return made_network(mine, given, loss, dtype_on_page(model), linear[0].in_features)


def made_network(
    mine: nn.Module, given: list[nn.Module], loss: Loss | None, dtype: np.dtype[Any], inputs: int
) -> Network:
    """Make a network of some layers of a copy, which has the names of the reader's arrays.

    A softmax at the end is left out for the cross-entropy: the answer is the softmax of what comes before,
    and the loss is that of the logits.
    """
    name = loss_name(loss, given[-1])
    if name == "cross-entropy" and isinstance(given[-1], _SOFTMAX):
        given = given[:-1]
    layers = Layers(*given)
    known = {id(tensor): name for name, tensor in _numbers(mine)}
    names = {own: known[id(tensor)] for own, tensor in _numbers(layers)}
    for own, tensor in _numbers(layers):
        tensor.name = own  # that of a buffer is empty
    return Network(layers, names, name, dtype, inputs)


def in_double(model: nn.Module) -> nn.Module:
    """Copy a network in evaluation mode, its numbers in float64 and all of them to be learned."""
    mine = copy.deepcopy(model).eval()
    for module in mine.modules():
        for name, tensor in list(vars(module).items()):
            if isinstance(tensor, nn.Parameter | nn.Buffer) and tensor.dtype.kind == "f":
                setattr(module, name, type(tensor)(tensor.data.astype(np.float64)))
    return mine


def dtype_on_page(model: nn.Module) -> np.dtype[Any]:
    """Return the dtype in which a page holds the weights of a network."""
    is_double = any(parameter.dtype == np.float64 for parameter in model.parameters())
    return np.dtype(np.float64 if is_double else np.float32)


def flat(model: Any, also: tuple[type[nn.Module], ...] = ()) -> Iterator[nn.Module]:
    """Yield the layers of a network, those of a `Sequential` inside one by one.

    Parameters
    ----------
    also
        Kinds of layers that are taken beside those of a perceptron.
    """
    for layer in model:
        if is_row(layer):
            yield from flat(layer, also)
            continue
        is_along_rows = not isinstance(layer, _SOFTMAX) or layer.dim in (-1, 1)
        if (
            type(layer) not in (nn.Linear, nn.LogSoftmax, *ACTIVATIONS, *PASSED_OVER, *also)
            or not is_along_rows
        ):
            kinds: tuple[type[nn.Module], ...] = (nn.Linear, *also, *PASSED_OVER)
            known = ", ".join(kind.__name__ for kind in kinds)
            raise TypeError(
                f"model has the layer {_kind(layer)}: expected {known} or an activation; write "
                'nn.perceptron("784-30-10")'
            )
        yield layer


def is_row(layer: Any) -> bool:
    """Return True for a `Sequential`, of a class that runs its layers as it does."""
    return isinstance(layer, nn.Sequential) and type(layer).forward is nn.Sequential.forward


def loss_name(loss: Loss | None, last: nn.Module) -> str:
    """Return the key of `LOSSES` of a loss, or of that which fits the last layer."""
    if loss is None:
        return "quadratic" if isinstance(last, _SQUASHING) else "cross-entropy"
    for name, kind in LOSSES.items():
        if type(loss) is kind and (repr(loss) == repr(kind()) or _is_of_softmax(loss, last)):
            return name
    raise TypeError(
        f"loss is {' '.join(repr(loss).split())}: expected the mean of a CrossEntropyLoss or QuadraticLoss; "
        "write nn.CrossEntropyLoss()"
    )


def _is_of_softmax(loss: Loss, last: nn.Module) -> bool:
    """Return True for a cross-entropy of probabilities behind a softmax: that of its logits is the same."""
    return type(last) is nn.Softmax and repr(loss) == repr(nn.CrossEntropyLoss(from_logits=False))


def require_finite(model: nn.Module) -> None:
    """Refuse a network with a weight that is not finite."""
    for name, parameter in model.named_parameters():
        if not np.isfinite(parameter.data).all():
            raise ValueError(
                f"model has a number in {name} that is not finite: expected finite weights; train it with a "
                "smaller learning rate"
            )


def _numbers(module: nn.Module) -> list[tuple[str, Any]]:
    """Parameters and buffers by name."""
    return [*module.named_parameters(), *module.named_buffers()]


def _title(layer: nn.Module) -> str:
    """A layer in words: an activation with its settings, none for a change of shape."""
    if isinstance(layer, nn.Linear):
        return f"Linear {layer.in_features} → {layer.out_features}"
    if isinstance(layer, ACTIVATIONS):
        return repr(layer).removesuffix("()")
    return "" if isinstance(layer, nn.Flatten | nn.Unflatten) else type(layer).__name__


def _formulas(layer: nn.Module) -> dict[str, str]:
    """The activation as text, and its rule if it is one op that works element by element."""
    x = Tensor(np.array([[0.5, 0.25]]), requires_grad=True)
    y, forward = layer(x), layer.forward(Symbol("x", x.data)).expression.text
    found = {"forward": _AS_TEXT.get(forward, forward)}
    if len(y.inputs) == 1 and y.inputs[0] is x and not isinstance(layer, _SOFTMAX):
        found["formula"] = rule_formula(y.primitive, 0, (x.data,), y.attributes).text
    return found


def _kind(layer: Any) -> str:
    """A layer in the words of its repr; another module by its class."""
    text = repr(layer)
    return text if isinstance(layer, nn.Module) and "\n" not in text else shown(type(layer))
