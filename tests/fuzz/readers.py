"""Coverage-guided fuzzing of the readers: ``python -m tests.fuzz.readers idx --seconds 300``.

An input that crashes, hangs, takes too much memory or raises another error than the reader's own is put into
``tests/fuzz/found/``, where `test_found` replays it ever after.
"""

from __future__ import annotations

import argparse
import functools
import multiprocessing
import os
import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["tinygrad_mnist", "json", "PIL.PngImagePlugin", "PIL.ImageFile"]):
    from tests.fuzz.targets import FOUND, TARGETS

LIMITS = (
    "-timeout=10",
    "-rss_limit_mb=1024",
    "-max_len=4096",
    "-len_control=0",
    "-print_final_stats=1",
    "-verbosity=1",
)


def main() -> None:
    """Fuzz one reader for a while; the exit status is not 0 when something was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("reader", choices=TARGETS)
    parser.add_argument("--seconds", type=int, default=300)
    chosen = parser.parse_args()
    memory = "/dev/shm" if os.path.isdir("/dev/shm") else None  # a disk makes it five to twenty times slower
    with tempfile.TemporaryDirectory(prefix="fuzz-", dir=memory) as folder:
        arguments = chosen.reader, chosen.seconds, Path(folder)
        process = multiprocessing.get_context("fork").Process(target=_fuzz, args=arguments)
        process.start()  # libFuzzer ends its process itself: here one that has nothing to tidy up
        process.join()
    sys.exit(process.exitcode)


def _fuzz(name, seconds, folder):
    target, found = TARGETS[name], FOUND / name
    found.mkdir(exist_ok=True)
    corpus = folder / "corpus"
    corpus.mkdir()
    for number, seed in enumerate(target.seeds(folder)):
        (corpus / f"seed-{number}").write_bytes(seed)
    flags = (*LIMITS, f"-max_total_time={seconds}", f"-artifact_prefix={found}/")
    atheris.Setup(
        [sys.argv[0], *flags, str(corpus), str(found)], functools.partial(_read, target.read, folder)
    )
    atheris.Fuzz()


def _read(read, folder, content):
    read(content, folder)


if __name__ == "__main__":
    main()
