"""A training step: forward, backward, update; by the backend given to `fit`, or watched op by op."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from tinygrad_mnist.autodiff.backward import upstream
from tinygrad_mnist.autodiff.primitive import array_of
from tinygrad_mnist.autodiff.source_line import warning_level
from tinygrad_mnist.autodiff.tensor import Tensor
from tinygrad_mnist.datasets import Loader
from tinygrad_mnist.errors import DataError, DivergenceError
from tinygrad_mnist.nn import Module
from tinygrad_mnist.nn.preserved import preserved
from tinygrad_mnist.nn.utils import clip
from tinygrad_mnist.optim import Optimizer
from tinygrad_mnist.program import Backend, compile
from tinygrad_mnist.training.run_state import Parts, Position, RunState
from tinygrad_mnist.typing import Array

if TYPE_CHECKING:
    from tinygrad_mnist.checking.findings import TrainingFinding

_NEXT: dict[Backend, Backend] = {"native": "numpy", "numpy": "eager"}  # replacement if the first fails
# A first call is captured and a second one compared, once for the first step of an optimizer, which makes its
# state, and once for those after it.
_STEPS_BEFORE_NATIVE = (1, 1, 3)
_HOW = {"numpy": "without native code", "eager": "op by op"}


def make_train_step(
    model: Module,
    loss: Any,
    optimizer: Optimizer,
    clip_norm: float | None = None,
    clip_value: float | None = None,
) -> Callable[[Any, Any], tuple[Any, Any]]:
    """Return the step on a batch as a function of ``(inputs, targets)``.

    It clears the gradients, runs forward and backward, clips, updates, and returns loss and output as
    Tensors.  The loss is that before the update.  The function can be compiled or called directly.

    Parameters
    ----------
    model, loss, optimizer, clip_norm, clip_value
        As in `fit`.

    Examples
    --------
    >>> from tinygrad_mnist import nn, optim
    >>> from tinygrad_mnist.datasets import load_digits
    >>> data = load_digits()
    >>> model = nn.Sequential(nn.Flatten(), nn.Linear(64, 10, rng=0))
    >>> optimizer = optim.SGD(model.parameters(), lr=0.1)
    >>> step = make_train_step(model, nn.CrossEntropyLoss(), optimizer)
    >>> loss, output = step(*next(iter(data.train.loader(32))))
    >>> output.shape
    (32, 10)
    """
    has_bounds = clip_norm is not None or clip_value is not None

    def step(inputs: Any, targets: Any) -> tuple[Any, Any]:
        optimizer.zero_grad()
        output = model(inputs)
        value = loss(output, targets)
        value.backward()
        if has_bounds:
            clip(optimizer.params, clip_norm, clip_value)
        optimizer.step()
        return value, output

    return step


def step_of(parts: Parts) -> Callable[[Any, Any], tuple[Any, Any]]:
    """Return the step of the parts of a training run."""
    return make_train_step(parts.model, parts.loss, parts.optimizer, parts.clip_norm, parts.clip_value)


class Step:
    """The steps of a run, by one backend as long as it can run them.

    A model that branches on values or needs plain arrays cannot be captured.  A warning says why,
    once, and training continues: from "native" to "numpy", from "numpy" to "eager".
    """

    def __init__(self, parts: Parts, backend: Backend) -> None:
        self.backend = backend
        self._parts = parts
        self._with_native_code: set[Any] = set()  # shapes and dtypes of batches
        self._eager = self._function(parts)
        self._step = self._made()

    def _function(self, parts: Parts) -> Callable[[Any, Any], Any]:
        """Return the function of ``(inputs, targets)`` to capture."""
        return step_of(parts)

    def __call__(self, inputs: Any, targets: Any) -> tuple[float, Any]:
        """Run a step; return the loss before the update, and the output."""
        value, output = self.run(inputs, targets)
        return float(value.item()), output.data

    def run(self, inputs: Any, targets: Any) -> Any:
        """Return what the function returns."""
        try:
            if self.backend == "native":
                self._make_native_code(inputs, targets)
            return self._step(inputs, targets)
        except Exception as error:  # a failed capture has changed nothing
            if self.backend == "eager":
                raise
            answer = self._eager(inputs, targets)  # raises a real error again
            self.backend = _NEXT[self.backend]
            self._step = self._made()
            warnings.warn(
                f"training continues {_HOW[self.backend]}, since its step cannot be captured as a program: "
                f"{error}",
                RuntimeWarning,
                stacklevel=warning_level(),
            )
            return answer

    def _make_native_code(self, inputs: Any, targets: Any) -> None:
        """Make native code for batches of a new shape: the calls that it takes run on NumPy, and are undone.

        All steps of a run are then done by the same code, those after a resume too.
        """
        kind = tuple((getattr(x, "shape", None), getattr(x, "dtype", None)) for x in (inputs, targets))
        if kind not in self._with_native_code:
            parts = self._parts
            for steps in _STEPS_BEFORE_NATIVE:
                with preserved(parts.model, parts.loss, parts.optimizer):
                    for _ in range(steps):
                        self._step(inputs, targets)
            self._with_native_code.add(kind)

    def _made(self) -> Callable[[Any, Any], Any]:
        return self._eager if self.backend == "eager" else compile(self._eager, backend=self.backend)


# Watched steps


@dataclass(frozen=True)
class Anomaly:
    """The first number that is not finite, and the rows of the batch that contain it; None for no row."""

    finding: TrainingFinding
    rows: Array | None


def watched_step(parts: Parts, inputs: Any, targets: Any, when: str) -> tuple[float, Array] | Anomaly:
    """Run a step op by op, like `Step`; if a number becomes not finite, undo and explain the step.

    Parameters
    ----------
    when
        " in epoch 1, step 7", for the explanation.
    """
    before = RunState.of(parts)
    loss, output = step_of(parts)(inputs, targets)
    value = float(loss.item())
    if np.isfinite(value) and all_finite(parts):
        return value, output.data
    return explained(parts, before, [(lambda: None, 0, inputs, targets)], when)


def explained(
    parts: Parts, before: RunState, calls: Iterable[tuple[Callable[[], None], int, Any, Any]], when: str
) -> Anomaly:
    """Undo a step that gave a number that is not finite, and find where it came from.

    Parameters
    ----------
    before
        State before the step, which is put back.
    calls
        The calls of the network in it: a function that prepares one, the number of its first row in the
        batch, its inputs and targets.
    """
    from tinygrad_mnist.checking.first_nan import first_nan

    learned = {p._label(): np.isfinite(p.data).all() for p in parts.optimizer.params}
    finding, rows = None, None
    for prepare, first, inputs, targets in calls:
        before.put_back(parts)
        prepare()
        loss = _recorded(parts, inputs, targets)
        bad = _first_bad(loss)
        if bad is None:  # the cause is in the backward pass, where the inputs' gradient does not count
            before.put_back(parts)
            prepare()
            loss = parts.loss(parts.model(inputs), targets)
        else:
            own = _rows(bad, len(targets))
            rows = None if own is None else first + own
        finding = next(first_nan(loss, when), None)
        if finding or bad is not None:
            break
    finding = finding or _of_update(parts, learned, when)
    before.put_back(parts)  # the weights, which are measured, and the generators, which have drawn again
    finding = replace(finding, evidence=f"{finding.evidence}; {_largest(parts)}")
    return Anomaly(finding, rows)


def _recorded(parts: Parts, inputs: Any, targets: Any) -> Tensor:
    """Repeat the forward pass with the same random numbers, and record the ops on the inputs too."""
    array = array_of(inputs)
    if array.dtype.kind == "f":
        inputs = Tensor(array, requires_grad=True, name="inputs")
    loss: Tensor = parts.loss(parts.model(inputs), targets)
    return loss


def all_finite(parts: Parts) -> bool:
    """Return True if all parameters and gradients are finite."""
    arrays = [array for p in parts.optimizer.params for array in (p.data, p.grad) if array is not None]
    return all(np.isfinite(array).all() for array in arrays)


def _of_update(parts: Parts, learned: dict[str, Any], when: str) -> TrainingFinding:
    from tinygrad_mnist.checking.findings import TrainingFinding

    broken = next((name for name, finite in learned.items() if not finite), "a parameter")
    return TrainingFinding(
        "first-nan",
        f"The first number that is not finite is made by the update of {broken}{when}.",
        "loss and gradients of the step are finite",
        "learning rate times gradient, or what the optimizer keeps, is larger than the dtype holds "
        "(3.4e38 in float32)",
        f"lower the learning rate (it is {parts.optimizer.param_groups[0].lr:g})",
        broken,
    )


def _largest(parts: Parts) -> str:
    largest = max(float(np.abs(p.data).max(initial=0)) for p in parts.optimizer.params)
    return f"before this step the largest weight was {largest:.3g}"


def _first_bad(loss: Tensor) -> Array | None:
    """Return the first result in the graph that is not finite."""
    results = (op.data for op in reversed(upstream([loss])) if op.inputs)
    return next((data for data in results if data.dtype.kind in "fc" and not np.isfinite(data).all()), None)


def _rows(bad: Array, count: int) -> Array | None:
    """Return the rows that are not finite, if `bad` has one row per example."""
    if bad.ndim == 0 or len(bad) != count:
        return None
    return np.flatnonzero(~np.isfinite(bad).reshape(count, -1).all(axis=1))


def explain(error: DivergenceError, anomaly: Anomaly, position: Position, train: Any) -> None:
    """Add the op, the layer, the step and the examples to the error."""
    error.epoch, error.step, error.findings = position.epoch, position.step + 1, (anomaly.finding,)
    error.add_note(str(anomaly.finding))
    if anomaly.rows is None:
        return
    if isinstance(train, Loader) and position.loader_epoch is not None:
        rows = train.rows(position.loader_epoch, position.step)
        error.examples = tuple(int(row) for row in rows[anomaly.rows])
        share = f"{len(error.examples)} of the {len(rows)} in the batch"
        error.add_note(f"on the training examples {shortened(error.examples)} ({share})")
    else:
        error.add_note(f"in the rows {shortened(anomaly.rows.tolist())} of that step's batch")


def shortened(numbers: Sequence[int]) -> str:
    """Return the first ten numbers as text, for a message."""
    shown = ", ".join(map(str, numbers[:10]))
    return f"{shown}, ..." if len(numbers) > 10 else shown


def require_finite(inputs: Any, epoch: int, step: int) -> None:
    """Raise an error if the inputs are not finite, so that the learning rate is not blamed."""
    finite = np.isfinite(array_of(inputs))
    if not finite.all():
        example = int(np.flatnonzero(~finite.reshape(len(finite), -1).all(axis=1))[0])
        raise DataError(
            f"example {example} of the batch in epoch {epoch}, step {step} holds NaN or infinity: "
            "remove or repair it"
        )


def require_counted(loss: Any, targets: Any, epoch: int, step: int) -> None:
    """Raise an error if the loss ignores all targets, whose mean is NaN at any learning rate."""
    ignored = getattr(loss, "ignore_index", None)
    if ignored is not None and np.all(np.asarray(targets) == ignored):
        raise DataError(
            f"all labels of the batch in epoch {epoch}, step {step} are {ignored}, which the loss ignores: "
            "expected one that counts; leave such batches out, or write reduction='sum'"
        )
