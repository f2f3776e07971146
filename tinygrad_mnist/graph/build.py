"""The graph behind tensors as plain data: names, order, formulas, costs and gradients."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache, lru_cache
from typing import Any

import numpy as np

from tinygrad_mnist.arguments import shown
from tinygrad_mnist.autodiff.backward import Sent, differentiated, require_connected, upstream, walk
from tinygrad_mnist.autodiff.formula import forward_formula, input_names, rule_formula, symbols_of
from tinygrad_mnist.autodiff.guards import FailedOp, operand_text
from tinygrad_mnist.autodiff.primitive import Primitive
from tinygrad_mnist.autodiff.source_line import in_words
from tinygrad_mnist.autodiff.tensor import Tensor
from tinygrad_mnist.errors import GradientError, ShapeError
from tinygrad_mnist.graph.data import GraphData, Node, Rule, Statistics
from tinygrad_mnist.graph.images import ImageShape
from tinygrad_mnist.graph.names import Names, leaf_kind

_MOST_FORMULAS = 1000
_FORMULAS: dict[Any, tuple[str, bool]] = {}
_line = lru_cache(maxsize=1000)(in_words)


def graph_behind(value: Any) -> GraphData:
    """Return `value` itself if it is a graph, else the graph behind it."""
    return value if isinstance(value, GraphData) else build(value)


def build(
    *outputs: Any,
    backward: bool = False,
    diagnosis: Any = None,
    images: Any = None,
    labels: Any = None,
) -> GraphData:
    """Return the graph behind the outputs; see `Graph`.

    Raises
    ------
    TypeError
        If an output is neither a Tensor nor the only output and an error.
    GradientError
        If an error was not raised by an op.
    """
    with np.errstate(all="ignore"):  # statistics of infinities, and rules that run to give their formula
        return _built(outputs, backward, diagnosis, _image_shape(images, labels))


def _image_shape(images: Any, labels: Any) -> ImageShape | None:
    if images is None and labels is not None:
        raise TypeError("labels is given without images: expected both; write images=images, labels=labels")
    return None if images is None else ImageShape.of(images, labels)


def _built(outputs: tuple[Any, ...], backward: bool, diagnosis: Any, images: ImageShape | None) -> GraphData:
    failed = _failed_op(outputs)
    if failed:
        values = _in_order(failed.inputs)
        names = Names([*values, failed])
        nodes = [_node(value, names) for value in values]
        nodes.append(_failed_node(failed, str(outputs[0]), names))
        return GraphData(tuple(nodes), (nodes[-1].name,))
    for output in outputs:
        if not isinstance(output, Tensor):
            instead = (
                "draw its result, draw(model(x), path)" if callable(output) else "draw what ops returned"
            )
            raise TypeError(f"output is {shown(output)}: expected a Tensor, or an error of an op; {instead}")
    values = _in_order(outputs)
    names = Names(values)
    nodes = [_node(value, names) for value in values]
    gradients: dict[int, Any] = {}
    if backward:
        nodes, gradients = _with_gradients(nodes, outputs, names)
    if images is not None:
        nodes = [_with_images(node, names.values[node.name], gradients, images) for node in nodes]
        if not any(images.are_in(np.asarray(_array(value))) for value in values):
            raise ShapeError(
                f"images has {images.height} × {images.width} pixels, and the graph was computed from other "
                "data: expected the images that its first op reads"
            )
    if diagnosis is not None:
        nodes = _with_verdicts(nodes, diagnosis)
    return GraphData(tuple(nodes), tuple(names.of[id(output)] for output in outputs))


def names_of(*outputs: Any) -> dict[int, str]:
    """Return the names that the values behind `outputs` have in their graph, by the id of the value."""
    return Names(_in_order(outputs)).of


def _failed_op(outputs: tuple[Any, ...]) -> FailedOp | None:
    """The op that raised the error among the outputs; None if they are not an error."""
    if len(outputs) != 1 or not isinstance(outputs[0], BaseException):
        return None
    failed: FailedOp | None = getattr(outputs[0], "failed_op", None)
    if failed is None:
        raise GradientError("this error was not raised by an op on Tensors, so there is no graph of it")
    return failed


def _in_order(outputs: tuple[Any, ...]) -> list[Any]:
    """All tensors and arrays behind the outputs, each after its inputs; a leaf right before its first use."""
    found: dict[int, Any] = {}
    stack = list(outputs)
    while stack:
        value = stack.pop()
        if id(value) not in found and isinstance(value, Tensor | np.ndarray):
            found[id(value)] = value
            stack.extend(getattr(value, "inputs", ()))
    computed = sorted(
        (v for v in found.values() if isinstance(v, Tensor) and v.inputs), key=lambda v: v.serial
    )
    ordered: dict[int, Any] = {}
    for value in (*computed, *outputs):
        for leaf in getattr(value, "inputs", ()):
            if id(leaf) in found:
                ordered[id(leaf)] = leaf
        if id(value) in found:
            ordered[id(value)] = value
    return list(ordered.values())


def _node(value: Any, names: Names) -> Node:
    if isinstance(value, Tensor) and value.primitive is not None:
        return _op_node(value, names)
    kind = leaf_kind(value)
    data = _array(value)
    return Node(
        names.of[id(value)],
        kind,
        None,
        data.shape,
        str(data.dtype),
        "",
        value=Statistics.of(data),
        parameters=data.size if kind == "parameter" else 0,
    )


def _op_node(tensor: Tensor, names: Names) -> Node:
    primitive, sources = tensor.primitive, names.sources(tensor.inputs)
    assert primitive is not None
    arrays = _input_arrays(tensor)
    read = [array for array in arrays if isinstance(array, np.ndarray)]
    return Node(
        name=names.of[id(tensor)],
        kind="op",
        op=primitive.name,
        shape=tensor.shape,
        dtype=str(tensor.dtype),
        scope=names.path(tensor._call),
        inputs=sources,
        formula=forward_formula(primitive, sources, tensor.attributes),
        rules=_rules(tensor, sources, arrays),
        value=Statistics.of(tensor.data),
        flops=primitive.flops(tensor.data, *arrays),
        bytes=sum(array.nbytes for array in (*read, tensor.data)),
        line=_line(tensor._site) if tensor._site else "",
        input_names=tuple(input_names(primitive, len(sources))),
    )


def _rules(tensor: Tensor, sources: tuple[str, ...], arrays: tuple[Any, ...]) -> tuple[Rule, ...]:
    """The rules of an op as text; a learner's wrong rule may fail in any way without ending the drawing."""
    primitive = tensor.primitive
    assert primitive is not None
    names = input_names(primitive, len(sources))
    kinds = str([(x.shape, x.dtype) if isinstance(x, np.ndarray) else repr(x) for x in arrays])
    symbols = cache(lambda: symbols_of(primitive, arrays, tensor.attributes))
    found = []
    for position in differentiated(tensor):
        try:
            formula, summed = _rule_formula(tensor, primitive, position, arrays, kinds, symbols)
        except Exception as error:
            formula, summed = f"fails: {error}", False
        found.append(Rule(names[position], sources[position], formula, summed=summed))
    return tuple(found)


