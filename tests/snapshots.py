"""Texts that stay as they were: each is kept in a file, and compared with it word by word."""

import pytest


def assert_as_kept(path, text):
    """After a change that is meant: delete the file, run the test twice, and read the diff."""
    if not path.exists():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
        pytest.fail(f"{path.name} was missing and has been written: look at it")
    assert text == path.read_text(encoding="utf-8")
