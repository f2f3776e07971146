"""Source line that recorded an op: stored cheaply as code and instruction, resolved on demand."""

from __future__ import annotations

import copy
import itertools
import linecache
import os
import pickle
import sys
from types import CodeType

from numpy.lib import mixins

Site = tuple[CodeType, int]

_AUTODIFF = os.path.dirname(os.path.abspath(__file__)) + os.sep
_PACKAGE = os.path.dirname(os.path.dirname(_AUTODIFF)) + os.sep
_PROGRAM = os.path.join(_PACKAGE, "program") + os.sep
_NN = os.path.join(_PACKAGE, "nn") + os.sep
_MODULE = os.path.join(_NN, "module.py")
_BETWEEN = (mixins.__file__, copy.__file__, pickle.__file__)  # Python code that calls back for its caller

# By source file, how many frames further out to look: past an op or ``Module.__call__`` 1, past a layer's
# forward and the call around it 2, no further outside of the package (0) and in another part of it (None).
_steps: dict[str, int | None] = {}


def _step_from(path: str) -> int | None:
    if not path.startswith(_PACKAGE):
        step: int | None = 1 if path in _BETWEEN else 0
    elif path.startswith((_AUTODIFF, _PROGRAM)) or path == _MODULE:
        step = 1
    else:
        step = 2 if path.startswith(_NN) else None
    _steps[path] = step
    return step


def calling_site() -> Site:
    """Return the nearest caller outside the package, or the layer's own line if training called it."""
    depth = 3  # 0 is this function, 1 is Tensor._apply, 2 is Primitive.__call__
    layer = None
    while True:
        frame = sys._getframe(depth)
        path = frame.f_code.co_filename
        try:
            step = _steps[path]
        except KeyError:
            step = _step_from(path)
        if not step:
            if step is None and layer is not None:
                frame = layer
            return frame.f_code, frame.f_lasti
        if step == 2 and layer is None:
            layer = frame
        depth += step


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