def _rule_formula(
    tensor: Tensor,
    primitive: Primitive,
    position: int,
    arrays: tuple[Any, ...],
    kinds: str,
    symbols: Callable[[], list[Any]],
) -> tuple[str, bool]:
    """The formula of a rule, which reads shapes and settings, not values: equal ops have equal ones.

    `kinds` are the shapes and dtypes of the arrays.
    """
    settings = tuple(tensor.attributes.items())
    key = (primitive.rule(position), position, kinds, settings, repr(settings))  # 3 and 3.0 are equal keys
    try:
        known = _FORMULAS.get(key)
    except TypeError:  # a setting that is an array or a list
        return rule_formula(primitive, position, arrays, tensor.attributes, symbols)
    if known is None:
        if len(_FORMULAS) >= _MOST_FORMULAS:
            _FORMULAS.clear()
        known = _FORMULAS[key] = rule_formula(primitive, position, arrays, tensor.attributes, symbols)
    return known


def _array(value: Any) -> Any:
    return value.data if isinstance(value, Tensor) else value


def _input_arrays(tensor: Tensor) -> tuple[Any, ...]:
    """The inputs of an op as arrays and numbers."""
    return tuple(map(_array, tensor.inputs))


def _failed_node(failed: FailedOp, message: str, names: Names) -> Node:
    return Node(
        name=names.of[id(failed)],
        kind="error",
        op=failed.primitive.name,
        shape=(),
        dtype="",
        scope=names.path(failed.call),
        inputs=names.sources(failed.inputs),
        message=_in_graph_names(message, failed.inputs, names),
    )


