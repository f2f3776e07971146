"""Reader of a recorded graph: its weighted sums, their activations, and both sides of the loss."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygrad_mnist.autodiff.primitive import array_of, op_name
from tinygrad_mnist.autodiff.tensor import Tensor
from tinygrad_mnist.typing import Array

ACTIVATIONS = ("sigmoid", "tanh", "relu")
RANGES = {"sigmoid": (0.0, 1.0), "tanh": (-1.0, 1.0), "relu": (0.0, np.inf), "softmax": (0.0, 1.0)}
LOSS_OPS = ("softmax_cross_entropy", "sigmoid_cross_entropy", "squared_error", "log_softmax", "log")


@dataclass(frozen=True)
class WeightedSum:
    """A layer's x @ weight.T + bias, read from the graph.

    Attributes
    ----------
    sums
        The tensor with the sums, (n, units).
    inputs
        The summed inputs, (n, features).
    weight, bias
        The values, (units, features) and (units,); None without a bias.
    weight_name, bias_name
        Names of the parameters.
    activation
        "sigmoid", "tanh" or "relu" of the sums; None for anything else.
    first
        True if the inputs are the network's inputs.
    """

    sums: Tensor
    inputs: Array
    weight: Array
    bias: Array | None
    weight_name: str
    bias_name: str
    activation: str | None
    first: bool

    @property
    def z(self) -> Array:
        """The sums in float64, (n, units)."""
        return np.asarray(self.sums.data, np.float64).reshape(-1, self.sums.shape[-1])

    @property
    def x(self) -> Array:
        """The inputs in float64, (n, features)."""
        return np.asarray(self.inputs, np.float64).reshape(-1, self.inputs.shape[-1])

    @property
    def place(self) -> str:
        """The module of the sums, or the source line that computed them."""
        return self.sums.scope or self.sums._origin()


@dataclass(frozen=True)
class LossOp:
    """A loss, read from the graph.

    Attributes
    ----------
    op
        The tensor of the op that compares, or takes the logarithm of probabilities.
    compared
        The output of the network, as the loss receives it.
    target
        The targets; None for a logarithm.
    """

    op: Tensor
    compared: Any
    target: Any

    @property
    def kind(self) -> str:
        """The primitive's name."""
        return op_name(self.op)

    @property
    def is_cross_entropy(self) -> bool:
        """True if it compares logits with classes or probabilities."""
        return self.kind in ("softmax_cross_entropy", "sigmoid_cross_entropy")

    @property
    def is_binary(self) -> bool:
        """True for a cross-entropy of one logit for each target."""
        return self.kind == "sigmoid_cross_entropy"

    @property
    def is_quadratic(self) -> bool:
        """True if it adds squares of differences from the targets."""
        return self.kind == "squared_error"

    @property
    def takes_logits(self) -> bool:
        """True if it applies the activation of the last layer itself."""
        return self.is_cross_entropy or self.kind == "log_softmax"

    @property
    def classes(self) -> int:
        """Number of classes; 2 for a single probability."""
        return 2 if self.is_binary else int(self.compared.shape[-1])

    @property
    def mean(self) -> float | None:
        """The mean loss of an example, before any later op; None if it cannot be computed."""
        return float(np.mean(self.op.data)) if self.is_cross_entropy else None


def weighted_sums(ops: Sequence[Tensor], parameters: Mapping[str, Tensor]) -> list[WeightedSum]:
    """Return all weighted sums in the order of computation: `linear`, or `matmul` with an added bias."""
    names = {id(p): name for name, p in parameters.items()}
    readers: dict[int, list[Tensor]] = {}
    for op in ops:
        for x in op.inputs:
            readers.setdefault(id(x), []).append(op)
    found = []
    for op in ops:
        read = _read_sum(op, readers)
        if read is None:
            continue
        sums, x, weight, bias, transposed = read
        array = array_of(weight)
        activation = next((op_name(r) for r in readers.get(id(sums), ()) if op_name(r) in ACTIVATIONS), None)
        found.append(
            WeightedSum(
                sums,
                array_of(x),
                array.T if transposed else array,
                None if bias is None else array_of(bias),
                names.get(id(weight), "the weight"),
                names.get(id(bias), "the bias"),
                activation,
                not (isinstance(x, Tensor) and x.inputs),
            )
        )
    return found


def _read_sum(op: Tensor, readers: Mapping[int, list[Tensor]]) -> tuple[Tensor, Any, Any, Any, bool] | None:
    """Return (sums, x, weight, bias, True if the weight is (features, units)); None for any other op."""
    if op_name(op) == "linear":
        return op, op.inputs[0], op.inputs[1], op.inputs[2], False
    if op_name(op) != "matmul":
        return None
    x, weight = op.inputs
    transposed = True
    if op_name(weight) == "transpose":
        weight, transposed = weight.inputs[0], False
    if not (isinstance(weight, Tensor) and weight.is_leaf and weight.requires_grad and weight.ndim == 2):
        return None
    added = [r for r in readers.get(id(op), ()) if op_name(r) == "add"]
    for sums in added:
        other = sums.inputs[1] if sums.inputs[0] is op else sums.inputs[0]
        if isinstance(other, Tensor) and other.is_leaf and other.requires_grad:
            return sums, x, weight, other, transposed
    return op, x, weight, None, transposed


def find_loss(ops: Sequence[Tensor]) -> LossOp | None:
    """Return the op nearest to the end of the graph that compares with targets."""
    for op in reversed(ops):
        if op_name(op) in LOSS_OPS:
            target = op.inputs[1] if len(op.inputs) > 1 else None
            return LossOp(op, op.inputs[0], target)
    return None


def loss_behind(loss: LossOp | None) -> list[Tensor]:
    """Return the reshaping and activation ops between the last weighted sums and the loss, last first."""
    chain: list[Tensor] = []
    x = loss.compared if loss else None
    squashing = (*RANGES, "log_softmax")
    while isinstance(x, Tensor) and (op_name(x) in squashing or _keeps_numbers(x) or _adds_a_number(x)):
        if op_name(x) in squashing:
            chain.append(x)
        x = x.inputs[0]
    return chain


def _keeps_numbers(op: Tensor) -> bool:
    """Return True if the op moves, converts or limits the elements of its only input."""
    moves = op.primitive is not None and op.primitive.moves_elements
    return len(op.inputs) == 1 and (moves or op_name(op) == "clip")


def _adds_a_number(op: Tensor) -> bool:
    """Return True if the op adds a constant, as in log(p + 1e-8)."""
    return op_name(op) == "add" and not isinstance(op.inputs[1], Tensor) and np.size(op.inputs[1]) == 1
