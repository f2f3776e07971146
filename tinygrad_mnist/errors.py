"""The errors of this package.  Each message says what is wrong, where, and what to do."""

from __future__ import annotations

from typing import Any


class TinygradMnistError(Exception):
    """The base of every error below; the command line turns one into a sentence and exit status 2.

    `failed_op` is the op that raised it, when one did: ``Graph.of(error)`` draws how it came to that.
    """

    failed_op: Any = None


class ShapeError(TinygradMnistError, ValueError):
    """Shapes that an op cannot combine, or a rule's gradient of a shape that its input cannot have."""


class DTypeError(TinygradMnistError, TypeError):
    """Mixed dtypes, or a dtype that cannot carry a gradient."""


class GradientError(TinygradMnistError, RuntimeError):
    """A backward pass that cannot be run as asked."""


class StaleGradientError(GradientError):
    """A value was changed in place after an op read it: the gradient would be silently wrong."""


class GraphCutWarning(UserWarning):
    """A Tensor that requires a gradient became a number, an array or a new leaf: no gradient flows back."""


class LabelError(TinygradMnistError, ValueError):
    """Class labels that do not fit the network's outputs."""


class DataError(TinygradMnistError, ValueError):
    """A data file or array that is damaged, foreign, or inconsistent with its partner."""


class CaptureError(TinygradMnistError, RuntimeError):
    """A function that cannot be captured as a program, or a program that does not give what it gave."""


class CheckpointError(TinygradMnistError, ValueError):
    """Saved weights or a run folder that do not fit, or that cannot be read."""


class MissingExtraError(TinygradMnistError, ImportError):
    """A part of this package that needs libraries which a plain installation leaves out."""


class GraphvizMissingError(TinygradMnistError, RuntimeError):
    """Neither the program ``dot`` of Graphviz nor its WebAssembly build is installed."""


class DivergenceError(TinygradMnistError, RuntimeError):
    """Training produced a number that is not finite.

    Attributes
    ----------
    findings
        Where it appeared first, and what else the doctor says as a callback.
    epoch, step
        Of that first appearance, counted from 1; None when it could not be found.
    examples
        The rows of the training data whose numbers are not finite, where the data are a ``Loader``'s.
    """

    findings: tuple[Any, ...] = ()
    epoch: int | None = None
    step: int | None = None
    examples: tuple[int, ...] = ()
