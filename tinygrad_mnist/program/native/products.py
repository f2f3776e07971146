"""The code of a matrix product, in blocks whose sums stay in registers."""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import numpy as np

from tinygrad_mnist.program.instructions import Instruction, Value
from tinygrad_mnist.program.native.expressions import typed
from tinygrad_mnist.program.native.layout import Index, Layout, uniform
from tinygrad_mnist.program.native.loops import UNROLLED, Writer
from tinygrad_mnist.program.operations import Product

_SUMS = 16  # of a tile, taken together
_DEPTH = 8  # terms that are added at once where sums are kept in memory
_CACHED = 2**17  # bytes of the second matrix that are read repeatedly


class Sides(NamedTuple):
    """A product's matrices with their strides, vectors as matrices of one row or column.

    rows, columns, depth: (m, n, k) of (m, k) @ (k, n).
    """

    rows: int
    columns: int
    depth: int
    a: tuple[int, int]
    b: tuple[int, int]
    out: tuple[int, int]


def sides(instruction: Instruction, layout: Layout) -> Sides:
    """The lengths and strides, in bytes."""
    a, b = instruction.reads
    assert instruction.result is not None
    first, second, out = (layout.model(x) for x in (a, b, instruction.result))
    first = first if first.ndim == 2 else first[None]
    second = second if second.ndim == 2 else second[:, None]
    out = out.reshape(first.shape[0], second.shape[1]) if out.ndim < 2 else out
    strides: list[Any] = [first.strides, second.strides, out.strides]
    return Sides(out.shape[0], out.shape[1], first.shape[1], *strides)


def is_product(instruction: Instruction, layout: Layout, largest: int) -> bool:
    """Return True if there is native code for a product that is at least as fast as NumPy's."""
    operation, result = instruction.operation, instruction.result
    if not isinstance(operation, Product) or result is None or operation.name != "dot":
        return False
    values = [*instruction.reads, result]
    if any(value.array.ndim > 2 or not value.array.size for value in values):
        return False
    if len({value.dtype for value in values}) > 1 or result.dtype not in (np.float32, np.float64):
        return False
    s = sides(instruction, layout)
    return s.rows * s.columns * s.depth <= largest and (
        s.depth <= UNROLLED or is_by_tiles(instruction, layout) or is_by_rows(instruction, layout)
    )


def is_short(instruction: Instruction) -> bool:
    """Return True if the sums are short enough to be written out."""
    return instruction.reads[0].shape[-1] <= UNROLLED


def is_by_tiles(instruction: Instruction, layout: Layout) -> bool:
    """Return True for scalar products of contiguous rows."""
    a, b = instruction.reads
    s = sides(instruction, layout)
    itemsize = a.dtype.itemsize
    return (s.a[1] == itemsize or uniform(a) is not None) and (s.b[0] == itemsize or uniform(b) is not None)


def is_by_rows(instruction: Instruction, layout: Layout) -> bool:
    """Return True for sums of contiguous rows of the second matrix, with weights from the first."""
    s = sides(instruction, layout)
    itemsize = instruction.reads[0].dtype.itemsize
    return s.b[1] == s.out[1] == itemsize and s.columns >= _DEPTH


