"""Floor 2: order the graph, run the rules, collect the gradients.

Every tensor has a serial number, larger than those of its inputs, so descending serials are a topological
order: no recursion, whatever the depth.  An in-place update gives a tensor a new serial; an op that read it
before is then older than its own input, which is how a stale value is found.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from operator import attrgetter
from typing import Any

import numpy as np

from tinygrad_mnist.autodiff.modes import CAPTURE, RECORDING, SCOPE
from tinygrad_mnist.autodiff.ops.shaping import sum_to
from tinygrad_mnist.autodiff.primitive import Recordable, misfitting_rule, not_an_array
from tinygrad_mnist.errors import GradientError, ShapeError, StaleGradientError

_by_serial = attrgetter("serial")


def upstream(outputs: Iterable[Any]) -> list[Any]:
    """Every tensor with a gradient that the outputs depend on, the outputs included, latest first."""
    stack = [output for output in outputs if output._requires_grad]
    found = {tensor.serial: tensor for tensor in stack}
    while stack:
        for x in stack.pop().inputs:
            if isinstance(x, Recordable) and x._requires_grad and x.serial not in found:
                found[x.serial] = x
                stack.append(x)
    return sorted(found.values(), key=_by_serial, reverse=True)


def differentiated(tensor: Any) -> list[int]:
    """The positions of the inputs to which the op that made `tensor` sends a gradient."""
    return [
        position
        for position, x in enumerate(tensor.inputs)
        if isinstance(x, Recordable) and x._requires_grad and tensor.primitive.rule(position) is not None
    ]


def leads_to(tensors: Sequence[Any], wanted: Iterable[Any]) -> set[int]:
    """The serials of those tensors (latest first) that depend on a wanted one: the rest needs no gradient."""
    serials = {tensor.serial for tensor in wanted}
    for tensor in reversed(tensors):
        near = (*tensor.inputs, tensor.bypassed)
        if any(isinstance(x, Recordable) and x.serial in serials for x in near):
            serials.add(tensor.serial)
    return serials


def pull_back(
    outputs: Sequence[Any], seeds: Sequence[Any], wanted: Sequence[Any], *, create_graph: bool = False
) -> list[Any]:
    """The vector-Jacobian product: seeds on the outputs, pulled back to the wanted tensors.

    Parameters
    ----------
    outputs, seeds
        Tensors, and a gradient for each in its shape: arrays, or Tensors with `create_graph`.
    wanted
        Any tensors of the graph, leaves or not.
    create_graph
        Run the rules on Tensors and record them, so that the result can be differentiated again.

    Returns
    -------
    list
        For each wanted tensor an array (a Tensor with `create_graph`), or None where no output depends on it.
    """
    capturing = CAPTURE.get() is not None
    tensors = upstream(outputs)
    relevant = leads_to(tensors, wanted)
    gradients: dict[int, Any] = {}
    passed: dict[int, Any] = {}  # by ops that sent their gradients on already
    for output, seed in zip(outputs, seeds):
        _accumulate(gradients, output.serial, seed)
    kept = {tensor.serial for tensor in wanted}
    on_tensors = create_graph or capturing
    with _rules_on_tensors(create_graph) if on_tensors else nullcontext():
        for tensor in tensors:
            g = gradients.get(tensor.serial) if tensor.serial in kept else gradients.pop(tensor.serial, None)
            if g is not None and tensor.inputs:
                _spread(tensor, g, gradients, relevant, on_tensors)
                if tensor.bypassed is not None and tensor.bypassed.serial in kept:
                    _accumulate(passed, tensor.bypassed.serial, _passed_by(tensor, g, on_tensors))
        for serial, g in passed.items():
            _accumulate(gradients, serial, g)
    return [gradients.get(tensor.serial) for tensor in wanted]


def backward(output: Any, seed: Any) -> None:
    """Add the gradient of `output` to ``.grad`` of each leaf that requires one, and where it is retained."""
    capture = CAPTURE.get()
    gradients = {output.serial: seed}
    arrived = []
    with _rules_on_tensors(False) if capture else nullcontext():
        for tensor in upstream((output,)):
            g = gradients.pop(tensor.serial, None)
            if g is None:
                continue
            if capture:
                capture.flows_into(tensor, g)
            if tensor.inputs:
                _spread(tensor, g, gradients, None, capture is not None)
                if tensor.bypassed is not None and tensor.bypassed.retains_grad:
                    arrived.append((tensor.bypassed, _passed_by(tensor, g, capture is not None)))
            if not tensor.inputs or tensor.retains_grad:
                arrived.append((tensor, g))
        for tensor, g in arrived:  # only now: a backward pass that fails half way changes nothing
            if capture:
                tensor.grad = g if tensor.grad is None else tensor.grad + g
            else:
                _store(tensor, g)


def _store(tensor: Any, g: Any) -> None:
    """Add `g` to the tensor's gradient.  An array in ``.grad`` belongs to its tensor alone."""
    dtype = tensor._data.dtype
    g = np.array(g, dtype) if tensor.inputs else np.asarray(g, dtype)
    tensor._grad = g if tensor._grad is None else np.asarray(tensor._grad + g)


