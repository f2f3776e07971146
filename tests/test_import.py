"""`import tinygrad_mnist` is light."""

import subprocess
import sys

HEAVY = {
    "PIL", "click", "graphviz", "matplotlib", "numpy.random", "rich", "safetensors",
    "threadpoolctl",
}  # fmt: skip


def test_importing_the_package_imports_nothing_heavier_than_numpy():
    code = f"import sys, tinygrad_mnist; print({HEAVY} & set(sys.modules))"
    command = [sys.executable, "-W", "error", "-c", code]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip() == "set()"
