"""Order the graph, run the rules, collect the gradients.

Every tensor has a serial number, larger than those of its inputs, so descending serials are a topological
order: no recursion, whatever the depth.  An in-place update gives a tensor a new serial; an op that read it
before is then older than its own input, which is how a stale value is found.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from operator import attrgetter
from typing import Any

import numpy as np

from tinygrad_mnist.autodiff.modes import CALL, RECORDING, Call, is_compiling, lifted
from tinygrad_mnist.autodiff.ops.shaping import sum_to
from tinygrad_mnist.autodiff.primitive import Box, Recordable, misfitting_rule, not_an_array, peeled
from tinygrad_mnist.errors import GradientError, ShapeError, StaleGradientError

_by_serial = attrgetter("serial")

Sent = list[tuple[Any, int, Any]]


def upstream(outputs: Iterable[Any]) -> list[Any]:
    """Return every tensor with a gradient that the outputs depend on, the outputs included, latest first."""
    stack = [output for output in outputs if output._requires_grad]
    found = {tensor.serial: tensor for tensor in stack}
    for tensor in stack:  # which grows
        for x in tensor.inputs:
            if isinstance(x, Recordable) and x._requires_grad and x.serial not in found:
                found[x.serial] = x
                stack.append(x)
    return sorted(found.values(), key=_by_serial, reverse=True)


def differentiated(tensor: Any) -> list[int]:
    """Return the positions of the inputs to which the op of `tensor` sends a gradient."""
    return [
        position
        for position, x in enumerate(tensor.inputs)
        if isinstance(x, Recordable) and x._requires_grad and tensor.primitive.rule(position) is not None
    ]


def leads_to(tensors: Sequence[Any], wanted: Iterable[Any]) -> set[int]:
    """Return the serials of the tensors that depend on a wanted one; the others need no gradient."""
    serials = {tensor.serial for tensor in wanted}
    for tensor in reversed(tensors):
        near = (*tensor.inputs, tensor.bypassed)
        if any(isinstance(x, Recordable) and x.serial in serials for x in near):
            serials.add(tensor.serial)
    return serials


def walk(
    outputs: Sequence[Any],
    seeds: Sequence[Any] | None = None,
    wanted: Sequence[Any] | None = None,
    *,
    create_graph: bool = False,
    sent: Sent | None = None,
) -> Iterator[tuple[Any, Any]]:
    """Yield each tensor that a gradient reaches, latest first, with the gradient: the only backward pass.

    A tensor that an op bypasses (see `Tensor.bypassed`) is yielded separately if its gradient is wanted:
    the total is the sum over its appearances.

    Parameters
    ----------
    outputs, seeds
        Tensors, and a gradient for each in its shape: arrays, or Tensors with `create_graph`.  Ones by
        default.
    wanted
        Tensors to reach; branches that lead to none of them are skipped. None for all.
    create_graph
        Run the rules on Tensors and record them, so that the result can be differentiated again.
    sent
        List to fill with each contribution: the tensor whose op sent it, the position of the input, and the
        contribution itself.
    """
    order = upstream(outputs)
    relevant = None if wanted is None else leads_to(order, wanted)
    asked = () if wanted is None else {tensor.serial for tensor in wanted}
    gradients: dict[int, Any] = {}
    ours: set[int] = set()  # the serials whose gradient is an array that nothing else refers to
    if seeds is None:
        seeds = [np.ones(output.shape, output.dtype) for output in outputs]
    for output, seed in zip(outputs, seeds):
        _accumulate(gradients, output.serial, seed)
    arrays_of = _tracers_read_by if is_compiling() else _arrays_read_by
    for tensor in order:
        g = gradients.pop(tensor.serial, None)
        if g is None:
            continue
        yield tensor, g
        if tensor.inputs:
            if isinstance(g, Box):  # a Tensor or a tracer, which records the rules
                g._arrives_at(tensor)
                with _rules_in(tensor._call, create_graph):
                    _run_rules(tensor, g, gradients, ours, arrays_of(tensor), relevant, create_graph, sent)
            else:
                _run_rules(tensor, g, gradients, ours, arrays_of(tensor), relevant, create_graph, sent)
            between = tensor.bypassed
            if between is not None and (between.retains_grad or between.serial in asked):
                yield between, _passed_by(tensor, g, arrays_of(tensor), create_graph)


def pull_back(
    outputs: Sequence[Any], seeds: Sequence[Any] | None, wanted: Sequence[Any], *, create_graph: bool = False
) -> list[Any]:
    """Return the vector-Jacobian product: seeds on the outputs, pulled back to the wanted tensors.

    Parameters
    ----------
    outputs, seeds, create_graph
        As in `walk`.
    wanted
        Any tensors of the graph, leaves or not.

    Returns
    -------
    list
        For each wanted tensor an array (a Tensor with `create_graph`), or None if no output depends on it.
    """
    arrived: dict[int, Any] = dict.fromkeys([tensor.serial for tensor in wanted])
    for tensor, g in walk(outputs, seeds, wanted, create_graph=create_graph):
        if tensor.serial in arrived:
            before = arrived[tensor.serial]
            arrived[tensor.serial] = g if before is None else before + g
    return [arrived[tensor.serial] for tensor in wanted]


def backward(output: Any, seed: Any) -> None:
    """Add the gradient of `output` to ``.grad`` of each leaf that requires one, and where it is retained."""
    arrived = [pair for pair in walk((output,), (seed,)) if not pair[0].inputs or pair[0].retains_grad]
    store = _store_in_program if is_compiling() else _store
    for tensor, g in arrived:  # after the pass: one that fails half-way changes nothing
        store(tensor, g)


def _store(tensor: Any, g: Any) -> None:
    """Add `g` to the tensor's gradient.  An array in ``.grad`` belongs to its tensor alone."""
    dtype = tensor._data.dtype
    g = np.array(g, dtype) if tensor.inputs else np.asarray(g, dtype)
    tensor._grad = g if tensor._grad is None else np.asarray(tensor._grad + g)


