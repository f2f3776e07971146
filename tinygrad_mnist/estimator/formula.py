"""Formulas such as ``Species ~ .``: from a data frame to a response and a matrix of inputs."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterable
from typing import Any

import numpy as np

from tinygrad_mnist.autodiff.source_line import warning_level
from tinygrad_mnist.errors import DataError, MissingExtraError
from tinygrad_mnist.estimator.frames import as_pandas, as_response, is_text_of_numbers
from tinygrad_mnist.typing import Array

INTERCEPT = "Intercept"


class Design:
    """A formula, read on the frame of the training examples.

    Categories become indicator columns, and transformations such as ``scale(x)`` keep the numbers they took
    from these examples, so that any later frame is coded in the same way.

    Parameters
    ----------
    formula
        In R's notation, as formulaic reads it: ``response ~ a + b``, ``.`` for all other columns, ``a:b`` and
        ``a*b`` for interactions, ``- 1`` for no intercept, names that are no Python names in backticks.
        Inside of calls it is Python, ``I(a**2)``, ``np.log(a)``, and is run: take no formula from strangers.
    data
        A frame or a mapping of columns, see `as_pandas`.

    Attributes
    ----------
    names : list of str
        Of the columns of inputs, the intercept among them.

    Raises
    ------
    DataError
        When the formula cannot be read, or names a column that is not there.
    MissingExtraError
        Without the extra `formula`.

    Warns
    -----
    UserWarning
        If a column of text holds numbers alone: it is taken for categories.
    """

    def __init__(self, formula: str, data: Any) -> None:
        formulaic = _formulaic()
        frame = as_pandas(data)
        known = {"__formulaic_variables_available__": list(frame.columns)}
        try:
            parsed = formulaic.Formula.from_spec(formula, context=known)
            left, right = getattr(parsed, "lhs", None), getattr(parsed, "rhs", parsed)
            _check_sides(formulaic, left, right)
            _check_factors(right, frame)
            self._numeric = _numeric(frame, {factor.expr for term in right for factor in term.factors})
            with np.errstate(all="ignore"):  # infinities are reported with their column by `inputs`
                self._spec = right.get_model_matrix(frame, context=None, na_action="raise").model_spec
            self._left = left
        except Exception as error:  # formulaic's own errors, and whatever the expressions in it raise
            raise DataError(_told(formula, error, frame)) from error
        self.formula = formula
        self.names = list(self._spec.column_names)
        _warn_of_text(self._numeric, frame, self.names)

    def inputs(self, data: Any) -> Array:
        """The matrix of inputs, (n, len(names)) in float64."""
        frame = as_pandas(data)
        self._check_kinds(frame)
        try:
            # A category that the examples had not is no row of zeros; infinities are reported below.
            with warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("error", _formulaic().errors.DataMismatchWarning)
                matrix = np.ascontiguousarray(self._spec.get_model_matrix(frame, context=None), np.float64)
        except Exception as error:
            raise DataError(_told(self.formula, error, frame)) from error
        for row, column in np.argwhere(~np.isfinite(matrix))[:1]:
            raise DataError(
                f"{self.names[column]} of the formula {self.formula!r} is {matrix[row, column]} in row {row}"
                ": remove or repair it"
            )
        return matrix

    def _check_kinds(self, frame: Any) -> None:
        """Refuse numbers for categories, which formulaic would put into each of their columns."""
        kinds = {True: "numbers", False: "categories"}
        for name, numeric in _numeric(frame, self._numeric).items():
            if numeric != self._numeric[name]:
                then, now = kinds[not numeric], kinds[numeric]
                raise DataError(f"{name} held {then} when {self.formula!r} was read, and holds {now} now")

    def response(self, data: Any) -> Array | None:
        """The left side, if any: a column as it is (n,), an expression in float64, (n,) or (n, terms)."""
        if self._left is None:
            return None
        frame = as_pandas(data)
        terms = [term.factors[0].expr for term in self._left if len(term.factors) == 1]
        if len(terms) == 1 and terms[0] in frame.columns:
            return as_response(frame[terms[0]], terms[0])
        try:
            matrix = np.asarray(
                self._left.get_model_matrix(frame, context=None, na_action="raise"), np.float64
            )
        except Exception as error:
            raise DataError(_told(self.formula, error, frame)) from error
        return matrix[:, 0] if matrix.shape[1] == 1 else matrix


def _formulaic() -> Any:
    try:
        import formulaic
    except ImportError as error:
        raise MissingExtraError("formulas are read by formulaic: pip install -e '.[formula]'") from error
    return formulaic


def _check_sides(formulaic: Any, left: Any, right: Any) -> None:
    if not all(side is None or isinstance(side, formulaic.SimpleFormula) for side in (left, right)):
        raise DataError("expected text with one ~ and a single part on each side")


def _check_factors(side: Any, frame: Any) -> None:
    """Refuse what would fail without a column's name, or not fail and mean something else."""
    for name in {"1", INTERCEPT} & set(frame.columns):
        raise DataError(f"rename the column {name}: in a formula that is the intercept")
    for expression in {factor.expr for term in side for factor in term.factors}:
        if expression in frame.columns:
            if frame[expression].dtype.kind in "mM":
                raise DataError(
                    f"{expression} holds dates or times: make a column of numbers of it, or leave it out"
                )
        elif _excludes(expression):
            raise DataError(f"inside of calls ^ is Python's exclusive or: write ** in {expression}")


def _numeric(frame: Any, names: Iterable[str]) -> dict[str, bool]:
    """Return the columns among `names` that hold numbers, not categories."""
    from pandas.api.types import is_numeric_dtype

    return {name: is_numeric_dtype(frame[name]) for name in names if name in frame.columns}


def _warn_of_text(columns: Iterable[str], frame: Any, names: list[str]) -> None:
    """Name text columns whose every entry is a number, as from a file that was read without dtypes."""
    for name in columns:
        indicators = sum(each.startswith(f"{name}[") for each in names)
        if indicators and is_text_of_numbers(frame[name]):
            warnings.warn(
                f"{name} holds numbers as text, which become {indicators} indicator columns: write "
                f"data[{name!r}].astype(float) for numbers, or .astype('category') for categories",
                UserWarning,
                stacklevel=warning_level(),
            )


def _excludes(expression: str) -> bool:
    try:
        tree = ast.parse(re.sub("`[^`]*`", "column", expression), mode="eval")
    except SyntaxError:  # which formulaic explains
        return False
    return any(isinstance(node, ast.BitXor) for node in ast.walk(tree))


def _told(formula: str, error: Exception, frame: Any) -> str:
    columns = ", ".join(map(str, frame.columns))
    reason = re.sub(r"\x1b\[[0-9;]*m", "", str(error)).replace("\n\n", " ")  # colours for a terminal
    reason = reason.split(" They are being")[0]  # what formulaic would do with an unknown category
    for name in map(str, frame.columns):
        bare = rf"(?<![\w.]){re.escape(name)}(?![\w.])"
        if not name.isidentifier() and name in reason and re.search(bare, re.sub("`[^`]*`", "", formula)):
            reason = f"{name} is not a Python name: expected it in backticks; write `{name}`"
            break
    return f"the formula {formula!r} cannot be read on the columns {columns}: {reason}"
