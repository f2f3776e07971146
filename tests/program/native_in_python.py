"""Native code run as the plain Python that its text is: without a compiler many programs take seconds."""

from functools import cache
from types import FunctionType

import numpy as np

from tinygrad_mnist.program import compile, native


@cache
def scalar_functions():
    """The functions that native code calls, by name, without their compiler."""
    from tinygrad_mnist.program.native import functions

    things = dict(vars(functions))
    for name, thing in vars(functions).items():
        if hasattr(thing, "py_func"):
            things[name] = FunctionType(thing.py_func.__code__, things, name)
    return things


def as_python(text, name, arrays, numbers):
    """The function of a text, in place of `native.step._compiled`."""
    things = {"inf": np.inf, "nan": np.nan, **scalar_functions()}
    things |= {each: getattr(np, each) for each in ("bool", "int32", *native.step.NUMPY_FUNCTIONS)}
    exec(text, things)
    return things[name]


def on_native_code(function, *first):
    """The function as native code, whether that is faster or not; called with `first` as it was captured."""
    compiled = compile(function)
    for arguments in first:
        compiled(*arguments)
    binding = compiled.program.bind("native")
    compiled._entries = {compiled.program.trace.call.structure: [binding.enter]}
    return compiled
