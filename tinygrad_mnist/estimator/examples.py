"""Examples of an estimator: inputs, responses and weights, read, split, and made into batches."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.model_selection import train_test_split
from sklearn.utils.validation import _check_sample_weight, validate_data

from tinygrad_mnist.arguments import require_unmasked
from tinygrad_mnist.autodiff import ops
from tinygrad_mnist.errors import DataError
from tinygrad_mnist.estimator.formula import INTERCEPT, Design
from tinygrad_mnist.estimator.frames import as_pandas, as_response
from tinygrad_mnist.nn.losses import Loss
from tinygrad_mnist.typing import Array


@dataclass(frozen=True)
class Examples:
    """Inputs (n, inputs) in float64, the response, and a weight per row; None if all rows count alike."""

    inputs: Array
    response: Array
    weights: Array | None = None

    def rows(self, rows: Array) -> Examples:
        """Return some of the examples."""
        weights = None if self.weights is None else self.weights[rows]
        return Examples(self.inputs[rows], self.response[rows], weights)

    def split(self, fraction: Any, seed: int, *, stratified: bool) -> tuple[Examples, Examples]:
        """Return the examples to learn from, and those held out; each class in both by its share.

        Raises
        ------
        DataError
            If `fraction` is not between 0 and 1, or too few examples are left for each class.
        """
        if isinstance(fraction, bool) or not isinstance(fraction, Real) or not 0 < float(fraction) < 1:
            raise DataError(f"validation_fraction is {fraction!r}: expected a number between 0 and 1")
        labels = self.response if stratified else None
        try:
            parts = train_test_split(
                np.arange(len(self.inputs)), test_size=float(fraction), random_state=seed, stratify=labels
            )
        except ValueError as error:
            raise DataError(
                f"validation_fraction is {fraction} of {len(self.inputs)} examples: {error}; give more "
                "examples, or write early_stopping=False"
            ) from error
        learned, held_out = map(self.rows, parts)
        return learned, held_out


class WeightedLoss(Loss):
    """Average the losses of examples by weights: the last column of the target.

    Parameters
    ----------
    loss : Loss
        Loss of outputs and rows.
    """

    def __init__(self, loss: Loss) -> None:
        super().__init__()
        self.each = type(loss)(reduction="none")

    def forward(self, output: Any, target: Any) -> Any:
        """Return the weighted mean for output (n, width) and target (n, width + 1)."""
        losses, weights = self.each(output, target[:, :-1]), target[:, -1]
        if losses.ndim > 1:
            losses = ops.mean(losses, axis=1)
        return self._reduced(losses * weights, weights.sum())

    def measured(self, output: Array, target: Array) -> tuple[Array, Array, float]:
        """Return the rows with a weight, their targets, and the sum of the weights."""
        counts = target[:, -1] > 0
        return output[counts], target[counts, :-1], float(target[:, -1].sum())


class Reader(BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Base of an estimator that reads frames by a formula, or arrays."""

    formula: str | None
    data: Any
    task: str

    def _given(self, X: Any) -> Any:  # noqa: N803  scikit-learn's names
        if X is None and self.data is None:
            raise DataError("there are no examples: pass X, or write NeuralNetwork(..., data=frame)")
        given = self.data if X is None else X
        columns = given.items() if isinstance(given, Mapping) else [("X" if X is not None else "data", given)]
        for name, values in columns:
            require_unmasked(name, values, DataError)
        return given

    def _response(self, frame: Any) -> Array:
        response = self.design_.response(frame)
        if response is None:
            raise DataError(f"{self.formula!r} has no left side: pass y, or name the response before the ~")
        return response

    def _examples(self, X: Any, y: Any, sample_weight: Any, *, first: bool = True) -> Examples:  # noqa: N803
        """Return the examples in a frame or in arrays; the first of an estimator settle their coding."""
        if self.formula is None:
            regression = self.task != "classification"
            require_unmasked("y", y, DataError)
            numbers = {"multi_output": regression, "y_numeric": regression}
            inputs, response = validate_data(
                self, self._given(X), y, reset=first, dtype=np.float64, **numbers
            )
        else:
            frame = as_pandas(self._given(X))
            if not len(frame):
                raise DataError("the frame has no rows: expected at least one example")
            if first:
                self.design_ = Design(self.formula, frame)
            response = self._response(frame) if y is None else as_response(y)
            inputs = self._coded(frame)
            if len(inputs) != len(response):
                raise DataError(
                    f"y has {len(response)} values: expected {len(inputs)}, one per row of the frame"
                )
        return Examples(inputs, response, _weights(sample_weight, inputs))

    def _coded(self, frame: Any) -> Array:
        """Return the inputs of the formula without the intercept, which is the bias of the first layer."""
        kept = [name != INTERCEPT for name in self.design_.names]
        if not any(kept):
            raise DataError(f"{self.formula!r} has no input: name a column after the ~")
        return self.design_.inputs(frame)[:, kept]


def _weights(sample_weight: Any, inputs: Array) -> Array | None:
    """Return the weights of rows.

    Raises
    ------
    DataError
        If there is not one finite number >= 0 per row, or all are 0.
    """
    if sample_weight is None:
        return None
    require_unmasked("sample_weight", sample_weight, DataError)
    try:
        weights = _check_sample_weight(
            sample_weight, inputs, dtype=np.float64, ensure_non_negative=True, copy=True
        )
    except (TypeError, ValueError) as error:
        raise DataError(f"sample_weight has to be one number >= 0 per row: {error}") from error
    if not weights.any():
        raise DataError("sample_weight is 0 for all rows: expected one or more that count")
    return np.asarray(weights)
