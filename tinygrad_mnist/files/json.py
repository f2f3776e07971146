"""JSON that may come from anywhere, bounded in size, depth and numbers; errors name line and column."""

from __future__ import annotations

import json
import math
import re
from io import BytesIO
from pathlib import Path
from typing import Any

from tinygrad_mnist.errors import CheckpointError
from tinygrad_mnist.files.reading import read_bounded

MOST_LEVELS = 64
MOST_DIGITS = 40  # the state of a random generator holds integers of 128 bits
MOST_SURPLUS = 100 * 2**20  # bytes of memory beyond twice the file's size
_BYTES_PER_VALUE = 300  # an object of one entry; a number takes a tenth
# A string may lack its end and is never backtracked into (++): the search is linear for any text.
_TOKEN = re.compile(r'"(?:[^"\\]++|\\.)*+"?|[\[\]{}]|[^\s\[\]{},:"]+', re.DOTALL)


def read_json(path: Path, *, max_bytes: int) -> Any:
    """Return the content of a JSON file.

    Parameters
    ----------
    path : Path
        A file in UTF-8.
    max_bytes : int
        Largest size that is read.

    Returns
    -------
    dict, list, str, int, float, bool or None

    Raises
    ------
    CheckpointError
        If it is missing, unreadable, too large, not UTF-8, not JSON, nested deeper than 64 levels, holds NaN,
        infinity or an integer of more than 40 digits, or could need more memory than twice its size plus
        100 MB. The message has line, column and byte offset.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from tinygrad_mnist.files import read_json, write_atomically
    >>> folder = TemporaryDirectory()
    >>> path = Path(folder.name, "run.json")
    >>> write_atomically(path, '{"epochs": 3}')
    >>> read_json(path, max_bytes=1000)
    {'epochs': 3}
    >>> write_atomically(path, '{"loss": NaN}')
    >>> read_json(path, max_bytes=1000)
    Traceback (most recent call last):
    tinygrad_mnist.errors.CheckpointError: ... NaN is not a JSON number (line 1, column 10, offset 9)
    >>> folder.cleanup()
    """
    content = read_bounded(path, max_bytes)
    _require_affordable(path, content)
    return _parse(path, content)


def read_json_lines(path: Path, *, max_bytes: int) -> list[Any]:
    r"""Return the JSON values of a file that holds one per line.

    Parameters and errors are those of `read_json`.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from tinygrad_mnist.files import read_json_lines, write_atomically
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder, "history.jsonl")
    ...     write_atomically(path, '{"epoch": 1}\n{"epoch": 2}\n')
    ...     read_json_lines(path, max_bytes=1000)
    [{'epoch': 1}, {'epoch': 2}]
    """
    content = read_bounded(path, max_bytes)
    _require_affordable(path, content, lines=content.count(b"\n"))
    values, start = [], 0
    for number, line in enumerate(BytesIO(content), 1):
        values.append(_parse(path, line.removesuffix(b"\n"), number, start))
        start += len(line)
    return values


def finite_or_text(record: dict[str, Any]) -> dict[str, Any]:
    """Return the record with "nan", "inf" and "-inf" as text, because JSON has no such numbers.

    Examples
    --------
    >>> from tinygrad_mnist.files import finite_or_text
    >>> finite_or_text({"epoch": 1, "loss": float("nan")})
    {'epoch': 1, 'loss': 'nan'}
    """
    return {
        key: str(value) if isinstance(value, float) and not math.isfinite(value) else value
        for key, value in record.items()
    }


def _require_affordable(path: Path, content: bytes, lines: int = 1) -> None:
    """Refuse many small values: ``[[],[],`` takes twenty times its size in memory."""
    values = lines + sum(content.count(mark) for mark in (b",", b"[", b"{"))
    width = 1 if content.isascii() else 4  # bytes per letter in Python: the widest letter decides
    # The content, its text, and one string that holds all of it.
    if values * _BYTES_PER_VALUE + (1 + 2 * width) * len(content) > 2 * len(content) + MOST_SURPLUS:
        raise CheckpointError(
            f"{path}: {values} values in {len(content)} bytes, too many for memory: expected a "
            "file that `train` wrote"
        )


def _parse(path: Path, content: bytes, line: int = 1, offset: int = 0) -> Any:
    """Parse `content`, which begins at the given line and byte offset of the file."""
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        raise CheckpointError(
            f"{path}: not UTF-8 at offset {offset + error.start}: {error.reason}"
        ) from error
    try:
        _check_tokens(text)
        return json.loads(text)
    except json.JSONDecodeError as error:
        before = len(text[: error.pos].encode())
        raise CheckpointError(
            f"{path} is damaged: {error.msg} "
            f"(line {line + error.lineno - 1}, column {error.colno}, offset {offset + before})"
        ) from error


def _check_tokens(text: str) -> None:
    """Refuse text that `json` accepts but the format does not, or that makes `json` fail in other ways."""
    level = 0
    for match in _TOKEN.finditer(text):
        token = match[0]
        if token in "[{":
            level += 1
        elif token in "]}":
            level -= 1
        reason = _refusal(token, level)
        if reason:
            raise json.JSONDecodeError(reason, text, match.start())


def _refusal(token: str, level: int) -> str | None:
    if level > MOST_LEVELS:
        return f"more than {MOST_LEVELS} levels"
    if token in ("NaN", "Infinity", "-Infinity"):
        return f"{token} is not a JSON number"
    if token[0] not in "-0123456789":
        return None
    if token.lstrip("-").isdecimal():
        return f"an integer of more than {MOST_DIGITS} digits" if len(token) > MOST_DIGITS else None
    return "a number too large" if _is_infinite(token) else None


def _is_infinite(token: str) -> bool:
    try:
        return math.isinf(float(token))
    except ValueError:
        return False  # not a number: `json` reports it
