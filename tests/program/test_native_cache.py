"""Compiled kernels on disk: a later process compiles nothing, and no state of the folder does harm."""

import pickle
from hashlib import sha256

import numpy as np
import pytest

pytest.importorskip("numba", reason="native code needs numba: pip install -e '.[native]'")

from tests.program.native_in_python import on_native_code
from tinygrad_mnist import ops
from tinygrad_mnist.program.native import cache, machine

X = np.linspace(-1, 1, 6, dtype=np.float32)


@pytest.fixture
def run(monkeypatch, tmp_path):
    """Run a program as a new process does, with the cache in a folder: its bits, and how much it compiled."""
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    compiled, njit = [], machine.njit
    monkeypatch.setattr(machine, "njit", lambda **options: compiled.append(options) or njit(**options))

    def run():
        machine._kernel.cache_clear(), machine._begin.cache_clear()
        compiled.clear()
        y = on_native_code(lambda x: ops.tanh(x) * 2, (X,), (X,))(X)
        return y.data.tobytes(), len(compiled)

    yield run
    machine._kernel.cache_clear(), machine._begin.cache_clear()


def damaged(content):
    half = len(content) // 2
    return content[:half] + bytes([content[half] ^ 1]) + content[half + 1 :]


def of_something_else(content):
    payload = pickle.dumps(("something", "else"))
    return sha256(payload).digest() + payload


STATES = {
    "damaged": damaged,
    "cut short": lambda content: content[:100],
    "empty": lambda content: b"",
    "of something else": of_something_else,
}


@pytest.mark.long
def test_later_process_compiles_nothing_unless_a_file_is_wrong(run, tmp_path):
    expected, count = run()
    assert (count, run()) == (2, (expected, 0))  # the kernel, and the function that calls it
    (folder,) = tmp_path.iterdir()
    for change in STATES.values():
        for file in folder.iterdir():
            file.write_bytes(change(file.read_bytes()))
        assert run() == (expected, 2)
        assert run() == (expected, 0)


@pytest.mark.long
def test_folder_that_cannot_be_made_costs_only_time(run, tmp_path):
    (tmp_path / "tinygrad_mnist").write_text("a file where the folder would be")
    first, second = run(), run()
    assert first == second
    assert first[1] == 2


def test_folder_is_that_of_numba_or_the_users(monkeypatch, tmp_path):
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    assert cache.folder() == tmp_path / "tinygrad_mnist"
    monkeypatch.delenv("NUMBA_CACHE_DIR")
    assert cache.folder().name == "tinygrad_mnist"