class ProductWriter:
    """Writer of one product."""

    def __init__(self, writer: Writer, instruction: Instruction) -> None:
        self.writer = writer
        self.a, self.b = instruction.reads
        assert instruction.result is not None
        self.result: Value = instruction.result
        self.sides = sides(instruction, writer.layout)
        self.by_tiles = is_by_tiles(instruction, writer.layout)

    def write(self) -> None:
        """The loops."""
        if self.by_tiles:
            self._tiles()
        else:
            self._rows()

    def _a(self, i: Index, k: Index) -> str:
        return self.writer.operand(self.a, self.result.dtype, [i, k])

    def _b(self, k: Index, j: Index) -> str:
        return self.writer.operand(self.b, self.result.dtype, [k, j] if self.b.array.ndim == 2 else [k])

    def _out(self, i: Index, j: Index) -> str:
        at = [*([i] if self.a.array.ndim == 2 else []), *([j] if self.b.array.ndim == 2 else [])]
        return self.writer.element(self.writer.layout.place(self.result), at)

    # Scalar products of rows, a tile of sums at a time

    def _tiles(self) -> None:
        rows, columns, depth = self.sides[:3]
        most = max(8, _CACHED // (depth * self.result.dtype.itemsize) // 8 * 8)
        for start, length in _blocks(0, columns, most):
            height, width = _tile_sizes(rows, length)
            for i, tall in _blocks(0, rows, height):
                for j, wide in _blocks(0, length, width):
                    self._tile(start, i, tall, j, wide)

    def _tile(self, starts: range, rows: range, tall: int, columns: range, wide: int) -> None:
        """The loops over tiles of one size, in blocks of columns."""
        writer = self.writer
        depth = writer.depth
        block, i, j, k = (writer.names.new(letter) for letter in ("block", *"ijk"))
        at_block, at_i, at_j = _over(writer, block, starts), _over(writer, i, rows), _over(writer, j, columns)
        at_j = at_block.plus(at_j)
        zero = typed(0.0, self.result.dtype)
        totals = {(u, v): writer.named("total", zero) for u in range(tall) for v in range(wide)}
        inside = writer.depth
        writer.loop(k, self.sides.depth)
        a = cache(lambda u: writer.named("a", self._a(at_i.moved(u), Index(k))))
        b = cache(lambda v: writer.named("b", self._b(Index(k), at_j.moved(v))))
        for (u, v), total in totals.items():
            writer.line(f"{total} = add_product({total}, {a(u)}, {b(v)})")
        writer.close(inside)
        for (u, v), total in totals.items():
            writer.line(f"{self._out(at_i.moved(u), at_j.moved(v))} = {total}")
        writer.close(depth)

    # Weighted sums of rows

    def _rows(self) -> None:
        for k, deep in _blocks(0, self.sides.depth, _DEPTH):
            for i, tall in _blocks(0, self.sides.rows, 2):
                self._weighted(k, deep, i, tall)

    def _weighted(self, depths: range, deep: int, rows: range, tall: int) -> None:
        """Add some weighted rows to the sums so far, which begin at 0."""
        writer = self.writer
        depth = writer.depth
        if depths.start == 0 and len(depths) > 1:  # the first rows are not added to anything
            self._weighted(depths[:1], deep, rows, tall)
            depths = depths[1:]
        is_first = depths.start == 0
        k, i, j = (writer.names.new(letter) for letter in "kij")
        at_k, at_i = _over(writer, k, depths), _over(writer, i, rows)
        weights = {
            (u, d): writer.named("weight", self._a(at_i.moved(u), at_k.moved(d)))
            for u in range(tall)
            for d in range(deep)
        }
        writer.loop(j, self.sides.columns)
        totals = []
        for u in range(tall):
            start = typed(0.0, self.result.dtype) if is_first else self._out(at_i.moved(u), Index(j))
            totals.append(writer.named("total", start))
        b = cache(lambda d: writer.named("b", self._b(at_k.moved(d), Index(j))))
        for (u, d), weight in weights.items():  # LLVM adds terms up in the order of their first reads
            writer.line(f"{totals[u]} = add_product({totals[u]}, {weight}, {b(d)})")
        for u, total in enumerate(totals):
            writer.line(f"{self._out(at_i.moved(u), Index(j))} = {total}")
        writer.close(depth)


def _over(writer: Writer, variable: str, indices: range) -> Index:
    """A loop over some indices, or the only one."""
    if len(indices) == 1:
        return Index("", indices.start)
    writer.loop(variable, indices.start, indices.stop, indices.step)
    return Index(variable)


def _tile_sizes(rows: int, columns: int) -> tuple[int, int]:
    """Return tiles that read few elements: few enough sums each, and few kinds of tiles."""

    def cost(sizes: tuple[int, int]) -> float:
        i, j = (_blocks(0, length, size) for length, size in zip((rows, columns), sizes))
        reads = sum(len(a) * len(b) * (tall + wide) for a, tall in i for b, wide in j)
        return reads * (1 + 0.05 * len(i) * len(j))

    tiles = [(tall, wide) for tall in range(1, 9) for wide in range(1, 9) if tall * wide <= _SUMS]
    return min(tiles, key=cost)


def _blocks(start: int, stop: int, size: int) -> list[tuple[range, int]]:
    """The starts of full blocks of a size, then the start of what remains; and how long these are."""
    full = start + (stop - start) // size * size
    found = [(range(start, full, size), size), (range(full, stop, max(1, stop - full)), stop - full)]
    return [(indices, length) for indices, length in found if length and len(indices)]
