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


def test_every_public_name_is_there_in_a_fresh_interpreter():
    code = (
        "import tinygrad_mnist as tm; "
        "missing = [n for n in tm.__all__ if not hasattr(tm, n) or n not in dir(tm)]; "
        "print(missing, [n for n in dir(tm.nn) if n not in tm.nn.__all__], tm.compile is tm.program.compile)"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.split() == ["[]", "[]", "True"]
