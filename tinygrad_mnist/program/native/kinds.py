"""The way each instruction of a program is run as native code."""

from __future__ import annotations

from collections.abc import Iterable

from tinygrad_mnist.autodiff.ops.fused import require_labels
from tinygrad_mnist.program.instructions import Instruction
from tinygrad_mnist.program.native.expressions import LABELS, is_loop
from tinygrad_mnist.program.native.groups import Kind
from tinygrad_mnist.program.native.layout import Layout
from tinygrad_mnist.program.native.products import is_product, is_short
from tinygrad_mnist.program.operations import Call, View


def kinds_of(instructions: Iterable[Instruction], layout: Layout, largest: int) -> dict[int, Kind]:
    """Return the way each instruction is run; this also decides the layout of the results."""
    kinds: dict[int, Kind] = {}
    for instruction in instructions:
        result = instruction.result
        if isinstance(instruction.operation, View):
            continue
        is_whole = result is not None and result.origin == "result" and result.view_of is None
        if result is not None and is_whole:
            layout.lay_out(result, is_free=True)
        kinds[id(instruction)] = kind = _kind(instruction, layout, largest)
        if result is not None and is_whole and kind is Kind.NUMPY:
            layout.lay_out(result, is_free=False)
    return kinds


def _kind(instruction: Instruction, layout: Layout, largest: int) -> Kind:
    operation = instruction.operation
    if isinstance(operation, Call) and operation.function is require_labels:
        return Kind.CHECK if instruction.reads[0].dtype in LABELS else Kind.NUMPY
    if is_product(instruction, layout, largest):
        return Kind.LOOP if is_short(instruction) else Kind.PRODUCT
    return Kind.LOOP if is_loop(instruction) else Kind.NUMPY
