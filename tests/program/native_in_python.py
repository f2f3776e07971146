"""Native code run as the plain Python that its text is: without a compiler many programs take seconds."""

from functools import cache
from types import FunctionType

import numpy as np

from tinygrad_mnist.program import compile
from tinygrad_mnist.program.native.expressions import DTYPES, LABELS, NUMPY_FUNCTIONS
from tinygrad_mnist.program.native.layout import flat


@cache
def scalar_functions():
    """The functions that native code calls, by name, without their compiler."""
    from tinygrad_mnist.program.native import functions

    things = dict(vars(functions))
    for name, thing in vars(functions).items():
        if hasattr(thing, "py_func"):
            things[name] = FunctionType(thing.py_func.__code__, things, name)
    return things


class Words(list):
    """The arrays of a kernel; an item is the address of one."""

    def __getitem__(self, i):
        return super().__getitem__(i).__array_interface__["data"][0]


def kernel_in_python(text):
    """The function of a text."""
    things = {"inf": np.inf, "nan": np.nan, **scalar_functions()}
    things |= {each: getattr(np, each) for each in ("bool", "int32", *NUMPY_FUNCTIONS)}
    things |= {f"{dtype.name}_at": list.__getitem__ for dtype in DTYPES | LABELS}
    exec(text, things)
    return things["native"]


def as_python(sequences, _):
    """The functions of the parts, in place of `native.step.compiled_parts`."""
    given = []

    def part(sequence):
        kernels = [(kernel_in_python(kernel.text), kernel.memories) for kernel in sequence]

        def run(*arguments):
            given[:] = arguments or given
            for number, (kernel, memories) in enumerate(kernels, 1):
                arrays = (x if i is None else flat(given[i])[start:] for x, i, start in memories)
                if kernel(Words(arrays)):
                    return number
            return 0

        return run

    return [part(sequence) for sequence in sequences]


def on_native_code(function, *first):
    """The function as native code, whether that is faster or not; called with `first` as it was captured."""
    compiled = compile(function)
    for arguments in first:
        compiled(*arguments)
    binding = compiled.program.bind("native")
    compiled._entries = {compiled.program.trace.call.structure: [binding.enter]}
    return compiled
