"""Programs as native code, with numba: for small networks, where NumPy's calls take most of the time.

Internal: ``compile(function, backend="native")`` runs it.
"""

__all__: list[str] = []
