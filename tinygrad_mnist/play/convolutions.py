"""Networks with convolutions on a page: their layers, and how they take images."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tinygrad_mnist import nn
from tinygrad_mnist.arguments import shown
from tinygrad_mnist.autodiff.modes import no_grad
from tinygrad_mnist.play.network import (
    PASSED_OVER,
    Network,
    dtype_on_page,
    flat,
    in_double,
    made_network,
    require_finite,
)

_KINDS = (nn.Conv2d, nn.MaxPool2d, nn.AvgPool2d, nn.BatchNorm2d, nn.BatchNorm1d, nn.Unflatten)


def convolutions_of(model: Any, loss: Any, shape: tuple[int, ...]) -> Network:
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
    mine = in_double(model)
    given = [layer for layer in flat(mine, also=_KINDS) if not _is_silent(layer)]
    entry = nn.Unflatten(1, _entry(mine, shape))
    return made_network(mine, [entry, *given], loss, dtype_on_page(model), math.prod(shape))


def has_convolutions(model: Any) -> bool:
    """Return True for a network with a `Conv2d`."""
    return any(isinstance(layer, nn.Conv2d) for layer in model.modules())


def _is_silent(layer: nn.Module) -> bool:
    """Return True for a layer that changes nothing in evaluation; a Flatten changes the shape of maps."""
    return isinstance(layer, PASSED_OVER) and not isinstance(layer, nn.Flatten)


def _entry(model: nn.Module, shape: tuple[int, ...]) -> tuple[int, ...]:
    """The shape in which the network takes an image: with one channel, without, or as a row."""
    for entry in ((1, *shape), shape, (math.prod(shape),)):
        try:
            with no_grad():
                model(np.zeros((2, *entry)))
        except (TypeError, ValueError):
            continue
        return entry
    raise TypeError(
        f"model takes no images of shape {shown(shape)}: expected (n, 1, height, width), (n, height, width) "
        "or (n, pixels) as its input; give it images of the size that it was trained on"
    )
