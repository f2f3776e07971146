"""Signal handling: Ctrl-C and SIGTERM act between two updates, never within one."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

_noted = 0  # signals that were turned into a flag, in this process


def signals_noted() -> int:
    """Return the number of signals so far that ended training early, by which a caller knows of them."""
    return _noted


@contextmanager
def stop_signals() -> Iterator[Callable[[], bool]]:
    """Turn a first SIGINT or SIGTERM into a flag, so that no update is cut in half.

    A second one acts at once: KeyboardInterrupt, or the end of the process.
    """
    asked = False

    def note(signum: int, frame: Any) -> None:
        global _noted
        nonlocal asked
        asked, _noted = True, _noted + 1
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)

    if threading.current_thread() is not threading.main_thread():
        yield lambda: False  # signals only reach the main thread
        return
    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
