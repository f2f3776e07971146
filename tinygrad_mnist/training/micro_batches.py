"""Steps in micro-batches: the same bits for any number of processes.

A batch is cut into a fixed number of micro-batches, and each process takes an equal share of them.  What they
give is added along one binary tree: see `tree_sums`.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import astuple
from typing import Any

import numpy as np

from tinygrad_mnist.arguments import shown
from tinygrad_mnist.autodiff.modes import is_compiling
from tinygrad_mnist.autodiff.primitive import array_of, checked, peeled
from tinygrad_mnist.datasets.loader import UnreadInputs
from tinygrad_mnist.nn.preserved import generators_of
from tinygrad_mnist.nn.utils import clip
from tinygrad_mnist.program import Backend
from tinygrad_mnist.training.distributed import Processes, require_shares
from tinygrad_mnist.training.run_state import Parts, RunState
from tinygrad_mnist.training.step import Anomaly, Step, all_finite, explained
from tinygrad_mnist.training.totals import PerExample, Totals
from tinygrad_mnist.training.tree_sums import TreeSums
from tinygrad_mnist.typing import Array

_COUNTS = 5  # loss, correct, examples, weight, requests to stop
_CALLS = 3  # of a function until its program only repeats: captured, compared, and the native code


class MicroBatchStep(Step):
    """The steps of a run in micro-batches, each process with its share.

    Parameters
    ----------
    parts, backend
        As of `Step`.
    micro_batches
        Number per batch, a power of two.
    processes
        Processes that train together; their number is a power of two that divides `micro_batches`.

    Attributes
    ----------
    stop_requested : callable
        Returns True once this process got a signal to stop.
    stopping : bool
        True after a step before which any process had a request to stop.

    Notes
    -----
    Each generator draws one seed per micro-batch, which its draws begin from.  Of a buffer, the changes by
    the micro-batches are averaged, weighted by rows; a counter changes as by the first.
    """

    def __init__(self, parts: Parts, backend: Backend, micro_batches: int, processes: Processes) -> None:
        require_shares(micro_batches, processes)
        self.micro_batches, self.processes, self.stopping = micro_batches, processes, False
        self.stop_requested: Callable[[], bool] = lambda: False
        self._per_example = PerExample(parts.loss)
        if self._per_example.reduction is None:
            raise TypeError(
                f"loss is {shown(parts.loss)}: expected one of nn with micro-batches, which says what its "
                "mean divides by; write nn.CrossEntropyLoss()"
            )
        buffers = [buffer for _, module in parts.modules for buffer in module.buffers()]
        self._buffers = [buffer for buffer in buffers if buffer.dtype.kind in "fiu"]
        self._generators = list({id(g): g for _, g in generators_of(parts.modules)}.values())
        self._params = parts.optimizer.params
        layout = [
            (np.dtype(np.float64), (_COUNTS + len(self._params),)),
            *((part.dtype, part.shape) for part in (*self._buffers, *self._params)),
        ]
        self._first = 1 + len(self._buffers)  # position of the first parameter
        self._sums = TreeSums(layout, micro_batches // processes.size, processes)
        self._calls: Counter[int] = Counter()  # by the rows of the micro-batch
        super().__init__(parts, backend)

    def _function(self, parts: Parts) -> Callable[[Any, Any], Any]:
        """Return the function that gives the gradients of a micro-batch to the sums."""

        def gradients(inputs: Any, targets: Any) -> Any:
            parts.optimizer.zero_grad()
            output = parts.model(inputs)
            value = parts.loss(output, targets)
            checked(self._weigh, peeled(output))
            value.backward()
            samples = []  # what a program gives is compared with the function
            for position, parameter in enumerate(parts.optimizer.params):
                if parameter.grad is not None:
                    checked(self._take, parameter.grad, position)
                    samples.append(parameter.grad.reshape(-1)[:1])
            parts.optimizer.zero_grad()
            return value, output, samples

        return gradients

    def __call__(self, inputs: Any, targets: Any) -> tuple[float, Totals]:
        """Run a step; return the loss before the update, and the sums over the batch."""
        if not isinstance(inputs, UnreadInputs):
            inputs = array_of(inputs)
        targets = array_of(targets)
        seeds = self._seeds()
        after = [generator.bit_generator.state for generator in self._generators]
        before = [buffer.data.copy() for buffer in self._buffers]

        for number in range(self._sums.share):
            self._micro_batch(number, seeds, inputs, targets, before)
        for generator, state in zip(self._generators, after):
            generator.bit_generator.state = state
        return self._update(before)

    def watched(self, inputs: Any, targets: Any, when: str) -> tuple[float, Totals] | Anomaly:
        """Run a step op by op in this process alone, as `watched_step`."""
        parts, before = self._parts, RunState.of(self._parts)
        done = MicroBatchStep(parts, "eager", self.micro_batches, Processes())(inputs, targets)
        if math.isfinite(done[0]) and all_finite(parts):
            return done
        inputs, targets = array_of(inputs), array_of(targets)
        own = [(number, self._rows(number, len(inputs))) for number in range(self.micro_batches)]
        calls = [
            (lambda number=number: self._seed(self._seeds(), number), rows.start, inputs[rows], targets[rows])
            for number, rows in own
            if rows.start < rows.stop
        ]
        return explained(parts, before, calls, when)

    def _seeds(self) -> list[Array]:
        """Draw the seeds of the micro-batches of a step from each generator."""
        return [generator.integers(2**63, size=self.micro_batches) for generator in self._generators]

    def _seed(self, seeds: list[Array], number: int) -> None:
        for generator, own in zip(self._generators, seeds):
            generator.bit_generator.state = type(generator.bit_generator)(int(own[number])).state

    def _rows(self, number: int, rows: int) -> slice:
        """Return the rows of a micro-batch of a batch; the first is not empty."""
        count = self.micro_batches
        return slice(-(-rows * number // count), -(-rows * (number + 1) // count))

    def _micro_batch(
        self, number: int, seeds: list[Array], inputs: Array, targets: Array, before: list[Array]
    ) -> None:
        """Add a micro-batch of this process to the sums."""
        sums, params = self._sums, self._params
        index = self.processes.rank * sums.share + number
        rows = self._rows(index, len(inputs))
        count = rows.stop - rows.start
        self._seed(seeds, index)
        sums.begin(number, may_be_early=self._calls[count] >= _CALLS)
        self._calls[count] += 1
        self._taken: set[int] = set()
        counts = np.zeros(_COUNTS + len(params))
        if count:
            self._targets = targets[rows]
            value, output, _ = self.run(inputs[rows], self._targets)
            totals = Totals()
            totals.add(*self._per_example(float(value.item()), output.data, self._targets))
            counts[:4] = astuple(totals)  # NaN for no number of correct ones
        counts[4] = self.stop_requested()
        for position in range(len(params)):
            counts[_COUNTS + position] = position in self._taken
            if position not in self._taken:
                sums.put(self._first + position, 0)
        share = count / len(inputs)
        for position, (buffer, old) in enumerate(zip(self._buffers, before), 1):
            sums.put(position, buffer.data - old, share if buffer.dtype.kind == "f" else index == 0)
            buffer.data[...] = old
            buffer._mark_changed()
        sums.put(0, counts)
        sums.end()

    def _weigh(self, output: Array) -> None:
        """Find what the mean over this micro-batch divides by."""
        is_mean = self._per_example.reduction == "mean"
        self._weight = self._per_example.weight(output, self._targets) if is_mean else 1

    def _take(self, gradient: Array, position: int) -> None:
        """Give a gradient to the sums, in the middle of the backward pass of a program.

        A function that is captured or compared runs several times; the last one counts, unless it travels.
        """
        if self._sums.is_early and (is_compiling() or position in self._taken):
            return
        self._taken.add(position)
        self._sums.put(self._first + position, gradient, self._weight)

    def _update(self, before: list[Array]) -> tuple[float, Totals]:
        """Update the parameters with the sums over a batch."""
        counts, *rest = self._sums.totals
        changes, gradients = rest[: len(self._buffers)], rest[len(self._buffers) :]
        loss, correct, examples, weight, stops = counts[:_COUNTS].tolist()
        totals = Totals(loss, None if math.isnan(correct) else int(correct), int(examples), weight)
        divisor = weight if self._per_example.reduction == "mean" else 1
        for parameter, gradient, has_one in zip(self._params, gradients, counts[_COUNTS:]):
            if divisor:
                gradient /= divisor
            parameter.grad = gradient if has_one else None
        for buffer, change, old in zip(self._buffers, changes, before):
            buffer.data[...] = old + change
            buffer._mark_changed()
        clip(self._params, self._parts.clip_norm, self._parts.clip_value)
        self._parts.optimizer.step()
        self.stopping = self.stopping or stops > 0
        return (loss / divisor if divisor else math.nan), totals
