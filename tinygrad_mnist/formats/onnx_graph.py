"""An ONNX graph that grows node by node."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tinygrad_mnist.formats.open_batch import Batch, Length, OpenShapes
from tinygrad_mnist.program.instructions import Value

BATCH = "batch"  # the name of the open length
OPSET = 21
IR_VERSION = 10  # the format that came with this set of operators


class OnnxGraph:
    """Nodes, initial values and the names of their results.

    Attributes
    ----------
    shapes
        The shapes of the values, with the number of examples left open.
    scope
        The modules that the next node belongs to.
    """

    def __init__(self, shapes: OpenShapes) -> None:
        self.shapes = shapes
        self.scope = ""
        self.nodes: list[Any] = []
        self.initializers: list[Any] = []
        self.inputs: list[Any] = []
        self.outputs: list[Any] = []
        self._names: dict[int, str] = {}
        self._values: list[Value] = []  # whose ids are keys: they stay alive
        self._constants: dict[Any, str] = {}
        self._taken: set[str] = set()
        self._batch = ""

    # Names

    def new(self, wish: str) -> str:
        """Return an unused name."""
        name, number = wish, 1
        while name in self._taken:
            number += 1
            name = f"{wish}_{number}"
        self._taken.add(name)
        return name

    def call(self, value: Value, name: str) -> None:
        """Give a value its name."""
        self._values.append(value)
        self._names[id(value)] = name

    def of(self, value: Value) -> str:
        """Return the name of a value; a constant gets one at its first use."""
        if id(value) not in self._names and value.origin == "constant":
            self.call(value, self.constant(value.array))
        return self._names[id(value)]

    # Parts

    def node(self, kind: str, *inputs: str, name: str = "", **attributes: Any) -> str:
        """Add a node with one result, and return the result's name."""
        (result,) = self.results_of(kind, 1, *inputs, name=name, **attributes)
        return result

    def results_of(self, kind: str, count: int, *inputs: str, name: str = "", **attributes: Any) -> list[str]:
        """Add a node with several results, and return their names."""
        from onnx import helper

        wish = f"{self.scope}/{kind}" if self.scope else kind
        results = [name] if name else [self.new(wish) for _ in range(count)]
        self.nodes.append(helper.make_node(kind, list(inputs), results, name=results[0], **attributes))
        return results

    def constant(self, array: Any, name: str = "") -> str:
        """Return the name of a constant array; equal ones are shared."""
        from onnx import numpy_helper

        array = np.asarray(array)
        array = array.copy("C") if array.ndim else array
        key = (name, array.dtype.str, array.shape, array.tobytes())
        if key not in self._constants:
            self._constants[key] = name or self.new("constant")
            self.initializers.append(numpy_helper.from_array(array, self._constants[key]))
        return self._constants[key]

    def whole_numbers(self, *numbers: int) -> str:
        """Return the name of a vector of whole numbers."""
        return self.constant(np.array(numbers, np.int64))

    def in_dtype(self, x: Any, dtype: np.dtype[Any]) -> str:
        """Return the name of an operand, a value or a number, in a dtype."""
        if not isinstance(x, Value):
            return self.constant(np.asarray(x, dtype))
        if x.dtype == dtype:
            return self.of(x)
        if x.origin == "constant":
            return self.constant(x.array.astype(dtype))
        return self.cast(self.of(x), dtype)

    def cast(self, name: str, dtype: np.dtype[Any]) -> str:
        """Add a node that converts to another dtype."""
        from onnx import helper

        return self.node("Cast", name, to=helper.np_dtype_to_tensor_dtype(dtype))

    def describe(self, name: str, value: Value, shape: Sequence[Length] | None = None) -> Any:
        """Return type and shape of an input or output."""
        from onnx import helper

        lengths = [_length(n) for n in (self.shapes.of(value) if shape is None else shape)]
        return helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(value.dtype), lengths)

    # Shapes

    def reshape(self, x: str, shape: Sequence[Length], name: str = "") -> str:
        """Add a node that reshapes `x`."""
        is_open = [isinstance(length, Batch) for length in shape]
        if sum(is_open) <= 1 and 0 not in shape:
            lengths = [-1 if isinstance(length, Batch) else length for length in shape]
            return self.node("Reshape", x, self.whole_numbers(*lengths), name=name)
        return self.node("Reshape", x, self.vector(shape), name=name, allowzero=1)

    def vector(self, shape: Sequence[Length]) -> str:
        """Return the name of a shape as a vector of whole numbers."""
        if not any(isinstance(length, Batch) for length in shape):
            return self.whole_numbers(*(int(n) for n in shape if not isinstance(n, Batch)))
        parts = []
        for length in shape:
            if isinstance(length, Batch):
                parts.append(self.node("Mul", self._examples(), self.whole_numbers(length.times)))
            else:
                parts.append(self.whole_numbers(length))
        return self.node("Concat", *parts, axis=0)

    def _examples(self) -> str:
        """Return the name of the number of examples, read from the first input."""
        if not self._batch:
            self._batch = self.node("Shape", self.inputs[0].name, start=0, end=1)
        return self._batch

    # The whole

    def model(self, title: str, description: str) -> Any:
        """Return the graph as an ONNX model, checked."""
        import onnx
        from onnx import helper

        graph = helper.make_graph(self.nodes, title, self.inputs, self.outputs, self.initializers)
        model = helper.make_model(
            graph,
            producer_name="tinygrad_mnist",
            doc_string=description,
            opset_imports=[helper.make_opsetid("", OPSET)],
            ir_version=IR_VERSION,
        )
        onnx.checker.check_model(model, full_check=True)
        return model


def _length(length: Length) -> int | str:
    if not isinstance(length, Batch):
        return length
    return BATCH if length.times == 1 else f"{length.times}*{BATCH}"
