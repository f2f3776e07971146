"""Checks of op operands, and errors that name op, operands and scope."""

from __future__ import annotations

import re
from collections.abc import Iterator, MutableSequence, Set, ValuesView
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike

from tinygrad_mnist.arguments import require_unmasked, shown
from tinygrad_mnist.autodiff.modes import CALL, PROMOTING, Call, Capture, path_of
from tinygrad_mnist.autodiff.ops.casts import cast
from tinygrad_mnist.autodiff.primitive import Box, Primitive, Recordable, peeled, takes_arrays
from tinygrad_mnist.errors import DTypeError, ShapeError, TinygradMnistError


class FailedOp(NamedTuple):
    """Op that raised an error; as its ``failed_op`` it lets the graph be drawn."""

    primitive: Primitive
    inputs: tuple[Any, ...]
    call: Call | None


PLAIN_OPERANDS = frozenset({np.ndarray, float, int, bool, complex, type(None)})

CONSTANTS = frozenset({int, float, bool, str, type(None), type(Ellipsis)})


def kept(setting: Any) -> Any:
    """Return a setting (an index, axes, a shape) as the graph keeps it: lists are copied."""
    if isinstance(setting, np.generic):  # a Python number does not affect the dtype of arrays
        return setting.item()
    if isinstance(setting, np.ndarray):
        return setting.copy("K")
    if isinstance(setting, tuple):
        unchanging = all(type(part) in CONSTANTS for part in setting)
        return setting if unchanging else tuple(kept(part) for part in setting)
    if isinstance(setting, slice):
        return slice(kept(setting.start), kept(setting.stop), kept(setting.step))
    if not isinstance(setting, MutableSequence):
        is_array = hasattr(setting, "__array__") and not isinstance(setting, type)  # such as a pandas Series
        return np.array(setting) if is_array else setting
    return [part if type(part) in CONSTANTS else kept(part) for part in setting]


def as_operand(primitive: Primitive, value: Any) -> Any:
    """Return an input as ops take it; NumPy scalars become Python numbers, which do not affect dtypes."""
    if isinstance(value, np.generic):
        number = value.item()
        return float(number) if isinstance(number, np.generic) else number  # a longdouble is its own item
    if isinstance(value, np.ndarray):
        require_unmasked(f"an input of {primitive.name}", value)
        return np.asarray(value)
    if isinstance(value, Box) or type(value) in PLAIN_OPERANDS:
        return value
    raise takes_arrays(primitive.name, value)


