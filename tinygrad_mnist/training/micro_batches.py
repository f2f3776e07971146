"""Steps in micro-batches: the same bits for any number of processes.

A batch is cut into a fixed number of micro-batches, and each process takes an equal share of them.  What they
give is added along one binary tree: see `tree_sums`.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import astuple
from itertools import chain
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
from tinygrad_mnist.training.tree_sums import TreeSums, tree_sum
from tinygrad_mnist.typing import Array

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
    Each generator draws one seed per step; the draws for a micro-batch begin from it and the number of the
    micro-batch.  Of a buffer, the changes by the micro-batches are averaged, weighted by rows; a counter
    changes as by the first.
    """

    def __init__(self, parts: Parts, backend: Backend, micro_batches: int, processes: Processes) -> None:
        require_shares(micro_batches, processes.size)
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
        generators = [generator.bit_generator for _, generator in generators_of(parts.modules)]
        self._generators = list({id(bits): bits for bits in generators}.values())
        self._params = parts.optimizer.params
        arrays = [parameter.data for parameter in self._params]
        self._sums = TreeSums(arrays, micro_batches // processes.size, processes)
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
            for position, parameter in enumerate(self._params):
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
        after = [bits.state for bits in self._generators]
        own = [self._micro_batch(number, seeds, inputs, targets) for number in range(self._sums.share)]
        for bits, state in zip(self._generators, after):
            bits.state = state
        return self._update(tree_sum(list(chain(*self.processes.gather(own)))))

    def watched(self, inputs: Any, targets: Any, when: str) -> tuple[float, Any] | Anomaly:
        """Run a step op by op in this process alone, as `watched_step`."""
        parts, before = self._parts, RunState.of(self._parts)
        done = MicroBatchStep(parts, "eager", self.micro_batches, Processes())(inputs, targets)
        if math.isfinite(done[0]) and all_finite(parts):
            return done
        inputs, targets = array_of(inputs), array_of(targets)
        own = [(index, self._rows(index, len(inputs))) for index in range(self.micro_batches)]
        calls = [
            (lambda index=index: self._seed(self._seeds(), index), rows.start, inputs[rows], targets[rows])
            for index, rows in own
            if rows.start < rows.stop
        ]
        return explained(parts, before, calls, when)

    def _seeds(self) -> list[int]:
        """Draw the seed of a step from each generator."""
        return [int(np.random.Generator(bits).integers(2**63)) for bits in self._generators]

    def _seed(self, seeds: list[int], index: int) -> None:
        """Let the draws for a micro-batch begin from the seeds and its number."""
        for bits, seed in zip(self._generators, seeds):
            bits.state = type(bits)([seed, index]).state

    def _rows(self, index: int, rows: int) -> slice:
        """Return the rows of a micro-batch of a batch; the first is not empty."""
        return slice(*(-(-rows * i // self.micro_batches) for i in (index, index + 1)))

    def _micro_batch(self, number: int, seeds: list[int], inputs: Any, targets: Array) -> list[Array]:
        """Give the gradients of a micro-batch to the sums; return its counts and the changes of buffers."""
        index = self.processes.rank * self._sums.share + number
        rows = self._rows(index, len(inputs))
        count = rows.stop - rows.start
        self._seed(seeds, index)
        before = [buffer.data.copy() for buffer in self._buffers]
        totals, self._targets = Totals(), targets[rows]
        self._sums.begin(number, may_be_early=self._calls[count] >= _CALLS)
        self._calls[count] += 1
        self._taken: set[int] = set()
        if count:
            value, output, _ = self.run(inputs[rows], self._targets)
            totals.add(*self._per_example(float(value.item()), output.data, self._targets))
        taken = [position in self._taken for position in range(len(self._params))]
        for position, is_taken in enumerate(taken):
            if not is_taken:
                self._sums.put(position, 0)
        self._sums.end()
        changes, share = [], count / len(inputs)
        for buffer, old in zip(self._buffers, before):
            changes.append((buffer.data - old) * (share if buffer.dtype.kind == "f" else index == 0))
            buffer.data[...] = old
            buffer._mark_changed()
        return [np.array([*astuple(totals), self.stop_requested(), *taken], float), *changes]

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
        self._sums.put(position, gradient, self._weight)

    def _update(self, sums: list[Array]) -> tuple[float, Totals]:
        """Update parameters and buffers with the sums over a batch."""
        loss, correct, examples, weight, stops, *taken = sums[0].tolist()
        totals = Totals(loss, None if math.isnan(correct) else int(correct), int(examples), weight)
        divisor = weight if self._per_example.reduction == "mean" else 1
        for parameter, gradient, has_one in zip(self._params, self._sums.totals, taken):
            if divisor:
                gradient /= divisor
            parameter.grad = gradient.astype(parameter.dtype, copy=False) if has_one else None
        for buffer, change in zip(self._buffers, sums[1:]):
            buffer.data[...] += change
            buffer._mark_changed()
        clip(self._params, self._parts.clip_norm, self._parts.clip_value)
        self._parts.optimizer.step()
        self.stopping = self.stopping or stops > 0
        return (loss / divisor if divisor else math.nan), totals
