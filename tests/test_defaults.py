"""Defaults are documented behaviour for callers who leave an argument out."""

import pytest

from tests import defaults


def test_defaults_are_those_of_the_file():
    """After an intended change: ``python -m tests.defaults``, and read the diff."""
    for extra in ("formulaic", "hypothesis", "numba", "sklearn"):
        pytest.importorskip(extra, reason=f"{extra} is not installed, so some modules cannot be loaded")
    assert defaults.listed().splitlines() == defaults.FILE.read_text(encoding="utf-8").splitlines()
