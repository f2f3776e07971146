"""Training a model: the call that checks its arguments, resumes, and runs the loop."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from tinygrad_mnist.arguments import require_bool, require_whole, shown
from tinygrad_mnist.autodiff.source_line import called_from_here
from tinygrad_mnist.datasets import Loader
from tinygrad_mnist.datasets.batches import Batches, as_batches
from tinygrad_mnist.denormals import flushed_denormals
from tinygrad_mnist.hints import hinted
from tinygrad_mnist.nn import Module
from tinygrad_mnist.optim import LRScheduler, Optimizer
from tinygrad_mnist.program import Backend
from tinygrad_mnist.program.compiled import require_backend
from tinygrad_mnist.training.callbacks import hooks_of, named_callbacks
from tinygrad_mnist.training.checkpoints import Checkpoints
from tinygrad_mnist.training.distributed import MICRO_BATCHES, Processes, require_alike, require_unwatched
from tinygrad_mnist.training.history import History
from tinygrad_mnist.training.interrupt import stop_signals
from tinygrad_mnist.training.loop import Hooks, Training
from tinygrad_mnist.training.micro_batches import MicroBatchStep
from tinygrad_mnist.training.progress import Progress, progress_here
from tinygrad_mnist.training.requirements import require_finite_parameters, require_parts
from tinygrad_mnist.training.run_state import Parts
from tinygrad_mnist.training.settings import settings_of, settings_of_data
from tinygrad_mnist.training.step import Step


@hinted
def fit(
    model: Module,
    loss: Any,
    optimizer: Optimizer,
    train: Batches,
    validation: Batches | None = None,
    *,
    epochs: int,
    schedule: LRScheduler | None = None,
    backend: Backend = "numpy",
    detect_anomaly: bool = False,
    callbacks: Iterable[Any] = (),
    progress: bool = True,
    clip_norm: float | None = None,
    clip_value: float | None = None,
    micro_batches: int | None = None,
    distributed: Processes | None = None,
) -> History:
    """Train a model.

    Parameters
    ----------
    model, loss, optimizer
        The loss is called as ``loss(model(inputs), targets)``; the optimizer updates the model's parameters.
    train, validation
        Batches: a ``Loader`` or another iterable of ``(inputs, targets)``, iterated over once per epoch; or a
        split as ``data.train``, or a pair of arrays ``(inputs, targets)``, which are cut into batches of 32,
        shuffled, for training (1,000, in order, for validation); or a function that returns an iterable.
    epochs
        Number of times to go through the training data, at least 1.
    schedule
        Stepped after each epoch, or after each step if it is `per_step`; a plateau gets the validation loss,
        or the training loss without validation data.
    backend : {"numpy", "native", "eager"}, default "numpy"
        Engine of each step, as in `compile`.  "numpy": captured as a program.  "native": as machine code,
        several times faster for small networks, within rounding errors (extra "native").  "eager": op by op,
        slower, the same bits as "numpy".  A step that cannot be captured is run op by op, with a warning.
    detect_anomaly : bool, default False
        Check the loss, all gradients and all parameters after every step, op by op, and stop at the first
        number that is not finite.  By default only the loss is checked.  If it is not finite, training
        repeats the steps since the last good state, checks each op, and raises.
    callbacks : list of callbacks
        Objects with methods of `Callback`: `Progress`, `EarlyStopping`, `Checkpoints`, ``optim.EMA``,
        ``doctor.Doctor``, or your own.  Called in this order, `Checkpoints` last.
    progress : bool, default True
        Report the epochs: in a terminal as a bar and lines, in a notebook as a table and curves, and nothing
        where the output goes elsewhere or a `Progress` is among the callbacks.  The report says so if the
        network has learned next to nothing.  False for silence.
    clip_norm, clip_value : float, optional
        Largest norm of all gradients together, and largest absolute value of an element of them: before each
        update, `nn.utils.clip_grad_value_` and then `nn.utils.clip_grad_norm_`.
    micro_batches : int, optional
        Number of parts, a power of two, in which the gradients of a batch are computed.  They are added along
        a fixed binary tree, so that the bits are the same for any number of processes, one included.  Dropout
        and batch normalization work on each part by itself: their bits differ from those of whole batches,
        and the running statistics move once per batch, by the mean of the parts.  One BLAS thread is used.
    distributed : MPI, optional
        Processes that share the micro-batches, 8 by default; their number is a power of two that divides
        `micro_batches`.  All call `fit` alike, with the same data; process 0 alone reports and saves.
        Callbacks run in each process, and a callback that stops the run must do so in all.

    Returns
    -------
    History
        The epochs.  ``history.interrupted`` is True if Ctrl-C or SIGTERM ended the run: the first signal ends
        the epoch early and keeps the weights, a second one raises KeyboardInterrupt.  ``history.stopped`` is
        the reason given by a callback that ended the run.

    Raises
    ------
    DivergenceError
        If the loss of a batch, or a parameter at the end of an epoch, is NaN or infinite.  The error names
        the op, the layer, the step and the examples.  The network is left as it was before that step.
    TypeError, ValueError
        If an argument is of the wrong kind, or the optimizer is of another model.
    DataError
        If there is no batch, too few passes can be made, or a parameter is not finite at the start.
    ProcessError
        If the number of processes does not fit, or one has other data, settings or versions.
    CheckpointError
        If the folder's checkpoints are of another network, data set or settings, or none of them is whole.

    Examples
    --------
    >>> from tinygrad_mnist import nn, optim
    >>> from tinygrad_mnist.datasets import load_digits
    >>> from tinygrad_mnist.training import fit
    >>> data = load_digits()
    >>> model = nn.Sequential(nn.Flatten(), nn.Linear(64, 10, rng=0))
    >>> optimizer = optim.SGD(model.parameters(), lr=0.1)
    >>> history = fit(model, nn.CrossEntropyLoss(), optimizer, data.train, epochs=3, progress=False)
    >>> len(history), history[-1].train_accuracy > 0.9
    (3, True)
    """
    parts = Parts(model, loss, optimizer, schedule, clip_norm, clip_value)
    require_parts(parts)
    require_whole("epochs", epochs)
    require_backend(backend)
    train = as_batches("train", train, model, training=True, passes=epochs)
    if validation is not None:
        validation = as_batches("validation", validation, model, passes=epochs)
    require_bool("progress", progress)
    named = named_callbacks(callbacks)
    last = [callback for callback in named.values() if isinstance(callback, Checkpoints)]
    if len(last) > 1:
        raise ValueError(
            f"callbacks holds {len(last)} Checkpoints: expected at most one; leave the others out"
        )
    processes = distributed or Processes()
    step = _step(parts, backend, detect_anomaly, micro_batches, distributed)
    is_reported = not progress or any(isinstance(callback, Progress) for callback in named.values())
    report = None if is_reported or processes.rank else progress_here()
    named |= named_callbacks([report] if report else [])
    with (
        report or nullcontext(), called_from_here(), stop_signals() as signalled, np.errstate(all="ignore"),
        flushed_denormals(), _like_others(step),
    ):  # fmt: skip
        # Floating-point warnings are off: a divergence is an error.
        training = Training(parts, train, validation, epochs, step, signalled)
        training.callbacks = {name: c for name, c in named.items() if c not in last}
        own = [c for c in training.callbacks.values() if not (processes.rank and isinstance(c, Progress))]
        _run(training, hooks_of(own), hooks_of(last))
    return training.history


def _step(
    parts: Parts,
    backend: Backend,
    detect_anomaly: bool,
    micro_batches: int | None,
    distributed: Processes | None,
) -> Step | None:
    if micro_batches is None and distributed is None:
        return None if detect_anomaly else Step(parts, backend)
    if isinstance(distributed, type) or not hasattr(distributed or Processes(), "exchange"):
        raise TypeError(f"distributed is {shown(distributed)}: expected MPI(); write distributed=MPI()")
    require_unwatched(detect_anomaly)
    count = MICRO_BATCHES if micro_batches is None else micro_batches
    return MicroBatchStep(parts, backend, count, distributed or Processes())


@contextmanager
def _like_others(step: Step | None) -> Iterator[None]:
    """Run a block of steps in micro-batches with one BLAS thread; process 0 alone warns."""
    with ExitStack() as stack:
        if isinstance(step, MicroBatchStep):
            stack.enter_context(threadpool_limits(1))  # several threads may add in another order
            if step.processes.rank:
                stack.enter_context(warnings.catch_warnings())
                warnings.simplefilter("ignore")
        yield


def _require_same_elsewhere(training: Training) -> None:
    """Refuse to train with a process that has other data, settings, versions or another checkpoint."""
    if training.processes.size > 1:
        batches = {"train": training.train, "validation": training.validation}
        own = settings_of(training.parts) | settings_of_data(**batches) | training.arithmetic
        for name, loader in batches.items():
            if isinstance(loader, Loader):
                own |= {f"{name}.{key}": str(value) for key, value in loader.settings().items()}
        position = {"epochs": str(training.epochs), "step of the checkpoint": str(training.all_steps)}
        require_alike(training.processes, own | position)


def _run(training: Training, hooks: Hooks, last: Hooks) -> None:
    try:
        for restore in last["before_training"]:
            restore(training)
        _require_same_elsewhere(training)
        require_finite_parameters(training.parts)
        training.model.train()
        for hook in hooks["before_training"]:
            hook(training)
        training.run(hooks, last)
        for hook in [*hooks["at_end"], *last["at_end"]]:
            hook(training)
    except Exception as error:
        for hook in [*hooks["on_error"], *last["on_error"]]:
            hook(training, error)
        raise
