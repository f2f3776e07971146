"""The doctor beside a run: before the first step, when the loss does not fall, and when it is no number."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import chain, islice
from typing import Any

import numpy as np

from tinygrad_mnist.autodiff.source_line import warning_level
from tinygrad_mnist.errors import DivergenceError
from tinygrad_mnist.nn import Module
from tinygrad_mnist.optim import SGD
from tinygrad_mnist.training.doctor.checks import diagnose_training
from tinygrad_mnist.training.doctor.evidence import Batch
from tinygrad_mnist.training.doctor.finding import Diagnosis, Finding
from tinygrad_mnist.training.doctor.untouched import untouched
from tinygrad_mnist.training.evaluation import evaluate
from tinygrad_mnist.training.history import Epoch, History

ENOUGH_EXAMPLES, MOST_BATCHES = 128, 16  # what the first look takes
ENOUGH_STEPS = 100  # before a loss that has not fallen is looked into
FALLEN = 0.98  # of the first loss


class Attendant:
    """Looks at the first batches, and at the loss of each epoch.

    Parameters
    ----------
    model, loss, optimizer
        Of the run.
    history
        Where the findings go.
    on_diagnosis
        Called with each new diagnosis.
    """

    def __init__(
        self,
        model: Module,
        loss: Module,
        optimizer: SGD,
        history: History,
        on_diagnosis: Callable[[Diagnosis], None] | None,
    ) -> None:
        self.model, self.loss, self.optimizer = model, loss, optimizer
        self.history, self.on_diagnosis = history, on_diagnosis
        self.head: list[Batch] = []
        self.first_loss = np.inf
        self.steps = 0
        self.looked_again = False
        history.findings = []

    def beside(self, batches: Iterable[Batch]) -> Iterator[Batch]:
        """The same batches in the same order; the first ones are looked at before they are handed on."""
        stream = iter(batches)
        if not self.head:
            self.head = _enough(stream)
            if self.head:
                self._first_look()
            stream = chain(self.head, stream)
        for batch in stream:
            self.steps += 1
            yield batch

    def after_epoch(self, epoch: Epoch) -> None:
        """Look again, once, when the loss has not fallen."""
        if self.looked_again or self.steps < ENOUGH_STEPS or epoch.train_loss < FALLEN * self.first_loss:
            return
        self.looked_again = True
        found = self._diagnosis()
        when = f", after epoch {epoch.epoch}."
        later = tuple(replace(finding, what=finding.what.rstrip(".") + when) for finding in found)
        self._note(Diagnosis(later, found.subject), always=False)

    def explain(self, error: DivergenceError, origin: Sequence[Finding]) -> None:
        """Put what was found into the error, the origin of the first NaN with it."""
        self._note(Diagnosis(tuple(origin), f"epoch {error.epoch}, step {error.step}"), always=False)
        error.findings = tuple(self.history.findings or ())
        if self.on_diagnosis is None:  # nobody has been told yet
            for finding in error.findings:
                error.add_note(str(finding))

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint keeps of it, as plain data; the findings are in the history."""
        first_loss = self.first_loss if np.isfinite(self.first_loss) else None  # JSON has no infinity
        return {"first_loss": first_loss, "steps": self.steps, "looked_again": self.looked_again}

    def resume(self, state: dict[str, Any], batches: Iterable[Batch]) -> None:
        """Go on in a run whose first epoch had these batches."""
        self.head = _enough(iter(batches))
        self.first_loss = np.inf if state["first_loss"] is None else float(state["first_loss"])
        self.steps = int(state["steps"])
        self.looked_again = bool(state["looked_again"])

    def _first_look(self) -> None:
        try:
            diagnosis = self._diagnosis()
        except Exception as error:  # where it is a real one the training raises it again
            self.looked_again, self.history.findings = True, None
            warnings.warn(
                f"the doctor cannot look into this training, which goes on without: {error}",
                RuntimeWarning,
                stacklevel=warning_level(),
            )
            return
        self._note(diagnosis, always=True)
        with untouched(self.model, self.loss, self.optimizer), np.errstate(all="ignore"):
            self.first_loss = evaluate(self.model, self.loss, self.head).loss

    def _diagnosis(self) -> Diagnosis:
        return diagnose_training(self.model, self.loss, self.head, self.optimizer)

    def _note(self, diagnosis: Diagnosis, *, always: bool) -> None:
        """Keep what was not found before, and tell it."""
        known = {(finding.name, finding.where) for finding in self.history.findings or ()}
        new = tuple(finding for finding in diagnosis if (finding.name, finding.where) not in known)
        self.history.findings = [*(self.history.findings or ()), *new]
        if self.on_diagnosis and (new or always):
            self.on_diagnosis(Diagnosis(new, diagnosis.subject))


def _enough(stream: Iterator[Batch]) -> list[Batch]:
    """The first batches: as many as have enough examples together."""
    head: list[Batch] = []
    for batch in islice(stream, MOST_BATCHES):
        head.append(batch)
        if sum(len(inputs) for inputs, _ in head) >= ENOUGH_EXAMPLES:
            break
    return head
