"""Recurrent layers, unrolled: each step of the sequence is part of the graph."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from tinygrad_mnist.arguments import require_bool, require_choice, require_whole, shown
from tinygrad_mnist.autodiff import ops
from tinygrad_mnist.errors import ShapeError
from tinygrad_mnist.hints import hinted
from tinygrad_mnist.nn import init
from tinygrad_mnist.nn.inputs import require_array, require_steps
from tinygrad_mnist.nn.parameters import Parameter, learned
from tinygrad_mnist.nn.settings import Configured
from tinygrad_mnist.seeding import generator


class _Recurrent(Configured):
    """Base of the recurrent layers: weights with PyTorch's names, and the loop over layers and steps."""

    _gates = 1  # blocks of rows in each weight
    weight_hh_l0: Parameter

    @hinted
    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        *,
        rng: np.random.Generator | int | None = None,
        dtype: DTypeLike | None = None,
    ) -> None:
        self.input_size = require_whole("input_size", input_size)
        self.hidden_size = require_whole("hidden_size", hidden_size)
        self.num_layers = require_whole("num_layers", num_layers)
        self.bias = require_bool("bias", bias)
        self.batch_first = require_bool("batch_first", batch_first)
        rng, rows = generator(rng), self._gates * hidden_size
        uniform = init.uniform(1 / math.sqrt(hidden_size))
        for layer in range(num_layers):
            inputs = hidden_size if layer else input_size
            shapes: list[tuple[str, tuple[int, ...]]]
            shapes = [("weight_ih", (rows, inputs)), ("weight_hh", (rows, hidden_size))]
            shapes += [("bias_ih", (rows,)), ("bias_hh", (rows,))] if bias else []
            for name, shape in shapes:
                setattr(self, f"{name}_l{layer}", learned(uniform(shape, rng), dtype))

    def _run(self, x: Any, states: list[Any]) -> tuple[Any, list[Any]]:
        """Return the outputs of the last layer, axes as in the input, and the last states of each layer."""
        last = []
        for layer in range(self.num_layers):
            weight, recurrent = (getattr(self, f"weight_{name}_l{layer}") for name in ("ih", "hh"))
            biases = [getattr(self, f"bias_{name}_l{layer}", None) for name in ("ih", "hh")]
            bias = None if biases[0] is None else biases[0] + biases[1]
            into = ops.linear(x, weight, bias)  # of all steps at once
            state, outputs = states[layer], []
            for step in range(x.shape[0]):
                state = self._step(into[step] + ops.linear(state[0], recurrent, None), state)
                outputs.append(state[0])
            x = ops.stack(outputs)
            last.append(state)
        return ops.transpose(x, (1, 0, 2)) if self.batch_first else x, last

    def _step(self, total: Any, state: tuple[Any, ...]) -> tuple[Any, ...]:
        """Return the state after a step, the output first.  total: the weighted input and last output"""
        raise NotImplementedError

    def _by_steps(self, x: Any) -> Any:
        """Return the inputs with the steps first; refuse other shapes."""
        require_steps(self, x)
        return ops.transpose(x, (1, 0, 2)) if self.batch_first else x

    def _initial(self, given: Any, x: Any) -> list[Any]:
        """Return the state of each layer before the first step: as given, or zeros."""
        shape = (self.num_layers, x.shape[1], self.hidden_size)
        if given is None:
            return [np.zeros(shape[1:], self.weight_hh_l0.dtype)] * self.num_layers
        require_array(type(self).__name__, given, "initial state")
        if tuple(given.shape) != shape:
            raise ShapeError(f"the initial state has shape {tuple(given.shape)}: expected {shape}")
        return [given[layer] for layer in range(self.num_layers)]


