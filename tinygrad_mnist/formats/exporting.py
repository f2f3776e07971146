"""Export a network or a whole training step as a file that runs elsewhere."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tinygrad_mnist.arguments import require_bool, shown
from tinygrad_mnist.autodiff import trees
from tinygrad_mnist.autodiff.modes import no_grad
from tinygrad_mnist.errors import ExportError, MissingExtraError
from tinygrad_mnist.files import write_atomically
from tinygrad_mnist.formats.onnx_graph import OnnxGraph
from tinygrad_mnist.formats.onnx_operations import WHOLE, add
from tinygrad_mnist.formats.open_batch import OpenShapes
from tinygrad_mnist.formats.python_code import write_python
from tinygrad_mnist.hints import hinted
from tinygrad_mnist.nn import Linear, Module
from tinygrad_mnist.program import Compiled
from tinygrad_mnist.program.dry_run import dry_run
from tinygrad_mnist.program.instructions import State, Value
from tinygrad_mnist.program.names import Names
from tinygrad_mnist.program.numbers import Computed, Number
from tinygrad_mnist.program.source import all_values
from tinygrad_mnist.program.trace import Trace

_DOUBLE = np.dtype(np.float64)
_COMPUTED = {
    "add": "Add",
    "subtract": "Sub",
    "multiply": "Mul",
    "divide": "Div",
    "power": "Pow",
    "negative": "Neg",
}
_LENGTHS = (5, 7)  # of the two batches that are compared: no layer has them by chance


@hinted
def export(
    function: Module | Compiled | Callable[..., Any],
    path: str | os.PathLike[str],
    inputs: Any = None,
    *,
    dynamic_batch: bool = True,
) -> None:
    """Write a network, or a whole training step, as ONNX or as Python code that needs NumPy alone.

    In ONNX a network has its inputs and outputs, and its parameters as initial values under their names in
    ``state_dict()``.  A compiled step has forward, backward and update in one graph: parameters and the
    optimizer's arrays are inputs with initial values, and are returned as ``<name>.next``, to be passed to
    the next call; so is ``steps``, the number of updates so far, if the optimizer counts them.

    Python code is the derivation of the program.  Its arrays are in an ``.npz`` file next to it, and its
    function ``run`` takes the inputs; a step changes the arrays.

    Parameters
    ----------
    function : Module, Compiled or callable
        A network (call ``eval()`` first if it has dropout); a step made by `compile` that has been called;
        or another function, which is recorded with `inputs`.
    path : str or path
        Ends in ``.onnx`` or ``.py``; an existing file is replaced.
    inputs : array, Tensor or tuple of them, optional
        Example arguments; not needed for a network whose first layer is `Linear`.
    dynamic_batch : bool, default True
        Leave the length of the first axis of all inputs open, with the name "batch".  A compiled step keeps
        the shapes of its call.

    Raises
    ------
    ExportError
        If an operation has no form in ONNX, or the result depends on the number of examples.
    CaptureError
        If the function cannot be recorded.
    MissingExtraError
        If `path` ends in ``.onnx``, and the package onnx is not installed.
    ValueError
        If `path` ends otherwise, or `inputs` are needed.

    Examples
    --------
    >>> import runpy
    >>> import tempfile
    >>> from tinygrad_mnist import nn
    >>> model = nn.Linear(2, 1, weight_init=nn.init.ones, bias_init=nn.init.zeros)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     export(model, f"{folder}/model.onnx")
    ...     export(model, f"{folder}/model.py")
    ...     print(sorted(os.listdir(folder)))
    ...     code = runpy.run_path(f"{folder}/model.py")
    ['model.npz', 'model.onnx', 'model.py']
    >>> code["run"](np.array([[3.0, 4.0]], np.float32))
    array([[7.]], dtype=float32)
    """
    kind = Path(path).suffix
    if kind not in (".onnx", ".py"):
        raise ValueError(f"path is {shown(str(path))}: expected a name that ends in .onnx or .py")
    require_bool("dynamic_batch", dynamic_batch)
    if kind == ".onnx" and importlib.util.find_spec("onnx") is None:
        raise MissingExtraError("export to ONNX needs the package onnx: pip install -e '.[onnx]'")
    if isinstance(function, Compiled):
        trace, other = function.program.trace, None
    else:
        trace, other = _recorded(function, inputs, dynamic_batch, WHOLE if kind == ".onnx" else ())
    shapes = OpenShapes(trace, other, _LENGTHS)
    if kind == ".py":
        write_python(trace, shapes, Path(path))
        return
    write_atomically(Path(path), _model(trace, shapes, _names(function, trace)).SerializeToString())


def _recorded(
    function: Any, inputs: Any, dynamic_batch: bool, whole: Collection[str]
) -> tuple[Trace, Trace | None]:
    """Return the trace of a function, and that for another number of examples if it is left open."""
    given = inputs if isinstance(inputs, tuple) else (_first_input(function) if inputs is None else inputs,)
    arrays = [np.asarray(getattr(x, "data", x)) for x in given]
    if not dynamic_batch:
        return _traced(function, arrays, whole), None
    for position, array in enumerate(arrays):
        if not array.ndim or not len(array):
            raise ValueError(f"input {position} has shape {array.shape}: expected a batch of examples")
    first, second = ([np.resize(x, (n, *x.shape[1:])) for x in arrays] for n in _LENGTHS)
    return _traced(function, first, whole), _traced(function, second, whole)


def _traced(function: Callable[..., Any], arrays: Sequence[Any], whole: Collection[str]) -> Trace:
    with no_grad():
        return dry_run(function, tuple(arrays), {}, whole=whole)


def _first_input(function: Any) -> Any:
    """Return an input for a network that begins with a linear layer."""
    modules = (
        [m for m in function.modules() if not list(m.children())] if isinstance(function, Module) else []
    )
    if not modules or not isinstance(modules[0], Linear):
        raise ValueError("inputs are None: expected an example batch; write export(model, path, images)")
    return np.zeros((1, modules[0].in_features), modules[0].weight.dtype)


def _names(function: Any, trace: Trace) -> Callable[[Value], str]:
    """Return the names of parameters and other arrays from outside: as in ``state_dict``, or as on paper."""
    on_paper = Names(trace.recording, trace.argument_names, None)
    own = {id(p): name for name, p in function.named_parameters()} if isinstance(function, Module) else {}

    def name(value: Value) -> str:
        found = own.get(id(value.source.holder)) if isinstance(value.source, State) else None
        return found or on_paper.of(value)

    return name


def _model(trace: Trace, shapes: OpenShapes, name: Callable[[Value], str]) -> Any:
    """Return the ONNX model of a trace."""
    graph, recording = OnnxGraph(shapes), trace.recording
    for argument in recording.arguments:
        graph.call(argument, graph.new(name(argument)))
        graph.inputs.append(graph.describe(graph.of(argument), argument))
    names = _name_outside(graph, trace, name)
    for instruction in recording.instructions:
        add(graph, instruction)
    graph.scope = ""
    values = _results(trace)
    outputs = [("output" if len(values) == 1 else f"output{i}", value) for i, value in enumerate(values)]
    outputs += [(f"{names[source]}.next", value) for source, value in _changed(trace).items()]
    for wish, value in outputs:
        result = graph.node("Identity", graph.of(value), name=graph.new(wish))
        graph.outputs.append(graph.describe(result, value))
    return graph.model(trace.call.title, f"{trace.call.title}, recorded by tinygrad_mnist")


def _name_outside(graph: OnnxGraph, trace: Trace, name: Callable[[Value], str]) -> dict[Any, str]:
    """Name parameters and settings of optimizers, with their values; a changing array is an input too."""
    recording = trace.recording
    changed = _changed(trace)
    made = {id(i.result) for i in recording.instructions}
    names: dict[Any, str] = {}
    for value in all_values(recording):
        if value.origin == "number":
            graph.call(value, _number(graph, value.source, value.dtype, names))
        if value.origin != "state" or id(value) in made:
            continue
        source = value.source
        if source not in names:
            names[source] = graph.new(name(value))
            graph.constant(np.asarray(source.get(), value.dtype), names[source])
            if source in changed:
                graph.inputs.append(graph.describe(names[source], value))
        graph.call(value, names[source])
    for count in recording.counts:
        steps = names.get((Number(count.holder, "steps"), _DOUBLE))
        if steps is not None:
            more = graph.constant(np.asarray(count.updates, _DOUBLE))
            after = graph.node("Add", steps, more, name=graph.new(f"{steps}.next"))
            graph.outputs.append(graph.describe(after, Value(np.empty((), _DOUBLE), "number")))
    return names


def _number(graph: OnnxGraph, number: Any, dtype: np.dtype[Any], names: dict[Any, str]) -> str:
    """Return the name of a number: one that is read is an input, one that is computed has nodes."""
    if not isinstance(number, Number | Computed):
        return graph.constant(np.asarray(number, dtype))
    key = number, dtype
    if key not in names and isinstance(number, Number):
        names[key] = graph.new(number.name)
        sample = np.asarray(number.get(), dtype)
        graph.constant(sample, names[key])
        graph.inputs.append(graph.describe(names[key], Value(sample, "number", number)))
    elif key not in names and isinstance(number, Computed):
        operands = [_number(graph, x, _DOUBLE, names) for x in number.operands]
        result = graph.node(_COMPUTED[number.operation], *operands)
        names[key] = graph.cast(result, dtype)
    return names[key]


def _results(trace: Trace) -> list[Value]:
    """Return the values that a function returns, in order, then the gradients that it leaves behind."""
    recording = trace.recording
    results: list[Value] = []
    for leaf in trees.leaves(trace.output):
        if leaf.kind == "thing":
            raise ExportError(f"the result has {shown(leaf.what)}, which is not computed: leave it out")
        results.append((recording.arguments if leaf.kind == "argument" else recording.outputs)[leaf.what])
    return [*results, *recording.outputs[len(recording.outputs) - len(trace.kept) :]]


def _changed(trace: Trace) -> dict[Any, Value]:
    """Return the arrays from outside that a step changes, each with its value afterwards."""
    instructions = trace.recording.instructions
    return {i.result.source: i.result for i in instructions if i.changes and i.result is not None}
