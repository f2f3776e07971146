"""Node, for programs printed as JavaScript."""

import shutil

import pytest

from tests.program.javascript_in_node import Node


@pytest.fixture(scope="session")
def node():
    """One process of Node for all tests."""
    if shutil.which("node") is None:
        pytest.skip("Node is not installed (apt install nodejs)")
    with Node() as running:
        yield running
