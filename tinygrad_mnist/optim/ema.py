"""EMA: a moving average of the weights, for evaluation."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np

from tinygrad_mnist.arguments import require_number
from tinygrad_mnist.autodiff.modes import CAPTURE
from tinygrad_mnist.autodiff.tensor import Tensor
from tinygrad_mnist.errors import CaptureError, CheckpointError
from tinygrad_mnist.hints import hinted
from tinygrad_mnist.optim.groups import leaves_once
from tinygrad_mnist.typing import Array


class EMA:
    """Moving average of parameters: ``average = decay * average + (1 - decay) * parameter`` at each update.

    It begins with the parameters as they are (B. Polyak and A. Juditsky, Acceleration of stochastic
    approximation by averaging, 1992; with an exponential window).

    Parameters
    ----------
    params : iterable of Tensor
        Such as ``model.parameters()``.
    decay : float, default 0.999
        Share of the average that stays, below 1.

    Examples
    --------
    >>> weight = Tensor([0.0], requires_grad=True)
    >>> ema = EMA([weight], decay=0.75)
    >>> weight.data = np.array([4.0])
    >>> ema.update()
    >>> with ema.swapped_in():
    ...     weight.data
    array([1.])
    >>> weight.data
    array([4.])
    """

    @hinted
    def __init__(self, params: Iterable[Tensor], decay: float = 0.999) -> None:
        require_number("decay", decay, low=0, below=1)
        self.params, self.decay = leaves_once(list(params)), float(decay)
        self.averages: list[Array] = [parameter.data.copy() for parameter in self.params]

    def update(self) -> None:
        """Take the present parameters into the average; called after each training step.

        Raises
        ------
        CaptureError
            Inside a compiled function.
        """
        if CAPTURE.get():
            raise CaptureError("EMA.update() is inside a compiled step: call it after the step")
        for parameter, average in zip(self.params, self.averages):
            average *= self.decay
            average += (1 - self.decay) * parameter.data

    @contextmanager
    def swapped_in(self) -> Iterator[None]:
        """Run a block with the averages as the parameters; afterwards they are as before."""
        before = [parameter.data.copy() for parameter in self.params]
        self._put(self.averages)
        try:
            yield
        finally:
            self._put(before)

    def _put(self, arrays: list[Array]) -> None:
        for parameter, array in zip(self.params, arrays):
            parameter.data[...] = array
            parameter._mark_changed()

    def state_dict(self) -> dict[str, Any]:
        """Return the decay and copies of the averages, in the order of the parameters."""
        return {"decay": self.decay, "averages": [average.copy() for average in self.averages]}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over what a ``state_dict`` holds; nothing is changed unless all of it fits.

        Raises
        ------
        CheckpointError
            If an average does not fit its parameter.
        """
        if set(state) != {"decay", "averages"}:
            raise CheckpointError(f"the state of an EMA has decay and averages, and this one {list(state)}")
        found = [np.shape(average) for average in state["averages"]]
        expected = [parameter.shape for parameter in self.params]
        if found != expected:
            raise CheckpointError(f"the averages have shapes {found}: expected {expected}")
        require_number("decay", state["decay"], low=0, below=1)
        self.decay = float(state["decay"])
        for average, saved in zip(self.averages, state["averages"]):
            average[...] = saved
