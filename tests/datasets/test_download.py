"""The mirrors, played by a server on this machine."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from functools import partial
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
    over: threading.Event  # ends those that would send, or wait, for ever

    def do_GET(self) -> None:
        self.asked.append(self.path)
        _, kind, name = self.path.split("/")
        strange = getattr(self, f"_send_{kind}", None)
        if strange is None:
            self._send_file(kind, name)
        else:
            with contextlib.suppress(OSError):  # whoever asked may be gone
                strange(name)

    def _begin(self, status: int, **headers: object) -> None:
        self.send_response(status)
        for key, value in headers.items():
            self.send_header(key.replace("_", "-"), str(value))
        self.end_headers()

    def _send_page(self, name: str) -> None:
        page = b"<html>We are sorry: try again later.</html>"
        self._begin(200, Content_Length=len(page))
        self.wfile.write(page)

    def _send_missing(self, name: str) -> None:
        self.send_error(404)

    def _send_broken(self, name: str) -> None:
        self.send_error(500)

    def _send_moved(self, name: str) -> None:
        self._begin(302, Location=f"/good/{name}")

    def _send_loop(self, name: str) -> None:
        self._begin(302, Location=f"/loop/{name}")

    def _send_local(self, name: str) -> None:
        self._begin(302, Location=(self.files / name).as_uri())

    def _send_closed(self, name: str) -> None:
        self.connection.shutdown(socket.SHUT_RDWR)

    def _send_silence(self, name: str) -> None:
        self.over.wait(30)

    def _send_drip(self, name: str) -> None:
        body = (self.files / name).read_bytes()
        self._begin(200, Content_Length=len(body))
        for byte in body:
            self.wfile.write(bytes([byte]))
            self.wfile.flush()
            if self.over.wait(0.05):
                break

    def _send_header_drip(self, name: str) -> None:
        self.wfile.write(b"HTTP/1.0 200 OK\r\nX-Long: ")
        while not self.over.wait(0.05):
            self.wfile.write(b"x")
            self.wfile.flush()

    def _send_endless(self, name: str) -> None:
        self._begin(200)
        while not self.over.wait(0.001):
            self.wfile.write(bytes(2**16))

    def _send_slow(self, name: str) -> None:
        """Half the file, and the rest when the test says so."""
        body = (self.files / name).read_bytes()
        self._begin(200, Content_Length=len(body))
        self.wfile.write(body[: len(body) // 2])
        self.wfile.flush()
        self.over.wait(30)

    def _send_file(self, kind: str, name: str) -> None:
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
    monkeypatch.setattr(download, "TIMEOUT", (60, 60))  # a busy machine may let the server wait
    Mirror.files, Mirror.asked, Mirror.over = four_files, [], threading.Event()
    with ThreadingHTTPServer(("127.0.0.1", 0), Mirror) as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}"
        Mirror.over.set()
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
        "pass directory=..., or set TINYGRAD_MNIST_DATA",
    ):
        assert reason in message
    assert "/wrong/: SHA256" in load_default().origin


FAILURES = {
    "page": "SHA256 hash of downloaded file",
    "missing": "404 Client Error",
    "broken": "500 Server Error",
    "short": "IncompleteRead",
    "loop": "Exceeded 30 redirects",
    "local": "No connection adapters were found for 'file:",
    "closed": "Remote end closed connection without response",
    "silence": "Read timed out",
    "drip": "not finished after 1.5 seconds",
    "header_drip": "not finished after 1.5 seconds",
    "endless": "more than 16777216 bytes",
}
IMPATIENT = {
    "silence": ("TIMEOUT", (60, 0.5)),
    "drip": ("DEADLINE", 1.5),
    "header_drip": ("DEADLINE", 1.5),
}


@pytest.mark.usefixtures("within_a_minute")
@pytest.mark.parametrize(("kind", "reason"), FAILURES.items(), ids=FAILURES)
def test_a_mirror_that_fails_is_named_with_the_reason_and_the_next_one_is_asked(
    server: str, monkeypatch: pytest.MonkeyPatch, kind: str, reason: str
) -> None:
    def mirrors(*kinds: str) -> Iterator[str]:
        for each in kinds:
            with monkeypatch.context() as patch:  # the good one may take its time
                if each in IMPATIENT:
                    patch.setattr(download, *IMPATIENT[each])
                yield f"{server}/{each}/"

    monkeypatch.setattr(download, "MIRRORS", mirrors(kind))
    with pytest.raises(DataError, match="MNIST is not at hand") as caught:
        load_mnist()
    (line,) = (line for line in str(caught.value).splitlines() if f"/{kind}/" in line)
    assert reason in line
    assert not set(cached()) & set(download.CHECKSUMS)
    monkeypatch.setattr(download, "MIRRORS", mirrors(kind, "good"))
    assert len(load_mnist(validation=2).train) == 10
    assert set(download.CHECKSUMS) <= set(cached())


@pytest.mark.usefixtures("within_a_minute")
def test_a_download_that_is_given_up_leaves_nothing_behind(
    server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "DEADLINE", 0.5)
    monkeypatch.setattr(download, "MOST_BYTES", 2**60)
    use(monkeypatch, server, "endless")
    with pytest.raises(DataError, match=r"not finished after 0.5 seconds"):
        load_mnist()
    while cached():  # its thread is left alone, and cleans up when it is its turn
        time.sleep(0.02)


def test_a_redirect_is_followed(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, server, "moved")
    assert len(load_mnist(validation=2).train) == 10


DOWNLOAD = """
import json, sys
from pathlib import Path
import pooch
from tinygrad_mnist.datasets import download, load_mnist
cache, mirror, checksums = json.loads(sys.argv[1])
pooch.os_cache = lambda project: Path(cache) / project
download.MIRRORS, download.CHECKSUMS, download.TIMEOUT = [mirror], checksums, (60, 60)
load_mnist()
"""


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGKILL], ids=["Ctrl-C", "killed"])
def test_an_interrupted_download_is_never_half_used_and_done_again(
    server: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, end: signal.Signals
) -> None:
    arguments = json.dumps([str(tmp_path / "cache"), f"{server}/slow/", download.CHECKSUMS])
    heard = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)  # a shell's background jobs ignore it
    command = [sys.executable, "-c", DOWNLOAD, arguments]
    with subprocess.Popen(command, stderr=subprocess.PIPE, preexec_fn=heard) as process:
        while not Mirror.asked or not cached():
            assert process.poll() is None
            time.sleep(0.02)
        time.sleep(0.2)
        process.send_signal(end)
        _, message = process.communicate(timeout=60)
    assert process.returncode != 0
    assert end != signal.SIGINT or b"KeyboardInterrupt" in message
    assert not set(cached()) & set(download.CHECKSUMS)
    with pytest.raises(DataError, match="lacks train-images"):
        load_mnist(download=False)
    use(monkeypatch, server, "good")
    assert len(load_mnist(validation=2).train) == 10


def test_what_is_no_file_in_the_cache_is_named(server: str) -> None:
    download.cache_directory().mkdir(parents=True)
    name = next(iter(download.CHECKSUMS))
    for make, message in ((os.mkdir, "Is a directory"), (os.mkfifo, "Not a regular file")):
        path = download.cache_directory() / name
        make(path)
        with pytest.raises(DataError, match=f"{name}: {message}"):
            load_mnist()
        path.rmdir() if path.is_dir() else path.unlink()


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
