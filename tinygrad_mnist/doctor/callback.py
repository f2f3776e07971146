"""The doctor as a callback: run before the first step, if the loss does not fall, and on divergence."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from tinygrad_mnist.autodiff.source_line import warning_level
from tinygrad_mnist.checking.findings import TrainingDiagnosis, TrainingFinding
from tinygrad_mnist.doctor.diagnose import diagnose_training
from tinygrad_mnist.errors import DivergenceError
from tinygrad_mnist.nn import preserved

ENOUGH_EXAMPLES, MOST_BATCHES = 128, 16  # for the first look
ENOUGH_STEPS = 100  # before a loss that has not fallen is examined
FALLEN = 0.98  # fraction of the first loss


class Doctor:
    """Diagnose training while it runs: ``fit(..., callbacks=[Doctor()])``.

    It examines the first batches before the first step, and once more if the loss has not fallen.  It adds
    its findings to a `DivergenceError` and to ``history.findings``, which is None if nothing could be
    examined.  The training itself stays the same, bit for bit.

    Parameters
    ----------
    on_diagnosis : callable, optional
        Called with the `TrainingDiagnosis` of each look, as in ``Doctor(print)``.

    Examples
    --------
    >>> from tinygrad_mnist import nn, optim
    >>> from tinygrad_mnist.datasets import load_digits
    >>> from tinygrad_mnist.training import fit
    >>> model = nn.Sequential(nn.Flatten(), nn.Linear(64, 10, rng=0))
    >>> optimizer = optim.SGD(model.parameters(), lr=0.1)
    >>> settings = {"epochs": 1, "callbacks": [Doctor()], "progress": False}
    >>> history = fit(model, nn.CrossEntropyLoss(), optimizer, load_digits().train, **settings)
    >>> history.findings
    []
    """

    def __init__(self, on_diagnosis: Callable[[TrainingDiagnosis], Any] | None = None) -> None:
        self.on_diagnosis = on_diagnosis
        self._batches: list[Any] = []
        self._first_loss = np.inf
        self._is_done = False  # after the second look, or if none is possible
        self._findings: list[TrainingFinding] | None = None

    def before_training(self, training: Any) -> None:
        """Examine the first batches, unless a checkpoint already has the findings."""
        is_known = training.resumed and self._findings is not None
        is_impossible = training.resumed and self._is_done
        self._batches = training.first_batches(ENOUGH_EXAMPLES, MOST_BATCHES)
        if not (is_known or is_impossible):
            self._first_loss, self._is_done, self._findings = np.inf, False, []
            if self._batches:
                self._first_look(training)
        training.history.findings = self._findings

    def after_epoch(self, training: Any, epoch: Any) -> None:
        """Look again, once, if the loss has not fallen."""
        has_fallen = epoch.train_loss < FALLEN * self._first_loss
        if self._is_done or training.stopping or training.all_steps < ENOUGH_STEPS or has_fallen:
            return
        self._is_done = True
        found = self._diagnosis(training)
        when = f", after epoch {epoch.epoch}."
        later = tuple(replace(finding, what=finding.what.rstrip(".") + when) for finding in found)
        self._note(training, TrainingDiagnosis(later, found.subject), always=False)

    def on_error(self, training: Any, error: Exception) -> None:
        """Put earlier findings in front of the origin of the first NaN."""
        if not isinstance(error, DivergenceError) or self._findings is None:
            return
        if self.on_diagnosis is None:  # not reported yet
            for finding in self._findings:
                error.add_note(str(finding))
        error.findings = (*self._findings, *error.findings)

    def state_dict(self) -> dict[str, Any]:
        """Return the state for a checkpoint, as plain data."""
        first_loss = self._first_loss if np.isfinite(self._first_loss) else None  # JSON has no infinity
        findings = None if self._findings is None else [finding.to_dict() for finding in self._findings]
        return {"first_loss": first_loss, "looked_again": self._is_done, "findings": findings}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore the state that `state_dict` returned."""
        self._first_loss = np.inf if state["first_loss"] is None else float(state["first_loss"])
        self._is_done, found = bool(state["looked_again"]), state["findings"]
        self._findings = None if found is None else [TrainingFinding.from_dict(each) for each in found]

    def _first_look(self, training: Any) -> None:
        try:
            diagnosis = self._diagnosis(training)
        except Exception as error:  # a real error is raised again by the training
            self._is_done, self._findings = True, None
            warnings.warn(
                f"the doctor cannot examine this training, which continues without it: {error}",
                RuntimeWarning,
                stacklevel=warning_level(),
            )
            return
        self._note(training, diagnosis, always=True)
        with preserved(training.model, training.loss, training.optimizer), np.errstate(all="ignore"):
            self._first_loss = training.evaluate(self._batches).loss

    def _diagnosis(self, training: Any) -> TrainingDiagnosis:
        parts = training.parts
        bounds = {"clip_norm": parts.clip_norm, "clip_value": parts.clip_value}
        return diagnose_training(parts.model, parts.loss, self._batches, parts.optimizer, **bounds)

    def _note(self, training: Any, diagnosis: TrainingDiagnosis, *, always: bool) -> None:
        """Keep the new findings and report them."""
        known = {(finding.name, finding.where) for finding in self._findings or ()}
        new = tuple(finding for finding in diagnosis if (finding.name, finding.where) not in known)
        self._findings = [*(self._findings or ()), *new]
        training.history.findings = self._findings
        if self.on_diagnosis and (new or always):
            self.on_diagnosis(TrainingDiagnosis(new, diagnosis.subject))
