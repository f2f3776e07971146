"""EMA: a moving average of the weights, for evaluation."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any, ClassVar

import numpy as np

from tinygrad_mnist.arguments import require_number, shown
from tinygrad_mnist.autodiff.modes import CAPTURE
from tinygrad_mnist.autodiff.observed import Observed
from tinygrad_mnist.autodiff.tensor import Tensor
from tinygrad_mnist.errors import CheckpointError
from tinygrad_mnist.hints import hinted
from tinygrad_mnist.hints.networks import NotInEMA
from tinygrad_mnist.optim.groups import ParameterState, leaves_once
from tinygrad_mnist.typing import Array


class EMA(Observed, NotInEMA):
    """Moving average of parameters: ``average = decay * average + (1 - decay) * parameter`` at each update.

    It begins with the parameters as they are (B. Polyak and A. Juditsky, Acceleration of stochastic
    approximation by averaging, 1992; with an exponential window).  It is a callback of `fit` too: it updates
    after each step, the validation data are evaluated with the averages, checkpoints keep them, and at the
    end the parameters are set to them.  Another `fit` with it continues from the trained parameters.

    Parameters
    ----------
    params : iterable of Tensor
        Such as ``model.parameters()``.
    decay : float, default 0.999
        Share of the average that stays, below 1.  It may be set between updates.

    Attributes
    ----------
    states : tuple of ParameterState
        The array ``average`` of each parameter.

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

    During training, ``fit(..., callbacks=[ema])``:

    >>> from tinygrad_mnist import nn, optim, training
    >>> model, x = nn.Linear(1, 1, dtype=np.float64), np.array([[1.0], [2.0]])
    >>> ema = EMA(model.parameters(), decay=0.5)
    >>> parts = model, nn.MSELoss(), optim.SGD(model.parameters(), lr=0.1)
    >>> history = training.fit(*parts, (x, 3 * x), (x, 3 * x), epochs=5, callbacks=[ema], progress=False)
    >>> training.evaluate(model, nn.MSELoss(), (x, 3 * x)).loss == history[-1].validation_loss
    True
    """

    OPEN = ("decay",)
    STATES: ClassVar[dict[str, str]] = {"average": "a"}
    COUNTED: ClassVar[bool] = False

    decay: float

    @hinted
    def __init__(self, params: Iterable[Tensor], decay: float = 0.999) -> None:
        if isinstance(params, Tensor) or not isinstance(params, Iterable) or hasattr(params, "parameters"):
            write = "write EMA(model.parameters())"
            raise TypeError(f"params is {shown(params)}: expected the model's parameters; {write}")
        self.params, self.decay = leaves_once(list(params)), decay
        self._trained: list[Array] | None = None  # the parameters, while the averages take their place
        self.states: tuple[Any, ...] = tuple(ParameterState(self.STATES) for _ in self.params)
        for parameter, state in zip(self.params, self.states):
            state.average = parameter.data.copy()

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "decay":
            require_number("decay", value, low=0, below=1)
            value = float(value)  # NumPy's own numbers would take the update of a float32 array to float64
        super().__setattr__(name, value)

    def update(self) -> None:
        """Take the present parameters into the averages: after each step, or in a compiled one at its end."""
        capture = CAPTURE.get()
        if capture:
            capture.average(self)
            return
        for parameter, state in zip(self.params, self.states):
            if state.scratch is None:
                state.scratch = np.empty_like(parameter.data)
            self.take_in(parameter.data, state, self)

    def take_in(self, p: Any, state: Any, s: Any) -> None:
        """The formula on the arrays of one parameter; in a program, arrays and the decay are stand-ins."""
        average = state.average
        average *= s.decay
        average += np.multiply(p, 1 - s.decay, state.scratch)

    @contextmanager
    def swapped_in(self) -> Iterator[None]:
        """Run a block with the averages as the parameters; afterwards they are as before."""
        before = [parameter.data.copy() for parameter in self.params]
        self._put([state.average for state in self.states])
        try:
            yield
        finally:
            self._put(before)

    def _put(self, arrays: list[Array]) -> None:
        for parameter, array in zip(self.params, arrays):
            parameter.data[...] = array
            parameter._mark_changed()

    # A callback of `fit`

    def before_training(self, training: Any) -> None:
        """Put back the parameters that the last training ended with, unless they were changed since.

        Raises
        ------
        ValueError
            If a parameter is not among those that are trained.
        """
        trained = {id(parameter) for parameter in training.optimizer.params}
        if any(id(parameter) not in trained for parameter in self.params):
            raise ValueError(
                "params of EMA has a tensor that is not trained: expected parameters of the optimizer; "
                "write EMA(optimizer.params)"
            )
        before, self._trained = self._trained, None
        if before is not None and self._holds_averages():
            self._put(before)

    def after_step(self, training: Any) -> None:
        """Update the averages."""
        self.update()

    def evaluating(self, training: Any) -> AbstractContextManager[None]:
        """Return `swapped_in`: the validation data are evaluated with the averages."""
        return self.swapped_in()

    def at_end(self, training: Any) -> None:
        """Set the parameters to the averages; after an interruption they keep the trained values."""
        if not training.history.interrupted:
            self._trained = [parameter.data.copy() for parameter in self.params]
            self._put([state.average for state in self.states])

    def _holds_averages(self) -> bool:
        """Return True if no parameter was changed since the averages took their place."""
        pairs = zip(self.params, self.states)
        return all(np.array_equal(parameter.data, state.average) for parameter, state in pairs)

    # What is saved

    def state_dict(self) -> dict[str, Any]:
        """Return the decay, and under "arrays" copies of the averages by position."""
        averages = {str(i): state.average.copy() for i, state in enumerate(self.states)}
        return {"decay": self.decay, "arrays": averages}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over what a ``state_dict`` holds; nothing is changed unless all of it fits.

        Raises
        ------
        CheckpointError
            If an average does not fit its parameter.
        """
        if set(state) != {"decay", "arrays"}:
            raise CheckpointError(f"the state of an EMA has decay and arrays, and this one {list(state)}")
        found = {name: np.shape(average) for name, average in state["arrays"].items()}
        expected = {str(i): parameter.shape for i, parameter in enumerate(self.params)}
        if found != expected:
            raise CheckpointError(f"the averages have shapes {found}: expected {expected}")
        self.decay = state["decay"]
        for i, own in enumerate(self.states):
            own.average[...] = state["arrays"][str(i)]
