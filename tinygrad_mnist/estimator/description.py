"""Text of an estimator: its repr, and the epochs that it prints."""

from __future__ import annotations

from typing import Any

from tinygrad_mnist import nn
from tinygrad_mnist.nn.perceptrons import sizes_as_text
from tinygrad_mnist.training import Epoch, Training


class Trace:
    """Callback that prints loss and accuracy of every N-th epoch."""

    def __init__(self, every: int) -> None:
        self.every = every

    def after_epoch(self, training: Training, epoch: Epoch) -> None:
        """Print the epoch if it is due."""
        if epoch.epoch % self.every == 0:
            accuracy = "" if epoch.train_accuracy is None else f"  accuracy {epoch.train_accuracy:.4f}"
            print(f"epoch {epoch.epoch:,}  loss {epoch.train_loss:.6f}{accuracy}")


def described(network: Any) -> str:
    """Return settings other than the defaults, sizes, classes and loss as text."""
    defaults = type(network)().get_params()
    parts = [repr(network.formula)] if network.formula is not None else []
    if network.data is not None:
        parts.append(f"data={rows_in_words(network.data)}")
    for name, value in network.get_params(deep=False).items():
        if name not in ("formula", "data") and repr(value) != repr(defaults[name]):
            parts.append(f"{name}={value!r}")
    lines = [f"NeuralNetwork({', '.join(parts)})"]
    if hasattr(network, "model_"):
        linear = [layer for layer in network.model_ if isinstance(layer, nn.Linear)]
        sizes = sizes_as_text([linear[0].in_features, *(layer.out_features for layer in linear)])
        activation = f", {type(network.model_[1]).__name__.lower()}" if len(linear) > 1 else ""
        lines += [f"  {sizes}{activation}: {network._head.describe()}"]
        lines += [f"  loss {network.loss_:.4g} after {len(network.history_)} epochs"]
    return "\n".join(lines)


def rows_in_words(data: Any) -> str:
    """Return the number of rows in words, or the type of data without rows: bad data can still be shown."""
    column = next(iter(data.values()), ()) if isinstance(data, dict) else data
    try:
        return f"{len(column)} rows"
    except TypeError:
        return type(data).__name__
