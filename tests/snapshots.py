"""Texts compared word by word with files that contain their last state."""

import pytest


def assert_as_kept(path, text):
    """Compare `text` with the file; after an intended change delete it, run the test twice, read the diff."""
    if not path.exists():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
        pytest.fail(f"{path.name} was missing and has been written: look at it")
    assert text == path.read_text(encoding="utf-8")
