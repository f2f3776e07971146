"""Advice for names that people know from other libraries, shown when a name is not found.

In the tables of this folder the text between backquotes is code to write instead: a test runs it. A name
that becomes part of the package has to leave its table: a test fails until it does. Names that exist here and
there with different meanings are on the page ``examples/differences_from_pytorch.md``.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import wraps
from importlib import import_module
from opcode import opmap
from types import FrameType, MappingProxyType
from typing import Any, NoReturn, ParamSpec, TypeVar

from tinygrad_mnist.arguments import misfit
from tinygrad_mnist.hints.keywords import KEYWORDS, REMARKS
from tinygrad_mnist.similar import similar

__all__ = [
    "hinted",
    "lookups",
    "missing",
    "unknown_keyword",
]

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")


def __dir__() -> list[str]:
    return __all__


class ForeignName:
    """Class attribute that raises an AttributeError with advice when it is read.

    A ``__getattr__`` would make every other attribute of a Tensor slower.

    Parameters
    ----------
    name : str
        Name in the other library.
    advice : str
        What to write instead, with code between backquotes.
    """

    def __init__(self, name: str, advice: str) -> None:
        self.__name__, self.__doc__, self.advice = name, f"Not here: {advice}", advice

    def __get__(self, instance: Any, owner: type) -> NoReturn:
        raise AttributeError(f"{owner.__name__} has no attribute {self.__name__!r}: {self.advice}")


class ForeignSetting(ForeignName):
    """Foreign name that cannot be set either, because setting it would change nothing."""

    def __set__(self, instance: Any, value: Any) -> NoReturn:
        self.__get__(instance, type(instance))


def foreign_names(table: Mapping[str, str], settings: Iterable[str] = ()) -> Callable[[type[T]], type[T]]:
    """Return a decorator that adds the names in `table` to a base class; reading one raises its advice.

    Setting one gives an object its own attribute, unless the name is in `settings`: then it raises too.
    """
    refused = set(settings)

    def decorated(base: type[T]) -> type[T]:
        for name, advice in table.items():
            kind = ForeignSetting if name in refused else ForeignName
            setattr(base, name, kind(name, advice))
        base.__dir__ = lambda self: [name for name in object.__dir__(self) if name not in table]  # type: ignore[method-assign]
        return base

    return decorated


class MissingNameError(AttributeError):
    """Error for a missing attribute; its message lists similar names, searched only when it is read."""

    def __init__(self, owner: str, name: str, known: Callable[[], Iterable[str]]) -> None:
        super().__init__(f"{owner} has no attribute {name!r}", name=name)
        self._known = known

    def __str__(self) -> str:
        near = similar(str(self.name), [n for n in self._known() if not n.startswith("_")], 2)
        return f"{self.args[0]}: did you mean {' or '.join(near)}?" if near else str(self.args[0])

    def __reduce__(self) -> tuple[Any, ...]:
        return AttributeError, (str(self),)


def missing(
    owner: str, name: str, hints: Mapping[str, str], known: Callable[[], Iterable[str]]
) -> AttributeError:
    """Return the error for an attribute that `owner` lacks, with its hint or with similar names.

    Parameters
    ----------
    owner : str
        Name of the module or class, for the message.
    name : str
        Missing attribute.
    hints : mapping of str to str
        Advice by name.
    known : callable
        Returns the names that exist.

    Raises
    ------
    ImportError
        If the name is imported from a package, and there is a hint.

    Examples
    --------
    >>> class Box:
    ...     def __getattr__(self, name):
    ...         raise missing("Box", name, {"numel": "write `box.size`"}, lambda: ["size", "shape"])
    >>> for name in ("numel", "shap"):
    ...     try:
    ...         getattr(Box(), name)
    ...     except AttributeError as error:
    ...         print(error)
    Box has no attribute 'numel': write `box.size`
    Box has no attribute 'shap': did you mean shape?
    """
    hint = hints.get(name)
    if hint is None:
        return MissingNameError(owner, name, known)
    if _is_import(sys._getframe(2)):
        raise ImportError(f"{owner} has no {name!r} to import: {hint}", name=name)
    return AttributeError(f"{owner} has no attribute {name!r}: {hint}")


def lookups(
    owner: str, hints: Mapping[str, str], names: list[str], later: Mapping[str, str] = MappingProxyType({})
) -> tuple[Callable[[], list[str]], Callable[[str], Any]]:
    """Return ``__dir__`` and ``__getattr__`` of a module: its public names, and the errors for all others.

    Parameters
    ----------
    owner : str
        Name of the module, for the messages.
    hints : mapping of str to str
        Advice by name.
    names : list of str
        The public names.
    later : mapping of str to str, optional
        Modules of the names that are imported at their first use.

    Examples
    --------
    >>> from types import ModuleType
    >>> module = ModuleType("shapes")
    >>> module.__dir__, module.__getattr__ = lookups("shapes", {"view": "write `reshape`"}, ["reshape"])
    >>> dir(module)
    ['reshape']
    >>> try:
    ...     module.view
    ... except AttributeError as error:
    ...     print(error)
    shapes has no attribute 'view': write `reshape`
    """

    def get_attribute(name: str) -> Any:
        if name in later:
            return getattr(import_module(later[name]), name)
        raise missing(owner, name, hints, lambda: names)

    return lambda: names, get_attribute


def _is_import(frame: FrameType) -> bool:
    """Return True for ``from owner import name``, which drops the message of an AttributeError."""
    if frame.f_code.co_name == "_handle_fromlist":  # Python's own, for packages
        return True
    return frame.f_lasti >= 0 and frame.f_code.co_code[frame.f_lasti] == opmap["IMPORT_FROM"]


def unknown_keyword(function: str, name: str, known: Iterable[str]) -> TypeError:
    """Return the error for a keyword that a function does not take, with the keyword that it takes instead.

    Parameters
    ----------
    function : str
        Name of the function, for the message.
    name : str
        Keyword that was given.
    known : iterable of str
        Keywords that the function takes.

    Examples
    --------
    >>> for name in ("keepdim", "axs", "device"):
    ...     print(unknown_keyword("sum", name, ["axis", "keepdims"]))
    sum() takes keepdims=, not keepdim=
    sum() does not take axs=: did you mean axis=?
    sum() does not take device=: leave it out: arrays are in main memory
    """
    own = list(known)
    meant = next((word for word in KEYWORDS.get(name, ()) if word in own), None)
    if meant is not None:
        return TypeError(f"{function}() takes {meant}=, not {name}=")
    if name in REMARKS:
        return TypeError(f"{function}() does not take {name}=: {REMARKS[name]}")
    near = similar(name, own)
    if near:
        return TypeError(f"{function}() does not take {name}=: did you mean {near[0]}=?")
    takes = f"it takes {', '.join(f'{word}=' for word in own)}" if own else "it has no settings"
    return TypeError(f"{function}() does not take {name}=: {takes}")


def hinted(function: Callable[P, R]) -> Callable[P, R]:
    """Decorate a function: unknown keywords, too many arguments and those of other kinds raise advice.

    The decorator adds a call around the function. It is for functions that run once, such as constructors.

    Examples
    --------
    >>> @hinted
    ... def train(data, *, lr=0.1):
    ...     pass
    >>> for arguments, settings in [((1, 2), {}), ((1,), {"learning_rate": 2})]:
    ...     try:
    ...         train(*arguments, **settings)
    ...     except TypeError as error:
    ...         print(error)
    train() got 2 positional arguments: expected data, then by name lr=
    train() takes lr=, not learning_rate=
    """

    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except TypeError as error:
            if error.__traceback__ is None or error.__traceback__.tb_next is None:
                raise call_error(function, error, args, kwargs) from None
            unfit = misfit(function, inspect.signature(function).bind(*args, **kwargs).arguments, error)
            if unfit is None:
                raise
            raise unfit from None

    return call


def call_error(
    function: Callable[..., Any], error: TypeError, arguments: Sequence[Any], keywords: Iterable[str]
) -> TypeError:
    """Return the error for a call that does not match the parameters of `function`.

    Parameters
    ----------
    function : callable
    error : TypeError
        Python's own error, returned if there is nothing to add.
    arguments : sequence
        Positional arguments, with ``self`` for a method.
    keywords : iterable of str
        Names of the keyword arguments.
    """
    parameters = list(inspect.signature(function).parameters.values())
    is_method = bool(parameters) and parameters[0].name == "self"
    name = type(arguments[0]).__name__ if function.__name__ == "__init__" else function.__qualname__
    names = [p.name for p in parameters[is_method:]]
    takes_any = any(p.kind is p.VAR_KEYWORD for p in parameters)  # passed on: the others may be known there
    for keyword in keywords:
        is_meant = any(word in names for word in KEYWORDS.get(keyword, ()))
        if keyword not in names and (is_meant or not takes_any):
            return unknown_keyword(name, keyword, names)
    places = [p.name for p in parameters[is_method:] if p.kind not in (p.KEYWORD_ONLY, p.VAR_KEYWORD)]
    settings = ", ".join(f"{p.name}=" for p in parameters if p.kind is p.KEYWORD_ONLY)
    count = len(arguments) - is_method
    if count > len(places) and not places and settings:
        return TypeError(f"{name}() takes its settings by name, {settings}: to apply it write {name}()(...)")
    if count > len(places):
        by_name = f", then by name {settings}" if settings else ""
        got = f"{count} positional argument{'s' if count > 1 else ''}"
        return TypeError(f"{name}() got {got}: expected {', '.join(places) or 'none'}{by_name}")
    given = {*places[:count], *keywords}
    required = [
        p.name
        for p in parameters[is_method:]
        if p.default is p.empty and p.kind is not p.VAR_KEYWORD and p.name not in given
    ]
    if required:
        return TypeError(f"{name}() is missing {' and '.join(required)}: it takes {', '.join(names)}")
    return error
