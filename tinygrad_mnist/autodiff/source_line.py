"""Source line that recorded an op: stored cheaply as code and instruction, resolved on demand."""

from __future__ import annotations

import copy
import itertools
import linecache
import os
import pickle
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from types import CodeType, FrameType
from typing import Any

from numpy.lib import mixins

from tinygrad_mnist.autodiff.modes import during

Site = tuple[CodeType, int]

_AUTODIFF = os.path.dirname(os.path.abspath(__file__)) + os.sep
_PACKAGE = os.path.dirname(os.path.dirname(_AUTODIFF)) + os.sep
_NN = os.path.join(_PACKAGE, "nn") + os.sep
_MODULE = os.path.join(_NN, "module.py")
_AUTOGRAD = os.path.join(_PACKAGE, "autograd.py")
_FOR_THE_CALLER = tuple(os.path.join(_PACKAGE, part) + os.sep for part in ("autodiff", "hints", "program"))
_LIKE_A_READER = tuple(os.path.join(_PACKAGE, part) + os.sep for part in ("benchmark", "experiments"))
_BETWEEN = (_MODULE, _AUTOGRAD, mixins.__file__, copy.__file__, pickle.__file__)
_TOOLS = filter(None, map(os.path.dirname, (os.__file__, sys.executable or "")))  # Python's own, and scripts
_INSTALLED = (*(folder + os.sep for folder in _TOOLS), "<frozen ")

# The kinds of source files: of the reader, of others, and of the package: what runs ops for its caller, the
# layers, and the rest (training, checks, commands), which calls the reader's networks and functions.
_READER, _OTHERS, _RUNS, _LAYER, _CALLS = range(5)
_kinds: dict[str, int] = {}
_frame_at = sys._getframe

_NOBODY: Any = ()  # the site of a caller that is installed code
_CALLER: ContextVar[Site | None] = ContextVar("caller", default=None)


def _kind_of(path: str) -> int:
    if path in _BETWEEN or path.startswith(_FOR_THE_CALLER):
        kind = _RUNS
    elif path.startswith(_LIKE_A_READER):  # their loops are written as a reader's, and are measured
        kind = _READER
    elif path.startswith(_PACKAGE):
        kind = _LAYER if path.startswith(_NN) else _CALLS
    else:
        is_installed = path.startswith(_INSTALLED) or "site-packages" in path or "dist-packages" in path
        kind = _OTHERS if is_installed else _READER
    _kinds[path] = kind
    return kind


def calling_site() -> Site:
    """Return the nearest line outside the package that led here.

    If a part such as the training called the network, installed code (a tool that starts commands or workers)
    is not meant; if no line of the reader's is behind it, as in a command, it is the layer's own line.
    """
    depth = 3  # 0 is this function, 1 is Tensor._apply, 2 is Primitive.__call__
    within = None
    try:
        while True:
            frame = _frame_at(depth)
            code = frame.f_code
            try:
                kind = _kinds[code.co_filename]
            except KeyError:
                kind = _kind_of(code.co_filename)
            if kind <= _OTHERS:
                break
            depth += 1
            if kind != _RUNS:
                within = within or frame
                if kind == _CALLS:
                    known = _CALLER.get()
                    site: Site = _reader_site(depth - 1) if known is None else known
                    return site or (within.f_code, within.f_lasti)
    except ValueError:  # the end of the stack
        frame = within or frame
    return frame.f_code, frame.f_lasti


def _reader_site(depth: int) -> Any:
    """Return the nearest line of the reader's, from `depth` frames above the caller on."""
    frame: FrameType | None = sys._getframe(depth + 1)
    while frame is not None:
        path = frame.f_code.co_filename
        if (_kinds[path] if path in _kinds else _kind_of(path)) == _READER:
            return frame.f_code, frame.f_lasti
        frame = frame.f_back
    return _NOBODY


@contextmanager
def called_from_here() -> Iterator[None]:
    """Give all ops inside the block the line that led to it: for many steps, it is found once."""
    with during(_CALLER, _reader_site(2)):
        yield


def warning_level() -> int:
    """Return the stacklevel at which a warning names the nearest line outside the package."""
    frame, level = sys._getframe(1), 1
    while frame.f_code.co_filename.startswith(_PACKAGE) and frame.f_back is not None:
        frame, level = frame.f_back, level + 1
    return level


def line_of(site: Site) -> tuple[str, int]:
    """Return file and line."""
    code, instruction = site
    positions = next(itertools.islice(code.co_positions(), instruction // 2, None))
    return code.co_filename, positions[0] or code.co_firstlineno


def in_words(site: Site) -> str:
    """Return file name, line and the line's text."""
    path, number = line_of(site)
    text = linecache.getline(path, number).strip()
    return f"{os.path.basename(path)}:{number}" + (f": {text}" if text else "")
