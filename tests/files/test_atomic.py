"""A file is replaced whole or not at all."""

import errno
import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tinygrad_mnist.files import atomic, write_atomically


@pytest.mark.parametrize(
    ("data", "content"), [(b"\0\xff\r\n", b"\0\xff\r\n"), ("é\n", b"\xc3\xa9\n"), ("", b"")]
)
def test_written_file_has_the_content_and_no_leftovers(tmp_path, data, content):
    path = tmp_path / "file"
    path.write_bytes(b"something older and longer")
    write_atomically(path, data)
    assert path.read_bytes() == content
    assert os.listdir(tmp_path) == ["file"]


def test_written_file_has_default_permissions(tmp_path):
    (tmp_path / "plain").touch()
    write_atomically(tmp_path / "atomic", b"")
    modes = {stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("plain", "atomic")}
    assert len(modes) == 1


@pytest.mark.parametrize("failing", ["fsync", "replace"])
@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_failed_write_keeps_the_old_file_alone(tmp_path, monkeypatch, failing, error):
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def fail(*arguments):
        raise error

    monkeypatch.setattr(atomic.os, failing, fail)
    with pytest.raises(type(error)):
        write_atomically(path, b"new")
    monkeypatch.undo()
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["file"]


def test_content_is_synced_before_the_name_and_the_folder_last(tmp_path, monkeypatch):
    done = []
    fsync, replace = os.fsync, os.replace

    def noted_fsync(descriptor):
        done.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")
        fsync(descriptor)

    def noted_replace(source, target):
        done.append("replace")
        replace(source, target)

    monkeypatch.setattr(atomic.os, "fsync", noted_fsync)
    monkeypatch.setattr(atomic.os, "replace", noted_replace)
    write_atomically(tmp_path / "file", b"content")
    assert done == ["file", "replace", "folder"]


def test_unwritable_folder_raises_the_system_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        write_atomically(tmp_path / "absent" / "file", b"")
    (tmp_path / "folder").mkdir()
    with pytest.raises(IsADirectoryError):
        write_atomically(tmp_path / "folder", b"")
    assert os.listdir(tmp_path) == ["folder"]


WRITE_FOR_EVER = """
import sys
from pathlib import Path
from tinygrad_mnist.files import write_atomically
while True:
    for letter in b"ab":
        write_atomically(Path(sys.argv[1]), bytes([letter]) * 300_000)
"""


@pytest.mark.parametrize("delay", [0.02, 0.05, 0.09])
def test_killed_process_leaves_a_whole_file(tmp_path, delay):
    path = tmp_path / "file"
    with subprocess.Popen([sys.executable, "-c", WRITE_FOR_EVER, path]) as writer:
        while not path.exists():
            assert writer.poll() is None
            time.sleep(0.01)
        for _ in range(50):  # a concurrent reader never finds a part
            assert path.read_bytes() in (b"a" * 300_000, b"b" * 300_000)
        time.sleep(delay)
        writer.send_signal(signal.SIGKILL)
    assert path.read_bytes() in (b"a" * 300_000, b"b" * 300_000)
    assert all(
        name == "file" or (name.startswith(".file.") and name.endswith(".tmp"))
        for name in os.listdir(tmp_path)
    )


def test_a_missing_folder_is_named_instead_of_the_hidden_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"the folder is missing: '.*nowhere'"):
        write_atomically(tmp_path / "nowhere" / "file", b"")


def test_an_unwritable_path_is_named_instead_of_the_hidden_file(tmp_path, monkeypatch):
    with pytest.raises(IsADirectoryError, match=r"it is a folder; name a file in it: '[^']*'$"):
        write_atomically(tmp_path, b"")
    with pytest.raises(IsADirectoryError, match=r"name a file in it: '.'$"):
        write_atomically(Path(), b"")

    def refused(source, target):
        raise PermissionError(errno.EACCES, "Permission denied", str(source), None, str(target))

    monkeypatch.setattr(atomic.os, "replace", refused)
    with pytest.raises(PermissionError, match=r"denied: '[^']*/file'$"):
        write_atomically(tmp_path / "file", b"")
