"""A program as JavaScript: a module over typed arrays that needs nothing else."""

from tinygrad_mnist.program.javascript.module import javascript

__all__ = ["javascript"]


def __dir__() -> list[str]:
    return __all__
