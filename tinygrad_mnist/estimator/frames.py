"""Conversion of data frames of any library, and mappings of columns, to pandas frames."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Integral, Number
from typing import Any

import numpy as np

from tinygrad_mnist.arguments import require_unmasked
from tinygrad_mnist.errors import DataError
from tinygrad_mnist.typing import Array


def as_pandas(data: Any) -> Any:
    """Return the columns of `data` as a pandas frame with one row per example.

    Parameters
    ----------
    data : frame or mapping of str to column
        Frame of pandas, polars or another library that narwhals supports, or a mapping of names to columns.

    Returns
    -------
    pandas.DataFrame
        Numbers in columns of objects are converted to float64, missing ones to NaN.

    Raises
    ------
    DataError
        If `data` is neither, its columns differ in length, or their names are not text or not unique.

    Examples
    --------
    >>> as_pandas({"a": [1, 2], "b": ["x", "y"]}).shape
    (2, 2)
    """
    import narwhals.stable.v2 as nw
    import pandas as pd

    if isinstance(data, pd.DataFrame):
        return _numbers_as_such(_named(data))
    if isinstance(data, Mapping):
        try:
            return _numbers_as_such(_named(pd.DataFrame(dict(data))))
        except ValueError as error:
            raise DataError(
                f"the columns do not form a table: {error}: give each name a list of the same length"
            ) from error
    if hasattr(data, "collect"):
        raise DataError(f"data is a {type(data).__name__}, which is not computed yet: write data.collect()")
    try:
        frame = nw.from_native(data, eager_only=True)
    except TypeError as error:
        raise DataError(
            f"data is a {type(data).__name__}: expected named columns; give a data frame (pandas, "
            "polars, ...) or a mapping of names to columns"
        ) from error
    return _numbers_as_such(pd.DataFrame({name: _column(frame[name]) for name in frame.columns}))


def as_response(values: Any, name: str = "y") -> Array:
    """Return the response as an array with one value, or one row of values, per example.

    Parameters
    ----------
    values : array_like, shape (n,) or (n, outputs)
    name : str, default "y"
        Name for the messages.

    Raises
    ------
    DataError
        If it is a single value, or a value is missing.
    """
    import pandas as pd

    require_unmasked(name, values, DataError)
    array = np.asarray(values)
    if array.dtype.kind == "O" and array.ndim and not pd.isna(array).any():
        numbers = _as_numbers(array.reshape(-1))
        array = array if numbers is None else numbers.reshape(array.shape)
    if array.ndim == 0:
        raise DataError(f"{name} is {values!r}: expected a value for each row")
    for row in np.argwhere(pd.isna(array))[:1, 0]:
        raise DataError(f"{name} is missing in row {row}: remove or repair it")
    return array


def is_text_of_numbers(column: Any) -> bool:
    """Return True if a pandas column contains only text, and each entry reads as a number."""
    if str(column.dtype) == "category":
        return False
    values = column.dropna().to_numpy(object)
    if not len(values) or not all(isinstance(value, str) for value in values):
        return False
    try:
        values.astype(np.float64)
    except ValueError:
        return False
    return True


def _numbers_as_such(frame: Any) -> Any:
    """Return the frame with numbers in columns of objects as float64, missing ones as NaN."""
    changed = {}
    for name in frame.columns:
        if frame[name].dtype.kind == "O" and str(frame[name].dtype) != "category":
            missing = frame[name].isna().to_numpy()
            numbers = _as_numbers(frame[name].to_numpy(object)[~missing])
            if numbers is not None and len(numbers):
                column = np.full(len(frame), np.nan)
                column[~missing] = numbers
                changed[name] = column
    return frame.assign(**changed) if changed else frame


def _as_numbers(values: Array) -> Array | None:
    """Return the values as int64 or float64; None if they are categories, as text always is."""
    if not all(isinstance(value, Number) and not isinstance(value, bool | complex) for value in values):
        return None
    whole = all(isinstance(value, Integral) for value in values)
    try:
        return values.astype(np.int64 if whole else np.float64)
    except (OverflowError, TypeError, ValueError):
        return None


def _named(frame: Any) -> Any:
    names = list(frame.columns)
    if not all(isinstance(name, str) for name in names) or len(set(names)) < len(names):
        raise DataError(f"the columns are named {names}: a formula needs names that are text and unique")
    return frame


def _column(series: Any) -> Any:
    """Return one column: converting a whole polars frame would need another library (pyarrow)."""
    import narwhals.stable.v2 as nw
    import pandas as pd

    if isinstance(series.dtype, nw.Enum):  # its levels are ordered
        return pd.Categorical(series.to_list(), categories=series.dtype.categories)
    return series.to_numpy()
