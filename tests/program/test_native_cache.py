"""Compiled kernels on disk: a later process compiles nothing, and no state of the folder does harm."""

import pickle

import numpy as np
import pytest

pytest.importorskip("numba", reason="native code needs numba: pip install -e '.[native]'")

from tests.program.native_in_python import on_native_code
from tinygrad_mnist import ops
from tinygrad_mnist.errors import CaptureError
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


def damaged(content, key):
    half = len(content) // 2
    return content[:half] + bytes([content[half] ^ 1]) + content[half + 1 :]


def of_something_else(content, key):
    payload = pickle.dumps(("something", "else"))
    return cache._digest(key, payload) + payload


STATES = {
    "damaged": damaged,
    "cut short": lambda content, key: content[:100],
    "empty": lambda content, key: b"",
    "of something else": of_something_else,
}


@pytest.mark.long
def test_later_process_compiles_nothing_unless_a_file_is_wrong(run, tmp_path):
    expected, count = run()
    assert (count, run()) == (2, (expected, 0))  # the kernel, and the function that calls it
    (folder,) = tmp_path.iterdir()
    for change in STATES.values():
        for file in folder.iterdir():
            file.write_bytes(change(file.read_bytes(), file.stem))
        assert run() == (expected, 2)
        assert run() == (expected, 0)


@pytest.mark.long
def test_file_under_the_name_of_another_is_not_run(run, tmp_path):
    expected, _ = run()
    (folder,) = tmp_path.iterdir()
    first, second = sorted(folder.iterdir())
    first.rename(folder / "kept"), second.rename(first), (folder / "kept").rename(second)
    assert run() == (expected, 2)


@pytest.mark.long
def test_folder_that_cannot_be_made_costs_only_time(run, tmp_path):
    (tmp_path / "tinygrad_mnist").write_text("a file where the folder would be")
    first, second = run(), run()
    assert first == second
    assert first[1] == 2


def test_numba_that_compiles_nothing_is_named(run, monkeypatch):
    monkeypatch.setattr(machine.config, "DISABLE_JIT", True)
    with pytest.raises(CaptureError, match="while NUMBA_DISABLE_JIT is set"):
        run()


def test_folder_is_that_of_numba_or_the_users(monkeypatch, tmp_path):
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    assert cache.folder() == tmp_path / "tinygrad_mnist"
    monkeypatch.delenv("NUMBA_CACHE_DIR")
    assert cache.folder().name == "tinygrad_mnist"