def _in_graph_names(message: str, inputs: tuple[Any, ...], names: Names) -> str:
    """The message with the names that the operands have in the graph."""
    start = 0
    for x in inputs:
        text = operand_text(x)
        found = message.find(text, start)
        if id(x) in names.of and found >= 0:
            name = operand_text(x, names.of[id(x)])
            message = message[:found] + name + message[found + len(text) :]
            start = found + len(name)
    return message


def _with_gradients(
    nodes: list[Node], outputs: tuple[Tensor, ...], names: Names
) -> tuple[list[Node], dict[int, Any]]:
    """Note the gradient of each node and the contribution of each rule, without touching any ``.grad``.

    Returns
    -------
    nodes, gradients
        The gradients as arrays, by the id of the value.
    """
    for output in outputs:
        require_connected(output)
    gradients: dict[int, Any] = {}
    sent: Sent = []
    for tensor, g in walk(outputs, wanted=upstream(outputs), sent=sent):
        gradients[id(tensor)] = gradients[id(tensor)] + g if id(tensor) in gradients else g
    contributions = {(id(tensor), position): array for tensor, position, array in sent}

    def with_gradient(node: Node) -> Node:
        value = names.values[node.name]
        if id(value) not in gradients:
            return node
        arrived = [contributions.get((id(value), position)) for position in differentiated(value)]
        rules = (replace(rule, contribution=Statistics.of(array)) for rule, array in zip(node.rules, arrived))
        return replace(node, gradient=Statistics.of(gradients[id(value)]), rules=tuple(rules))

    return [with_gradient(node) for node in nodes], gradients


def _with_images(node: Node, value: Any, gradients: dict[int, Any], images: ImageShape) -> Node:
    """Note the value and the gradient of a node as pictures, where they are images."""
    is_weight = node.kind == "parameter"
    found = images.images_of(_array(value), gradient=False, is_weight=is_weight)
    if id(value) in gradients:
        found += images.images_of(
            gradients[id(value)], gradient=True, is_weight=is_weight, value=_array(value)
        )
    return replace(node, images=found)


def _with_verdicts(nodes: list[Node], diagnosis: Any) -> list[Node]:
    """Note the verdict of `diagnose` on each rule, and the right one beside a wrong one."""
    wrong = {(finding.op, finding.input): finding.right for finding in diagnosis.findings[::-1]}
    found = []
    for node in nodes:
        verdict = diagnosis.verdicts.get(node.name)
        if verdict == "wrong":  # another of its rules, or the sum at a fan-out
            verdict = "correct"
        rules = tuple(
            replace(rule, verdict="wrong", right=wrong[node.name, rule.input])
            if (node.name, rule.input) in wrong
            else replace(rule, verdict=verdict)
            for rule in node.rules
        )
        found.append(replace(node, rules=rules))
    return found