def kept_beside_gradients(inputs: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return inputs as the graph keeps them: arrays of integers and booleans (labels, masks) are copied."""
    return tuple([x.copy("K") if type(x) is np.ndarray and x.dtype.kind in "iub" else x for x in inputs])


def kept_settings(attributes: dict[str, Any]) -> dict[str, Any]:
    """Return the settings of an op as the graph keeps them."""
    for name, setting in attributes.items():
        if type(setting) not in CONSTANTS:
            attributes = {**attributes, name: kept(setting)}
    return attributes


def lifted_operands(
    primitive: Primitive, inputs: tuple[Any, ...], attributes: dict[str, Any], capture: Capture
) -> tuple[tuple[Any, ...], list[Any], dict[str, Any]]:
    """Return the inputs to record, their tracers, and the settings of an op that is being compiled."""
    operands = [as_operand(primitive, x) for x in inputs]
    arrays = [capture.lift(x) for x in operands]
    recorded = [x if isinstance(x, Recordable) else array for x, array in zip(operands, arrays)]
    return tuple(recorded), arrays, {name: capture.lift_setting(x) for name, x in attributes.items()}


def has_rule(primitive: Primitive, inputs: tuple[Any, ...]) -> bool:
    """Return True if an input that requires a gradient has a rule to get one."""
    return any(
        isinstance(x, Recordable) and x._requires_grad and primitive.rule(position) is not None
        for position, x in enumerate(inputs)
    )


def operand_text(x: Any, name: str | None = None) -> str:
    """Return an input of an op for a message, under a name: ``0.weight (5, 6) float32``."""
    facts = f" {np.shape(peeled(x))} {peeled(x).dtype}" if isinstance(x, Box | np.ndarray) else ""
    if name is not None:
        return name + facts
    if isinstance(x, Recordable):
        return x._label(facts)
    return f"array{facts}" if facts else repr(x)


def _operands(inputs: tuple[Any, ...]) -> str:
    """Return the inputs of an op for a message: ``0.weight (5, 6) float32 and array (3,) float64``."""
    return " and ".join(map(operand_text, inputs))


def _in_scope() -> str:
    call = CALL.get()
    return f" in {path_of(call)}" if call else ""


def _shape_advice(error: Exception, primitive: Primitive, inputs: tuple[Any, ...]) -> str:
    """Return NumPy's message about shapes in words, with what to write if that is clear."""
    shapes = [np.shape(x._data if isinstance(x, Recordable) else x) for x in inputs]
    if "could not be broadcast together with shapes" in str(error):
        given = [
            f"{x.name} {shape}" if getattr(x, "name", None) else f"{shape}"
            for x, shape in zip(inputs, shapes)
        ]
        rule = "compare from the right: lengths must be equal or 1"
        return f": shapes {' and '.join(given)} do not broadcast; {_with_new_axis(shapes) or rule}"
    said = str(error)
    lengths = re.search(r"\(size (\d+) is different from (\d+)\)", said)  # without the gufunc signature
    if lengths:
        said = f"the inner lengths {lengths[2]} and {lengths[1]} differ"
        if len(shapes) == 2 and len(shapes[1]) == 2 and shapes[0][-1:] == shapes[1][-1:]:
            said += "; transpose the second: a @ b.T"
    if primitive.variadic and isinstance(inputs[-1], int):
        said = f"give the axis by name: {primitive.name}(..., axis={inputs[-1]})"
    return f" cannot take {_operands(inputs)}: {said}"


def _with_new_axis(shapes: list[tuple[int, ...]]) -> str:
    """Return the advice to give one operand a last axis if they then broadcast: a row meets a column."""
    for position, shape in enumerate(shapes if len(shapes) == 2 else ()):
        other = shapes[1 - position]
        if 0 < len(shape) < len(other) and other[-len(shape) - 1 : -1] == shape:
            return f"if {shape} are numbers of the rows, write [:, None] behind them"
    return ""


def explain(error: Exception, primitive: Primitive, inputs: tuple[Any, ...]) -> None:
    """Add op, operands and scope to the error of a forward pass; NumPy's about shapes become ShapeErrors."""
    place = _in_scope()
    about_shapes = any(word in str(error) for word in ("shape", "dimension", "broadcast", "axis", "axes"))
    if isinstance(error, ValueError) and about_shapes and not isinstance(error, TinygradMnistError):
        shapes = ShapeError(f"{primitive.name}{place}{_shape_advice(error, primitive, inputs)}")
        shapes.failed_op = FailedOp(primitive, inputs, CALL.get())
        raise shapes from error
    error.failed_op = FailedOp(primitive, inputs, CALL.get())  # type: ignore[attr-defined]
    error.add_note(f"in {primitive.name}{place}, applied to {_operands(inputs)}")


def with_one_dtype(primitive: Primitive, inputs: tuple[Any, ...], result: np.dtype[Any]) -> tuple[Any, ...]:
    """Return the inputs in one floating-point dtype: inputs with a weak dtype take that of the others.

    NumPy would promote all to the widest. Weak are arrays of integers, and Tensors with ``weak_dtype``.

    Parameters
    ----------
    result
        The dtype that NumPy gave the result.

    Raises
    ------
    DTypeError
        If two of the others have different dtypes, or the op returns another than theirs.
    """
    if primitive.changes_dtype or result.kind not in "fc" or PROMOTING.get():
        return inputs
    precision = np.dtype(result.type(0).real.dtype)
    own: dict[int, np.dtype[Any]] = {}
    weak: dict[int, np.dtype[Any]] = {}
    for position, x in enumerate(inputs):
        array = x._data if isinstance(x, Recordable) else x
        if not isinstance(array, np.ndarray | Box) or primitive.rule(position) is None:
            continue  # a condition or labels keep their dtypes
        has_own = array.dtype.kind in "fc" and not (isinstance(x, Recordable) and x.weak_dtype)
        (own if has_own else weak)[position] = array.dtype.newbyteorder("=")
    dtypes = set(own.values())
    if dtypes <= {result, precision}:
        return inputs
    if len(dtypes) > 1:
        raise _mixed(primitive, inputs, dtypes)
    (dtype,) = dtypes
    wide = [position for position, other in weak.items() if other != dtype]
    if not wide:  # the op itself has left the dtype of its inputs
        raise _mixed(primitive, inputs, dtypes)
    narrowed = list(inputs)
    for position in wide:
        narrowed[position] = cast(inputs[position], dtype=dtype)
    return tuple(narrowed)


def _mixed(primitive: Primitive, inputs: tuple[Any, ...], dtypes: set[np.dtype[Any]]) -> DTypeError:
    narrow = min((dtype for dtype in dtypes if dtype.kind == "f"), key=lambda dtype: dtype.itemsize)
    mixed = DTypeError(
        f"{primitive.name}{_in_scope()} would mix dtypes: {_operands(inputs)}; "
        f"write .astype(np.{narrow}) where the dtype is not {narrow}"
    )
    mixed.failed_op = FailedOp(primitive, inputs, CALL.get())
    return mixed


def is_weak(inputs: tuple[Any, ...]) -> bool:
    """Return True if all inputs of an op have a weak dtype; the result then has one too."""
    for x in inputs:
        if isinstance(x, Recordable):
            if not x.weak_dtype and x._data.dtype.kind in "fc":
                return False
        elif isinstance(x, np.ndarray | Box) and x.dtype.kind in "fc":
            return False
    return True


def has_no_dtype(data: Any) -> bool:
    """Return True for numbers and lists of numbers: their float64 was not chosen."""
    while isinstance(data, list | tuple) and data:
        data = data[0]
    return isinstance(data, int | float | list | tuple)


def as_numbers(data: Any, dtype: DTypeLike | None) -> Any:
    """Return data as an array of numbers; while a function is compiled, return a tracer of outside data.

    The array has this machine's byte order.

    Raises
    ------
    DTypeError, ShapeError
        If the data are not numbers, or rows of different lengths.
    """
    array = peeled(data)
    if isinstance(array, Box):
        return array if dtype in (None, array.dtype) else array.astype(dtype)  # type: ignore[attr-defined]
    try:
        array = np.asarray(array, dtype)
    except ValueError as error:
        raise _not_numbers(data, None, error) from error
    if array.dtype.kind not in "fiubc":
        raise _not_numbers(data, array.dtype, None)
    return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))


def _not_numbers(data: Any, dtype: np.dtype[Any] | None, error: ValueError | None) -> DTypeError | ShapeError:
    """Return the error for data that are not an array of numbers."""
    if error is not None and "inhomogeneous" in str(error):
        return ShapeError("data is a nested list with rows of different lengths: pad them to one length")
    if isinstance(data, Iterator | Set | ValuesView):
        instead = "write Tensor(list(data))"
    elif isinstance(data, dict):
        instead = "build one Tensor for each entry"
    elif hasattr(data, "toarray"):
        instead = "write Tensor(data.toarray())"
    elif (
        dtype is not None
        and dtype.kind == "O"
        and isinstance(data, list | tuple | np.ndarray)
        and np.size(data)
    ):
        instead = "write Tensor(np.asarray(data, float)), if all entries are numbers"
    else:
        instead = "write Tensor([1.0, 2.0])"
    of = f", of dtype {dtype}" if isinstance(data, np.ndarray) else ""
    return DTypeError(f"data is {shown(data)}{of}: expected numbers; {instead}")
