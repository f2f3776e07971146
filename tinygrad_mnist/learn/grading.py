"""The grader's tools: a learner's names, and comparisons that end in one sentence.

A check is a function `check(work)` in an exercise's `check.py`. It raises a `Finding` at the first thing that
is wrong, and returns if nothing is.
"""

from __future__ import annotations

import ast
import copy
import inspect
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

import numpy as np

from tinygrad_mnist.arguments import shown
from tinygrad_mnist.similar import similar
from tinygrad_mnist.typing import Array

QUOTIENT = "the difference quotient says"
"""Words of `agree` before a right number that central differences gave; its default.

Examples
--------
>>> try:
...     agree("`double`", 9.0, 6.0, {"x": 3.0})
... except Finding as finding:
...     print(finding)
for x = 3 `double` gives 9, and the difference quotient says 6.000
"""
FORMULA = "right is"
"""Words of `agree` before a right number that a formula gave.

Examples
--------
>>> try:
...     agree("`double`", 9.0, 6.0, {"x": 3.0}, source=FORMULA)
... except Finding as finding:
...     print(finding)
for x = 3 `double` gives 9, and right is 6.000
"""
_FEW = 4  # entries of an array that a sentence shows
_SAME = 1e-6  # relative: a difference quotient is good to about 1e-9


class Finding(Exception):  # noqa: N818  # a result, not an error of the program
    """A sentence on a learner's code.

    Parameters
    ----------
    sentence : str
    line : int, optional
        Line of the learner's file.
    open : bool, default False
        The hole is still empty: nothing is wrong yet.

    Examples
    --------
    >>> try:
    ...     raise Finding("your rule forgets g", line=3)
    ... except Finding as finding:
    ...     print(finding.line, finding.sentence)
    3 your rule forgets g
    """

    def __init__(self, sentence: str, line: int | None = None, *, open: bool = False) -> None:
        super().__init__(sentence)
        self.sentence, self.line, self.open = sentence, line, open


class Work:
    """The names that a learner's file defines.

    Parameters
    ----------
    names : mapping of str to object
    source : bytes
        The file's content.

    Examples
    --------
    >>> work = Work({"rule": lambda g, x: 2 * x})
    >>> work.call("rule", 1.0, 3.0)
    6.0
    """

    def __init__(self, names: Mapping[str, Any], source: bytes = b"") -> None:
        self._names, self._source = names, source

    def line(self, name: str) -> int | None:
        """Return the line at which the file assigns a plain name."""
        targets = [
            (target, node.lineno)
            for node in ast.parse(self._source).body
            if isinstance(node, ast.Assign)
            for target in node.targets
        ]
        lines = [line for target, line in targets if isinstance(target, ast.Name) and target.id == name]
        return lines[-1] if lines else None

    def get(self, name: str) -> Any:
        """Return what the learner's file calls `name`.

        Raises
        ------
        Finding
            If there is no such name, or it is still an ellipsis.
        """
        if name not in self._names:
            near = similar(name, self._names)
            hint = f"; there is `{near[0]}`" if near else ""
            raise Finding(f"`{name}` is missing{hint}: the check looks for a thing of that name")
        value = self._names[name]
        if value is ...:
            raise Finding(
                f"`{name}` is still `...`: write your answer in its place", self.line(name), open=True
            )
        return value

    def call(self, name: str, *inputs: Any) -> Any:
        """Return what the learner's function gives for copies of the inputs.

        Raises
        ------
        Finding
            If there is no such function, its hole is empty, or it changes its inputs.
        """
        function = self.get(name)
        line = line_of(function)
        if not callable(function):
            raise Finding(f"`{name}` is {shown(function)}: it should be a function")
        _require_inputs(name, function, len(inputs), line)
        copies = copy.deepcopy(inputs)
        result = function(*copies)
        require_filled(f"`{name}`", result, line)
        for position, (before, after) in enumerate(zip(inputs, copies), 1):
            if isinstance(before, np.ndarray) and not np.array_equal(before, after, equal_nan=True):
                raise Finding(
                    f"`{name}` changes its input {position}, which others still need: make a new array", line
                )
        return result

    def compare(
        self,
        name: str,
        given: Mapping[str, Any],
        right: Any,
        mistakes: Mapping[str, Any] | None = None,
        source: str = QUOTIENT,
    ) -> Any:
        """Call the learner's function and compare its result; return it.

        Parameters
        ----------
        name : str
        given : mapping of str to object
            The inputs by the names that a sentence shows, in their order.
        right : array_like
            The result that is right.
        mistakes : mapping of str to array_like, optional
            Typical mistakes: a sentence, and the result that the mistake gives.
        source : str
            Words before the right number.

        Raises
        ------
        Finding
        """
        got = self.call(name, *given.values())
        agree(f"`{name}`", got, right, given, mistakes, source, line_of(self.get(name)))
        return got


