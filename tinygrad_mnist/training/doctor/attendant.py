"""The doctor beside a run: before the first step, when the loss does not fall, and when it is no number."""

from __future__ import annotations

import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import chain, islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinygrad_mnist.errors import DivergenceError
from tinygrad_mnist.nn import Module
from tinygrad_mnist.optim import SGD
from tinygrad_mnist.training.doctor.checks import diagnose_training
from tinygrad_mnist.training.doctor.evidence import Batch, Evidence
from tinygrad_mnist.training.doctor.finding import Diagnosis, Finding
from tinygrad_mnist.training.doctor.origin import find_origin
from tinygrad_mnist.training.doctor.untouched import untouched
from tinygrad_mnist.training.history import Epoch, History

ENOUGH_EXAMPLES, MOST_BATCHES = 128, 16  # what the first look takes
ENOUGH_STEPS = 100  # before a loss that has not fallen is looked into
FALLEN = 0.98  # of the first loss


@dataclass
class _Moment:
    """The parameters before a step, and its batch."""

    parameters: list[NDArray[Any]]
    batch: Batch


class Attendant:
    """Looks at the batches that go by, and keeps the last two moments.

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
        self.parameters = list(model.parameters())
        self.head: list[Batch] = []
        self.moments: deque[_Moment] = deque(maxlen=2)
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
            self.moments.append(_Moment([p.data.copy() for p in self.parameters], batch))
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

    def explain(self, error: DivergenceError, epoch: int, step: int) -> None:
        """Say in the error where the first number that is not finite came from."""
        found = tuple(self._origin(epoch, step))
        self._note(Diagnosis(found, f"epoch {epoch}, step {step}"), always=False)
        error.findings = tuple(self.history.findings or ())
        if self.on_diagnosis is None:  # nobody has been told yet
            for finding in error.findings:
                error.add_note(str(finding))

    def _first_look(self) -> None:
        try:
            diagnosis = self._diagnosis()
        except Exception as error:  # where it is a real one the training raises it again
            self.looked_again, self.history.findings = True, None
            warnings.warn(
                f"the doctor cannot look into this training, which goes on without: {error}",
                RuntimeWarning,
                stacklevel=4,
            )
            return
        self._note(diagnosis, always=True)
        with untouched(self.model, self.loss, self.optimizer), np.errstate(all="ignore"):
            self.model.eval()
            evidence = Evidence(self.model, self.loss, self.head)
            self.first_loss = float(np.mean([evidence.value(*batch) for batch in self.head]))

    def _diagnosis(self) -> Diagnosis:
        return diagnose_training(self.model, self.loss, self.head, self.optimizer)

    def _note(self, diagnosis: Diagnosis, *, always: bool) -> None:
        """Keep what was not found before, and tell it."""
        known = {(finding.name, finding.where) for finding in self.history.findings or ()}
        new = tuple(finding for finding in diagnosis if (finding.name, finding.where) not in known)
        self.history.findings = [*(self.history.findings or ()), *new]
        if self.on_diagnosis and (new or always):
            self.on_diagnosis(Diagnosis(new, diagnosis.subject))

    def _origin(self, epoch: int, step: int) -> Iterator[Finding]:
        """From the last two moments: in the step before, or in this one."""
        after = [*(moment.parameters for moment in self.moments)][1:]
        with untouched(self.model, self.loss, self.optimizer), np.errstate(all="ignore"):
            for i, moment in enumerate(self.moments):
                number = step - len(self.moments) + 1 + i
                when = (
                    f" in epoch {epoch}, step {number}" if number > 0 else f" at the end of epoch {epoch - 1}"
                )
                found = list(self._in_moment(moment, after[i] if i < len(after) else None, when))
                yield from found
                if found:
                    return

    def _in_moment(self, moment: _Moment, after: list[NDArray[Any]] | None, when: str) -> Iterator[Finding]:
        for parameter, array in zip(self.parameters, moment.parameters):
            parameter.data = array
        evidence = Evidence(self.model, self.loss, [moment.batch])
        found = list(find_origin(evidence.look(*moment.batch).loss, when))
        grown = self._growth(moment)
        yield from (replace(finding, evidence=f"{finding.evidence}; {grown}") for finding in found)
        broken = [p.label() for p, a in zip(self.parameters, after or ()) if not np.isfinite(a).all()]
        if not found and broken:
            yield Finding(
                "first-nan",
                f"The first number that is not finite is made by the update of {broken[0]}{when}.",
                f"loss and gradients of the step are finite; {grown}",
                "learning rate times gradient, or the velocity, is larger than the dtype holds (3.4e38 in "
                "float32)",
                f"lower the learning rate (it is {self.optimizer.lr:g})",
                broken[0],
            )

    def _growth(self, moment: _Moment) -> str:
        largest = max(moment.parameters, key=lambda array: float(np.abs(array).max(initial=0)))
        return f"before this step the largest weight was {np.abs(largest).max(initial=0):.3g}"


def _enough(stream: Iterator[Batch]) -> list[Batch]:
    """The first batches: as many as have enough examples together."""
    head: list[Batch] = []
    for batch in islice(stream, MOST_BATCHES):
        head.append(batch)
        if sum(len(inputs) for inputs, _ in head) >= ENOUGH_EXAMPLES:
            break
    return head
