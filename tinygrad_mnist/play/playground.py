"""The page to play with, as one file."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from tinygrad_mnist import nn
from tinygrad_mnist.arguments import require_number, require_whole
from tinygrad_mnist.errors import DataError
from tinygrad_mnist.files import write_atomically
from tinygrad_mnist.nn.losses import Loss
from tinygrad_mnist.pages import iframe
from tinygrad_mnist.play.convolutions import convolutions_of, has_convolutions
from tinygrad_mnist.play.examples import PlayData, data_of
from tinygrad_mnist.play.network import Network, is_row, network_of
from tinygrad_mnist.play.page_text import page_of

_IFRAME_HEIGHT = 900
BATCH_SIZE = 16  # of the training on a page
_DOWNLOADS = "allow-scripts allow-downloads"


class Playground:
    """A page of a network to play with: draw, blame, train, check, take away.

    A notebook shows it.

    Attributes
    ----------
    title : str
        The heading.
    html : str
        The page.  It loads nothing, and a content security policy forbids any network.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from tinygrad_mnist import nn
    >>> from tinygrad_mnist.play import moons, play
    >>> page = play(nn.perceptron("2-8-2", nn.Tanh, rng=0), moons())
    >>> page.title
    '2-8-2 on moons'
    >>> with TemporaryDirectory() as folder:
    ...     page.save(Path(folder, "play.html")).read_text("utf-8") == page.html
    True
    """

    def __init__(self, title: str, html: str) -> None:
        self.title, self.html = title, html

    def save(self, path: str | PathLike[str]) -> Path:
        """Write the page to a file, and return its path.

        Raises
        ------
        OSError
            If the file cannot be written.
        """
        path = Path(path)
        write_atomically(path, self.html)
        return path

    def __repr__(self) -> str:
        return (
            f"<page to play with {self.title}: {len(self.html.encode()):,} bytes; write .save('play.html')>"
        )

    def _repr_html_(self) -> str:
        return iframe(self.html, title=self.title, height=_IFRAME_HEIGHT, sandbox=_DOWNLOADS)


def play(
    model: nn.Module,
    data: Any,
    path: str | PathLike[str] | None = None,
    *,
    loss: Loss | None = None,
    class_names: Sequence[str] | None = None,
    title: str | None = None,
    lr: float = 0.05,
    momentum: float = 0.9,
    batch_size: int = BATCH_SIZE,
) -> Playground:
    """Make a page on which a reader sees a network answer, err, blame and learn.

    The page runs the network's own programs, printed as JavaScript, in float64.  It holds the weights in
    float32, those of a float64 network in float64.  It trains without dropout, and batch normalization keeps
    its mean and variance.

    Parameters
    ----------
    model
        An `nn.Sequential` of Linear layers and activations, trained or not.  It is not changed.  A Softmax at
        its end is the page's own answer, and the loss is that of the logits before it.  With a `Conv2d`, also
        pooling and batch normalization: the page then shows the feature maps.
    data
        An `ImageDataset`, `Points`, or a pair of arrays: points (n, 2) or images (n, height, width), uint8 or
        numbers from 0 to 1, and whole numbers (n,), their classes from 0.  Of a pair, a fifth is for testing.
    path
        File to write.
    loss
        `nn.CrossEntropyLoss()` or `nn.QuadraticLoss()`.  By default the second for a network that ends in a
        sigmoid or tanh, else the first.
    class_names
        Names of the classes of a pair, in their order.
    title
        The heading; by default as "784-128-10 on MNIST".
    lr, momentum, batch_size
        With which the page starts to train, by SGD.

    Returns
    -------
    Playground
        The page.  A notebook shows it.

    Raises
    ------
    TypeError
        If the network has a layer that cannot be shown, or the loss is another one.
    ValueError
        If a number or a weight is not finite.
    DataError
        If the data are of another form, do not fit the network, or make the page larger than 3 MB.

    Examples
    --------
    >>> from tinygrad_mnist import nn
    >>> from tinygrad_mnist.play import moons, play
    >>> play(nn.perceptron("2-8-2", nn.Tanh, rng=0), moons())
    <page to play with 2-8-2 on moons: ... bytes; write .save('play.html')>
    """
    require_number("lr", lr, low=0)
    require_number("momentum", momentum, low=0)
    require_whole("batch_size", batch_size)
    examples = data_of(data, class_names)
    network = _network(model, loss, examples)
    _require_fit(network, examples)
    _require_batch(batch_size, examples)
    title = f"{network} on {examples.name}" if title is None else str(title)
    training = {"lr": float(lr), "momentum": float(momentum), "batch": int(batch_size)}
    page = Playground(title, page_of(title, network, examples, training))
    if path is not None:
        page.save(path)
    return page


def _network(model: nn.Module, loss: Loss | None, data: PlayData) -> Network:
    if data.kind == "image" and is_row(model) and has_convolutions(model):
        return convolutions_of(model, loss, data.shape)
    return network_of(model, loss)


def _require_fit(network: Network, data: PlayData) -> None:
    inputs, classes = int(np.prod(data.shape)), len(data.class_names)
    if classes < 2:
        raise DataError(f"data has {classes} class: expected at least two; add examples of another class")
    if (network.sizes[0], network.sizes[-1]) != (inputs, classes):
        hidden = "-".join(map(str, (inputs, *network.sizes[1:-1], classes)))
        raise DataError(
            f"model is {network}: expected {inputs} inputs and {classes} outputs, as {data.name} has; write "
            f'nn.perceptron("{hidden}")'
        )


def _require_batch(batch_size: int, data: PlayData) -> None:
    if batch_size > len(data.train):
        raise DataError(
            f"batch_size is {batch_size}: expected at most the {len(data.train)} examples to train on; write "
            f"batch_size={len(data.train)}"
        )
