"""Errors of this package. Each message says what is wrong, where, and what to do."""

from __future__ import annotations

from typing import Any

__all__ = [
    "CaptureError",
    "CheckpointError",
    "DTypeError",
    "DataError",
    "DivergenceError",
    "ExportError",
    "GradientError",
    "GraphCutWarning",
    "GraphvizMissingError",
    "LabelError",
    "MissingExtraError",
    "ProcessError",
    "ShapeError",
    "StaleGradientError",
    "SweepError",
    "TinygradMnistError",
]


def __dir__() -> list[str]:
    return __all__


class TinygradMnistError(Exception):
    """Base of these errors; the command line prints one as a sentence and exits with status 2.

    `failed_op` is the op that raised it, if there is one: ``Graph(error)`` draws the graph up to it.

    Examples
    --------
    >>> import numpy as np
    >>> import tinygrad_mnist as tm
    >>> try:
    ...     tm.Tensor([1.0, 2.0], name="x") @ np.ones(3)
    ... except tm.errors.TinygradMnistError as error:
    ...     print(error.failed_op.primitive.name)
    ...     print([node.name for node in tm.graph.Graph(error).nodes])
    matmul
    ['x', 'data_1', 'matmul_1']
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
    """Dtypes are mixed, or a dtype cannot have a gradient.

    Examples
    --------
    >>> import numpy as np
    >>> import tinygrad_mnist as tm
    >>> try:
    ...     tm.Tensor(np.array([1, 2]), requires_grad=True)
    ... except tm.errors.DTypeError as error:
    ...     print(str(error).partition(":")[0])
    a tensor is int64, and only floating-point tensors have gradients
    """


class GradientError(TinygradMnistError, RuntimeError):
    """A backward pass cannot be run.

    Examples
    --------
    >>> import tinygrad_mnist as tm
    >>> x, y = (tm.Tensor(2.0, name=name, requires_grad=True) for name in "xy")
    >>> try:
    ...     tm.autograd.grad(x * x, y)
    ... except tm.errors.GradientError as error:
    ...     print(str(error).partition(") ")[2])
    does not depend on input 0, y
    """


class StaleGradientError(GradientError):
    """A value was changed in place after an op read it: the gradient would be silently wrong.

    Examples
    --------
    >>> import numpy as np
    >>> import tinygrad_mnist as tm
    >>> x = tm.Tensor(3.0, name="x", requires_grad=True)
    >>> y = x * x
    >>> x.data = np.array(5.0)
    >>> try:
    ...     y.backward()
    ... except tm.errors.StaleGradientError as error:
    ...     print(str(error).partition(" (recorded")[0])
    x was changed in place after multiply had read it
    """


class GraphCutWarning(UserWarning):
    """A Tensor that requires a gradient became a number, an array or a new leaf: no gradient flows back.

    Examples
    --------
    >>> import warnings
    >>> import tinygrad_mnist as tm
    >>> x = tm.Tensor(3.0, requires_grad=True)
    >>> with warnings.catch_warnings(action="error", category=tm.errors.GraphCutWarning):
    ...     print(x.item())  # the plain value is meant
    ...     try:
    ...         float(x)
    ...     except tm.errors.GraphCutWarning as warning:
    ...         print(str(warning).partition(":")[0])
    3.0
    float() of a Tensor that requires a gradient
    """


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
    """A function cannot be captured, or a compiled function's result differs from the original's.

    Examples
    --------
    >>> import numpy as np
    >>> import tinygrad_mnist as tm
    >>> @tm.compile
    ... def absolute(x):
    ...     return x if x.item() > 0 else -x
    >>> try:
    ...     absolute(np.array(2.0))
    ... except tm.errors.CaptureError as error:
    ...     print(str(error).partition(", at")[0])
    a number from item() was asked for while a program is captured
    """


class ExportError(TinygradMnistError, ValueError):
    """A function cannot be written in another format.

    Examples
    --------
    >>> import numpy as np
    >>> import tinygrad_mnist as tm
    >>> try:
    ...     tm.export(tm.nn.Dropout(0.5), "model.py", np.ones((1, 2)))
    ... except tm.errors.ExportError as error:
    ...     print(error)
    random numbers cannot be written: write model.eval() for a model with dropout
    """


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
    """Processes cannot train together: their number, data, settings or versions do not fit, or one ended.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> import numpy as np
    >>> from tinygrad_mnist import errors, nn, optim, training
    >>> model, data = nn.Linear(2, 1), (np.ones((8, 2), np.float32), np.ones((8, 1), np.float32))
    >>> first_of_three = SimpleNamespace(rank=0, size=3, exchange=None)
    >>> try:
    ...     training.fit(model, nn.MSELoss(), optim.SGD(model.parameters(), lr=0.1), data, epochs=1,
    ...                  distributed=first_of_three)
    ... except errors.ProcessError as error:
    ...     print(str(error).partition(":")[0])
    the number of processes is 3
    """


class MissingExtraError(TinygradMnistError, ImportError):
    """An optional dependency is not installed.

    Examples
    --------
    >>> from unittest import mock
    >>> from tinygrad_mnist import errors, training
    >>> with mock.patch.dict("sys.modules", mpi4py=None):  # as if it were not installed
    ...     try:
    ...         training.MPI()
    ...     except errors.MissingExtraError as error:
    ...         print(error)
    training by several processes needs mpi4py and MPICH: pip install -e '.[mpi]'
    """


class SweepError(TinygradMnistError, ValueError):
    """A folder has another sweep than the one that was asked for.

    Examples
    --------
    >>> import tempfile
    >>> from tinygrad_mnist import errors
    >>> from tinygrad_mnist.training import sweep
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     study = sweep(lambda trial: trial.params["x"], {"x": [1]}, folder, about={"data": "a"})
    ...     try:
    ...         sweep(lambda trial: trial.params["x"], {"x": [1]}, folder, about={"data": "b"})
    ...     except errors.SweepError as error:
    ...         print(str(error).partition(" has ")[2])
    a sweep with data a: expected b; choose another folder
    """


class GraphvizMissingError(TinygradMnistError, RuntimeError):
    """Neither the program ``dot`` of Graphviz nor its WebAssembly build is installed.

    Examples
    --------
    >>> import tempfile
    >>> from tinygrad_mnist import Tensor, errors, graph
    >>> y = Tensor(3.0, requires_grad=True) * 2
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     try:
    ...         path = graph.draw(y, f"{folder}/y.svg")
    ...     except errors.GraphvizMissingError:  # a page needs neither
    ...         path = graph.draw(y, f"{folder}/y.html")
    """


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

    Examples
    --------
    >>> import numpy as np
    >>> from tinygrad_mnist import errors, nn, optim, training
    >>> model, data = nn.Linear(2, 1), (np.ones((8, 2), np.float32), np.ones((8, 1), np.float32))
    >>> optimizer = optim.SGD(model.parameters(), lr=1e30)
    >>> try:
    ...     training.fit(model, nn.MSELoss(), optimizer, data, epochs=3, progress=False)
    ... except errors.DivergenceError as error:
    ...     print(error)
    the loss became inf in epoch 2, step 1, at the learning rate 1e+30
    """

    findings: tuple[Any, ...] = ()
    epoch: int | None = None
    step: int | None = None
    examples: tuple[int, ...] = ()
