"""What a formula such as ``Species ~ .`` says of a data frame: a response, and a matrix of inputs."""

from __future__ import annotations

import re
import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinygrad_mnist.errors import DataError, MissingExtraError
from tinygrad_mnist.estimator.frames import as_pandas

Array = NDArray[Any]
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
    """

    def __init__(self, formula: str, data: Any) -> None:
        formulaic = _formulaic()
        frame = as_pandas(data)
        known = {"__formulaic_variables_available__": list(frame.columns)}
        try:
            parsed = formulaic.Formula.from_spec(formula, context=known)
            left, right = getattr(parsed, "lhs", None), getattr(parsed, "rhs", parsed)
            self._spec = right.get_model_matrix(frame, context=None, na_action="raise").model_spec
            self._left = left
        except Exception as error:  # formulaic's own errors, and whatever the expressions in it raise
            raise DataError(_told(formula, error, frame)) from error
        self.formula = formula
        self.names = list(self._spec.column_names)

    def inputs(self, data: Any) -> Array:
        """The matrix of inputs, (n, len(names)) in float64."""
        frame = as_pandas(data)
        try:
            with warnings.catch_warnings():  # a category that the examples had not is no row of zeros
                warnings.simplefilter("error", _formulaic().errors.DataMismatchWarning)
                return np.ascontiguousarray(self._spec.get_model_matrix(frame, context=None), np.float64)
        except Exception as error:
            raise DataError(_told(self.formula, error, frame)) from error

    def response(self, data: Any) -> Array | None:
        """The left side, if any: a column as it is (n,), an expression in float64, (n,) or (n, terms)."""
        if self._left is None:
            return None
        frame = as_pandas(data)
        terms = [term.factors[0].expr for term in self._left if len(term.factors) == 1]
        if len(terms) == 1 and terms[0] in frame.columns:
            return np.asarray(frame[terms[0]])
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
        raise MissingExtraError(
            "formulas are read by formulaic: pip install 'tinygrad_mnist[formula]'"
        ) from error
    return formulaic


def _told(formula: str, error: Exception, frame: Any) -> str:
    columns = ", ".join(map(str, frame.columns))
    reason = re.sub(r"\x1b\[[0-9;]*m", "", str(error)).replace("\n\n", " ")  # colours for a terminal
    reason = reason.split(" They are being")[0]  # what formulaic would do with an unknown category
    return f"the formula {formula!r} cannot be read on the columns {columns}: {reason}"
