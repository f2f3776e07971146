"""A training step: forward, backward, update; captured as a program where that can be done."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

from numpy.typing import NDArray

from tinygrad_mnist.autodiff.source_line import warning_level
from tinygrad_mnist.nn import Module
from tinygrad_mnist.optim import SGD
from tinygrad_mnist.program import Compiled, compile

Array = NDArray[Any]


def training_step(model: Module, loss: Module, optimizer: SGD) -> Callable[[Any, Any], tuple[Any, Any]]:
    """The step on a batch as a function of ``(inputs, targets)``, giving loss and output as Tensors."""

    def step(inputs: Any, targets: Any) -> tuple[Any, Any]:
        optimizer.zero_grad()
        output = model(inputs)
        value = loss(output, targets)
        value.backward()
        optimizer.step()
        return value, output

    return step


def train_step(model: Module, loss: Module, optimizer: SGD, inputs: Any, targets: Any) -> tuple[float, Array]:
    """Forward, backward and update on one batch; returns the loss before the update and the output."""
    value, output = training_step(model, loss, optimizer)(inputs, targets)
    return float(value.item()), output.data


class Step:
    """The steps of a run: as a captured program, and op by op where the model cannot be captured.

    Both give the same bits.  A model that Python branches on, or that wants plain arrays, cannot be captured:
    then a warning says why, once, and training goes on.
    """

    def __init__(self, model: Module, loss: Module, optimizer: SGD, *, eager: bool) -> None:
        self._eager = training_step(model, loss, optimizer)
        self._compiled: Compiled | None = None if eager else compile(self._eager)

    def __call__(self, inputs: Any, targets: Any) -> tuple[float, Array]:
        """The loss before the update, and the output."""
        if self._compiled is None:
            value, output = self._eager(inputs, targets)
        else:
            try:
                value, output = self._compiled(inputs, targets)
            except Exception as error:  # a failed capture has changed nothing
                value, output = self._eager(inputs, targets)  # which raises it again where it is a real one
                self._compiled = None
                warnings.warn(
                    f"training goes on op by op, since its step cannot be captured as a program: {error}",
                    RuntimeWarning,
                    stacklevel=warning_level(),
                )
        return float(value.item()), output.data
