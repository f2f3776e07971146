"""The four files of MNIST in the user's cache, fetched once and checked by SHA-256."""

from __future__ import annotations

import hashlib
import os
import threading
from concurrent.futures import Future, wait
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tinygrad_mnist.errors import DataError
from tinygrad_mnist.files import open_regular

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rich.progress import Progress

# The original site is not among them: it has been answering 403 for years.
MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
    "https://raw.githubusercontent.com/fgnt/mnist/master/",
)
CHECKSUMS = {
    "train-images-idx3-ubyte.gz": "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
    "train-labels-idx1-ubyte.gz": "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
    "t10k-images-idx3-ubyte.gz": "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
    "t10k-labels-idx1-ubyte.gz": "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
}
TIMEOUT = (4, 15)  # seconds to connect, and to wait for the next bytes
DEADLINE = 300.0  # seconds for a file, however many bytes still trickle in
MOST_BYTES = 2**24  # the largest file has 10 million
_STEP = 2**16


class MnistNotAtHandError(DataError):
    """MNIST is not in the cache and could not be downloaded; nothing is damaged."""


def cache_directory() -> Path:
    """Return the folder of this package in the user's cache; it may not exist yet."""
    import pooch

    return Path(pooch.os_cache("tinygrad_mnist")).expanduser()


def missing_from_cache() -> list[str]:
    """Return the names of the files that the cache lacks.

    Raises
    ------
    DataError
        A file is there but is not MNIST's, or cannot be read.
    """
    cache = cache_directory()
    present = [name for name in CHECKSUMS if os.path.exists(cache / name)]
    for name in present:
        expected, found = CHECKSUMS[name], _sha256(cache / name)
        if found != expected:
            raise DataError(
                f"{cache / name}: wrong checksum: expected SHA-256 {expected}, found {found}; delete the file"
            )
    return [name for name in CHECKSUMS if name not in present]


def fetch_mnist(*, download: bool) -> Path:
    """Return the cache folder with the four files in it, downloading those that it lacks.

    Raises
    ------
    MnistNotAtHandError
        Files are missing and `download` is false or every mirror failed; the message says how each did.
    DataError
        A file in the cache is not MNIST's.
    """
    cache, missing = cache_directory(), missing_from_cache()
    if not missing:
        return cache
    tried = [f"{cache}: lacks {', '.join(missing)}"]
    tried += _download(missing, cache) if download else ["download: switched off"]
    if missing_from_cache():
        raise MnistNotAtHandError("MNIST is not at hand:\n" + "\n".join(f"  {line}" for line in tried))
    return cache


def is_mnist(files: Sequence[Path]) -> bool:
    """Whether these are MNIST's own four gzipped files, in the order of `CHECKSUMS`."""
    return all(_sha256(path) == expected for path, expected in zip(files, CHECKSUMS.values(), strict=True))


def _sha256(path: Path) -> str:
    try:
        with open_regular(path) as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}; check its permissions") from error


def _download(names: list[str], cache: Path) -> list[str]:
    """Ask the mirrors one after another for what is still missing; return how each one failed."""
    import pooch
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress

    pooch.get_logger().setLevel("WARNING")  # the bars say the same
    failures = []
    columns = "{task.description}", BarColumn(), DownloadColumn()
    with Progress(*columns, console=Console(stderr=True)) as progress:
        for mirror in MIRRORS:
            try:
                for name in names:
                    bar = _Bar(progress, name)
                    _in_time(partial(_retrieve, mirror, name, cache, bar), bar)
                break
            except (OSError, ValueError) as error:  # requests' errors are OSErrors, a wrong hash a ValueError
                failures.append(f"{mirror}: {_reason(error)}")
    return failures


def _retrieve(mirror: str, name: str, cache: Path, bar: _Bar) -> None:
    """Fetch one file, unless an earlier mirror gave it; it enters the cache whole or not at all."""
    import pooch

    responses: list[Any] = []  # pooch closes none that fails
    hooks = {"response": lambda response, **_: responses.append(response)}
    downloader = pooch.HTTPDownloader(progressbar=bar, chunk_size=_STEP, timeout=TIMEOUT, hooks=hooks)
    try:
        pooch.retrieve(mirror + name, f"sha256:{CHECKSUMS[name]}", name, cache, downloader=downloader)
    finally:
        for response in responses:
            response.close()


def _in_time(work: Callable[[], object], bar: _Bar) -> None:
    """Do the work in a thread that is left alone at the deadline.

    The timeouts of requests hold for each wait alone: a byte a second, in header or body, resets them.
    """
    outcome: Future[object] = Future()
    thread = threading.Thread(target=_settle, args=(outcome, work), daemon=True)
    thread.start()
    try:
        if not wait([outcome], DEADLINE).done:
            raise TimeoutError(f"not finished after {DEADLINE:g} seconds")
        outcome.result()
    finally:  # after Ctrl-C too
        bar.given_up = True
        thread.join(1)  # so that it removes its temporary file, where bytes still come


def _settle(outcome: Future[object], work: Callable[[], object]) -> None:
    try:
        outcome.set_result(work())
    except BaseException as error:
        outcome.set_exception(error)


def _reason(error: Exception) -> str:
    """Return why a request failed, without requests' account of the connection pool around it."""
    return str(getattr(next(iter(error.args), None), "reason", error))


class _Bar:
    """What pooch asks of a progress bar, shown by rich; it ends a download that is given up or endless."""

    def __init__(self, progress: Progress, name: str) -> None:
        self.given_up = False
        self._progress = progress
        self._received = 0
        self._task = progress.add_task(name, total=None, visible=False)

    def _announce(self, size: int) -> None:
        self._progress.update(self._task, total=size, visible=True)

    total = property(fset=_announce)  # pooch sets it once the server has told the size

    def update(self, size: int) -> None:
        self._received += size
        if self.given_up:
            raise TimeoutError("given up")
        if self._received > MOST_BYTES:
            raise ValueError(f"more than {MOST_BYTES} bytes, and no file of MNIST is so large")
        self._progress.advance(self._task, size)

    def reset(self) -> None:
        self._received = 0
        self._progress.reset(self._task)

    def close(self) -> None:
        self._progress.stop_task(self._task)
