"""The tests of another framework are collected where it is installed: PyTorch and JAX take gigabytes."""

from importlib.util import find_spec
from pathlib import Path

MISSING = [name for name in ("torch", "jax", "autograd") if find_spec(name) is None]
collect_ignore = [f"{start}{name}.py" for name in MISSING for start in ("with_", "test_losses_of_")]


def pytest_collection_modifyitems(config, items):
    left_out = [item for item in items if item.path.parent == Path(__file__).parent and _needs_missing(item)]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


def _needs_missing(item):
    """True for a test of a framework that is not installed, named by its parameter or by the test itself."""
    name = item.callspec.params.get("name") if hasattr(item, "callspec") else None
    return name in MISSING or ("torch" in MISSING and "_torch" in item.name)
