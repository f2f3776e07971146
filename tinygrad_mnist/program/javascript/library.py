"""The functions of the .js files, of which a program prints those that it uses."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path

_DOC = r"/\*\*(?:(?!\*/)[\s\S])*\*/\n"
_COMMENT = r"/\*[\s\S]*?\*/|//.*"
_FUNCTION = re.compile(rf"^((?:{_DOC})?)export (function (\w+)\([\s\S]*?^}}\n)", re.MULTILINE)
_CONSTANT = re.compile(r"^export (const (\w+) = .*;\n)", re.MULTILINE)
_TYPE = re.compile(rf"^{_DOC}(?=\n)", re.MULTILINE)
_FILES = ("arrays", "elementwise", "products", "reductions", "indexing", "lanes", "random", "checks")


@cache
def library() -> dict[str, str]:
    """Return the text of each exported function and constant, in the order of the files."""
    found: dict[str, str] = {}
    for name in _FILES:
        text = _text(name)
        found |= {match[2]: match[1] for match in _CONSTANT.finditer(text)}
        found |= {match[3]: match[1] + match[2] for match in _FUNCTION.finditer(text)}
    return found


def types(printed: Iterable[str]) -> list[str]:
    """Return the descriptions of the types that printed functions name."""
    texts = [match[0] for name in ("arrays", "random") for match in _TYPE.finditer(_text(name))]
    return [text for text in texts if any(_defines(text) & _words(function) for function in printed)]


def needed(names: Iterable[str], made: dict[str, str]) -> list[str]:
    """Return the functions of these names, and those that they use, in the order of the library.

    Parameters
    ----------
    made
        Functions of the program alone.
    """
    every = library() | made
    wanted, stack = set(), list(names)
    while stack:
        name = stack.pop()
        if name not in wanted:
            wanted.add(name)
            stack += _words(re.sub(_COMMENT, "", every[name])) & every.keys()
    return [text for name, text in every.items() if name in wanted]


@cache
def _text(name: str) -> str:
    return Path(__file__).with_name(f"{name}.js").read_text(encoding="utf-8")


def _words(text: str) -> set[str]:
    return set(re.findall(r"(?:(?<=\.\.\.)|(?<![\w$.]))[\w$]+", text))  # not those of methods


def _defines(text: str) -> set[str]:
    return set(re.findall(r"\}\s+(\w+)$", text, re.MULTILINE))