class RNN(_Recurrent):
    """Apply ``h = tanh(x @ W_ih.T + b_ih + h @ W_hh.T + b_hh)`` step by step.

    Parameters
    ----------
    input_size, hidden_size : int
        Lengths of an input and of a state.
    num_layers : int, default 1
        Each layer takes the states of the one before as its inputs.
    nonlinearity : {"tanh", "relu"}, default "tanh"
    bias : bool, default True
        If False, leave the biases out.
    batch_first : bool, default False
        If True, inputs and outputs are (n, steps, features) in place of (steps, n, features).
    rng : int or numpy.random.Generator, optional
        Seed or generator of the initial values, uniform within 1 / sqrt(hidden_size); see `manual_seed`.
    dtype : dtype, optional
        Dtype of the parameters; see `set_default_dtype` if omitted.

    Examples
    --------
    >>> from tinygrad_mnist import nn
    >>> outputs, last = nn.RNN(3, 5)(np.zeros((7, 2, 3), np.float32))
    >>> outputs.shape, last.shape
    ((7, 2, 5), (1, 2, 5))
    """

    @hinted
    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        nonlinearity: str = "tanh",
        bias: bool = True,
        batch_first: bool = False,
        *,
        rng: np.random.Generator | int | None = None,
        dtype: DTypeLike | None = None,
    ) -> None:
        self.nonlinearity = require_choice("nonlinearity", nonlinearity, ("tanh", "relu"))
        super().__init__(input_size, hidden_size, num_layers, bias, batch_first, rng=rng, dtype=dtype)

    def forward(self, x: Any, h_0: Any = None) -> tuple[Any, Any]:
        """Return the states of the last layer after each step, and of all layers after the last step.

        Shapes: x (steps, n, input_size), h_0 (num_layers, n, hidden_size) -> (steps, n, hidden_size) and
        (num_layers, n, hidden_size).
        """
        x = self._by_steps(x)
        outputs, last = self._run(x, [(h,) for h in self._initial(h_0, x)])
        return outputs, ops.stack([h for (h,) in last])

    def _step(self, total: Any, state: tuple[Any, ...]) -> tuple[Any, ...]:
        return (ops.tanh(total) if self.nonlinearity == "tanh" else ops.relu(total),)


class LSTM(_Recurrent):
    """Apply a long short-term memory step by step: gates control the input, memory and output of its cell.

    With i, f, g, o the four blocks of rows of ``x @ W_ih.T + b_ih + h @ W_hh.T + b_hh``::

        c = sigmoid(f) * c + sigmoid(i) * tanh(g)
        h = sigmoid(o) * tanh(c)

    Parameters
    ----------
    input_size, hidden_size, num_layers, bias, batch_first, rng, dtype
        As in `RNN`.

    Notes
    -----
    S. Hochreiter and J. Schmidhuber, Long short-term memory, 1997; the forget gate is F. Gers' of 1999.

    Examples
    --------
    >>> from tinygrad_mnist import nn
    >>> outputs, (h, c) = nn.LSTM(3, 5)(np.zeros((7, 2, 3), np.float32))
    >>> outputs.shape, h.shape, c.shape
    ((7, 2, 5), (1, 2, 5), (1, 2, 5))
    """

    _gates = 4

    def forward(self, x: Any, initial: tuple[Any, Any] | None = None) -> tuple[Any, tuple[Any, Any]]:
        """Return the states of the last layer after each step, and h and c of all layers after the last step.

        Shapes: x (steps, n, input_size), h and c (num_layers, n, hidden_size) -> (steps, n, hidden_size) and
        h and c in their shapes.
        """
        x = self._by_steps(x)
        given = (None, None) if initial is None else initial
        if not isinstance(given, tuple | list) or len(given) != 2:
            raise TypeError(f"initial is {shown(initial)}: expected a pair of arrays; write (h, c)")
        outputs, last = self._run(x, list(zip(*(self._initial(state, x) for state in given), strict=True)))
        return outputs, (ops.stack([h for h, _ in last]), ops.stack([c for _, c in last]))

    def _step(self, total: Any, state: tuple[Any, ...]) -> tuple[Any, ...]:
        size = self.hidden_size
        gates = ops.sigmoid(total)  # one call for three blocks costs less than three; the block g is unused
        i, f, o = (gates[:, block * size : (block + 1) * size] for block in (0, 1, 3))
        g = ops.tanh(total[:, 2 * size : 3 * size])
        c = f * state[1] + i * g
        return o * ops.tanh(c), c
