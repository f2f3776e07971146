"""JSON from anywhere: bounded in size, depth and numbers, its faults shown with their place."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any

from tinygrad_mnist.errors import CheckpointError
from tinygrad_mnist.files.reading import read_bounded

MOST_LEVELS = 64
MOST_DIGITS = 40  # the state of a random generator has integers of 128 bits
# A string need not end, and gives nothing back (++): so the search is linear in whatever it is given.
_TOKEN = re.compile(r'"(?:[^"\\]++|\\.)*+"?|[\[\]{}]|[^\s\[\]{},:"]+', re.DOTALL)


def read_json(path: Path, *, max_bytes: int) -> Any:
    """Return what the JSON file holds.

    Parameters
    ----------
    path : Path
        In UTF-8.
    max_bytes : int
        The size up to which it is read.

    Raises
    ------
    CheckpointError
        It is missing, unreadable, too large, not UTF-8, not JSON, nested deeper than 64 levels, or holds NaN,
        infinity or an integer of more than 40 digits.  The message has line, column and byte offset.
    """
    return _parse(path, _decode(path, max_bytes))


def read_json_lines(path: Path, *, max_bytes: int) -> list[Any]:
    """Return what each line of the file holds, a JSON value a line.

    The parameters and errors are those of `read_json`.
    """
    lines = _decode(path, max_bytes).removesuffix("\n").split("\n")
    starts = [0]
    for line in lines[:-1]:
        starts.append(starts[-1] + len(line.encode()) + 1)
    if lines == [""]:
        return []
    return [_parse(path, line, number, start) for number, (line, start) in enumerate(zip(lines, starts), 1)]


def finite_or_text(record: dict[str, Any]) -> dict[str, Any]:
    """Return the record with "nan" and "inf" as text: JSON has no such numbers."""
    return {
        key: str(value) if isinstance(value, float) and not math.isfinite(value) else value
        for key, value in record.items()
    }


def _decode(path: Path, max_bytes: int) -> str:
    try:
        return read_bounded(path, max_bytes).decode()
    except UnicodeDecodeError as error:
        raise CheckpointError(f"{path}: not UTF-8 at offset {error.start}: {error.reason}") from error


def _parse(path: Path, text: str, line: int = 1, offset: int = 0) -> Any:
    """Parse `text`, which begins at this line and byte offset of the file."""
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
    """Refuse what `json` would take, or fail on in its own ways, before it sees it."""
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
        return f"{token} is no number of JSON"
    if token[0] not in "-0123456789":
        return None
    if token.lstrip("-").isdecimal():
        return f"an integer of more than {MOST_DIGITS} digits" if len(token) > MOST_DIGITS else None
    return "a number too large" if _is_infinite(token) else None


def _is_infinite(token: str) -> bool:
    try:
        return math.isinf(float(token))
    except ValueError:
        return False  # no number at all: `json` says so
