"""Training a model: the call that checks its arguments, resumes, and runs the loop."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tinygrad_mnist.arguments import require_whole
from tinygrad_mnist.nn import Module
from tinygrad_mnist.optim import SGD, Schedule
from tinygrad_mnist.training.batches import Batches, as_batches
from tinygrad_mnist.training.checkpoints import Checkpoints
from tinygrad_mnist.training.doctor.attendant import Attendant
from tinygrad_mnist.training.doctor.finding import Diagnosis
from tinygrad_mnist.training.history import Epoch, History
from tinygrad_mnist.training.interrupt import stop_signals
from tinygrad_mnist.training.loop import Loop, Progress
from tinygrad_mnist.training.requirements import require_finite_parameters, require_parts
from tinygrad_mnist.training.state import Parts


def fit(
    model: Module,
    loss: Any,
    optimizer: SGD,
    train: Batches,
    validation: Batches | None = None,
    *,
    epochs: int,
    schedule: Schedule | None = None,
    on_step: Callable[[Progress], None] | None = None,
    on_epoch: Callable[[Epoch], None] | None = None,
    checkpoints: Checkpoints | str | Path | None = None,
    eager: bool = False,
    detect_anomaly: bool = False,
    doctor: bool = False,
    on_diagnosis: Callable[[Diagnosis], None] | None = None,
) -> History:
    """Train a model.

    Parameters
    ----------
    model, loss, optimizer
        The loss is called as ``loss(model(inputs), targets)``; the optimizer holds the model's parameters.
    train, validation
        Batches: a ``Loader`` or another iterable of ``(inputs, targets)``, gone through once per epoch; or a
        split as ``data.train``, or a pair of arrays ``(inputs, targets)``, which are cut into batches of 32,
        shuffled, for training (1,000, in order, for validation); or a function that returns an iterable.
    epochs
        Number of times to go through the training data, at least 1.
    schedule
        Stepped after each epoch.
    on_step, on_epoch
        Called after every update and every epoch, to show progress.
    checkpoints
        Save the state there (a folder) at each epoch's end and as often as it says, and go on from the newest
        state that is there: with the same network, data and settings to the same weights and history, bit for
        bit, as if nothing had happened.  `train` has to repeat its batches for that, as a ``Loader`` does.
        Other settings are refused; other weights are replaced by the saved ones, with a warning.
    eager
        Run each step op by op.  By default the step is captured as a program, which is faster and gives the
        same bits; a model that cannot be captured is trained op by op, with a warning.
    detect_anomaly
        Look at the loss, all gradients and all parameters after every step, op by op, and stop at the first
        number that is not finite.  Without it, a loss that is not finite ends the run, and the steps since
        the last state that is known are done again in this way.
    doctor
        Let `diagnose_training` look at the first batches before the first step, again when the loss has not
        fallen, and for the origin of a NaN.  What it finds is in ``history.findings`` (after a divergence in
        ``error.findings``), None when it could not look; the training itself is the same to the last bit.
    on_diagnosis
        Called after each such look.

    Returns
    -------
    History
        The epochs; ``history.interrupted`` says that Ctrl-C or SIGTERM ended the run (the first one ends the
        epoch early and keeps what was learned, a second one raises KeyboardInterrupt).

    Raises
    ------
    DivergenceError
        When the loss of a batch, or at an epoch's end a parameter, is NaN or infinite.  It says by which op
        of which layer, in which step and on which examples; the network is left as it was before that step.
    TypeError, ValueError
        If an argument is something else than its name says, or the optimizer is of another model.
    DataError
        If there is no batch, too few passes can be made, or a parameter is not finite at the start.
    CheckpointError
        When the folder's checkpoints are of another network, data set or settings, or none of them is whole.
    """
    parts = Parts(model, loss, optimizer, schedule)
    require_parts(parts)
    require_whole("epochs", epochs)
    train = as_batches("train", train, model, training=True, passes=epochs)
    if validation is not None:
        validation = as_batches("validation", validation, model, passes=epochs)
    if isinstance(checkpoints, str | Path):
        checkpoints = Checkpoints(checkpoints)
    loop = Loop(parts, train, validation, on_step, on_epoch, checkpoints, eager or detect_anomaly)
    loop.watching = detect_anomaly
    if doctor:
        loop.attendant = Attendant(model, loss, optimizer, loop.history, on_diagnosis)
    loop.resume()
    require_finite_parameters(parts)
    with stop_signals() as stopped, np.errstate(all="ignore"):  # a divergence is an error
        loop.run(epochs, stopped)
    return loop.history
