"""Reverse-mode automatic differentiation on NumPy arrays.  Knows nothing of neural networks."""
