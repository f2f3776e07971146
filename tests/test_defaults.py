"""A default is a promise to everybody who leaves the argument out."""

import pytest

from tests import defaults


def test_the_defaults_are_those_that_are_kept():
    """After a change that is meant: ``python -m tests.defaults``, and read the diff."""
    for extra in ("formulaic", "hypothesis", "numba", "sklearn"):
        pytest.importorskip(extra, reason=f"{extra} is not installed, so some modules cannot be loaded")
    assert defaults.listed().splitlines() == defaults.FILE.read_text(encoding="utf-8").splitlines()
