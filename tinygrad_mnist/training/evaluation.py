"""Mean loss, accuracy and outputs of a model over a data set, without training."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, overload

import numpy as np

from tinygrad_mnist.autodiff.modes import no_grad
from tinygrad_mnist.autodiff.tensor import Tensor
from tinygrad_mnist.datasets.batches import (
    MEASURING_SIZE,
    Batch,
    Batches,
    as_batches,
    inputs_of,
    is_array,
    read,
    unread,
)
from tinygrad_mnist.errors import DataError
from tinygrad_mnist.nn import Module
from tinygrad_mnist.nn.requirements import require_loss, require_model
from tinygrad_mnist.training.distributed import Processes
from tinygrad_mnist.training.requirements import require_separate_arrays
from tinygrad_mnist.training.totals import Evaluation, PerExample, Totals
from tinygrad_mnist.typing import Array


def evaluate(model: Module, loss: Any, batches: Batches, *separate: Any) -> Evaluation:
    """Measure mean loss and accuracy: dropout off, nothing recorded, all modes restored afterwards.

    Parameters
    ----------
    model : Module
    loss : Module or callable
        Called as ``loss(model(inputs), targets)``.
    batches : Loader, Split, pair of arrays or iterable of pairs
        As in `fit`.

    Raises
    ------
    TypeError
        If an argument is of the wrong kind.
    DataError
        If there are no examples.

    Examples
    --------
    >>> from tinygrad_mnist import nn
    >>> from tinygrad_mnist.datasets import load_digits
    >>> data = load_digits()
    >>> model = nn.Sequential(nn.Flatten(), nn.Linear(64, 10, rng=0))
    >>> evaluate(model, nn.CrossEntropyLoss(), data.test).examples
    360
    """
    require_separate_arrays("evaluate", separate)
    require_model(model, "evaluate(model, loss, batches)")
    require_loss(loss, "evaluate(model, loss, batches)")
    return evaluate_together(model, loss, batches, Processes())


def evaluate_together(model: Module, loss: Any, batches: Batches, processes: Processes) -> Evaluation:
    """Measure as `evaluate`, each process its share of the batches; the sums are added in the same order."""
    parts, per_example = [], PerExample(loss)
    every = unread(as_batches("batches", batches, model))
    share = islice(every, processes.rank, None, processes.size)
    for output, targets in _outputs(model, map(read, share)):
        with no_grad():
            value = float(loss(output, targets).item())
        parts.append(Totals())
        parts[-1].add(*per_example(value, output, targets))
    totals, of_all = Totals(), processes.gather(parts)
    for batch in range(sum(map(len, of_all))):
        totals.include(of_all[batch % processes.size][batch // processes.size])
    return totals.evaluation()


@overload
def predict(model: Module, batches: Array) -> Array: ...
@overload
def predict(model: Module, batches: Batches, *separate: Any) -> tuple[Array, Array]: ...
def predict(model: Module, batches: Any, *separate: Any) -> Any:
    """Compute all outputs, dropout off, nothing recorded.

    Parameters
    ----------
    model : Module
    batches : array of inputs, or batches as in `fit`

    Returns
    -------
    outputs : ndarray of shape (n, ...)
        In the order of the inputs.
    targets : ndarray of shape (n, ...)
        Only for batches, which have them.

    Raises
    ------
    TypeError, DataError
        As `evaluate`.

    Examples
    --------
    >>> from tinygrad_mnist import nn
    >>> from tinygrad_mnist.datasets import load_digits
    >>> data = load_digits()
    >>> model = nn.Sequential(nn.Flatten(), nn.Linear(64, 10, rng=0))
    >>> predict(model, data.test.images).shape
    (360, 10)
    """
    require_separate_arrays("predict", separate)
    require_model(model, "predict(model, batches)")
    if is_array(batches):
        inputs = inputs_of(batches, model)
        if not len(inputs):
            raise DataError("there is no batch to predict on: the inputs are empty")
        parts = [inputs[i : i + MEASURING_SIZE] for i in range(0, len(inputs), MEASURING_SIZE)]
        return np.concatenate(
            [output.data for output, _ in _outputs(model, ((part, None) for part in parts))]
        )
    outputs, targets = [], []
    for output, target in _outputs(model, as_batches("batches", batches, model)):
        outputs.append(output.data)
        targets.append(target.data if isinstance(target, Tensor) else target)
    if not outputs:
        raise DataError("there is no batch to predict on: the data set or the split is empty")
    return np.concatenate(outputs), np.concatenate(targets)


def _outputs(model: Module, batches: Iterable[Batch]) -> Iterator[tuple[Any, Any]]:
    """Yield the output and the targets of each batch."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        for inputs, targets in batches:
            with no_grad():
                output = model(inputs)
            yield output, targets
    finally:
        for module, was_training in modes:
            module.training = was_training
