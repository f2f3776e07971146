"""Reader of a recorded graph: its weighted sums, their activations, and both sides of the loss."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygrad_mnist.autodiff.tensor import Tensor
from tinygrad_mnist.typing import Array

ACTIVATIONS = ("sigmoid", "tanh", "relu")
LOSS_OPS = ("softmax_cross_entropy", "sigmoid_cross_entropy", "squared_error", "log_softmax", "log")
_SHAPE_ONLY = ("reshape", "identity", "cast", "transpose", "getitem", "clip")


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
class Loss:
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
        return name_of(self.op)

    @property
    def classes(self) -> int:
        """Number of classes; 2 for a single probability."""
        return int(self.compared.shape[-1]) if self.kind != "sigmoid_cross_entropy" else 2

    @property
    def mean(self) -> float | None:
        """The mean loss of an example, before any later op; None if it cannot be computed."""
        if self.kind in ("softmax_cross_entropy", "sigmoid_cross_entropy"):
            return float(np.mean(self.op.data))
        return None


def name_of(tensor: Any) -> str:
    """Return the name of the primitive that made a tensor; "" for a leaf or an array."""
    return tensor.primitive.name if isinstance(tensor, Tensor) and tensor.primitive is not None else ""


def values(x: Any) -> Array:
    """Return the plain array of an op's input."""
    return np.asarray(x.data if isinstance(x, Tensor) else x)


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
        array = values(weight)
        activation = next((name_of(r) for r in readers.get(id(sums), ()) if name_of(r) in ACTIVATIONS), None)
        found.append(
            WeightedSum(
                sums,
                values(x),
                array.T if transposed else array,
                None if bias is None else values(bias),
                names.get(id(weight), "the weight"),
                names.get(id(bias), "the bias"),
                activation,
                not (isinstance(x, Tensor) and x.inputs),
            )
        )
    return found


def _read_sum(op: Tensor, readers: Mapping[int, list[Tensor]]) -> tuple[Tensor, Any, Any, Any, bool] | None:
    """Return (sums, x, weight, bias, True if the weight is (features, units)); None for any other op."""
    if name_of(op) == "linear":
        return op, op.inputs[0], op.inputs[1], op.inputs[2], False
    if name_of(op) != "matmul":
        return None
    x, weight = op.inputs
    transposed = True
    if name_of(weight) == "transpose":
        weight, transposed = weight.inputs[0], False
    if not (isinstance(weight, Tensor) and weight.is_leaf and weight.requires_grad and weight.ndim == 2):
        return None
    added = [r for r in readers.get(id(op), ()) if name_of(r) == "add"]
    for sums in added:
        other = sums.inputs[1] if sums.inputs[0] is op else sums.inputs[0]
        if isinstance(other, Tensor) and other.is_leaf and other.requires_grad:
            return sums, x, weight, other, transposed
    return op, x, weight, None, transposed


def find_loss(ops: Sequence[Tensor]) -> Loss | None:
    """Return the op nearest to the end of the graph that compares with targets."""
    for op in reversed(ops):
        if name_of(op) in LOSS_OPS:
            target = op.inputs[1] if len(op.inputs) > 1 else None
            return Loss(op, op.inputs[0], target)
    return None


def loss_behind(loss: Loss | None) -> list[Tensor]:
    """Return the reshaping and activation ops between the last weighted sums and the loss, last first."""
    chain: list[Tensor] = []
    x = loss.compared if loss else None
    squashing = (*ACTIVATIONS, "softmax", "log_softmax")
    while isinstance(x, Tensor) and (name_of(x) in (*_SHAPE_ONLY, *squashing) or _adds_a_number(x)):
        if name_of(x) in squashing:
            chain.append(x)
        x = x.inputs[0]
    return chain


def _adds_a_number(op: Tensor) -> bool:
    """Return True if the op adds a constant, as in log(p + 1e-8)."""
    return name_of(op) == "add" and not isinstance(op.inputs[1], Tensor) and np.size(op.inputs[1]) == 1
