"""Python functions that a program calls, as self-contained code."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Sequence
from functools import lru_cache
from types import CodeType, FunctionType, ModuleType
from typing import Any

import numpy as np

from tinygrad_mnist.autodiff.expression import is_literal, literal_text
from tinygrad_mnist.autodiff.primitive import Primitive
from tinygrad_mnist.program.instructions import Instruction
from tinygrad_mnist.program.operations import Call

_PACKAGE = __name__.partition(".")[0]


def helper_lines(instructions: Sequence[Instruction]) -> list[str]:
    """Return the source of the functions that instructions call, with the names that these use."""
    seen: dict[str, Any] = {"np": np}
    calls = [i.operation for i in instructions if isinstance(i.operation, Call)]
    return [line for call in calls for line in _lines(call.name, call.function, seen)]


def _lines(name: str, thing: Any, seen: dict[str, Any]) -> list[str]:
    """Return code that defines a name after the names that it needs; nothing if it is defined already."""
    if name in seen:
        return []
    seen[name] = thing
    thing = thing.forward if isinstance(thing, Primitive) else thing
    if isinstance(thing, FunctionType):
        outside = {**thing.__globals__, **inspect.getclosurevars(thing).nonlocals}
        needed = sorted(_names(thing.__code__) & outside.keys())
        other = next((n for n in needed if n in seen and not _is_same(seen[n], outside[n])), None)
        if other is not None:
            return ["", *_stub(name, f"{name} uses another {other} than the code before it").split("\n"), ""]
        lines = [line for other in needed for line in _lines(other, outside[other], seen)]
        return [*lines, "", *_source(thing, name).split("\n"), ""]
    if isinstance(thing, ModuleType):
        inside = thing.__name__.partition(".")[0] == _PACKAGE
        return [] if inside else [f"import {thing.__name__} as {name}"]
    if isinstance(thing, type):
        return ["", f"class {name}(ValueError):", "    pass", ""] if issubclass(thing, Exception) else []
    return [f"{name} = {literal_text(thing)}"] if is_literal(thing) else []


def _stub(name: str, reason: str) -> str:
    return f"def {name}(*inputs, **settings):\n    raise NotImplementedError({reason!r})"


def _is_same(a: Any, b: Any) -> bool:
    return a is b or (is_literal(a) and is_literal(b) and literal_text(a) == literal_text(b))


def _names(code: CodeType) -> set[str]:
    """Return the names that code uses, and the functions inside it."""
    inner = [constant for constant in code.co_consts if isinstance(constant, CodeType)]
    return {*code.co_names, *code.co_freevars}.union(*map(_names, inner))


@lru_cache(maxsize=64)
def _source(function: FunctionType, name: str) -> str:
    """Return a function's source under a name, without decorators and annotations.

    The printed module may not have the names in those.
    """
    try:
        found = ast.parse(textwrap.dedent(inspect.getsource(function))).body[0]
    except (OSError, TypeError, SyntaxError):  # typed in, or a lambda inside of a longer expression
        found = None
    if not isinstance(found, ast.FunctionDef) or found.name != function.__name__:
        return _stub(name, f"the source of {name} is not known")
    found.name = name  # the name in the call, which differs if the function was assigned to a variable
    for node in ast.walk(found):
        if isinstance(node, ast.FunctionDef):
            node.returns, node.decorator_list = None, []
            for argument in (*node.args.args, *node.args.kwonlyargs):
                argument.annotation = None
    return ast.unparse(found)