def _store_in_program(tensor: Any, g: Any) -> None:
    """Do what `_store` does with tracers, while a function is compiled."""
    g, before = lifted(g), tensor.grad
    g = g if g.dtype == tensor.dtype else g.astype(tensor.dtype)
    tensor.grad = g if before is None else before + g


def _run_rules(
    tensor: Any,
    g: Any,
    gradients: dict[int, Any],
    ours: set[int],
    arrays: list[Any],
    relevant: set[int] | None,
    create_graph: bool,
    sent: Sent | None,
) -> None:
    """Run the rules of the op that made `tensor` and add each input's contribution to its gradient."""
    arguments = (g, tensor, *tensor.inputs) if create_graph else (g, *arrays)
    primitive, attributes = tensor.primitive, tensor.attributes
    rules = None if primitive.variadic else primitive.rules  # looked up here: this loop is the hot one
    is_short = primitive.adds is not None and not create_graph and sent is None
    if is_short and _add_part(tensor, g, gradients, ours, arrays):
        return
    for position, x in enumerate(tensor.inputs):
        if not isinstance(x, Recordable) or not x._requires_grad:
            continue
        rule = rules[position] if rules else primitive.rule(position)
        if rule is None or (relevant is not None and x.serial not in relevant):
            continue
        try:
            contribution = rule(*arguments, **attributes)
            if type(contribution) is not np.ndarray and not hasattr(contribution, "shape"):
                raise not_an_array(primitive, position, contribution)
            shape = x._data.shape
            if contribution.shape != shape:
                contribution = unbroadcast(contribution, shape)
        except Exception as error:
            misfit = misfitting_rule(error, primitive, position)
            if misfit is not None:
                raise misfit from None
            error.add_note(f"in the rule of {primitive.name} for its input {position}, {tensor._origin()}")
            raise
        if not (x.inputs or create_graph) and _is_shared(contribution, g, arrays):
            contribution = np.array(contribution)
        _accumulate(gradients, x.serial, contribution)
        if sent is not None:
            sent.append((tensor, position, contribution))


def _add_part(tensor: Any, g: Any, gradients: dict[int, Any], ours: set[int], arrays: list[Any]) -> bool:
    """Add the gradient of a part to that of the whole in place, and return True; False without such an array.

    The rule then makes one that belongs to the engine: the parts that follow are added to it.
    """
    (whole,) = tensor.inputs
    total = gradients.get(whole.serial)
    if total is None or whole.serial not in ours or total.dtype != g.dtype:
        ours.add(whole.serial)
        return False
    gradients[whole.serial] = tensor.primitive.adds(total, g, *arrays, **tensor.attributes)
    return True


def _passed_by(tensor: Any, g: Any, arrays: list[Any], create_graph: bool) -> Any:
    """Return the gradient of the tensor that an op bypasses."""
    (y, *values), bypass = arrays, tensor.primitive.bypass
    if not create_graph:
        return bypass(g, y, peeled(tensor.bypassed), *values, **tensor.attributes)
    with _rules_in(tensor._call, recording=True):
        return bypass(g, tensor, tensor.bypassed, *tensor.inputs, **tensor.attributes)


def _arrays_read_by(tensor: Any) -> list[Any]:
    """Return the array of an op's result, then those of its inputs; refuse one that the op has not read."""
    arrays = [tensor._data]
    for x in tensor.inputs:
        if isinstance(x, Recordable):
            if x.serial > tensor.serial:
                raise StaleGradientError(
                    f"{x._label()} was changed in place after {tensor.primitive.name} had read it "
                    f"({tensor._origin()}), so the gradient would be that of another value: run the forward "
                    "pass again before backward()"
                )
            arrays.append(x._data)
        else:
            arrays.append(x)
    return arrays


def _tracers_read_by(tensor: Any) -> list[Any]:
    """Do what `_arrays_read_by` does while a function is compiled."""
    _arrays_read_by(tensor)
    return [peeled(x) for x in (tensor, *tensor.inputs)]


@contextmanager
def _rules_in(call: Call | None, recording: bool) -> Iterator[None]:
    """Run rules on Tensors or tracers, in the module call of their op, recorded or not."""
    tokens = RECORDING.set(recording), CALL.set(call)
    try:
        yield
    finally:
        RECORDING.reset(tokens[0])
        CALL.reset(tokens[1])


def _is_shared(contribution: Any, g: Any, arrays: list[Any]) -> bool:
    """Return True if the gradient of a leaf shares its array with another object."""
    if isinstance(contribution, Box):
        return False
    if contribution is g or contribution.base is not None:
        return True
    return id(contribution) in map(id, arrays)


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
    """Refuse to differentiate a tensor that depends on no tensor with requires_grad=True."""
    if not output._requires_grad:
        raise GradientError(
            f"{output._label()} has no gradient: no tensor behind it has requires_grad=True, or it was "
            "computed under no_grad() or through integers or booleans; build x as "
            "Tensor(x, requires_grad=True), and where it comes from grad(y, x), write "
            "grad(y, x, create_graph=True) there"
        )
