"""The mirrors, played by a server on this machine."""

from __future__ import annotations

import hashlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

import pooch
import pytest

from tinygrad_mnist.datasets import download, load_default, load_mnist, survey
from tinygrad_mnist.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator


class Mirror(BaseHTTPRequestHandler):
    """``/good/`` serves the files; the other folders fail, each in its own way."""

    files: Path
    asked: list[str]

    def do_GET(self) -> None:
        _, kind, name = self.path.split("/")
        self.asked.append(self.path)
        body = (self.files / name).read_bytes()
        sent = {"short": body[:-3], "wrong": body[:-3] + b"abc"}.get(kind, body)
        if kind == "half" and name.startswith("t10k"):
            self.send_error(404)
            return
        self.send_response(403 if kind == "error" else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(sent)

    def log_message(self, *message: object) -> None:
        """Keep the test's output quiet."""


@pytest.fixture
def server(four_files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.delenv("TINYGRAD_MNIST_DATA", raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(pooch, "os_cache", lambda project: tmp_path / "cache" / project)
    checksums = {
        name: hashlib.sha256((four_files / name).read_bytes()).hexdigest() for name in download.CHECKSUMS
    }
    monkeypatch.setattr(download, "CHECKSUMS", checksums)
    Mirror.files, Mirror.asked = four_files, []
    with ThreadingHTTPServer(("127.0.0.1", 0), Mirror) as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()
        thread.join()


def use(monkeypatch: pytest.MonkeyPatch, server: str, *kinds: str) -> None:
    monkeypatch.setattr(download, "MIRRORS", [f"{server}/{kind}/" for kind in kinds])


def cached() -> list[str]:
    folder = download.cache_directory()
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def test_the_first_good_mirror_is_used_after_bad_ones(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, server, "error", "short", "wrong", "good")
    dataset = load_mnist(validation=2)
    assert (dataset.name, len(dataset.train), len(dataset.test)) == ("MNIST", 10, 5)
    assert "checked by SHA-256" in dataset.origin
    assert cached() == sorted(download.CHECKSUMS)
    assert len(Mirror.asked) == 3 + 4
    load_default(validation=2)
    assert len(Mirror.asked) == 3 + 4, "a full cache needs no network"
    assert survey()[1][2] == "all four files, checksums right"


def test_what_one_mirror_gave_is_not_fetched_again(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, server, "half", "good")
    load_mnist(validation=2)
    assert [path for path in Mirror.asked if path.startswith("/good/")] == [
        "/good/t10k-images-idx3-ubyte.gz",
        "/good/t10k-labels-idx1-ubyte.gz",
    ]


def test_all_failures_are_listed_and_no_half_file_stays(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, server, "error", "short", "wrong")
    monkeypatch.setattr(download, "MIRRORS", [*download.MIRRORS, "http://127.0.0.1:1/refused/"])
    with pytest.raises(DataError) as caught:
        load_mnist()
    message = str(caught.value)
    assert cached() == []
    for reason in (
        "lacks train-images-idx3-ubyte.gz",
        "/error/: 403 Client Error",
        "/short/: ",
        "/wrong/: SHA256 hash of downloaded file",
        "/refused/: ",
        "refused",
        "--data DIR or TINYGRAD_MNIST_DATA",
    ):
        assert reason in message
    assert "/wrong/: SHA256" in load_default().origin


def test_a_wrong_file_in_the_cache_is_named_and_never_replaced_by_the_digits(
    server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, server, "good")
    load_mnist(validation=2)
    path = download.cache_directory() / "t10k-labels-idx1-ubyte.gz"
    path.write_bytes(b"something else")
    found = hashlib.sha256(b"something else").hexdigest()
    expected = download.CHECKSUMS[path.name]
    for load in (load_mnist, load_default):
        with pytest.raises(
            DataError, match=f"{path.name}: wrong checksum: .* {expected}, found {found}; delete"
        ):
            load()
    assert "wrong checksum" in survey()[1][2]


def test_nothing_is_asked_when_downloads_are_off(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, server, "good")
    with pytest.raises(DataError, match="download: switched off"):
        load_mnist(download=False)
    assert Mirror.asked == []


def test_a_folder_with_the_genuine_files_is_called_mnist(server: str, four_files: Path) -> None:
    assert load_mnist(four_files, validation=0).name == "MNIST"
