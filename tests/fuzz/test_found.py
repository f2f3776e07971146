"""Inputs found by fuzzing: no crash, hang, unbounded memory or wrong exception."""

import tracemalloc
from pathlib import Path

import pytest

from tests.fuzz.targets import FOUND, TARGETS, with_checksums

MOST_BYTES = 2**28
pytestmark = pytest.mark.usefixtures("within_a_minute")
INPUTS = [(path.parent.name, path) for path in sorted(FOUND.glob("*/*"))]


@pytest.mark.parametrize(
    ("name", "path"), INPUTS, ids=lambda part: part.name if isinstance(part, Path) else part
)
def test_found_input_is_read_or_refused(name, path, tmp_path):
    assert_harmless(name, path.read_bytes(), tmp_path)


@pytest.mark.parametrize("name", TARGETS)
def test_every_seed_is_read_or_refused(name, tmp_path):
    seeds = list(TARGETS[name].seeds(tmp_path))
    for seed in seeds:
        assert_harmless(name, seed, tmp_path)
    assert len(seeds) >= 4


@pytest.mark.parametrize("name", TARGETS)
def test_wrong_exception_is_noticed(name, tmp_path, monkeypatch):
    def fail(*arguments, **options):
        raise ZeroDivisionError

    seed = next(iter([*TARGETS[name].seeds(tmp_path)]))
    for reader in ("read_idx", "read_pictures", "load_run", "fit"):
        monkeypatch.setattr(f"tests.fuzz.targets.{reader}", fail)
    with pytest.raises(ZeroDivisionError):
        TARGETS[name].read(seed, tmp_path)


def test_only_checksums_of_a_picture_are_repaired(tmp_path):
    for seed in TARGETS["png"].seeds(tmp_path):
        assert with_checksums(seed) == seed
        changed = bytearray(seed)
        changed[20] ^= 1  # in the width
        repaired = with_checksums(bytes(changed))
        assert (repaired[:29], repaired[33:]) == (changed[:29], changed[33:])
        assert repaired[29:33] != seed[29:33]


def assert_harmless(name, content, folder):
    tracemalloc.start()
    TARGETS[name].read(content, folder)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < MOST_BYTES