class _rules_on_tensors:  # noqa: N801  a context manager that also restores the scope
    """Recording or not, and on leaving the scope as it was: rules run in the scope of their op."""

    def __init__(self, recording: bool) -> None:
        self.recording = recording

    def __enter__(self) -> None:
        self.tokens = RECORDING.set(self.recording), SCOPE.set(SCOPE.get())

    def __exit__(self, *error: object) -> None:
        RECORDING.reset(self.tokens[0])
        SCOPE.reset(self.tokens[1])


def _spread(
    tensor: Any, g: Any, gradients: dict[int, Any], relevant: set[int] | None, on_tensors: bool
) -> None:
    """Run the rules of the op that made `tensor` and add each input's contribution to its gradient."""
    arrays = _values_read_by(tensor)
    if on_tensors:
        capture = CAPTURE.get()
        if capture:
            capture.reads_graph(tensor)
        SCOPE.set(tensor.scope)
        y, values = tensor, tensor.inputs
    else:
        y, values = tensor._data, arrays
    primitive = tensor.primitive
    rules = None if primitive.variadic else primitive.rules  # looked up here: this loop is the hot one
    for position, x in enumerate(tensor.inputs):
        if not isinstance(x, Recordable) or not x._requires_grad:
            continue
        rule = rules[position] if rules else primitive.rule(position)
        if rule is None or (relevant is not None and x.serial not in relevant):
            continue
        try:
            contribution = rule(g, y, *values, **tensor.attributes)
            if type(contribution) is not np.ndarray and not hasattr(contribution, "shape"):
                raise not_an_array(primitive, position, contribution)
            if contribution.shape != arrays[position].shape:
                contribution = unbroadcast(contribution, arrays[position].shape)
        except Exception as error:
            misfit = misfitting_rule(error, primitive, position)
            if misfit is not None:
                raise misfit from None
            error.add_note(
                f"in the rule of {tensor.primitive.name} for its input {position}, {tensor.origin()}"
            )
            raise
        if not (on_tensors or x.inputs) and _is_shared(contribution, g, y, values):
            contribution = np.array(contribution)
        _accumulate(gradients, x.serial, contribution)


def _passed_by(tensor: Any, g: Any, on_tensors: bool) -> Any:
    """The gradient of what an op passes by: for whoever asks; the op itself has sent its gradients on."""
    values = tensor.inputs if on_tensors else _values_read_by(tensor)
    y, between = (tensor, tensor.bypassed) if on_tensors else (tensor._data, tensor.bypassed._data)
    return tensor.primitive.bypass(g, y, between, *values, **tensor.attributes)


def _values_read_by(tensor: Any) -> list[Any]:
    """The arrays of an op's inputs; refused when one is not what the op has read."""
    arrays = []
    for x in tensor.inputs:
        if isinstance(x, Recordable):
            if x.serial > tensor.serial:
                raise StaleGradientError(
                    f"{x.label()} was changed in place after {tensor.label()} had read it "
                    f"({tensor.origin()}), so the gradient would be that of another value: run the forward "
                    "pass again before backward()"
                )
            arrays.append(x._data)
        else:
            arrays.append(x)
    return arrays


def _is_shared(contribution: Any, g: Any, y: Any, values: Sequence[Any]) -> bool:
    """Return True for the gradient of a leaf that is, or looks into, an array that others hold too."""
    return (
        contribution.base is not None
        or contribution is g
        or contribution is y
        or id(contribution) in map(id, values)
    )


def _accumulate(gradients: dict[int, Any], serial: int, contribution: Any) -> None:
    if serial in gradients:
        gradients[serial] = gradients[serial] + contribution
    else:
        gradients[serial] = contribution


def unbroadcast(contribution: Any, shape: tuple[int, ...]) -> Any:
    """Sum a gradient over the axes along which its input was broadcast; refuse any other shape."""
    plain = type(contribution) is np.ndarray
    try:
        return sum_to.forward(contribution, shape=shape) if plain else sum_to(contribution, shape=shape)
    except ValueError as error:
        raise ShapeError(
            f"the rule returned a gradient of shape {contribution.shape} for an input of shape {shape}: "
            "return the input's shape, or one that it broadcasts to"
        ) from error


def require_connected(output: Any) -> None:
    """Refuse to differentiate a tensor that has no recorded dependence on anything."""
    if not output.requires_grad:
        raise GradientError(
            f"{output.label()} has no gradient: no tensor behind it has requires_grad=True, or it was "
            "computed under no_grad() or through integers or booleans; build x as "
            "Tensor(x, requires_grad=True), and where it comes from grad(y, x), write "
            "grad(y, x, create_graph=True) there"
        )
