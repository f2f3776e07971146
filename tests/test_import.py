"""`import tinygrad_mnist` is light."""

import subprocess
import sys

HEAVY = {
    "PIL", "click", "graphviz", "matplotlib", "numpy.random", "rich", "safetensors",
    "threadpoolctl",
}  # fmt: skip


def test_import_of_the_package_loads_nothing_but_numpy():
    code = f"import sys, tinygrad_mnist; print({HEAVY} & set(sys.modules))"
    command = [sys.executable, "-W", "error", "-c", code]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip() == "set()"
