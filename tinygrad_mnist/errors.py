"""Errors of this package. Each message says what is wrong, where, and what to do."""

from __future__ import annotations

from typing import Any

__all__ = [
    "CaptureError",
    "CheckpointError",
    "DTypeError",
    "DataError",
    "DivergenceError",
    "GradientError",
    "GraphCutWarning",
    "GraphvizMissingError",
    "LabelError",
    "MissingExtraError",
    "ProcessError",
    "ShapeError",
    "StaleGradientError",
    "TinygradMnistError",
]


def __dir__() -> list[str]:
    return __all__


class TinygradMnistError(Exception):
    """Base of the errors below; the command line prints one as a sentence and exits with status 2.

    `failed_op` is the op that raised it, if there is one: ``Graph(error)`` draws the graph up to it.
    """

    failed_op: Any = None


class ShapeError(TinygradMnistError, ValueError):
    """An op cannot combine these shapes, or a rule returned a gradient that does not fit its input.

    Examples
    --------
    >>> import numpy as np
    >>> import tinygrad_mnist as tm
    >>> try:
    ...     tm.Tensor(np.ones(2)) + np.ones(3)
    ... except tm.errors.ShapeError as error:
    ...     print(error)
    add: shapes (2,) and (3,) do not broadcast; compare from the right: lengths must be equal or 1
    """


class DTypeError(TinygradMnistError, TypeError):
    """Dtypes are mixed, or a dtype cannot have a gradient."""


class GradientError(TinygradMnistError, RuntimeError):
    """A backward pass cannot be run."""


class StaleGradientError(GradientError):
    """A value was changed in place after an op read it: the gradient would be silently wrong."""


class GraphCutWarning(UserWarning):
    """A Tensor that requires a gradient became a number, an array or a new leaf: no gradient flows back."""


class LabelError(TinygradMnistError, ValueError):
    """Class labels do not fit the network's outputs.

    Examples
    --------
    >>> import numpy as np
    >>> from tinygrad_mnist import errors, nn
    >>> try:
    ...     nn.CrossEntropyLoss()(np.zeros((1, 10)), np.array([10]))
    ... except errors.LabelError as error:
    ...     print(error)
    label 10 of example 0 is out of range: 10 classes have the labels 0 to 9
    """


class DataError(TinygradMnistError, ValueError):
    """A data file or array is damaged, of another format, or inconsistent with its partner.

    Examples
    --------
    >>> from tinygrad_mnist import errors
    >>> from tinygrad_mnist.datasets import load_digits
    >>> try:
    ...     load_digits(validation=-1)
    ... except errors.DataError as error:
    ...     print(error)
    validation=-1 of 1437 training images: expected at least 0 and fewer than all
    """


class CaptureError(TinygradMnistError, RuntimeError):
    """A function cannot be captured, or a compiled function's result differs from the original's."""


class ExportError(TinygradMnistError, ValueError):
    """A function cannot be written in another format."""


class CheckpointError(TinygradMnistError, ValueError):
    """Saved weights or a run folder do not fit, or cannot be read.

    Examples
    --------
    >>> import tinygrad_mnist as tm
    >>> from tinygrad_mnist import errors, nn
    >>> try:
    ...     tm.load(nn.Linear(2, 1), "missing.safetensors")
    ... except errors.CheckpointError as error:
    ...     print(error)
    missing.safetensors: No such file or directory
    """


class ProcessError(TinygradMnistError, ValueError):
    """Processes cannot train together: their number, data, settings or versions do not fit, or one ended."""


class MissingExtraError(TinygradMnistError, ImportError):
    """An optional dependency is not installed."""


class SweepError(TinygradMnistError, ValueError):
    """A folder has another sweep than the one that was asked for."""


class GraphvizMissingError(TinygradMnistError, RuntimeError):
    """Neither the program ``dot`` of Graphviz nor its WebAssembly build is installed."""


class DivergenceError(TinygradMnistError, RuntimeError):
    """Training produced a number that is not finite.

    Attributes
    ----------
    findings
        Op and layer of the first appearance, and the findings of the doctor if it is a callback.
    epoch, step
        Epoch and step of the first appearance, counted from 1; None if it was not found.
    examples
        Rows of the training data that are not finite, if the data come from a ``Loader``.
    """

    findings: tuple[Any, ...] = ()
    epoch: int | None = None
    step: int | None = None
    examples: tuple[int, ...] = ()
