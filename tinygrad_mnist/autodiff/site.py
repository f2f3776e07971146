"""Which source line recorded an op: noted cheaply as code and instruction, turned into a line when asked."""

from __future__ import annotations

import itertools
import linecache
import os
import sys
from types import CodeType

Site = tuple[CodeType, int]

_AUTODIFF = os.path.dirname(os.path.abspath(__file__)) + os.sep


def calling_site() -> Site:
    """The nearest caller outside of this folder: a layer's forward, or a person's own line."""
    frame = sys._getframe(3)  # 0 is this function, 1 is Tensor.apply, 2 is Primitive.__call__
    while frame.f_code.co_filename.startswith(_AUTODIFF) and frame.f_back is not None:
        frame = frame.f_back
    return frame.f_code, frame.f_lasti


def line_of(site: Site) -> tuple[str, int]:
    """File and line."""
    code, instruction = site
    positions = next(itertools.islice(code.co_positions(), instruction // 2, None))
    return code.co_filename, positions[0] or code.co_firstlineno


def in_words(site: Site) -> str:
    """File name, line and the line's text."""
    path, number = line_of(site)
    text = linecache.getline(path, number).strip()
    return f"{os.path.basename(path)}:{number}" + (f": {text}" if text else "")
