"""Capture a function once, repeat it in place, print it as NumPy."""

from tinygrad_mnist.program.compiled import Backend, Compiled, compile
from tinygrad_mnist.program.program import Program

__all__ = ["Backend", "Compiled", "Program", "compile"]


def __dir__() -> list[str]:
    return __all__
