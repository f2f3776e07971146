"""`import tinygrad_mnist` is light."""

import subprocess
import sys
from importlib import import_module
from pkgutil import walk_packages

import pytest

import tinygrad_mnist

HEAVY = {
    "PIL", "click", "graphviz", "joblib", "matplotlib", "numpy.random", "rich", "safetensors",
    "threadpoolctl",
}  # fmt: skip

# Every folder of the package, and the files that are named by users
ROOMS = [room.name for room in walk_packages(tinygrad_mnist.__path__, "tinygrad_mnist.") if room.ispkg]
ROOMS += [
    f"tinygrad_mnist.{name}"
    for name in ("autodiff.transforms", "autograd", "checking.strategies", "errors", "nn.init")
]


def test_package_import_loads_only_numpy():
    code = f"import sys, tinygrad_mnist; print({HEAVY} & set(sys.modules))"
    command = [sys.executable, "-W", "error", "-c", code]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip() == "set()"


def test_training_starts_without_what_only_a_report_or_a_failure_needs():
    rooms = {f"tinygrad_mnist.{room}" for room in ("checking", "doctor", "graph", "report")}
    code = f"import sys, tinygrad_mnist.training; print({rooms} & set(sys.modules))"
    command = [sys.executable, "-c", code]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip() == "set()"


def test_lessons_import_the_experiments_where_there_are_no_processes():
    """Python in a browser lacks `_multiprocessing`."""
    code = "import sys; sys.modules['_multiprocessing'] = None; import tinygrad_mnist.experiments.r_language"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_public_names_exist_in_a_fresh_interpreter():
    code = (
        "import tinygrad_mnist as tm; "
        "missing = [n for n in tm.__all__ if not hasattr(tm, n) or n not in dir(tm)]; "
        "print(missing, [n for n in dir(tm.nn) if n not in tm.nn.__all__], tm.compile is tm.program.compile)"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.split() == ["[]", "[]", "True"]


@pytest.mark.parametrize("name", ROOMS)
def test_room_lists_its_public_names_and_nothing_else(name):
    room = import_module(name)
    assert len(set(room.__all__)) == len(room.__all__)
    assert [public for public in room.__all__ if not hasattr(room, public)] == []
    if room.__all__:  # an internal room has none
        assert dir(room) == sorted(room.__all__)
