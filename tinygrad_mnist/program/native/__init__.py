"""Programs as native code, with numba: for small networks, where NumPy's calls take most of the time."""

from tinygrad_mnist.program.native.step import native_step

__all__ = ["native_step"]


def __dir__() -> list[str]:
    return __all__
