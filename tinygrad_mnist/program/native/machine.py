"""Kernels as machine code: compiled by numba, kept on disk, called one after another without Python between.

A kernel takes the addresses of its memory as one array of words.  A plan is the words of all calls: for each
the kernel's address, the number of its words, and the addresses of its memory.  So however long a program
is, numba compiles only its different kernels.  Importing this file imports numba.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import cache, lru_cache, partial
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from numba import config, njit, typeof, types
from numba.core.compiler import CompileResult
from numba.core.compiler_lock import global_compiler_lock
from numba.core.registry import cpu_target
from numba.extending import intrinsic

from tinygrad_mnist.errors import CaptureError
from tinygrad_mnist.program.native import cache as disk
from tinygrad_mnist.program.native import functions
from tinygrad_mnist.program.native.bound import Kernel
from tinygrad_mnist.program.native.expressions import DTYPES, LABELS, NUMPY_FUNCTIONS
from tinygrad_mnist.typing import Array

_WORDS = types.CPointer(types.int64)
_HEAD = 2  # words of a call before the addresses


# Words


def _pointer(dtype: Any) -> Any:
    """A function of words and a position: the address there, as memory of a dtype."""
    pointer = types.CPointer(dtype)

    @intrinsic
    def at(typing: Any, words: Any, i: Any) -> Any:
        def code(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            word = builder.load(builder.gep(values[0], [values[1]]))
            return builder.inttoptr(word, context.get_value_type(pointer))

        return pointer(_WORDS, types.int64), code

    return at


@intrinsic
def words_at(typing: Any, address: Any) -> Any:
    """Return the words at an address."""

    def code(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return builder.inttoptr(values[0], context.get_value_type(_WORDS))

    return _WORDS(types.int64), code


@intrinsic
def address_of(typing: Any, array: Any) -> Any:
    """Return the address of an array's first element."""

    def code(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        data = context.make_array(signature.args[0])(context, builder, values[0]).data
        return builder.ptrtoint(data, context.get_value_type(types.int64))

    return types.int64(array), code


@intrinsic
def use_wide_vectors(typing: Any) -> Any:
    """Let LLVM use vectors of 512 bits in a function, where the processor has them.

    By itself it stops at 256, since wider ones lower the clock of some processors.  OpenBLAS uses them in the
    matrix products between the kernels, so the clock is low anyway.
    """

    def code(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        set.add(builder.function.attributes, '"prefer-vector-width"="512"')  # its own `add` takes no texts
        return context.get_dummy_value()

    return types.none(), code


@intrinsic
def call(typing: Any, words: Any, i: Any) -> Any:
    """Call the kernel whose address is word `i`, with its memory; return its answer."""

    def code(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        word = builder.load(builder.gep(values[0], [values[1]]))
        kind = context.call_conv.get_function_type(types.int64, (_WORDS,))
        memory = builder.gep(values[0], [builder.add(values[1], values[1].type(_HEAD))])
        kernel = builder.inttoptr(word, kind.as_pointer())
        return context.call_conv.call_function(builder, kernel, types.int64, (_WORDS,), [memory])[1]

    return types.int64(_WORDS, types.int64), code


@njit(error_model="numpy")
def move(words: Any, i: Any, stop: Any) -> Any:
    """Write the addresses of arguments where the kernels find them."""
    while i < stop:
        words[words[i]] = words[words[i + 1]] + words[i + 2]
        i += 3


@njit(error_model="numpy")
def run(words: Any, i: Any, stop: Any) -> Any:
    """Call the kernels in turn, up to one whose answer is not 0; return its number, from 1, or 0."""
    n = 0
    while i < stop:
        n += 1
        if call(words, i):  # type: ignore[call-arg]
            return n
        i += words[i + 1]
    return 0


_BEGIN = """def native(where, i, stop, moves, end, {arguments}):
    words = words_at(where)
    {lines}
    move(words, moves, end)
    return run(words, i, stop)
"""


# Compilation


@lru_cache(maxsize=1024)
def _kernel(text: str) -> Any:
    """Machine code, shared by equal networks."""
    wide = text.replace(":\n", ":\n    use_wide_vectors()\n", 1)
    return _compiled(wide, types.int64(_WORDS), no_cpython_wrapper=True)


@lru_cache(maxsize=1024)
def _begin(arguments: tuple[Any, ...]) -> Any:
    """The function that runs kernels after it has written down the addresses of the arguments."""
    names = [f"argument{i}" for i in range(len(arguments))]
    lines = "\n    ".join(f"words[{i}] = address_of({name})" for i, name in enumerate(names))
    text = _BEGIN.format(arguments=", ".join(names), lines=lines)
    return _compiled(text, types.int64(*(types.int64,) * 5, *arguments))


@global_compiler_lock  # type: ignore[untyped-decorator]
def _compiled(text: str, signature: Any, **options: Any) -> Any:
    """The function `native` of a text, from the disk if it is there."""
    key = hashlib.sha256(repr((text, str(signature), _conditions())).encode()).hexdigest()
    cpu_target.target_context.refresh()
    saved = disk.load(key, partial(CompileResult._rebuild, cpu_target.target_context))
    if saved is not None:
        return saved
    name = f"native_{key}"  # the same in each process, and never that of another function
    things = {**_things(), "__name__": functions.__name__}
    exec(text.replace("native", name, 1), things)
    options |= {"error_model": "numpy", "no_cfunc_wrapper": True}
    dispatcher = njit(**options)(things[name])
    dispatcher.compile(signature)
    result = dispatcher.overloads[signature.args]
    disk.save(key, result._reduce())
    return result


@cache
def _things() -> Mapping[str, Any]:
    """The names that the text of a function uses."""
    things: dict[str, Any] = {"inf": np.inf, "nan": np.nan, **vars(functions)}
    things |= {name: getattr(np, name) for name in ("bool", "int32", *NUMPY_FUNCTIONS)}
    things |= {"words_at": words_at, "address_of": address_of, "move": move, "run": run}
    things["use_wide_vectors"] = use_wide_vectors
    for dtype in DTYPES | LABELS:  # a truth value is a byte in memory
        things[f"{dtype.name}_at"] = _pointer(types.uint8 if dtype == np.bool else typeof(dtype).dtype)
    return things


@cache
def _conditions() -> tuple[Any, ...]:
    """Everything besides the text that decides the machine code."""
    sources = [Path(source).read_text(encoding="utf-8") for source in (__file__, functions.__file__)]
    versions = (metadata.version(name) for name in ("numba", "llvmlite", "numpy"))
    return (
        *versions,
        sys.implementation.cache_tag,
        cpu_target.target_context.codegen().magic_tuple(),
        *sources,
    )


def _address(result: Any) -> int:
    return int(result.library.get_pointer_to_function(result.fndesc.llvm_func_name))


# Parts of a program


def parts(sequences: Sequence[Sequence[Kernel]], arguments: Sequence[Array]) -> list[Callable[..., int]]:
    """Return a function for each sequence of kernels, the first of which takes the arguments of the step.

    It returns 0, or the number of the kernel, from 1, that answered with another number and so was the last.

    Parameters
    ----------
    sequences
        The kernels of each part.
    arguments
        Arrays of the types of the arguments; their addresses change from call to call.

    Raises
    ------
    CaptureError
        If numba is told to compile nothing.
    """
    if config.DISABLE_JIT:  # type: ignore[attr-defined]
        raise CaptureError("numba compiles nothing while NUMBA_DISABLE_JIT is set")
    kernels = []
    words, moves = [0] * len(arguments), []
    bounds = []
    for sequence in sequences:
        start = len(words)
        for kernel in sequence:
            kernels.append(_kernel(kernel.text))
            words += [_address(kernels[-1]), _HEAD + len(kernel.memories)]
            for array, argument, first in kernel.memories:
                if argument is not None:
                    moves += [len(words), argument, first * array.itemsize]
                words.append(array.ctypes.data)
        bounds.append((start, len(words)))
    plan = np.array([*words, *moves], np.int64)
    made: list[Any] = []
    for bound in bounds:
        taken = () if made else arguments
        function = _begin(tuple(map(typeof, taken))).entry_point
        moved = len(words) + len(moves) * bool(made), plan.size
        made.append(partial(function, plan.ctypes.data, *bound, *moved))
        made[-1].kept = plan, kernels
    return made
