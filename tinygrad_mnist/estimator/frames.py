"""Data frames of any library, and mappings of columns, as the pandas frames that formulas are read on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tinygrad_mnist.errors import DataError


def as_pandas(data: Any) -> Any:
    """The columns of `data` as a pandas frame, one row an example.

    Parameters
    ----------
    data
        A frame of pandas, polars or another library that narwhals knows, or a mapping of names to columns.

    Raises
    ------
    DataError
        When it is none of these, or its columns differ in length.
    """
    import narwhals.stable.v2 as nw
    import pandas as pd

    if isinstance(data, pd.DataFrame):
        return data
    if isinstance(data, Mapping):
        try:
            return pd.DataFrame(dict(data))
        except ValueError as error:
            raise DataError(f"the columns make no table: {error}") from error
    try:
        frame = nw.from_native(data, eager_only=True)
    except TypeError as error:
        raise DataError(
            f"a formula reads named columns, and this is a {type(data).__name__}: give a data frame (pandas, "
            "polars, ...) or a mapping of names to columns"
        ) from error
    return pd.DataFrame({name: _column(frame[name]) for name in frame.columns})


def _column(series: Any) -> Any:
    """A column by itself, since the frame's own conversion wants a library for that alone."""
    import narwhals.stable.v2 as nw
    import pandas as pd

    if isinstance(series.dtype, nw.Enum):  # whose levels have an order
        return pd.Categorical(series.to_list(), categories=series.dtype.categories)
    return series.to_numpy()
