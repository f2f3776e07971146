"""Records: annotated dataclasses whose values are checked, made by hand or read from JSON.

>>> from dataclasses import dataclass
>>> @dataclass(frozen=True)
... class Point:
...     x: Annotated[float, Number(low=0)]
...     label: Annotated[str, OneOf(("a", "b"))] = "a"
>>> read_record(Point, {"x": 1, "label": "b"}, "point")
Point(x=1.0, label='b')
>>> read_record(Point, {"x": -1, "label": "b"}, "point")
Traceback (most recent call last):
tinygrad_mnist.errors.CheckpointError: point: x is -1.0: expected a finite number >= 0
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields, is_dataclass
from functools import cache
from types import UnionType
from typing import Annotated, Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from tinygrad_mnist.arguments import require_bool, require_choice, require_number, require_whole, shown
from tinygrad_mnist.errors import CheckpointError

Record = TypeVar("Record")
ADDED = {"added": True}  # metadata of a field that earlier versions did not write
_JSON = {tuple: (list, tuple), float: (float, int)}  # what stands in JSON for a type
_WORDS = {
    bool: "True or False",
    dict: "an object",
    float: "a number",
    int: "a whole number",
    list: "a list",
    str: "a text",
    tuple: "a list",
}
_NOT_FINITE = ("nan", "inf", "-inf")  # as `finite_or_text` writes them


@dataclass(frozen=True)
class Number:
    """Rule of a field: a finite number within bounds."""

    low: float = -math.inf
    high: float = math.inf
    above: float = -math.inf
    below: float = math.inf

    def __call__(self, name: str, value: Any) -> None:
        """Refuse a value that breaks the rule."""
        require_number(name, value, low=self.low, high=self.high, above=self.above, below=self.below)


@dataclass(frozen=True)
class Whole:
    """Rule of a field: a whole number from `low` to `high`."""

    low: int = 1
    high: int | None = None

    def __call__(self, name: str, value: Any) -> None:
        """Refuse a value that breaks the rule."""
        require_whole(name, value, low=self.low)
        if self.high is not None and value > self.high:
            raise ValueError(f"{name} is {shown(value)}: expected a whole number <= {self.high}")


@dataclass(frozen=True)
class OneOf:
    """Rule of a field: one of a few words."""

    choices: Iterable[str]

    def __call__(self, name: str, value: Any) -> None:
        """Refuse a value that breaks the rule."""
        require_choice(name, value, self.choices)


@dataclass(frozen=True)
class Length:
    """Rule of a field: at most this many items or letters."""

    high: int

    def __call__(self, name: str, value: Any) -> None:
        """Refuse a value that breaks the rule."""
        if len(value) > self.high:
            raise ValueError(f"{name} has the length {len(value)}: expected at most {self.high}")


def require_valid(record: Any) -> None:
    """Check each field of a dataclass by the rules in its annotation.

    Raises
    ------
    TypeError, ValueError
        If a value is of another kind, or out of its bounds.
    """
    hints = _hints(type(record))  # type: ignore[arg-type]
    for each in fields(record):
        _check(each.name, getattr(record, each.name), hints[each.name])


def read_record(kind: type[Record], record: Any, where: str) -> Record:
    """Return a dataclass of type `kind` from JSON data; lists become tuples, and whole numbers floats.

    The dataclasses in its fields are read in the same way.  A number may be "nan", "inf" or "-inf" as text,
    unless the rules of its field demand a finite one.

    Parameters
    ----------
    kind : dataclass
        Its rules are in its annotations.  A field with the metadata `ADDED` may be missing.
    record : object
    where : str
        Start of the message.

    Raises
    ------
    CheckpointError
        If `record` has other keys than `kind`, or a value that does not fit its field.
    """
    try:
        return _record(kind, record)
    except (TypeError, ValueError, OverflowError) as error:
        raise CheckpointError(f"{where}: {error}") from error


def _record(kind: type[Record], record: Any) -> Record:
    if type(record) is not dict:
        raise TypeError(f"expected an object, found {shown(record)}")
    needed = {each.name for each in fields(kind) if not each.metadata.get("added")}  # type: ignore[arg-type]
    known = [each.name for each in fields(kind)]  # type: ignore[arg-type]
    for name in [*sorted(needed - set(record)), *sorted(set(record) - set(known))]:
        what = "missing" if name in needed else "unknown"
        raise ValueError(f"{shown(name)} is {what}: expected the keys {', '.join(known)}")
    hints = _hints(kind)  # type: ignore[arg-type]
    made = kind(**{name: _read(name, value, hints[name]) for name, value in record.items()})
    require_valid(made)
    return made


@cache
def _hints(kind: Any) -> dict[str, Any]:
    return get_type_hints(kind, include_extras=True)


def _parts(hint: Any) -> tuple[Any, list[Callable[[str, Any], None]]]:
    """The type and the rules of an annotation."""
    if get_origin(hint) is Annotated:
        kind, *rules = get_args(hint)
        return kind, rules
    return hint, []


def _read(name: str, value: Any, hint: Any) -> Any:
    """The value as its field holds it; other types than JSON's for it are refused."""
    kind, _ = _parts(hint)
    if get_origin(kind) is UnionType:
        return None if value is None else _read(name, value, get_args(kind)[0])
    if get_origin(kind) is Literal:
        return value
    plain = get_origin(kind) or kind
    if plain is Any:
        return value
    if is_dataclass(plain):
        try:
            return _record(kind, value)
        except (TypeError, ValueError) as error:
            raise ValueError(f"{name}: {error}") from error
    if plain is float and value in _NOT_FINITE:
        return float(value)
    if type(value) not in _JSON.get(plain, (plain,)):  # not isinstance: True is not a whole number
        raise TypeError(f"{name} is {shown(value)}: expected {_WORDS.get(plain, plain.__name__)}")
    if plain in (list, tuple):
        items = get_args(kind)
        if plain is tuple and items[-1] is not ... and len(value) != len(items):
            raise ValueError(f"{name} has the length {len(value)}: expected {len(items)}")
        return plain(_read(name, part, items[0]) for part in value)
    return float(value) if plain is float else value


def _check(name: str, value: Any, hint: Any) -> None:
    kind, rules = _parts(hint)
    if get_origin(kind) is UnionType:
        if value is not None:
            _check(name, value, Annotated[get_args(kind)[0], *rules] if rules else get_args(kind)[0])
        return
    if get_origin(kind) is tuple and not isinstance(value, tuple | list):
        raise TypeError(f"{name} is {shown(value)}: expected a list")
    for rule in rules:
        rule(name, value)
    if get_origin(kind) is Literal:
        require_choice(name, value, get_args(kind))
    elif get_origin(kind) is tuple:
        for part in value:
            _check(name, part, get_args(kind)[0])
    elif kind is bool:
        require_bool(name, value)
