"""The network with convolutions that a page shows: the reader's own, copied in evaluation mode."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygrad_mnist import nn
from tinygrad_mnist.arguments import shown
from tinygrad_mnist.autodiff.modes import no_grad
from tinygrad_mnist.play.network import (
    ACTIVATIONS,
    PASSED_OVER,
    Layers,
    Network,
    flat,
    loss_name,
    require_finite,
)
from tinygrad_mnist.typing import Array

_KINDS = (nn.Conv2d, nn.MaxPool2d, nn.AvgPool2d, nn.BatchNorm2d, nn.BatchNorm1d, nn.Unflatten)
_KINDS_ON_PAGE: dict[type[nn.Module], str] = {nn.Conv2d: "windows", nn.Linear: "linear"}
_AT_ONCE = 500  # images, whose windows take 0.2 MB each


@dataclass(frozen=True, eq=False)
class Convolutions(Network):
    """A network with convolutions, which a page shows and does not train.

    Attributes
    ----------
    inputs
        Number of pixels.
    """

    inputs: int
    is_trained_on_page = False

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
    def computes_in(self) -> np.dtype[Any]:
        """The dtype of the reader's network."""
        return self.dtype

    def outputs(self, x: Array) -> Array:
        """Return the output of the last layer without a graph: (n, inputs) -> (n, classes)."""
        parts = [x[i : i + _AT_ONCE].astype(self.dtype) for i in range(0, len(x), _AT_ONCE)]
        return np.concatenate([super(Convolutions, self).outputs(part) for part in parts])

    def described(self) -> list[dict[str, Any]]:
        """Return the layers as the page has them, feature maps with their shape."""
        found = []
        with no_grad():
            values = self.layers(np.zeros((1, self.inputs), self.dtype))
        for position, (layer, value) in enumerate(zip(self.layers, values)):
            kind = _KINDS_ON_PAGE.get(type(layer), "activation" if type(layer) in ACTIVATIONS else "between")
            own = {name: self.names[f"{position}.{name}"] for name, _ in layer.named_parameters()}
            maps = value.shape[1:] if value.ndim == 4 else None
            size = int(maps[0] if maps else value.shape[-1])
            title = "" if isinstance(layer, nn.Flatten | nn.Unflatten) else type(layer).__name__
            found.append({"title": title, "kind": kind, "size": size, "maps": maps, **own})
        return found

    def formulas(self) -> dict[str, str]:
        """Return no rules: the page does not go backward."""
        return {}


def convolutions_of(model: Any, loss: Any, shape: tuple[int, ...]) -> Convolutions:
    """Copy a network with convolutions, and find how it takes images.

    Parameters
    ----------
    model
        A `Sequential` with a `Conv2d`, in which linear layers stand behind the convolutions.
    shape
        Height and width of an image.

    Raises
    ------
    TypeError
        If the network has a layer that a page cannot show, or takes no images of this shape.
    ValueError
        If a weight is not finite.
    """
    require_finite(model)
    mine = copy.deepcopy(model).eval()
    given = [layer for layer in flat(mine, also=_KINDS) if not _is_silent(layer)]
    name = loss_name(loss, given[-1])
    if name == "cross-entropy" and isinstance(given[-1], nn.Softmax):
        given.pop()
    dtype = next(mine.parameters()).dtype
    entry = _entry(mine, shape, dtype)
    layers = Layers(nn.Unflatten(1, entry), *given)
    known = {id(tensor): name for name, tensor in _numbers(mine)}
    names = {}
    for own, tensor in _numbers(layers):
        names[own] = known[id(tensor)]
        tensor.name = own  # that of a buffer is empty
    return Convolutions(layers, names, name, dtype, int(np.prod(shape)))


def has_convolutions(model: Any) -> bool:
    """Return True for a network with a `Conv2d`."""
    return any(isinstance(layer, nn.Conv2d) for layer in model.modules())


def _is_silent(layer: nn.Module) -> bool:
    """Return True for a layer that changes nothing in evaluation; a Flatten changes the shape of maps."""
    return isinstance(layer, PASSED_OVER) and not isinstance(layer, nn.Flatten)


def _numbers(module: nn.Module) -> list[tuple[str, Any]]:
    """Parameters and buffers of floating dtype, by name."""
    every = [*module.named_parameters(), *module.named_buffers()]
    return [(name, tensor) for name, tensor in every if tensor.dtype.kind == "f"]


def _entry(model: nn.Module, shape: tuple[int, ...], dtype: Any) -> tuple[int, ...]:
    """The shape in which the network takes an image: with one channel, without, or as a row."""
    for entry in ((1, *shape), shape, (int(np.prod(shape)),)):
        try:
            with no_grad():
                model(np.zeros((2, *entry), dtype))
        except (TypeError, ValueError):
            continue
        return entry
    raise TypeError(
        f"model takes no images of shape {shown(shape)}: expected (n, 1, height, width), (n, height, width) "
        "or (n, pixels) as its input; give it images of the size that it was trained on"
    )
