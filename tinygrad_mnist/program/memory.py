"""Plan memory: results share a few blocks that are allocated once and reused."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from tinygrad_mnist.program.instructions import Instruction, Value


@dataclass(eq=False)
class Block:
    """Memory of one dtype; `values` use its beginning, one after another in time."""

    dtype: np.dtype[np.generic]
    size: int = 0
    values: list[Value] = field(default_factory=list)


@dataclass
class Plan:
    """The place of each result in memory.

    Attributes
    ----------
    blocks
        All memory of the program, for the results that need some.
    shared
        For an instruction whose result overwrites one of its operands, the position of that operand.
    bytes_before, bytes_after
        Total size of all results, and of the blocks.
    """

    blocks: list[Block] = field(default_factory=list)
    shared: dict[int, int] = field(default_factory=dict)
    bytes_before: int = 0
    bytes_after: int = 0


def plan(instructions: list[Instruction], outputs: list[Value]) -> Plan:
    """Give each result memory: over an operand that is no longer needed, in a free block, or a new one."""
    result = Plan()
    last_read = {id(v.root): i for i, instruction in enumerate(instructions) for v in instruction.reads}
    last_read |= {id(value.root): len(instructions) for value in outputs}
    lies_in: dict[int, Block] = {}
    free: list[Block] = []
    for i, instruction in enumerate(instructions):
        value = instruction.result
        if value is not None and value.origin == "result" and value.view_of is None:
            position = _dying_operand(instruction, i, last_read)
            if position is None:
                block = _take_block(value, free, result.blocks)
            else:
                result.shared[id(instruction)] = position
                block = lies_in.pop(id(instruction.operands[position]))
            block.values.append(value)
            block.size = max(block.size, value.array.size)
            lies_in[id(value)] = block
            result.bytes_before += value.array.nbytes
        over = [root for root in lies_in if last_read.get(root, i) <= i]
        free += [lies_in.pop(root) for root in over]
    result.bytes_after = sum(block.size * block.dtype.itemsize for block in result.blocks)
    return result


def _dying_operand(instruction: Instruction, i: int, last_read: dict[int, int]) -> int | None:
    """The position of an operand that the result may overwrite: nothing reads it afterwards."""
    value = instruction.result
    assert value is not None
    for position, operand in enumerate(instruction.operands):
        if (
            isinstance(operand, Value)
            and operand.origin == "result"
            and operand.view_of is None
            and instruction.operation.may_overwrite(position)
            and last_read[id(operand)] == i
            and (operand.shape, operand.dtype, operand.array.strides)
            == (value.shape, value.dtype, value.array.strides)
            and all(other is operand or other.root is not operand for other in instruction.reads)
        ):
            return position
    return None


def _take_block(value: Value, free: list[Block], blocks: list[Block]) -> Block:
    """The free block that fits best: the smallest that is large enough, else the largest, which grows."""
    fitting = [block for block in free if block.dtype == value.dtype]
    if not fitting:
        blocks.append(Block(value.dtype))
        return blocks[-1]
    large = [block for block in fitting if block.size >= value.array.size]
    best = min(large, key=lambda b: b.size) if large else max(fitting, key=lambda b: b.size)
    free.remove(best)
    return best