def _require_inputs(name: str, function: Callable[..., Any], count: int, line: int | None) -> None:
    """Refuse a function that cannot be called with so many inputs."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # of C, or a class
        return
    try:
        signature.bind(*range(count))
    except TypeError as error:
        raise Finding(f"`{name}{signature}` is called with {count} inputs: {error}", line) from None


def line_of(function: Any) -> int | None:
    r"""Return the line at which a function starts in its file; None for anything else.

    Examples
    --------
    >>> names = {}
    >>> exec("x = 1\ndef rule(g, y, x):\n    return g * x", names)
    >>> line_of(names["rule"]), line_of(names["x"])
    (2, None)
    """
    code = getattr(function, "__code__", None)
    return None if code is None else int(code.co_firstlineno)


def require_filled(subject: str, value: Any, line: int | None = None) -> None:
    """Refuse an ellipsis or None: the hole of the task is empty.

    Raises
    ------
    Finding

    Examples
    --------
    >>> try:
    ...     require_filled("`rule`", None)
    ... except Finding as finding:
    ...     print(finding)
    `rule` gives None: does it end in `return`?
    """
    parts = value if isinstance(value, tuple) else (value,)
    if any(part is ... for part in parts):
        raise Finding(f"{subject} still gives `...`: write your code in its place", line, open=True)
    if any(part is None for part in parts):
        raise Finding(f"{subject} gives None: does it end in `return`?", line, open=True)


def agree(
    subject: str,
    got: Any,
    right: Any,
    given: Mapping[str, Any],
    mistakes: Mapping[str, Any] | None = None,
    source: str = QUOTIENT,
    line: int | None = None,
) -> None:
    """Compare a result with the right one; the parameters are those of `Work.compare`.

    Raises
    ------
    Finding
        With the sentence of the mistake that gives the same numbers, or with the numbers alone.

    Examples
    --------
    >>> try:
    ...     agree("`rule`", 6.0, 12.0, {"g": 2.0, "x": 3.0}, {"your rule forgets g": 6.0})
    ... except Finding as finding:
    ...     print(finding)
    your rule forgets g; for g = 2, x = 3 it gives 6, and the difference quotient says 12.00
    """
    found, expected = numbers(subject, got, line), np.asarray(right)
    if found.shape == expected.shape and is_same(found, expected):
        return
    known = next((say for say, value in (mistakes or {}).items() if _is_result(found, value)), "")
    start = f"{known}; " if known else ""
    is_function = subject.startswith("`")
    what = f"{'it' if known and is_function else subject} {'gives' if is_function else 'is'}"
    fail(start + _difference(what, found, expected, given, source), line)


def fail(sentence: str, line: int | None = None, *, open: bool = False) -> NoReturn:
    """Raise a `Finding`; the parameters are its own.

    Examples
    --------
    >>> def check(work):
    ...     if work.call("double", 3.0) == 9.0:
    ...         fail("you squared x: for x = 3, double it to 6")
    >>> try:
    ...     check(Work({"double": lambda x: x * x}))
    ... except Finding as finding:
    ...     print(finding)
    you squared x: for x = 3, double it to 6
    """
    raise Finding(sentence, line, open=open)


def is_empty(function: Any) -> bool:
    """Return True for a function whose body is an ellipsis alone.

    Examples
    --------
    >>> def open_task(x): ...
    >>> is_empty(open_task), is_empty(lambda x: x)
    (True, False)
    """
    empty = compile("def f(): ...", "", "exec").co_consts[0]
    return bool(getattr(function, "__code__", empty).co_code == empty.co_code)


def numbers(subject: str, value: Any, line: int | None = None) -> Array:
    """Return a result as an array of numbers, of the dtype and shape that NumPy gives it.

    Parameters
    ----------
    subject : str
        Words for the result, to begin a sentence.
    value : Tensor, array, number, list or tuple
    line : int, optional
        Line of the learner's file.

    Raises
    ------
    Finding
        If it is something else.

    Examples
    --------
    >>> numbers("`rule`", [1, 2])
    array([1, 2])
    >>> try:
    ...     numbers("`rule`", "two")
    ... except Finding as finding:
    ...     print(finding)
    `rule` gives 'two': it should be a number or an array
    """
    value = getattr(value, "data", value) if type(value).__name__ in ("Tensor", "Value") else value
    array = (
        np.asarray(value) if isinstance(value, np.ndarray | np.generic | float | int | list | tuple) else None
    )
    if array is None or array.dtype.kind not in "fiuc":
        fail(f"{subject} gives {shown(value)}: it should be a number or an array", line)
    return array


def is_same(found: Array, expected: Array) -> bool:
    """Return True if two arrays of one shape agree within the noise of a difference quotient."""
    finite = np.abs(expected[np.isfinite(expected)])
    size = max(float(finite.max(initial=0.0)), 1e-3)
    return bool(np.allclose(found, expected, rtol=_SAME, atol=_SAME * size, equal_nan=True))


def _is_result(found: Array, value: Any) -> bool:
    value = np.asarray(value)
    return found.shape == value.shape and is_same(found, value)


def _difference(what: str, found: Array, expected: Array, given: Mapping[str, Any], source: str) -> str:
    """Say where a result differs, with the numbers."""
    place = f"for {described(given)} {what}" if given else what
    if found.shape != expected.shape:
        got, right = (
            f"an array of shape {each.shape}" if each.shape else "a number" for each in (found, expected)
        )
        return f"{place} {got}, and it should be {right}"
    with np.errstate(all="ignore"):
        off = np.nan_to_num(np.abs(found - expected), nan=np.inf)
    worst = np.unravel_index(int(np.argmax(off)), off.shape)
    where = f" at {list(map(int, worst))}" if found.shape else ""
    return f"{place} {number(found[worst])}{where}, and {source} {number(expected[worst], 4)}"


def described(given: Mapping[str, Any]) -> str:
    """Return inputs in words: short ones with their numbers, long ones by their shapes."""
    return ", ".join(f"{name} = {_shown_input(value)}" for name, value in given.items())


def _shown_input(value: Any) -> str:
    if isinstance(value, np.ndarray) and value.ndim:
        if value.size > _FEW:
            return f"an array of shape {value.shape}"
        return str(
            [[number(x) for x in row] for row in value] if value.ndim == 2 else [*map(number, value)]
        ).replace("'", "")
    if isinstance(value, float | np.floating | np.ndarray):
        return number(value)
    return value if isinstance(value, str) else shown(value)


def number(value: Any, digits: int = 0) -> str:
    """Return a number with up to four digits; with `digits`, of a source whose last digits matter."""
    if np.iscomplexobj(value):
        return f"{complex(value):.4g}"
    value = float(value) + 0.0  # no -0
    return f"{value:#.{digits}g}".rstrip(".") if digits else f"{value:.4g}"


def slopes(function: Callable[..., Any], *inputs: Any, position: int = 0, g: Any = 1.0) -> Array:
    """Return the gradient of ``(g * function(*inputs)).sum()`` by central differences.

    Parameters
    ----------
    function : callable
        From arrays to an array; it knows nothing of gradients.
    inputs : array_like
    position : int
        Input whose gradient is asked for.
    g : array_like
        Gradient that arrives at the result.

    Returns
    -------
    array, float64, of the shape of that input

    Examples
    --------
    >>> from tinygrad_mnist.learn import slopes
    >>> round(float(slopes(lambda a, b: a * b, 2.0, 3.0, position=1)), 6)
    2.0
    """
    values = [np.array(value, np.float64) for value in inputs]
    x = values[position]
    result = np.empty(x.shape)
    for place in np.ndindex(x.shape):
        kept = float(x[place])
        h = 1e-5 * max(1.0, abs(kept))
        ends = []
        for sign in (1, -1):
            x[place] = kept + sign * h
            ends.append(float(np.sum(g * function(*values))))
        x[place] = kept
        result[place] = (ends[0] - ends[1]) / (2 * h)
    return result
