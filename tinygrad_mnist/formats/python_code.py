"""A network or a step as a Python module that needs only NumPy, with its arrays in a file next to it."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from tinygrad_mnist.errors import ExportError
from tinygrad_mnist.files import write_atomically
from tinygrad_mnist.formats.open_batch import Batch, OpenShapes
from tinygrad_mnist.program.derivation import derivation
from tinygrad_mnist.program.instructions import Instruction, Recording
from tinygrad_mnist.program.names import Names
from tinygrad_mnist.program.operations import Broadcast, Copy, Reshape
from tinygrad_mnist.program.source import outside
from tinygrad_mnist.program.trace import Trace

_CALL_AND_COUNT = """result = step({}, **ARRAYS, **COUNTS)
    COUNTS.update({{name: COUNTS[name] + more for name, more in UPDATES.items()}})
    return result"""


def write_python(trace: Trace, shapes: OpenShapes, path: Path) -> None:
    """Write the mathematics of a trace into ``path``, and its arrays into an ``.npz`` file next to it.

    Raises
    ------
    ExportError
        If random numbers are drawn, or a shape cannot be left open.
    """
    if trace.recording.generators:
        raise ExportError("random numbers cannot be written: write model.eval() for a model with dropout")
    recording = _with_open_shapes(trace.recording, shapes)
    names = Names(recording, trace.argument_names, None)
    states, _ = outside(recording)
    arrays = io.BytesIO()
    np.savez(arrays, allow_pickle=False, **{names.of(value): value.source.get() for value in states})
    write_atomically(path.with_suffix(".npz"), arrays.getvalue())
    given = ", ".join(names.arguments)
    counted = _counted(recording, names)
    code = derivation(recording, names, trace.call.title)
    write_atomically(
        path,
        f'''{code}

ARRAYS = dict(np.load(__file__.removesuffix(".py") + ".npz"))


{counted}def run({given}):
    """Call `step` with the arrays from the file beside this one."""
    {_CALL_AND_COUNT.format(given) if counted else f"return step({given}, **ARRAYS)"}
''',
    )


def _counted(recording: Recording, names: Names) -> str:
    """Return code for the numbers of updates so far, and their increase per call."""
    _, numbers = outside(recording)
    read = {number.holder: number for number in numbers if number.key == "steps"}
    counts = {names.number_name(read[c.holder]): c for c in recording.counts if c.holder in read}
    if not counts:
        return ""
    so_far = {name: count.holder.steps for name, count in counts.items()}
    return f"COUNTS = {so_far}\nUPDATES = { {name: count.updates for name, count in counts.items()} }\n\n\n"


def _with_open_shapes(recording: Recording, shapes: OpenShapes) -> Recording:
    """Return the recording with -1 for the number of examples in the shapes that are written out."""
    return replace(recording, instructions=[_opened(i, shapes) for i in recording.instructions])


def _opened(instruction: Instruction, shapes: OpenShapes) -> Instruction:
    operation, result = instruction.operation, instruction.result
    if result is None or not isinstance(operation, Reshape | Broadcast | Copy):
        return instruction
    shape: tuple[Any, ...] = shapes.of(result)
    is_open = [isinstance(length, Batch) for length in shape]
    if not any(is_open) or (isinstance(operation, Copy) and operation.reshaped is None):
        return instruction
    if sum(is_open) > 1 or isinstance(operation, Broadcast):
        raise ExportError(f"a shape {result.shape} cannot be left open: write dynamic_batch=False")
    shape = tuple(-1 if isinstance(length, Batch) else length for length in shape)
    if isinstance(operation, Copy):
        return replace(instruction, operation=replace(operation, reshaped=shape))
    flat = operation.code == "{}.ravel()"
    code = operation.code if flat else f"{{}}.reshape({shape})"
    return replace(instruction, operation=replace(operation, code=code, shape=shape))
