"""Formulas such as ``Species ~ .``, which turn a data frame into a response and a matrix of inputs."""

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
    """Code data frames by a formula that was read on the training examples.

    Categories become indicator columns. Transformations such as ``scale(x)`` keep the mean and standard
    deviation of the training examples, and code later frames with them.

    Parameters
    ----------
    formula : str
        Formula in R's notation, as formulaic reads it: ``response ~ a + b``, ``.`` for all other columns,
        ``a:b`` and ``a*b`` for interactions, ``- 1`` for no intercept, backticks around names that are not
        valid in Python. Calls such as ``I(a**2)`` and ``np.log(a)`` are run as Python: never read a formula
        from a source that you do not trust.
    data : frame or mapping of str to column
        Training examples; see `as_pandas`.

    Attributes
    ----------
    formula : str
    names : list of str
        Names of the columns of the matrix of inputs, including the intercept.

    Raises
    ------
    DataError
        If the formula cannot be read, or names a column that does not exist.
    MissingExtraError
        If the extra `formula` is not installed.

    Warns
    -----
    UserWarning
        If a text column contains only numbers: they become categories.

    Examples
    --------
    >>> design = Design("y ~ a", {"y": [0.0, 1.0, 2.0], "a": ["left", "right", "left"]})
    >>> design.names
    ['Intercept', 'a[T.right]']
    >>> design.inputs({"a": ["right"]})
    array([[1., 1.]])
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
            with np.errstate(all="ignore"):  # `inputs` reports infinities with their column
                self._spec = right.get_model_matrix(frame, context=None, na_action="raise").model_spec
            self._left = left
        except Exception as error:  # formulaic's own errors, and errors of the expressions in the formula
            raise DataError(_told(formula, error, frame)) from error
        self.formula = formula
        self.names = list(self._spec.column_names)
        _warn_of_text(self._numeric, frame, self.names)

    def inputs(self, data: Any) -> Array:
        """Return the matrix of inputs of a frame.

        Parameters
        ----------
        data : frame or mapping of str to column
            n rows with the columns that the formula names.

        Returns
        -------
        ndarray of float64, shape (n, len(names))

        Raises
        ------
        DataError
            If a column is missing, has another kind than the training examples, an unknown category, or a
            value that becomes infinite or NaN.
        """
        frame = as_pandas(data)
        self._check_kinds(frame)
        try:
            # An unknown category is an error, not a row of zeros; infinities are reported below.
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
        """Refuse numbers in place of categories: formulaic would copy them into each indicator column."""
        kinds = {True: "numbers", False: "categories"}
        for name, numeric in _numeric(frame, self._numeric).items():
            if numeric != self._numeric[name]:
                then, now = kinds[not numeric], kinds[numeric]
                raise DataError(f"{name} has {now}: expected {then}, as when {self.formula!r} was read")

    def response(self, data: Any) -> Array | None:
        """Return the response on the left side of the formula.

        Parameters
        ----------
        data : frame or mapping of str to column
            n rows with the columns that the left side names.

        Returns
        -------
        ndarray or None
            A column unchanged, shape (n,); an expression as float64, shape (n,), or (n, terms) for several
            terms; None if the formula has no left side.

        Raises
        ------
        DataError
            If the expression cannot be computed or a value is missing.
        """
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
    """Refuse terms that formulaic reports without the column's name, or reads with another meaning."""
    for name in {"1", INTERCEPT} & set(frame.columns):
        raise DataError(f"rename the column {name}: in a formula this name is the intercept")
    for expression in {factor.expr for term in side for factor in term.factors}:
        if expression in frame.columns:
            if frame[expression].dtype.kind in "mM":
                raise DataError(
                    f"{expression} holds dates or times: convert it to a column of numbers, or leave it out"
                )
        elif _excludes(expression):
            raise DataError(f"inside a call ^ is Python's exclusive or: write ** in {expression}")


def _numeric(frame: Any, names: Iterable[str]) -> dict[str, bool]:
    """Return, for each column in `names`, True for numbers and False for categories."""
    from pandas.api.types import is_numeric_dtype

    return {name: is_numeric_dtype(frame[name]) for name in names if name in frame.columns}


def _warn_of_text(columns: Iterable[str], frame: Any, names: list[str]) -> None:
    """Warn about text columns that contain only numbers, as after reading a file without dtypes."""
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
    except SyntaxError:  # formulaic explains it
        return False
    return any(isinstance(node, ast.BitXor) for node in ast.walk(tree))


def _told(formula: str, error: Exception, frame: Any) -> str:
    columns = ", ".join(map(str, frame.columns))
    reason = re.sub(r"\x1b\[[0-9;]*m", "", str(error)).replace("\n\n", " ")  # colours for a terminal
    reason = reason.split(" They are being")[0]  # the rest is about formulaic's own default
    for name in map(str, frame.columns):
        bare = rf"(?<![\w.]){re.escape(name)}(?![\w.])"
        if not name.isidentifier() and name in reason and re.search(bare, re.sub("`[^`]*`", "", formula)):
            reason = f"{name} is not a Python name: expected it in backticks; write `{name}`"
            break
    return f"the formula {formula!r} cannot be read on the columns {columns}: {reason}"
