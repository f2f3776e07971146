"""Names with settings, read from texts that look like a call: "adam", "adam(amsgrad=True)"."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, NoReturn

from tinygrad_mnist.arguments import require_choice, shown
from tinygrad_mnist.similar import similar

MOST_LETTERS = 300  # of a text that may come from a file


@dataclass(frozen=True)
class Call:
    """A name and its settings; a setting may be a Call again, or a list of them."""

    name: str
    settings: dict[str, Any]

    def __repr__(self) -> str:
        settings = ", ".join(f"{name}={value!r}" for name, value in self.settings.items())
        return f"{self.name}({settings})" if settings else self.name

    def require_fit(self, maker: Callable[..., Any], given: Iterable[str]) -> None:
        """Refuse settings that a function does not take, and calls that leave out one that it needs.

        Parameters
        ----------
        maker : callable
            Function of the settings.
        given : iterable of str
            Names of its parameters that are given outside the text.

        Raises
        ------
        ValueError
            If a setting is unknown, is in `given`, or is missing.
        """
        given = set(given)
        parameters = {k: p for k, p in inspect.signature(maker).parameters.items() if k not in given}
        for name in self.settings:
            if name in given:
                raise ValueError(
                    f"{self.name} has the setting {name!r}: expected it outside the parentheses; "
                    "leave it out here"
                )
            if name not in parameters:
                near = similar(name, parameters)
                hint = f"; did you mean {near[0]}?" if near else ""
                expected = f"some of {', '.join(parameters)}" if parameters else "none"
                raise ValueError(f"{self.name} has the setting {shown(name)}: expected {expected}{hint}")
        for name, parameter in parameters.items():
            if parameter.default is inspect.Parameter.empty and name not in self.settings:
                raise ValueError(f"{self.name} has no {name}: expected it; write {self.name}({name}=...)")


def read_call(setting: str, text: Any, known: Iterable[str]) -> Call:
    """Read a name with settings; nothing in the text is run.

    Parameters
    ----------
    setting : str
        Name of the argument, for messages.
    text : str
        A name, or one with settings in parentheses.  A setting is a number, a boolean, a name with settings,
        or a list of them.
    known : iterable of str
        The names.

    Raises
    ------
    ValueError
        If the text cannot be read, or a name is not known.

    Examples
    --------
    >>> read_call("optimizer", "adam(amsgrad=True)", ["sgd", "adam"])
    adam(amsgrad=True)
    """
    known = list(known)

    def refuse() -> NoReturn:
        name = max((name for name in known if str(text).startswith(name)), key=len, default=known[0])
        write = f"write {name!r} or '{name}(setting=number)'"
        expected = "expected a name, or one with settings in parentheses"
        raise ValueError(f"{setting} is {shown(text)}: {expected}; {write}")

    def read(node: ast.expr, place: str = "") -> Any:
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            if node.args or not all(each.arg for each in node.keywords):
                refuse()
            settings = {str(each.arg): read(each.value, str(each.arg)) for each in node.keywords}
            if len(settings) < len(node.keywords):
                raise ValueError(f"{setting} is {shown(text)}: expected each setting once; leave one out")
            return Call(read(node.func).name, settings)
        if isinstance(node, ast.Name):
            name = text[node.col_offset : node.end_col_offset]  # as written: "warm-up"
            if name in ("true", "false"):
                raise ValueError(f"{setting} has {name}: expected {name.title()}")
            if place and name not in known:
                names = ", ".join(known)
                raise ValueError(
                    f"{setting} has {place}={name}: expected a number, True, False, or of {names}"
                )
            require_choice(setting, name, known)
            return Call(name, {})
        if isinstance(node, ast.List | ast.Tuple):
            return [read(each, place) for each in node.elts]
        try:
            return ast.literal_eval(node)
        except ValueError:
            refuse()

    if not isinstance(text, str) or not text.isascii() or len(text) > MOST_LETTERS:
        require_choice(setting, text, known)
    try:  # a hyphen within a word is part of it
        parsed = ast.parse(re.sub("(?<=[a-z])-(?=[a-z])", "_", text), mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        refuse()
    found = read(parsed)
    return found if isinstance(found, Call) else refuse()
