"""Node and a page, for programs printed as JavaScript."""

import shutil

import pytest

from tests.program.javascript_in_node import Node, Page


@pytest.fixture(scope="session")
def node():
    """One process of Node for all tests."""
    if shutil.which("node") is None:
        pytest.skip("Node is not installed (apt install nodejs)")
    with Node() as running:
        yield running


@pytest.fixture(params=["Node", pytest.param("chromium", marks=pytest.mark.long)])
def engine(request):
    """Node, and a page in a browser."""
    if request.param == "Node":
        return request.getfixturevalue("node")
    return request.getfixturevalue("program_page")


@pytest.fixture(scope="module")
def program_page(browser):
    """One page for all tests of a module."""
    return Page(browser)
