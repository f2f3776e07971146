"""Docstrings begin with a verb or a plain noun."""

import ast
import re
from pathlib import Path

import pytest

import tinygrad_mnist

ROOT = Path(tinygrad_mnist.__file__).parent
FRAGMENT = re.compile(r"(What|Whether|Which|Where|Who|How|Of)\b")
DOCUMENTED = ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef


PATHS = [str(path.relative_to(ROOT)) for path in sorted(ROOT.rglob("*.py"))]


@pytest.mark.parametrize("path", PATHS)
def test_docstring_begins_with_a_verb_or_a_noun(path):
    nodes = [
        n for n in ast.walk(ast.parse((ROOT / path).read_text(encoding="utf-8"))) if isinstance(n, DOCUMENTED)
    ]
    docstrings = [ast.get_docstring(node) or "" for node in nodes]
    assert [text.splitlines()[0] for text in docstrings if FRAGMENT.match(text)] == []
