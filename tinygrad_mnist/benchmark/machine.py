"""What the figures were measured on, and with how many threads."""

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
    """Give every contestant so many threads.

    JAX has no call for it and reads the environment when it is imported: then this must come first.
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
    """Processor, number of cores, system, and the versions of what is compared."""
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
    """The name that Linux gives, or else what Python knows."""
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _blas() -> str:
    """NumPy's matrix library, with the processor family whose code it runs: it decides about the products."""
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
