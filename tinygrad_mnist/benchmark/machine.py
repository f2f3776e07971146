"""Conditions of the measurements: the machine, its libraries, and the number of threads."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

_THREAD_VARIABLES = ("NPROC", "NUMBA_NUM_THREADS")  # of XLA (JAX), of numba: read when they are imported


@contextmanager
def use_threads(count: int) -> Iterator[None]:
    """Give every contestant `count` threads.

    JAX reads the environment when it is imported, so this must come first.
    """
    from threadpoolctl import threadpool_limits

    before = {name: os.environ.get(name) for name in _THREAD_VARIABLES}
    os.environ.update(dict.fromkeys(_THREAD_VARIABLES, str(count)))
    try:
        import torch

        torch.set_num_threads(count)
    except ImportError:
        pass
    try:
        with threadpool_limits(count):
            yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def machine() -> dict[str, Any]:
    """Return processor, number of cores, system, and the versions of the libraries compared."""
    packages = ("torch", "jax", "autograd", "mygrad", "numba")
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "system": platform.system(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "blas": _blas(),
        "packages": {name: version for name in packages if (version := _version(name))},
    }


def _processor() -> str:
    """Return the processor's name from Linux, or else from Python."""
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _blas() -> str:
    """Return NumPy's matrix library and the processor family of its code, which sets its speed."""
    from threadpoolctl import threadpool_info

    for library in threadpool_info():
        if library["user_api"] == "blas" and "numpy" in library["filepath"]:
            asked = ", as OPENBLAS_CORETYPE says" if os.environ.get("OPENBLAS_CORETYPE") else ""
            return f"{library['internal_api']} {library['version']} ({library['architecture']} code{asked})"
    return str(np.show_config(mode="dicts")["Build Dependencies"]["blas"]["name"])


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
