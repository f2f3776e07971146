"""Steps in micro-batches: the same bits for any number of processes.

A batch is cut into a fixed number of micro-batches, and each process takes an equal share of them.  Their
gradients are added along one fixed binary tree: in a process the part above its own micro-batches, between
processes the levels above.  Each sum of the tree has the same two operands, whoever adds them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from tinygrad_mnist.arguments import shown
from tinygrad_mnist.autodiff.primitive import array_of
from tinygrad_mnist.datasets.loader import UnreadInputs
from tinygrad_mnist.nn.preserved import generators_of
from tinygrad_mnist.nn.utils import clip
from tinygrad_mnist.program import Backend
from tinygrad_mnist.training.distributed import Alone, Communicator, require_shares
from tinygrad_mnist.training.run_state import Parts, RunState
from tinygrad_mnist.training.step import Anomaly, Step, all_finite, explained
from tinygrad_mnist.training.totals import PerExample, Totals
from tinygrad_mnist.typing import Array

_COUNTS = 5  # loss, correct, examples, weight, requests to stop


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

    def __init__(
        self,
        parts: Parts,
        backend: Backend,
        micro_batches: int,
        processes: Communicator,
    ) -> None:
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
        params = parts.optimizer.params
        self._layout = [
            (np.dtype(np.float64), (_COUNTS + len(params),)),
            *((part.dtype, part.shape) for part in (*params, *self._buffers)),
        ]
        self._spare: list[_Sums] = []  # memory of earlier steps
        super().__init__(parts, backend)

    def _function(self, parts: Parts) -> Callable[[Any, Any], Any]:
        """Return the function that computes the gradients of a micro-batch, and leaves them in place."""

        def gradients(inputs: Any, targets: Any) -> tuple[Any, Any]:
            parts.optimizer.zero_grad()
            output = parts.model(inputs)
            value = parts.loss(output, targets)
            value.backward()
            return value, output

        return gradients

    def __call__(self, inputs: Any, targets: Any) -> tuple[float, Totals]:
        """Run a step; return the loss before the update, and the sums over the batch."""
        if not isinstance(inputs, UnreadInputs):
            inputs = array_of(inputs)
        targets = array_of(targets)
        seeds = self._seeds()
        after = [generator.bit_generator.state for generator in self._generators]
        before = [buffer.data.copy() for buffer in self._buffers]

        def tree(first: int, last: int) -> _Sums:
            if last - first > 1:
                middle = (first + last) // 2
                return self._added(tree(first, middle), tree(middle, last))
            self._seed(seeds, first)
            return self._leaf(first, inputs, targets, before)

        processes = self.processes
        share = self.micro_batches // processes.size
        total = tree(processes.rank * share, (processes.rank + 1) * share)
        distance = 1
        while distance < processes.size:
            partner, other = processes.rank ^ distance, self._memory()
            for dtype, vector in total.vectors.items():
                processes.exchange(vector, other.vectors[dtype], partner)
            low, high = (total, other) if processes.rank < partner else (other, total)
            total = self._added(low, high)
            distance *= 2
        for generator, state in zip(self._generators, after):
            generator.bit_generator.state = state
        self._spare.append(total)  # the gradients lie there until the next step
        return self._update(total, before)

    def _memory(self) -> _Sums:
        return self._spare.pop() if self._spare else _Sums(self._layout)

    def _added(self, low: _Sums, high: _Sums) -> _Sums:
        """Add two sums in the memory of the first."""
        for dtype, vector in low.vectors.items():
            vector += high.vectors[dtype]
        self._spare.append(high)
        return low

    def watched(self, inputs: Any, targets: Any, when: str) -> tuple[float, Totals] | Anomaly:
        """Run a step op by op in this process alone, as `watched_step`."""
        parts, before = self._parts, RunState.of(self._parts)
        done = MicroBatchStep(parts, "eager", self.micro_batches, Alone())(inputs, targets)
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

    def _leaf(self, number: int, inputs: Array, targets: Array, before: list[Array]) -> _Sums:
        """Return the sums over one micro-batch."""
        own, sums = self._rows(number, len(inputs)), self._memory()
        counts, arrays, params = sums.counts, sums.arrays, self._parts.optimizer.params
        if own.start == own.stop:
            sums.clear()
            counts[4] = self.stop_requested()
            return sums
        value, output = self.run(inputs[own], targets[own])
        totals = Totals()
        totals.add(*self._per_example(float(value.item()), output.data, targets[own]))
        correct = math.nan if totals.correct is None else totals.correct
        counts[:_COUNTS] = totals.loss, correct, totals.examples, totals.weight, self.stop_requested()
        factor = totals.weight if self._per_example.reduction == "mean" else 1.0
        for position, parameter in enumerate(params):
            gradient = parameter.grad
            counts[_COUNTS + position] = gradient is not None
            np.multiply(0 if gradient is None else gradient, factor, out=arrays[position])
        for buffer, change, old in zip(self._buffers, arrays[len(params) :], before):
            np.subtract(buffer.data, old, out=change)
            share = (own.stop - own.start) / len(inputs)
            change *= share if buffer.dtype.kind == "f" else number == 0
            buffer.data[...] = old
            buffer._mark_changed()
        return sums

    def _update(self, total: _Sums, before: list[Array]) -> tuple[float, Totals]:
        """Update the parameters with the sums over a batch."""
        counts, arrays = total.counts, total.arrays
        loss, correct, examples, weight, stops = counts[:_COUNTS].tolist()
        totals = Totals(loss, None if math.isnan(correct) else int(correct), int(examples), weight)
        is_mean = self._per_example.reduction == "mean"
        parts, params = self._parts, self._parts.optimizer.params
        for parameter, gradient, has_one in zip(params, arrays, counts[_COUNTS:]):
            if is_mean and weight:
                gradient /= weight
            parameter.grad = gradient if has_one else None
        for buffer, change, old in zip(self._buffers, arrays[len(params) :], before):
            buffer.data[...] = old + change
            buffer._mark_changed()
        clip(params, parts.clip_norm, parts.clip_value)
        parts.optimizer.step()
        self.stopping = self.stopping or stops > 0
        return (loss if not is_mean else loss / weight if weight else math.nan), totals


class _Sums:
    """Sums over some micro-batches: arrays that lie one behind the other, in a vector per dtype."""

    def __init__(self, layout: list[tuple[Any, tuple[int, ...]]]) -> None:
        lengths: dict[Any, int] = {}
        for dtype, shape in layout:
            lengths[dtype] = lengths.get(dtype, 0) + math.prod(shape)
        self.vectors = {dtype: np.empty(length, dtype) for dtype, length in lengths.items()}
        starts, views = dict.fromkeys(lengths, 0), []
        for dtype, shape in layout:
            stop = starts[dtype] + math.prod(shape)
            views.append(self.vectors[dtype][starts[dtype] : stop].reshape(shape))
            starts[dtype] = stop
        self.counts, self.arrays = views[0], views[1:]

    def clear(self) -> None:
        """Set all to 0."""
        for vector in self.vectors.values():
            vector[:] = 0
