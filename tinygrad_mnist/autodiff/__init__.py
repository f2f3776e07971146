"""Reverse-mode automatic differentiation on NumPy arrays: internal, without any neural network.

`tinygrad_mnist` exports the public names of this folder: ``Tensor``, ``ops``, ``primitive``, ``grad`` and the
other transforms, ``no_grad``, ``enable_grad`` and ``scope``.
"""

__all__: list[str] = []
